module "platform" {
  source = "../../modules/platform"

  name                 = var.name
  environment          = "dev"
  location             = var.location
  ssh_public_key       = var.ssh_public_key
  generate_ssh_key     = true
  admin_ips            = var.admin_ips
  server_types         = var.server_types
  postgres_volume_size = var.postgres.volume_size
  backup_target        = var.backup_target
  k3s                  = var.k3s
  package_upgrade      = var.package_upgrade

  private_nodes           = var.private_nodes
  api_names               = var.api_names
  kubernetes_hcloud_token = var.kubernetes_hcloud_token
  etcd_object_storage     = var.etcd_object_storage

  machines = {
    control_planes = var.control_planes
    workers        = var.workers
    agents         = var.agents
    postgres       = var.postgres
    redis          = var.redis
  }
}
