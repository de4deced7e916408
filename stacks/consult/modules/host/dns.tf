locals {
  dns_names = var.dns_zone == null ? [] : var.dns_zone.names

  dns_records = merge([
    for name in local.dns_names : {
      "${name}/A"    = { name = name, type = "A", value = module.docker.public_ipv4 }
      "${name}/AAAA" = { name = name, type = "AAAA", value = module.docker.public_ipv6 }
    }
  ]...)
}

resource "hcloud_zone_rrset" "this" {
  for_each = local.dns_records

  zone    = var.dns_zone.zone
  name    = each.value.name
  type    = each.value.type
  ttl     = var.dns_zone.ttl
  labels  = local.labels
  records = [{ value = each.value.value, comment = local.name }]
}
