#!/bin/sh
# setup-redis: Redis on the private address, with a password and a limit from this machine's memory. May run again.
set -eu

config=/etc/redis/nornos.conf

# Half of the memory: the other half is for the copy while the append-only file is rewritten.
memory=$(awk '$1 == "MemTotal:" { printf "%.0f", $2 * 1024 / 2 }' /proc/meminfo)
install -o redis -g redis -m 0640 /etc/nornos/redis.conf "$config"
echo "maxmemory $memory" >>"$config"

# The last setting counts, so ours come at the end.
grep -qxF "include $config" /etc/redis/redis.conf || echo "include $config" >>/etc/redis/redis.conf

systemctl enable redis-server.service
systemctl restart redis-server.service
