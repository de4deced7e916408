#!/bin/sh
# setup-redis: settings, certificate and users of Redis. May run again at any time; what Redis holds is kept.
set -eu
umask 022

directory=/etc/redis-setup

put() {
  install -o redis -g redis -m "$2" "$directory/$1" "$3"
}
put redis.conf 0640 /etc/redis/machine.conf
put users.acl 0640 /etc/redis/users.acl
put redis-ca.crt 0644 /etc/redis/ca.crt
put redis.crt 0644 /etc/redis/server.crt
put redis.key 0600 /etc/redis/server.key

# The last setting counts, so ours come at the end.
grep -qxF "include /etc/redis/machine.conf" /etc/redis/redis.conf ||
  echo "include /etc/redis/machine.conf" >>/etc/redis/redis.conf

systemctl --quiet enable redis-server.service
systemctl restart redis-server.service

waited=0
until [ "$(redis-admin ping 2>/dev/null)" = PONG ]; do
  if [ "$waited" -ge 120 ]; then
    echo "setup-redis: Redis does not answer after 120 seconds; see: journalctl -u redis-server" >&2
    exit 1
  fi
  sleep 1
  waited=$((waited + 1))
done
