#!/bin/sh
# setup-postgres: the cluster on the volume, its settings, its owner and its database. May run again at any time; what is
# on the volume already is kept, also when the server is a new one.
set -eu

# shellcheck source=/dev/null
. /etc/nornos/postgres.env
config=/etc/postgresql/$PG_VERSION/main
data=$PG_VOLUME/postgresql/$PG_VERSION/main

mountpoint -q "$PG_VOLUME" || { echo "The volume is not mounted at $PG_VOLUME." >&2; exit 1; }
install -d -o postgres -g postgres -m 0700 "$PG_VOLUME/postgresql" "$PG_VOLUME/backups"

if [ ! -e "$config/postgresql.conf" ]; then
  # Takes over the data directory when the volume has one.
  pg_createcluster "$PG_VERSION" main --datadir "$data" -- --data-checksums
fi

# Settings that follow from the memory of this machine, whatever its type.
memory_mb=$(awk '$1 == "MemTotal:" { print int($2 / 1024) }' /proc/meminfo)
install -o postgres -g postgres -m 0640 /etc/nornos/postgresql.conf "$config/conf.d/50-nornos.conf"
install -o postgres -g postgres -m 0640 /dev/null "$config/conf.d/60-memory.conf"
cat >"$config/conf.d/60-memory.conf" <<SETTINGS
shared_buffers = $((memory_mb / 4))MB
effective_cache_size = $((memory_mb * 3 / 4))MB
maintenance_work_mem = $((memory_mb / 16))MB
SETTINGS
install -o postgres -g postgres -m 0640 /etc/nornos/pg_hba.conf "$config/pg_hba.conf"

systemctl enable "postgresql@$PG_VERSION-main.service"
systemctl restart "postgresql@$PG_VERSION-main.service"

waited=0
until pg_isready --quiet; do
  if [ "$waited" -ge 120 ]; then
    echo "PostgreSQL does not accept connections after 120 seconds; see: journalctl -u postgresql@$PG_VERSION-main" >&2
    exit 1
  fi
  sleep 2
  waited=$((waited + 2))
done

# The password goes through standard input: arguments are seen by every process.
runuser -u postgres -- psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 <<SQL
SELECT 'CREATE ROLE $PG_OWNER LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '$PG_OWNER') \\gexec
ALTER ROLE $PG_OWNER PASSWORD '$PG_OWNER_PASSWORD';
SELECT 'CREATE DATABASE $PG_DATABASE OWNER $PG_OWNER' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '$PG_DATABASE') \\gexec
REVOKE CONNECT ON DATABASE $PG_DATABASE FROM PUBLIC;
SQL
