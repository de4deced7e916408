module "host" {
  source = "../../modules/host"

  environment           = "prod"
  location              = var.location
  server_type           = var.server_type
  volume_size           = 50
  ssh_public_key        = var.ssh_public_key
  deploy_ssh_public_key = var.deploy_ssh_public_key
  admin_ssh_ips         = var.admin_ssh_ips
  package_upgrade       = var.package_upgrade
  install_docker        = var.install_docker
  install_doppler       = var.install_doppler
  doppler_token         = var.doppler_token
}
