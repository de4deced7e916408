#!/bin/sh
# APP-compose ARGUMENTS: docker compose for what is deployed, with the application's environment, and its secrets from
# Doppler where a token is set. For example: APP-compose logs --follow web
set -eu

app=${0##*/}
app=${app%-compose}
etc_dir=/etc/$app

if [ -z "${APP_STATE:-}" ]; then
  # Called by a person: systemd reads the environment files as it does for the service.
  if [ -t 0 ] && [ -t 1 ]; then how=--pty; else how=--pipe; fi
  exec systemd-run --quiet --collect --wait "$how" \
    --property="EnvironmentFile=-$etc_dir/doppler.env" \
    --property="EnvironmentFile=-$etc_dir/$app.env" \
    --property="EnvironmentFile=$etc_dir/host.env" \
    "/usr/local/sbin/$app-compose" "$@"
fi

# The deploy program tries a release before it is the current one.
release=${APP_RELEASE:-$APP_STATE/current}
if [ ! -e "$release/compose.yaml" ]; then
  echo "Nothing is deployed yet; see $app-deploy deploy." >&2
  exit 1
fi
# The Compose file names images by tags, this one by what they were when they were deployed.
if [ -e "$release/images.json" ]; then
  set -- --file "$release/images.json" "$@"
fi
set -- --project-name "$app" --project-directory "$APP_DIR" --file "$release/compose.yaml" "$@"
if docker compose version >/dev/null 2>&1; then
  set -- docker compose "$@"
else
  set -- docker-compose "$@"
fi
if [ -n "${DOPPLER_TOKEN:-}" ] && command -v doppler >/dev/null; then
  exec doppler run -- "$@"
fi
exec "$@"
