#!/bin/sh
# consult-setup APP_DIR DATA_DIR LOG_DIR: directories and service of the application. May run again at any time.
set -eu

app_dir=$1
data_dir=$2
log_dir=$3

install -d -o root -g root -m 0700 /etc/consult
install -d -o consult -g consult -m 0750 "$app_dir" "$log_dir" "$data_dir/app"

systemctl daemon-reload
if command -v docker >/dev/null; then
  systemctl enable --now docker.service
fi
systemctl enable consult.service
