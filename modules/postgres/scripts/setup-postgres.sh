#!/bin/sh
# setup-postgres [FILE]: the cluster on the volume, its settings, its roles and its database. May run again at any time; what
# is on the volume already is kept, also when the server is a new one. FILE, - for standard input, is a new file of settings,
# for instance after a change of the server type; one that PostgreSQL refuses is taken back.
set -eu
umask 022

directory=/etc/postgres-setup
# shellcheck source=/dev/null
. "$directory/postgres.env"
config=/etc/postgresql/$PG_VERSION/main
data=$PG_VOLUME/postgresql/$PG_VERSION/main
saved=$PG_VOLUME/postgresql/$PG_VERSION/configuration
service=postgresql@$PG_VERSION-main.service

fail() {
  echo "setup-postgres: $*" >&2
  exit 1
}

mountpoint -q "$PG_VOLUME" || fail "the volume is not mounted at $PG_VOLUME"

# A new release would begin with an empty database beside the old one, and nobody would notice before the data is missed.
for other in "$PG_VOLUME"/postgresql/[0-9]*; do
  [ ! -d "$other" ] || [ "$other" = "$PG_VOLUME/postgresql/$PG_VERSION" ] ||
    fail "the volume has data of PostgreSQL ${other##*/}, and this is $PG_VERSION. Set postgres_version back to it; README.md tells how to change releases"
done

install -d -o postgres -g postgres -m 0700 "$PG_VOLUME/postgresql"
install -d -o root -g root -m 0711 "$PG_VOLUME/backups"
install -d -o root -g root -m 0700 "$PG_VOLUME/backups/dumps" "$PG_VOLUME/backups/base"
install -d -o postgres -g postgres -m 0700 "$PG_VOLUME/backups/wal" "$PG_VOLUME/backups/scratch"

if [ -d "$data" ] && [ ! -e "$config/postgresql.conf" ]; then
  # The volume comes from another server. Its postgres may have had another number, and whatever ran there does not run here.
  [ "$(stat -c %U:%G "$data")" = postgres:postgres ] ||
    chown -R postgres:postgres "$PG_VOLUME/postgresql" "$PG_VOLUME/backups/wal" "$PG_VOLUME/backups/scratch"
  rm -f "$data/postmaster.pid"
fi
if [ ! -e "$config/postgresql.conf" ]; then
  if [ -d "$data" ]; then
    # pg_createcluster takes a data directory over together with its configuration, which Debian keeps on the root disk.
    [ -e "$saved/postgresql.conf" ] || fail "$saved has no postgresql.conf for the data in $data; see README.md"
    for file in postgresql.conf pg_hba.conf pg_ident.conf; do
      install -o postgres -g postgres -m 0640 "$saved/$file" "$data/$file"
    done
    pg_createcluster "$PG_VERSION" main --datadir "$data"
    cp -a "$saved/conf.d/." "$config/conf.d/"
    chown -R postgres:postgres "$config/conf.d"
  else
    pg_createcluster "$PG_VERSION" main --datadir "$data" -- --data-checksums
  fi
fi

# Archives of different clusters stay apart, so that a new one does not write over what an old one left.
system=$(LC_ALL=C "/usr/lib/postgresql/$PG_VERSION/bin/pg_controldata" -D "$data" |
  sed -n 's/^Database system identifier: *//p')
[ -n "$system" ] || fail "pg_controldata does not tell the system identifier of $data"
archive=$PG_VOLUME/backups/wal/$system
install -d -o postgres -g postgres -m 0700 "$archive"

put() {
  install -o postgres -g postgres -m "$2" "$1" "$3"
}
put "$directory/postgres.crt" 0644 "$config/server.crt"
put "$directory/postgres.key" 0600 "$config/server.key"
put "$directory/pg_hba.conf" 0640 "$config/pg_hba.conf"
put /dev/null 0640 "$config/conf.d/60-machine.conf"
cat >"$config/conf.d/60-machine.conf" <<SETTINGS
ssl_cert_file = '$config/server.crt'
ssl_key_file = '$config/server.key'
archive_command = '/usr/local/sbin/pg-archive-wal $archive %p %f'
SETTINGS

wait_until_ready() {
  waited=0
  until pg_isready --quiet; do
    [ "$waited" -lt 300 ] || return 1
    systemctl is-active --quiet "$service" || return 1
    sleep 1
    waited=$((waited + 1))
  done
}

settings=$directory/postgresql.conf
previous=
if [ $# -gt 0 ]; then
  previous=$(mktemp)
  trap 'rm -f "$previous"' EXIT
  cp "$settings" "$previous"
  # With its own permissions, for root alone.
  cat -- "$1" >"$settings"
  [ -s "$settings" ] || { cat "$previous" >"$settings"; fail "the new file of settings is empty"; }
fi
put "$settings" 0640 "$config/conf.d/50-settings.conf"
systemctl --quiet enable "$service"
if ! systemctl restart "$service" || ! wait_until_ready; then
  if [ -n "$previous" ]; then
    cat "$previous" >"$settings"
    put "$settings" 0640 "$config/conf.d/50-settings.conf"
    systemctl restart "$service"
    fail "PostgreSQL does not start with the new settings, so the old ones are back; see: journalctl -u $service"
  fi
  fail "PostgreSQL does not accept connections; see: journalctl -u $service"
fi

# For the next server, all but the key.
rm -rf "$saved.new"
install -d -o postgres -g postgres -m 0700 "$saved.new"
cp -a "$config/postgresql.conf" "$config/pg_hba.conf" "$config/pg_ident.conf" "$config/conf.d" "$saved.new/"
rm -rf "$saved"
mv "$saved.new" "$saved"

psql_as_postgres() {
  runuser -u postgres -- psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 "$@"
}

psql_as_postgres <<SQL
SET client_min_messages = warning;
SELECT 'CREATE ROLE $PG_OWNER LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '$PG_OWNER') \\gexec
SELECT 'CREATE ROLE prometheus LOGIN IN ROLE pg_monitor' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'prometheus') \\gexec
SELECT 'CREATE DATABASE $PG_DATABASE OWNER $PG_OWNER' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '$PG_DATABASE') \\gexec
REVOKE CONNECT ON DATABASE $PG_DATABASE FROM PUBLIC;
CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
CREATE TABLE IF NOT EXISTS pg_backup_status (
  name text PRIMARY KEY,
  finished_at timestamptz NOT NULL,
  size bigint NOT NULL
);
GRANT SELECT ON pg_backup_status TO prometheus;
SQL
psql_as_postgres --dbname "$PG_DATABASE" <<SQL
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
SQL
# Through standard input: arguments are seen by every process.
pg-backup password <"$directory/postgres.password"
