#!/bin/sh
# default-route [install ADDRESS GATEWAY]: sends what goes to the internet to the private network's gateway. For machines
# without a public address, at first boot (install) and at every boot. May run at any time.
set -eu

settings=/etc/default-route
if [ "${1:-}" = install ]; then
  printf 'ADDRESS=%s\nGATEWAY=%s\n' "$2" "$3" >"$settings"
fi
# shellcheck source=/dev/null
. "$settings"

# Hetzner attaches private networks after the machine has started.
wait-for-address "$ADDRESS" 300
interface=$(ip -o -4 address show |
  awk -v wanted="$ADDRESS" '{ split($4, part, "/"); if (part[1] == wanted) { print $2; exit } }')

# systemd-networkd, and netplan with it, removes routes that are not in its own configuration, so it gets one.
if systemctl is-active --quiet systemd-networkd; then
  file=$(networkctl --no-pager status "$interface" 2>/dev/null | awk '/Network File:/ { print $3 }')
  case $file in
    *.network)
      folder=/etc/systemd/network/${file##*/}.d
      if [ ! -f "$folder/50-default-route.conf" ]; then
        mkdir -p "$folder"
        printf '[Route]\nGateway=%s\nGatewayOnLink=yes\n' "$GATEWAY" >"$folder/50-default-route.conf"
        networkctl reload
      fi
      ;;
  esac
fi
ip route replace default via "$GATEWAY" dev "$interface" onlink

# A private network's DHCP names no resolver; these are Hetzner's.
if systemctl is-active --quiet systemd-resolved; then
  if [ ! -f /etc/systemd/resolved.conf.d/50-hetzner.conf ]; then
    mkdir -p /etc/systemd/resolved.conf.d
    printf '[Resolve]\nDNS=185.12.64.1 185.12.64.2\n' >/etc/systemd/resolved.conf.d/50-hetzner.conf
    systemctl restart systemd-resolved
  fi
elif ! grep -q '^nameserver' /etc/resolv.conf 2>/dev/null; then
  printf 'nameserver 185.12.64.1\nnameserver 185.12.64.2\n' >>/etc/resolv.conf
fi

if [ "${1:-}" = install ]; then
  cat >/etc/systemd/system/default-route.service <<'UNIT'
[Unit]
Description=Default route through the private network
After=network.target systemd-networkd.service systemd-resolved.service

[Service]
Type=oneshot
ExecStart=/usr/local/sbin/default-route
TimeoutStartSec=400

[Install]
WantedBy=multi-user.target
UNIT
  # DHCP clients other than systemd-networkd may drop the route with a lease.
  cat >/etc/systemd/system/default-route.timer <<'UNIT'
[Unit]
Description=Default route through the private network, looked after

[Timer]
OnBootSec=1min
OnUnitInactiveSec=1min

[Install]
WantedBy=timers.target
UNIT
  systemctl daemon-reload
  systemctl enable --quiet default-route.service
  if ! systemctl is-active --quiet systemd-networkd; then
    systemctl enable --quiet --now default-route.timer
  fi
fi
