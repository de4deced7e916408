#!/bin/sh
# install-packages [--upgrade] [PACKAGE…]: installs packages of the distribution as soon as its archive is reached, for
# machines whose way to the internet may come up after they have. Gives up after 15 minutes.
set -eu

export DEBIAN_FRONTEND=noninteractive
upgrade=no
if [ "${1:-}" = --upgrade ]; then
  upgrade=yes
  shift
fi
limit=900
begun=$(date +%s)

apt() {
  apt-get --quiet --yes -o DPkg::Lock::Timeout=300 -o Acquire::http::Timeout=20 -o APT::Update::Error-Mode=any \
    -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@"
}

until apt update; do
  if [ $(($(date +%s) - begun)) -ge "$limit" ]; then
    echo "The distribution's archive has not been reached for $limit seconds; is there a way to the internet, by a NAT gateway?" >&2
    exit 1
  fi
  sleep 5
done
if [ "$upgrade" = yes ]; then
  apt dist-upgrade
fi
if [ "$#" -gt 0 ]; then
  apt install "$@"
fi
