# A firewall that admits visitors through Cloudflare, one administrator, and ping.
terraform {
  required_version = ">= 1.9.0"

  required_providers {
    hcloud = {
      source  = "hetznercloud/hcloud"
      version = "~> 1.60"
    }
  }
}

module "firewall" {
  source = "../"

  name        = "web"
  admin_cidrs = ["203.0.113.7/32"]

  extra_rules = [
    { description = "Ping", protocol = "icmp", cidrs = ["0.0.0.0/0", "::/0"] },
  ]
}

output "firewall_id" {
  description = "Id of the firewall, for the firewall_ids of a server."
  value       = module.firewall.id
}

output "cloudflare" {
  description = "How old the list of Cloudflare's addresses is."
  value       = module.firewall.ranges
}
