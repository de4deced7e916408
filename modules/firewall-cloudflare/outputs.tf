output "id" {
  description = "Id of the firewall."
  value       = hcloud_firewall.this.id
}

output "ranges" {
  description = "The built-in list of Cloudflare's addresses: its date, whether it is older than a year, and what to do then."
  value = {
    as_of    = local.cloudflare.as_of
    outdated = local.outdated
    notice   = local.outdated ? "Cloudflare's addresses are those of ${local.cloudflare.as_of}, more than a year ago: visitors may be shut out. Bring the list up to date with ferroform cloudflare-ranges modules/firewall-cloudflare/cloudflare.json, or by hand from https://www.cloudflare.com/ips/, and apply." : ""
  }
}
