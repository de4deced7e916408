#!/bin/sh
# install-doppler: the Doppler command line from Doppler's package archive.
set -eu

key_id=DE2A7741A397C129
key_url=https://packages.doppler.com/public/cli/gpg.$key_id.key
archive='https://packages.doppler.com/public/cli/deb/debian any-version main'
keyring=/usr/share/keyrings/doppler.gpg

command -v doppler >/dev/null && exit 0

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if ! curl --fail --silent --show-error --location --proto '=https' --tlsv1.2 \
  --retry 5 --retry-delay 5 --max-time 60 --output "$work/key" "$key_url"; then
  echo "Doppler's archive cannot be reached; set install_doppler = false to do without it." >&2
  exit 1
fi

# The archive is trusted by this key alone, so it must be the one that Doppler publishes.
found=$(gpg --batch --homedir "$work" --show-keys --with-colons "$work/key" | awk -F: '$1 == "pub" { print $5 }')
if [ "$found" != "$key_id" ]; then
  echo "The key of Doppler's archive is ${found:-missing}, not $key_id." >&2
  exit 1
fi

gpg --batch --homedir "$work" --dearmor <"$work/key" >"$work/keyring"
install -m 0644 "$work/keyring" "$keyring"
echo "deb [signed-by=$keyring] $archive" >/etc/apt/sources.list.d/doppler.list
apt-get update --quiet
DEBIAN_FRONTEND=noninteractive apt-get install --quiet --yes doppler
