#!/bin/sh
# mount-volume DEVICE DIRECTORY [SECONDS]: waits for the volume, has it mounted now and at every boot.
set -eu

device=$1
directory=$2
limit=${3:-300}
waited=0

until [ -b "$device" ]; do
  if [ "$waited" -ge "$limit" ]; then
    echo "The volume $device has not appeared after $limit seconds; is it attached to this server?" >&2
    exit 1
  fi
  sleep 2
  waited=$((waited + 2))
done

mkdir -p "$directory"
# nofail: without its volume the machine still starts, and can be repaired.
if ! awk -v directory="$directory" '$2 == directory { found = 1 } END { exit !found }' /etc/fstab; then
  echo "$device $directory ext4 discard,nofail,x-systemd.device-timeout=60s 0 2" >>/etc/fstab
  systemctl daemon-reload
fi
mountpoint -q "$directory" || mount "$directory"
