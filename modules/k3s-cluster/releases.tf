locals {
  # SHA-256 of the binaries k3s and k3s-arm64, as in the lists sha256sum-*.txt of each release.
  known_releases = {
    "v1.36.4+k3s1" = {
      amd64 = "835873f37245fc615f547a2fe2af9402a347875f13fa64a1f136de644955ea3f"
      arm64 = "c920706346d5ad4e5cd3c7bf1bb09ce71ebe07fec829e513e40f1caf98aed8bb"
    }
  }

  k3s_sha256 = var.k3s_sha256 == null ? local.known_releases[var.k3s_version] : { amd64 = var.k3s_sha256, arm64 = var.k3s_sha256 }
}
