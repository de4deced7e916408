resource "hcloud_network" "this" {
  name     = var.name
  ip_range = var.cidr
  labels   = var.labels
}

resource "hcloud_network_subnet" "this" {
  for_each = var.subnets

  network_id   = hcloud_network.this.id
  type         = "cloud"
  network_zone = var.network_zone
  ip_range     = each.value
}

resource "hcloud_network_route" "this" {
  for_each = var.routes

  network_id  = hcloud_network.this.id
  destination = each.key
  gateway     = each.value

  # A gateway has to be an address of a subnet.
  depends_on = [hcloud_network_subnet.this]
}
