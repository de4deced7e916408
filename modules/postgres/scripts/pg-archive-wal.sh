#!/bin/sh
# pg-archive-wal DIRECTORY FILE NAME: PostgreSQL's archive_command. It succeeds only when the file is in the archive and on
# the disk; PostgreSQL keeps the file and asks again otherwise.
set -eu
umask 077

directory=$1
file=$2
target=$directory/$3.gz

if [ -e "$target" ]; then
  # Asked for a second time after a crash: fine if it is the same, never written over if it is not.
  gzip -dc "$target" | cmp -s - "$file" && exit 0
  echo "pg-archive-wal: $target is there already and differs from $file" >&2
  exit 1
fi

gzip -c "$file" >"$target.partial"
sync "$target.partial"
mv "$target.partial" "$target"
sync "$directory"
