locals {
  newbits = 24 - tonumber(split("/", var.cidr)[1])

  # The network's first /24 stays free: its first address is the gateway.
  subnets = {
    for index, name in ["kubernetes", "databases", "load-balancers"] :
    name => cidrsubnet(var.cidr, local.newbits, index + 1)
  }
}

resource "hcloud_network" "this" {
  name     = var.name
  ip_range = var.cidr
  labels   = var.labels
}

resource "hcloud_network_subnet" "this" {
  for_each = local.subnets

  network_id   = hcloud_network.this.id
  type         = "cloud"
  network_zone = var.network_zone
  ip_range     = each.value
}
