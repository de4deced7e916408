//! Every type of resource, with what it needs around it, created, changed and deleted.

use crate::harness::PUBLIC_KEY;

/// One type, in configuration.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    /// What the resource needs; there all the time.
    pub(crate) around: &'static str,
    /// The resource.
    pub(crate) created: &'static str,
    /// The resource with changed arguments.
    pub(crate) changed: &'static str,
}

impl Kind {
    /// The configurations that follow each other: without the resource, with it, with it changed, without it again.
    pub(crate) fn stages(&self) -> [String; 3] {
        ["", self.created, self.changed].map(|resource| {
            let text = format!("{PROVIDERS}{}\n{resource}\n", self.around);
            [
                ("PUBLIC_KEY", PUBLIC_KEY),
                ("OTHER_KEY", OTHER_KEY),
                ("CERTIFICATE", CERTIFICATE),
                ("PRIVATE_KEY", "-----BEGIN PRIVATE KEY-----\\n-----END PRIVATE KEY-----\\n"),
            ]
            .into_iter()
            .fold(text, |text, (word, value)| text.replace(word, value))
        })
    }
}

const PROVIDERS: &str = r#"
terraform {
  required_providers {
    hcloud        = { source = "hetznercloud/hcloud" }
    objectstorage = { source = "ferroform/objectstorage" }
  }
}
"#;

const OTHER_KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f test@example";

const CERTIFICATE: &str = include_str!("../../../provider-hcloud/tests/it/certificate.pem");

/// Types that cannot be tried: nobody delegates domains to the local cloud, so that it has no certificates issued.
const UNTRIED: &[&str] = &["hcloud_managed_certificate"];

/// The types of the providers, and the two ways of replacing.
pub(crate) const KINDS: &[Kind] = &[
    Kind {
        name: "hcloud_network",
        around: "",
        created: r#"
resource "hcloud_network" "x" {
  name     = "x"
  ip_range = "10.0.0.0/16"
  labels   = { v = "1" }
}"#,
        changed: r#"
resource "hcloud_network" "x" {
  name                     = "x2"
  ip_range                 = "10.0.0.0/16"
  labels                   = { v = "2" }
  expose_routes_to_vswitch = true
}"#,
    },
    Kind {
        name: "hcloud_network_subnet",
        around: r#"
resource "hcloud_network" "n" {
  name     = "n"
  ip_range = "10.0.0.0/16"
}"#,
        created: r#"
resource "hcloud_network_subnet" "x" {
  network_id   = hcloud_network.n.id
  type         = "cloud"
  network_zone = "eu-central"
  ip_range     = "10.0.1.0/24"
}"#,
        changed: r#"
resource "hcloud_network_subnet" "x" {
  network_id   = hcloud_network.n.id
  type         = "cloud"
  network_zone = "eu-central"
  ip_range     = "10.0.2.0/24"
}"#,
    },
    Kind {
        name: "hcloud_network_route",
        around: r#"
resource "hcloud_network" "n" {
  name     = "n"
  ip_range = "10.0.0.0/16"
}"#,
        created: r#"
resource "hcloud_network_route" "x" {
  network_id  = hcloud_network.n.id
  destination = "10.100.1.0/24"
  gateway     = "10.0.1.1"
}"#,
        changed: r#"
resource "hcloud_network_route" "x" {
  network_id  = hcloud_network.n.id
  destination = "10.100.1.0/24"
  gateway     = "10.0.1.2"
}"#,
    },
    Kind {
        name: "hcloud_storage_box",
        around: "",
        created: r#"
resource "hcloud_storage_box" "x" {
  name              = "x"
  storage_box_type  = "bx11"
  location          = "hel1"
  password          = "Aubergine-2026"
  delete_protection = true
  snapshot_plan = {
    max_snapshots = 5
    minute        = 30
    hour          = 4
    day_of_week   = 0
  }
}"#,
        changed: r#"
resource "hcloud_storage_box" "x" {
  name             = "x2"
  storage_box_type = "bx21"
  location         = "hel1"
  password         = "Tamarillo-2026"
  labels           = { v = "2" }
  access_settings  = { ssh_enabled = true }
}"#,
    },
    Kind {
        name: "hcloud_storage_box_snapshot",
        around: STORAGE_BOX,
        created: r#"
resource "hcloud_storage_box_snapshot" "x" {
  storage_box_id = hcloud_storage_box.b.id
  description    = "before"
}"#,
        changed: r#"
resource "hcloud_storage_box_snapshot" "x" {
  storage_box_id = hcloud_storage_box.b.id
  description    = "after"
  labels         = { v = "2" }
}"#,
    },
    Kind {
        name: "hcloud_storage_box_subaccount",
        around: STORAGE_BOX,
        created: r#"
resource "hcloud_storage_box_subaccount" "x" {
  storage_box_id = hcloud_storage_box.b.id
  name           = "web"
  home_directory = "backups/web"
  password       = "Aubergine-2026"
}"#,
        changed: r#"
resource "hcloud_storage_box_subaccount" "x" {
  storage_box_id  = hcloud_storage_box.b.id
  name            = "web"
  home_directory  = "backups/site"
  password        = "Tamarillo-2026"
  description     = "the site"
  access_settings = { readonly = true }
}"#,
    },
    Kind {
        name: "hcloud_primary_ip",
        around: "",
        created: r#"
resource "hcloud_primary_ip" "x" {
  name     = "x"
  type     = "ipv4"
  location = "fsn1"
}"#,
        changed: r#"
resource "hcloud_primary_ip" "x" {
  name              = "x2"
  type              = "ipv4"
  location          = "fsn1"
  labels            = { v = "2" }
  auto_delete       = true
}"#,
    },
    Kind {
        name: "hcloud_floating_ip",
        around: SERVERS,
        created: r#"
resource "hcloud_floating_ip" "x" {
  name      = "x"
  type      = "ipv4"
  server_id = hcloud_server.s[0].id
}"#,
        changed: r#"
resource "hcloud_floating_ip" "x" {
  name        = "x2"
  type        = "ipv4"
  server_id   = hcloud_server.s[1].id
  description = "moved"
}"#,
    },
    Kind {
        name: "hcloud_floating_ip_assignment",
        around: FLOATING_IP_AND_SERVERS,
        created: r#"
resource "hcloud_floating_ip_assignment" "x" {
  floating_ip_id = hcloud_floating_ip.f.id
  server_id      = hcloud_server.s[0].id
}"#,
        changed: r#"
resource "hcloud_floating_ip_assignment" "x" {
  floating_ip_id = hcloud_floating_ip.f.id
  server_id      = hcloud_server.s[1].id
}"#,
    },
    Kind {
        name: "hcloud_rdns",
        around: FLOATING_IP_AND_SERVERS,
        created: r#"
resource "hcloud_rdns" "x" {
  floating_ip_id = hcloud_floating_ip.f.id
  ip_address     = hcloud_floating_ip.f.ip_address
  dns_ptr        = "one.example.com"
}"#,
        changed: r#"
resource "hcloud_rdns" "x" {
  floating_ip_id = hcloud_floating_ip.f.id
  ip_address     = hcloud_floating_ip.f.ip_address
  dns_ptr        = "two.example.com"
}"#,
    },
    Kind {
        name: "hcloud_uploaded_certificate",
        around: "",
        created: r#"
resource "hcloud_uploaded_certificate" "x" {
  name        = "x"
  certificate = <<-EOT
CERTIFICATE
  EOT
  private_key = "PRIVATE_KEY"
}"#,
        changed: r#"
resource "hcloud_uploaded_certificate" "x" {
  name        = "x2"
  certificate = <<-EOT
CERTIFICATE
  EOT
  private_key = "PRIVATE_KEY"
  labels      = { v = "2" }
}"#,
    },
    Kind {
        name: "hcloud_certificate",
        around: "",
        created: r#"
resource "hcloud_certificate" "x" {
  name        = "x"
  certificate = <<-EOT
CERTIFICATE
  EOT
  private_key = "PRIVATE_KEY"
}"#,
        changed: r#"
resource "hcloud_certificate" "x" {
  name        = "x2"
  certificate = <<-EOT
CERTIFICATE
  EOT
  private_key = "PRIVATE_KEY"
}"#,
    },
    Kind {
        name: "hcloud_snapshot",
        around: SERVERS,
        created: r#"
resource "hcloud_snapshot" "x" {
  server_id   = hcloud_server.s[0].id
  description = "one"
}"#,
        changed: r#"
resource "hcloud_snapshot" "x" {
  server_id   = hcloud_server.s[0].id
  description = "two"
  labels      = { v = "2" }
}"#,
    },
    Kind {
        name: "hcloud_firewall_attachment",
        around: r#"
resource "hcloud_firewall" "f" {
  name = "f"
}"#,
        created: r#"
resource "hcloud_firewall_attachment" "x" {
  firewall_id     = hcloud_firewall.f.id
  label_selectors = ["role=a"]
}"#,
        changed: r#"
resource "hcloud_firewall_attachment" "x" {
  firewall_id     = hcloud_firewall.f.id
  label_selectors = ["role=b"]
}"#,
    },
    Kind {
        name: "hcloud_zone",
        around: "",
        created: r#"
resource "hcloud_zone" "x" {
  name = "example.com"
  mode = "primary"
}"#,
        changed: r#"
resource "hcloud_zone" "x" {
  name   = "example.com"
  mode   = "primary"
  ttl    = 600
  labels = { v = "2" }
}"#,
    },
    Kind {
        name: "hcloud_zone_rrset",
        around: ZONE,
        created: r#"
resource "hcloud_zone_rrset" "x" {
  zone    = hcloud_zone.z.name
  name    = "www"
  type    = "A"
  records = [{ value = "192.0.2.1" }]
}"#,
        changed: r#"
resource "hcloud_zone_rrset" "x" {
  zone    = hcloud_zone.z.name
  name    = "www"
  type    = "A"
  ttl     = 600
  labels  = { v = "2" }
  records = [{ value = "192.0.2.1", comment = "one" }, { value = "192.0.2.2" }]
}"#,
    },
    Kind {
        name: "hcloud_zone_record",
        around: ZONE,
        created: r#"
resource "hcloud_zone_record" "x" {
  zone  = hcloud_zone.z.name
  name  = "@"
  type  = "MX"
  value = "10 mail.example.net."
}"#,
        changed: r#"
resource "hcloud_zone_record" "x" {
  zone    = hcloud_zone.z.name
  name    = "@"
  type    = "MX"
  value   = "10 mail.example.net."
  comment = "two"
}"#,
    },
    Kind {
        name: "hcloud_ssh_key",
        around: "",
        created: r#"
resource "hcloud_ssh_key" "x" {
  name       = "x"
  public_key = "PUBLIC_KEY"
}"#,
        changed: r#"
resource "hcloud_ssh_key" "x" {
  name       = "x2"
  public_key = "PUBLIC_KEY"
  labels     = { v = "2" }
}"#,
    },
    Kind {
        name: "hcloud_firewall",
        around: r#"
resource "hcloud_server" "s" {
  name        = "s"
  server_type = "cx23"
  image       = "debian-12"
  location    = "fsn1"
  labels      = { role = "s" }
}"#,
        created: r#"
resource "hcloud_firewall" "x" {
  name = "x"
  rule {
    direction  = "in"
    protocol   = "tcp"
    port       = "22"
    source_ips = ["0.0.0.0/0", "::/0"]
  }
  apply_to {
    label_selector = "role=s"
  }
}"#,
        changed: r#"
resource "hcloud_firewall" "x" {
  name   = "x2"
  labels = { v = "2" }
  rule {
    direction  = "in"
    protocol   = "tcp"
    port       = "443"
    source_ips = ["10.0.0.0/8"]
  }
  apply_to {
    server = hcloud_server.s.id
  }
}"#,
    },
    Kind {
        name: "hcloud_placement_group",
        around: "",
        created: r#"
resource "hcloud_placement_group" "x" {
  name = "x"
  type = "spread"
}"#,
        changed: r#"
resource "hcloud_placement_group" "x" {
  name   = "x2"
  type   = "spread"
  labels = { v = "2" }
}"#,
    },
    Kind {
        name: "hcloud_server",
        around: SERVER_SURROUNDINGS,
        created: r#"
resource "hcloud_server" "x" {
  name         = "x"
  server_type  = "cx23"
  image        = "debian-12"
  location     = "fsn1"
  ssh_keys           = [hcloud_ssh_key.k.id]
  firewall_ids       = [hcloud_firewall.f.id]
  placement_group_id = hcloud_placement_group.g.id
  network {
    network_id = hcloud_network.n.id
    ip         = "10.0.1.5"
  }
  depends_on = [hcloud_network_subnet.n]
}"#,
        changed: r#"
resource "hcloud_server" "x" {
  name               = "x2"
  server_type        = "cx33"
  image              = "debian-12"
  location           = "fsn1"
  ssh_keys           = [hcloud_ssh_key.k.id]
  labels             = { v = "2" }
  backups            = true
  placement_group_id = hcloud_placement_group.g.id
  depends_on         = [hcloud_network_subnet.n]
}"#,
    },
    Kind {
        name: "hcloud_server (replaced)",
        around: SERVER_SURROUNDINGS,
        created: r#"
resource "hcloud_server" "x" {
  name        = "x"
  server_type = "cx23"
  image       = "debian-12"
  location    = "fsn1"
}"#,
        changed: r#"
resource "hcloud_server" "x" {
  name        = "x"
  server_type = "cx23"
  image       = "debian-13"
  location    = "fsn1"
}"#,
    },
    Kind {
        name: "hcloud_ssh_key (replaced, the new one first)",
        around: "",
        created: r#"
resource "hcloud_ssh_key" "x" {
  name       = "x"
  public_key = "PUBLIC_KEY"
  lifecycle {
    create_before_destroy = true
  }
}"#,
        changed: r#"
resource "hcloud_ssh_key" "x" {
  name       = "x2"
  public_key = "OTHER_KEY"
  lifecycle {
    create_before_destroy = true
  }
}"#,
    },
    Kind {
        name: "hcloud_server_network",
        around: SERVER_SURROUNDINGS_WITH_SERVERS,
        created: r#"
resource "hcloud_server_network" "x" {
  server_id  = hcloud_server.s[0].id
  network_id = hcloud_network.n.id
  ip         = "10.0.1.7"
  depends_on = [hcloud_network_subnet.n]
}"#,
        changed: r#"
resource "hcloud_server_network" "x" {
  server_id  = hcloud_server.s[0].id
  network_id = hcloud_network.n.id
  ip         = "10.0.1.7"
  alias_ips  = ["10.0.1.8"]
  depends_on = [hcloud_network_subnet.n]
}"#,
    },
    Kind {
        name: "hcloud_volume",
        around: SERVER_SURROUNDINGS_WITH_SERVERS,
        created: r#"
resource "hcloud_volume" "x" {
  name      = "x"
  size      = 10
  server_id = hcloud_server.s[0].id
  format    = "ext4"
}"#,
        changed: r#"
resource "hcloud_volume" "x" {
  name      = "x2"
  size      = 20
  server_id = hcloud_server.s[1].id
  format    = "ext4"
  labels    = { v = "2" }
}"#,
    },
    Kind {
        name: "hcloud_volume_attachment",
        around: VOLUME_AND_SERVERS,
        created: r#"
resource "hcloud_volume_attachment" "x" {
  volume_id = hcloud_volume.v.id
  server_id = hcloud_server.s[0].id
}"#,
        changed: r#"
resource "hcloud_volume_attachment" "x" {
  volume_id = hcloud_volume.v.id
  server_id = hcloud_server.s[1].id
}"#,
    },
    Kind {
        name: "hcloud_load_balancer",
        around: "",
        created: r#"
resource "hcloud_load_balancer" "x" {
  name               = "x"
  load_balancer_type = "lb11"
  location           = "fsn1"
}"#,
        changed: r#"
resource "hcloud_load_balancer" "x" {
  name               = "x2"
  load_balancer_type = "lb21"
  location           = "fsn1"
  labels             = { v = "2" }
  algorithm {
    type = "least_connections"
  }
}"#,
    },
    Kind {
        name: "hcloud_load_balancer_network",
        around: BALANCER_AND_NETWORK,
        // Removing it leaves the public interface as it is: it ends as it began.
        created: r#"
resource "hcloud_load_balancer_network" "x" {
  load_balancer_id        = hcloud_load_balancer.b.id
  network_id              = hcloud_network.n.id
  ip                      = "10.0.1.9"
  enable_public_interface = false
  depends_on              = [hcloud_network_subnet.n]
}"#,
        changed: r#"
resource "hcloud_load_balancer_network" "x" {
  load_balancer_id = hcloud_load_balancer.b.id
  network_id       = hcloud_network.n.id
  ip               = "10.0.1.9"
  depends_on       = [hcloud_network_subnet.n]
}"#,
    },
    Kind {
        name: "hcloud_load_balancer_service",
        around: BALANCER_AND_NETWORK,
        created: r#"
resource "hcloud_load_balancer_service" "x" {
  load_balancer_id = hcloud_load_balancer.b.id
  protocol         = "tcp"
  listen_port      = 80
  destination_port = 8080
}"#,
        changed: r#"
resource "hcloud_load_balancer_service" "x" {
  load_balancer_id = hcloud_load_balancer.b.id
  protocol         = "tcp"
  listen_port      = 80
  destination_port = 8081
  health_check {
    protocol = "tcp"
    port     = 8081
    interval = 10
    timeout  = 5
    retries  = 2
  }
}"#,
    },
    Kind {
        name: "hcloud_load_balancer_target",
        around: BALANCER_AND_SERVERS,
        created: r#"
resource "hcloud_load_balancer_target" "x" {
  type             = "server"
  load_balancer_id = hcloud_load_balancer.b.id
  server_id        = hcloud_server.s[0].id
}"#,
        changed: r#"
resource "hcloud_load_balancer_target" "x" {
  type             = "server"
  load_balancer_id = hcloud_load_balancer.b.id
  server_id        = hcloud_server.s[1].id
}"#,
    },
    Kind {
        name: "objectstorage_bucket",
        around: "",
        created: r#"
resource "objectstorage_bucket" "x" {
  name       = "documents"
  versioning = true
  lifecycle_rule {
    id                                 = "old"
    noncurrent_version_expiration_days = 30
  }
}"#,
        changed: r#"
resource "objectstorage_bucket" "x" {
  name       = "documents"
  acl        = "public-read"
  versioning = false
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:GetObject"
      Resource  = "arn:aws:s3:::documents/private/*"
    }]
  })
  cors_rule {
    allowed_origins = ["https://example.com"]
    allowed_methods = ["GET"]
  }
}"#,
    },
    Kind {
        name: "objectstorage_bucket (replaced)",
        around: "",
        created: r#"
resource "objectstorage_bucket" "x" {
  name = "documents"
}"#,
        changed: r#"
resource "objectstorage_bucket" "x" {
  name        = "documents"
  object_lock = true
}"#,
    },
    Kind {
        name: "objectstorage_object",
        around: BUCKET,
        created: r#"
resource "objectstorage_object" "x" {
  bucket  = objectstorage_bucket.b.name
  key     = "folder/a file"
  content = "1"
}"#,
        changed: r#"
resource "objectstorage_object" "x" {
  bucket       = objectstorage_bucket.b.name
  key          = "folder/a file"
  content      = "22"
  content_type = "text/plain"
  metadata     = { origin = "test" }
}"#,
    },
];

const SERVERS: &str = r#"
resource "hcloud_server" "s" {
  count       = 2
  name        = "s${count.index}"
  server_type = "cx23"
  image       = "debian-12"
  location    = "fsn1"
}"#;

const FLOATING_IP_AND_SERVERS: &str = r#"
resource "hcloud_floating_ip" "f" {
  name          = "f"
  type          = "ipv4"
  home_location = "fsn1"
}
resource "hcloud_server" "s" {
  count       = 2
  name        = "s${count.index}"
  server_type = "cx23"
  image       = "debian-12"
  location    = "fsn1"
}"#;

const ZONE: &str = r#"
resource "hcloud_zone" "z" {
  name = "example.com"
  mode = "primary"
}"#;

const BUCKET: &str = r#"
resource "objectstorage_bucket" "b" {
  name          = "documents"
  force_destroy = true
}"#;

const SERVER_SURROUNDINGS: &str = r#"
resource "hcloud_network" "n" {
  name     = "n"
  ip_range = "10.0.0.0/16"
}
resource "hcloud_network_subnet" "n" {
  network_id   = hcloud_network.n.id
  type         = "cloud"
  network_zone = "eu-central"
  ip_range     = "10.0.1.0/24"
}
resource "hcloud_ssh_key" "k" {
  name       = "k"
  public_key = "PUBLIC_KEY"
}
resource "hcloud_firewall" "f" {
  name = "f"
}
resource "hcloud_placement_group" "g" {
  name = "g"
  type = "spread"
}"#;

const SERVER_SURROUNDINGS_WITH_SERVERS: &str = r#"
resource "hcloud_network" "n" {
  name     = "n"
  ip_range = "10.0.0.0/16"
}
resource "hcloud_network_subnet" "n" {
  network_id   = hcloud_network.n.id
  type         = "cloud"
  network_zone = "eu-central"
  ip_range     = "10.0.1.0/24"
}
resource "hcloud_server" "s" {
  count       = 2
  name        = "s${count.index}"
  server_type = "cx23"
  image       = "debian-12"
  location    = "fsn1"
}"#;

const VOLUME_AND_SERVERS: &str = r#"
resource "hcloud_volume" "v" {
  name     = "v"
  size     = 10
  location = "fsn1"
}
resource "hcloud_server" "s" {
  count       = 2
  name        = "s${count.index}"
  server_type = "cx23"
  image       = "debian-12"
  location    = "fsn1"
}"#;

const BALANCER_AND_NETWORK: &str = r#"
resource "hcloud_network" "n" {
  name     = "n"
  ip_range = "10.0.0.0/16"
}
resource "hcloud_network_subnet" "n" {
  network_id   = hcloud_network.n.id
  type         = "cloud"
  network_zone = "eu-central"
  ip_range     = "10.0.1.0/24"
}
resource "hcloud_load_balancer" "b" {
  name               = "b"
  load_balancer_type = "lb11"
  location           = "fsn1"
}"#;

const STORAGE_BOX: &str = r#"
resource "hcloud_storage_box" "b" {
  name             = "b"
  storage_box_type = "bx11"
  location         = "fsn1"
  password         = "Aubergine-2026"
}"#;

const BALANCER_AND_SERVERS: &str = r#"
resource "hcloud_load_balancer" "b" {
  name               = "b"
  load_balancer_type = "lb11"
  location           = "fsn1"
}
resource "hcloud_server" "s" {
  count       = 2
  name        = "s${count.index}"
  server_type = "cx23"
  image       = "debian-12"
  location    = "fsn1"
}"#;

/// How many top-level objects of each kind a configuration declares, as the API counts them.
pub(crate) fn declared(configuration: &str) -> std::collections::BTreeMap<String, usize> {
    const TOP: &[(&str, &str)] = &[
        ("hcloud_certificate", "certificates"),
        ("hcloud_uploaded_certificate", "certificates"),
        ("hcloud_firewall", "firewalls"),
        ("hcloud_floating_ip", "floating_ips"),
        ("hcloud_primary_ip", "primary_ips"),
        ("hcloud_snapshot", "images"),
        ("hcloud_load_balancer", "load_balancers"),
        ("hcloud_network", "networks"),
        ("hcloud_placement_group", "placement_groups"),
        ("hcloud_server", "servers"),
        ("hcloud_ssh_key", "ssh_keys"),
        ("hcloud_storage_box", "storage_boxes"),
        ("hcloud_storage_box_snapshot", "storage_box_snapshots"),
        ("hcloud_storage_box_subaccount", "storage_box_subaccounts"),
        ("hcloud_volume", "volumes"),
        ("objectstorage_bucket", "buckets"),
        ("objectstorage_object", "bucket_objects"),
        ("hcloud_zone", "zones"),
    ];
    let mut counts = std::collections::BTreeMap::new();
    for block in configuration.split("\nresource \"").skip(1) {
        let (type_name, body) = block.split_once('"').unwrap();
        let Some((_, kind)) = TOP.iter().find(|(name, _)| *name == type_name) else { continue };
        let many = if body.contains("count       = 2") { 2 } else { 1 };
        *counts.entry((*kind).to_owned()).or_insert(0) += many;
        if *kind == "servers" {
            // Each server brings an IPv4 and an IPv6 address of its own.
            *counts.entry("primary_ips".to_owned()).or_insert(0) += 2 * many;
        }
    }
    counts
}

/// What the providers register must be tried here.
#[test]
fn every_type_of_the_providers_is_among_the_kinds() {
    use ferroform_provider::ProviderFactory as _;
    let hcloud = ferroform_provider_hcloud::HcloudFactory::new(ferroform_provider_hcloud::Settings::new());
    let settings = ferroform_provider_objectstorage::Settings::new();
    let objectstorage = ferroform_provider_objectstorage::ObjectStorageFactory::new(settings);
    for (schema, least) in [(hcloud.schema(), 29), (objectstorage.schema(), 2)] {
        let types: Vec<&str> = schema.resources.keys().map(|name| &**name).collect();
        assert!(types.len() >= least, "{types:?}");
        let tried = |ty: &str| UNTRIED.contains(&ty) || KINDS.iter().any(|kind| kind.name == ty);
        let missing: Vec<&&str> = types.iter().filter(|ty| !tried(ty)).collect();
        assert!(missing.is_empty(), "no kinds for {missing:?}");
    }
}
