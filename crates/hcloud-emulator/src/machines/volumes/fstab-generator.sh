#!/bin/sh
# systemd leaves the devices in fstab out where /sys cannot be written, as in a container. The volumes of this machine
# are really there, so this makes the units for them that systemd would have made.
set -u
directory=${1:?}

[ -r /etc/fstab ] || exit 0
while read -r what where kind options _; do
  case $what in
    UUID=*) device=/dev/disk/by-uuid/${what#UUID=} ;;
    /dev/disk/by-id/scsi-0HC_Volume_* | /dev/disk/by-uuid/* | /dev/sd[b-z]) device=$what ;;
    *) continue ;;
  esac
  case $where in /?*) ;; *) continue ;; esac
  case ,$options, in *,noauto,*) continue ;; esac
  case ,$options, in
    *,nofail,*)
      # Without its device such a mount is passed over.
      [ -b "$device" ] || continue
      order=
      wanted=wants
      ;;
    *)
      order='Before=local-fs.target'
      wanted=requires
      ;;
  esac
  unit=$(systemd-escape --path --suffix=mount -- "$where") || continue
  cat >"$directory/$unit" <<UNIT
[Unit]
SourcePath=/etc/fstab
$order

[Mount]
What=$device
Where=$where
Type=$kind
Options=$options
UNIT
  mkdir -p "$directory/local-fs.target.$wanted"
  ln -sf "../$unit" "$directory/local-fs.target.$wanted/$unit"
done </etc/fstab
