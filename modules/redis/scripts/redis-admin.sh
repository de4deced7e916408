#!/bin/sh
# redis-admin COMMAND...: redis-cli as the user who may run every command, over TLS. For root, who can read the password.
set -eu

directory=/etc/redis-setup
# In the environment of redis-cli, where root alone can see it; arguments are seen by everybody.
REDISCLI_AUTH=$(cat "$directory/redis.password")
export REDISCLI_AUTH
exec redis-cli --no-auth-warning --tls --cacert "$directory/redis-ca.crt" -h 127.0.0.1 --user admin "$@"
