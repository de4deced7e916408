#!/bin/sh
# APP-setup: directories, service and SSH of the host. May run again at any time.
set -eu

app=${0##*/}
app=${app%-setup}
etc_dir=/etc/$app

# shellcheck source=/dev/null
. "$etc_dir/host.env"

# The account's ids are those of the files on the volume. cloud-init can give a user its id, but not a group.
if [ "$(id -u "$app")" != "$APP_UID" ]; then
  echo "The account $app has the id $(id -u "$app"), and not $APP_UID as its files on the volume." >&2
  exit 1
fi
if [ "$(id -g "$app")" != "$APP_GID" ]; then
  groupmod --gid "$APP_GID" "$app"
fi

install -d -o root -g root -m 0700 "$etc_dir" "$DOCKER_CONFIG"
install -d -o root -g root -m 0755 "$APP_DIR"
install -d -o "$app" -g "$app" -m 0750 "$APP_LOGS" "$APP_DATA"
install -d -o root -g root -m 0700 "$APP_STATE"
# Whoever copies an environment file there must not have to think of its mode.
find "$etc_dir" -type f -exec chmod go= {} +

# Where a socket waits for connections in its place, sshd has not run yet and lacks this directory.
install -d -m 0755 /run/sshd
sshd -t
systemctl try-reload-or-restart ssh.service

systemctl daemon-reload
systemctl enable "$app.service"
if [ -e "$APP_STATE/current/compose.yaml" ]; then
  # A new server with the volume of an old one goes on with what was deployed last. A registry that does not answer yet
  # is tried again by systemd, so the first boot need not fail of it.
  systemctl start --no-block "$app.service"
fi
