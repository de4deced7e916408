module "host" {
  source = "../../modules/host"

  name                  = var.name
  environment           = "prod"
  location              = var.location
  server_type           = var.server_type
  volume_size           = 50
  ssh_public_key        = var.ssh_public_key
  deploy_ssh_public_key = var.deploy_ssh_public_key
  admin_ssh_ips         = var.admin_ssh_ips
  package_upgrade       = var.package_upgrade
  reboot_at             = var.reboot_at
  install_docker        = var.install_docker
  docker_source         = var.docker_source
  docker_settings       = var.docker_settings
  registry_login        = var.registry_login
  install_doppler       = var.install_doppler
  doppler_token         = var.doppler_token
  app_environment       = var.app_environment
  health_check_seconds  = var.health_check_seconds
  dns_zone              = var.dns_zone
}
