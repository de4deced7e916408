#!/bin/sh
# consult-run ARGUMENTS: docker compose for the application, with its secrets from Doppler where a token is set.
set -eu

if [ -n "${DOPPLER_TOKEN:-}" ] && command -v doppler >/dev/null; then
  exec doppler run -- docker compose "$@"
fi
exec docker compose "$@"
