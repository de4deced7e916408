#!/bin/sh
# setup-k3s [prepare]: binds k3s to the private interface, installs it and starts it; "prepare" stops before the download.
# May run again at any time.
set -eu

# shellcheck source=/dev/null
. /etc/nornos/k3s.env
binary=/usr/local/bin/k3s

# The name of the private interface differs from one kind of server to the next.
interface=$(ip -o -4 address show |
  awk -v wanted="$NODE_ADDRESS" '{ split($4, part, "/"); if (part[1] == wanted) { print $2; exit } }')
if [ -z "$interface" ]; then
  echo "No interface has the address $NODE_ADDRESS." >&2
  exit 1
fi
install -d -m 0700 /etc/rancher/k3s/config.yaml.d
echo "flannel-iface: \"$interface\"" >/etc/rancher/k3s/config.yaml.d/interface.yaml

if [ "${1:-}" = prepare ]; then
  exit 0
fi

case $(uname -m) in
  x86_64) asset=k3s list=sha256sum-amd64.txt ;;
  aarch64) asset=k3s-arm64 list=sha256sum-arm64.txt ;;
  *)
    echo "k3s has no release for $(uname -m)." >&2
    exit 1
    ;;
esac

fetch() {
  curl --fail --silent --show-error --location --retry 5 --retry-delay 5 --max-time 600 --output "$2" "$1"
}

if [ ! -x "$binary" ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  fetch "$K3S_RELEASE_URL/$asset" "$work/k3s"
  if [ -z "${K3S_SHA256:-}" ]; then
    fetch "$K3S_RELEASE_URL/$list" "$work/list"
    K3S_SHA256=$(awk -v asset="$asset" '$2 == asset { print $1 }' "$work/list")
  fi
  if ! echo "$K3S_SHA256  $work/k3s" | sha256sum --check --status; then
    echo "$K3S_RELEASE_URL/$asset is not the file that was expected (SHA-256 ${K3S_SHA256:-missing})." >&2
    exit 1
  fi
  install -m 0755 "$work/k3s" "$binary"
fi

# A node that joins waits for the first control plane: 15 minutes, for it may still be upgrading its packages.
if [ -n "${JOIN_ADDRESS:-}" ]; then
  waited=0
  until curl --insecure --silent --fail --max-time 5 --output /dev/null "https://$JOIN_ADDRESS:6443/ping"; do
    if [ "$waited" -ge 900 ]; then
      echo "The Kubernetes API at https://$JOIN_ADDRESS:6443 has not answered for 15 minutes." >&2
      exit 1
    fi
    sleep 5
    waited=$((waited + 5))
  done
fi

systemctl daemon-reload
systemctl enable k3s.service
# Its start may take minutes and is repeated by systemd; the first boot does not hang on it.
systemctl start --no-block k3s.service
