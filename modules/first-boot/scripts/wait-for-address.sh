#!/bin/sh
# wait-for-address ADDRESS [SECONDS]: waits until an interface of this machine has the IPv4 address.
set -eu

address=$1
limit=${2:-300}
waited=0

has_address() {
  ip -o -4 address show |
    awk -v wanted="$address" '{ split($4, part, "/"); if (part[1] == wanted) found = 1 } END { exit !found }'
}

until has_address; do
  if [ "$waited" -ge "$limit" ]; then
    echo "No interface has the address $address after $limit seconds; is the server attached to its network?" >&2
    exit 1
  fi
  sleep 2
  waited=$((waited + 2))
done
