#!/bin/sh
# install-docker distribution|docker: Docker and Compose. May run again at any time.
set -eu

source=$1
key_url_base=https://download.docker.com/linux
# Of the file that download.docker.com serves for Debian and Ubuntu alike.
key_sha256=1500c1f56fa9e26b9b8f42452a553675796ade0807cdce11975eb98170b3a570
keyring=/etc/apt/keyrings/docker.asc

has_compose() {
  docker compose version >/dev/null 2>&1 || docker-compose version >/dev/null 2>&1
}

install_packages() {
  # The daily upgrade may hold the lock just now.
  DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install \
    --quiet --yes --no-install-recommends "$@"
}

is_known() {
  [ -n "$(apt-cache show --no-all-versions "$1" 2>/dev/null)" ]
}

from_distribution() {
  # Ubuntu and Debian name Compose differently.
  for compose in docker-compose-v2 docker-compose; do
    if is_known "$compose"; then
      install_packages docker.io "$compose" iptables
      return
    fi
  done
  echo "This distribution has no package of Compose; set docker_source = \"docker\"." >&2
  exit 1
}

from_docker() {
  # shellcheck source=/dev/null
  . /etc/os-release
  case $ID in
    debian | ubuntu) ;;
    *)
      echo "Docker's repository is used for Debian and Ubuntu only, and this is $ID; set docker_source = \"distribution\"." >&2
      exit 1
      ;;
  esac
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  if ! curl --fail --silent --show-error --location --proto '=https' --tlsv1.2 \
    --retry 5 --retry-delay 5 --max-time 60 --output "$work/key" "$key_url_base/$ID/gpg"; then
    echo "Docker's repository cannot be reached; set docker_source = \"distribution\" to do without it." >&2
    exit 1
  fi
  if ! echo "$key_sha256  $work/key" | sha256sum --check --status; then
    echo "The key of Docker's repository is not the known one: its SHA-256 is $(sha256sum "$work/key" | cut -d ' ' -f 1), not $key_sha256." >&2
    exit 1
  fi
  install -d -m 0755 /etc/apt/keyrings
  install -m 0644 "$work/key" "$keyring"
  echo "deb [arch=$(dpkg --print-architecture) signed-by=$keyring] $key_url_base/$ID $VERSION_CODENAME stable" \
    >/etc/apt/sources.list.d/docker.list
  # Its packages are upgraded with the distribution's security upgrades.
  cat >/etc/apt/apt.conf.d/53docker-upgrades <<'SETTINGS'
Unattended-Upgrade::Origins-Pattern { "origin=Docker"; };
SETTINGS
  apt-get -o DPkg::Lock::Timeout=300 update --quiet
  install_packages docker-ce docker-ce-cli containerd.io docker-compose-plugin
}

if ! command -v docker >/dev/null || ! has_compose; then
  case $source in
    distribution) from_distribution ;;
    docker) from_docker ;;
    *)
      echo "install-docker distribution|docker, not $source" >&2
      exit 2
      ;;
  esac
fi
systemctl daemon-reload
systemctl enable --now docker.service
