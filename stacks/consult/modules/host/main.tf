locals {
  name = "${var.name}-${var.environment}"

  labels = {
    stack       = "consult"
    environment = var.environment
    managed-by  = "terraform"
  }

  private_address = cidrhost(hcloud_network_subnet.servers.ip_range, 10)
}

data "hcloud_location" "this" {
  name = var.location
}

resource "hcloud_network" "this" {
  name     = local.name
  ip_range = var.network_cidr
  labels   = local.labels
}

resource "hcloud_network_subnet" "servers" {
  network_id   = hcloud_network.this.id
  type         = "cloud"
  network_zone = data.hcloud_location.this.network_zone
  ip_range     = cidrsubnet(var.network_cidr, 24 - tonumber(split("/", var.network_cidr)[1]), 1)
}

module "firewall" {
  source = "../../../../modules/firewall-cloudflare"

  name        = local.name
  labels      = local.labels
  admin_cidrs = var.admin_ssh_ips

  extra_rules = [
    { description = "Application without Cloudflare", port = "8000", cidrs = var.app_port_ips },
  ]
}

module "docker" {
  source = "../../../../modules/docker-host"

  name                  = local.name
  app                   = "consult"
  environment           = var.environment
  labels                = local.labels
  location              = var.location
  server_type           = var.server_type
  image                 = var.image
  firewall_ids          = [module.firewall.id]
  volume_size           = var.volume_size
  ssh_public_key        = var.ssh_public_key
  generate_ssh_key      = var.generate_ssh_key
  deploy_ssh_public_key = var.deploy_ssh_public_key
  package_upgrade       = var.package_upgrade
  reboot_at             = var.reboot_at
  install_docker        = var.install_docker
  docker_source         = var.docker_source
  docker_settings       = var.docker_settings
  registry_login        = var.registry_login
  install_doppler       = coalesce(var.install_doppler, nonsensitive(var.doppler_token != null))
  doppler_token         = var.doppler_token
  app_environment       = var.app_environment
  health_check          = { seconds = var.health_check_seconds }

  # By the subnet's, so that the subnet is there first.
  network = {
    id      = hcloud_network_subnet.servers.network_id
    address = local.private_address
  }
}
