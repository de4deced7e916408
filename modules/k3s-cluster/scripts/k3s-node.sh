#!/bin/sh
# k3s-node: looks after k3s on this node. Runs as root; secrets are read from files and standard input, never from arguments.
#
#   k3s-node setup [--prepare]               installs and starts k3s; --prepare stops before the download
#   k3s-node status [--json]                 tells role, release, state and address
#   k3s-node upgrade VERSION [--sha256 SUM]  replaces the binary and restarts, or puts the old one back
#   k3s-node token                           takes the new token's password from standard input
#
# Each may run again at any time.
set -eu
umask 077

# shellcheck source=/dev/null
. /etc/k3s-node/settings

binary=/usr/local/bin/k3s
folder=/etc/rancher/k3s
authority=$folder/cluster-ca.pem
data=/var/lib/rancher/k3s
patience=900

fail() {
  echo "k3s-node: $*" >&2
  exit 1
}

note() {
  echo "$*" >&2
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

architecture() {
  case $(uname -m) in
    x86_64) echo amd64 ;;
    aarch64) echo arm64 ;;
    *) fail "k3s has no release for $(uname -m)." ;;
  esac
}

fetch() {
  curl --fail --silent --show-error --location --retry 5 --retry-delay 3 --retry-connrefused --max-time 600 --output "$2" "$1" ||
    fail "$1 cannot be fetched; is there a way to the mirror?"
}

# download VERSION SUM: fetches the binary to $work/k3s and checks it. Without a sum it believes the list beside it.
download() {
  arch=$(architecture)
  asset=k3s
  [ "$arch" = amd64 ] || asset=k3s-$arch
  url=$MIRROR/$(printf '%s' "$1" | sed 's/+/%2B/')
  sum=$2
  if [ -z "$sum" ]; then
    fetch "$url/sha256sum-$arch.txt" "$work/list"
    sum=$(awk -v asset="$asset" '$2 == asset { print $1 }' "$work/list")
  fi
  fetch "$url/$asset" "$work/k3s"
  found=$(sha256sum "$work/k3s" | cut -d' ' -f1)
  [ "$found" = "$sum" ] ||
    fail "$url/$asset is not the file that was expected: its SHA-256 is $found and should be ${sum:-in the list, which lacks it}."
}

install_binary() {
  install -m 0755 "$work/k3s" "$binary"
  for name in kubectl crictl ctr; do
    [ -e "/usr/local/bin/$name" ] || ln -s k3s "/usr/local/bin/$name"
  done
}

release() {
  [ ! -x "$binary" ] || "$binary" --version | awk 'NR == 1 { print $3 }'
}

password() {
  sed 's/^K10[0-9a-f]*::server://' "$folder/token"
}

# answers ADDRESS [PASSWORD]: whether the control plane there is a member of the cluster and ready to let others join. Its
# certificate has to be the cluster's.
answers() {
  printf 'user = "node:%s"\n' "${2:-$(password)}" |
    curl --config - --silent --fail --max-time 5 --cacert "$authority" --output /dev/null "https://$1:6443/v1-k3s/readyz"
}

# wait_for SECONDS WHAT COMMAND…: until the command succeeds.
wait_for() {
  limit=$1
  what=$2
  shift 2
  begun=$(date +%s)
  until "$@"; do
    if [ $(($(date +%s) - begun)) -ge "$limit" ]; then
      note "k3s-node: not so after $limit seconds: $what."
      return 1
    fi
    sleep 2
  done
}

invocation() {
  systemctl show --property=InvocationID --value k3s.service
}

runs_anew() {
  [ "$(invocation)" != "$1" ] && systemctl is-active --quiet k3s.service
}

# keeps_failing: whether systemd has started it over and over since then, or has given up.
keeps_failing() {
  systemctl is-failed --quiet k3s.service || [ "$(systemctl show --property=NRestarts --value k3s.service)" -ge 10 ]
}

runs_or_fails() {
  runs_anew "$1" || keeps_failing
}

# start_anew: restarts k3s and waits until it runs. systemd would wait without an end.
start_anew() {
  before=$(invocation)
  systemctl daemon-reload
  systemctl enable --quiet k3s.service
  # What failed before is forgotten, or systemd may refuse to start it again.
  systemctl reset-failed k3s.service 2>/dev/null || true
  systemctl restart --no-block k3s.service
  wait_for 600 "k3s.service runs" runs_or_fails "$before" && runs_anew "$before" || return 1
  [ "$ROLE" = agent ] || wait_for 300 "this control plane is ready" answers "$ADDRESS"
}

bind_to_private_interface() {
  # Its name differs from one kind of server to the next.
  interface=$(ip -o -4 address show |
    awk -v wanted="$ADDRESS" '{ split($4, part, "/"); if (part[1] == wanted) { print $2; exit } }')
  [ -n "$interface" ] || fail "no interface has the address $ADDRESS; is the server attached to its network?"
  mkdir -p "$folder/config.yaml.d"
  echo "flannel-iface: \"$interface\"" >"$folder/config.yaml.d/10-interface.yaml"
}

# The public address, known only now, is a name of the API too.
name_public_address() {
  [ "$ROLE" = server ] && [ "$IS_PUBLIC" = true ] || return 0
  public=$(curl --fail --silent --show-error --retry 5 --retry-connrefused --max-time 30 \
    http://169.254.169.254/hetzner/v1/metadata/public-ipv4) || fail "the metadata service does not tell the public address."
  echo "$public" | grep -Eqx '([0-9]{1,3}\.){3}[0-9]{1,3}' || fail "the metadata service tells no address but: $public"
  printf '"tls-san+":\n- "%s"\n' "$public" >"$folder/config.yaml.d/20-public-address.yaml"
}

# A first control plane that was replaced must not begin a second cluster where there is one.
join_what_is_there() {
  [ -n "$PEERS" ] && [ ! -e "$data/server/db/etcd" ] || return 0
  for peer in $PEERS; do
    if answers "$peer"; then
      note "$peer answers for a cluster that exists: this control plane joins it."
      printf '"cluster-init": false\n"server": "https://%s:6443"\n"token-file": "%s/join-token"\n' "$peer" "$folder" \
        >"$folder/config.yaml.d/30-join.yaml"
      return 0
    fi
  done
}

setup() {
  bind_to_private_interface
  name_public_address
  if [ "$ROLE" = server ]; then
    mkdir -p "$data/server/logs" "$data/server/tls"
    chmod 0700 "$data/server" "$data/server/logs" "$data/server/tls"
  fi
  [ "${1:-}" != --prepare ] || return 0

  if [ ! -x "$binary" ]; then
    sum=$SHA256_AMD64
    [ "$(architecture)" = amd64 ] || sum=$SHA256_ARM64
    download "$VERSION" "$sum"
    install_binary
  fi
  if [ -n "$PREDECESSOR" ]; then
    wait_for "$patience" "the control plane at $PREDECESSOR is a member of the cluster, with its certificate" answers "$PREDECESSOR" ||
      fail "nothing to join. Look at \"journalctl --unit k3s\" there."
  else
    join_what_is_there
  fi
  systemctl is-active --quiet k3s.service || start_anew || {
    journalctl --no-pager --lines 20 --unit k3s.service >&2
    fail "k3s does not start; above are its last words."
  }
}

status() {
  installed=$(release)
  state=$(systemctl is-active k3s.service || true)
  if [ "${1:-}" = --json ]; then
    [ -z "$installed" ] || installed=\"$installed\"
    printf '{"role":"%s","version":%s,"state":"%s","address":"%s"}\n' "$ROLE" "${installed:-null}" "$state" "$ADDRESS"
  else
    echo "$ROLE at $ADDRESS: k3s ${installed:-not installed}, $state"
  fi
}

upgrade() {
  [ "$#" -ge 1 ] || fail "which release? k3s-node upgrade VERSION [--sha256 SUM]"
  wanted=$1
  sum=
  if [ "${2:-}" = --sha256 ]; then
    sum=${3:-}
    echo "$sum" | grep -Eqx '[0-9a-f]{64}' || fail "a SHA-256 has 64 hexadecimal digits in lower case."
  fi
  echo "$wanted" | grep -Eqx 'v1\.[0-9]+\.[0-9]+\+k3s[0-9]+' || fail "a release is written like v1.36.4+k3s1, not $wanted."
  [ -x "$binary" ] || fail "k3s is not installed here: k3s-node setup"
  if [ "$(release)" = "$wanted" ] && systemctl is-active --quiet k3s.service; then
    note "k3s is $wanted already."
    return 0
  fi
  note "fetching k3s $wanted"
  download "$wanted" "$sum"
  cp -p "$binary" "$binary.previous"
  install_binary
  note "restarting k3s"
  if start_anew && [ "$(release)" = "$wanted" ]; then
    sed -i -e "s|^VERSION=.*|VERSION=$wanted|" -e "s|^SHA256_$(architecture | tr '[:lower:]' '[:upper:]')=.*|SHA256_$(architecture | tr '[:lower:]' '[:upper:]')=$found|" \
      /etc/k3s-node/settings
    note "k3s is $wanted."
    return 0
  fi
  journalctl --no-pager --lines 20 --unit k3s.service >&2 || true
  install -m 0755 "$binary.previous" "$binary"
  start_anew || fail "k3s $wanted did not start, and the release before, which is back, does not either."
  fail "k3s $wanted did not start; $(release) is back and runs."
}

# accepted_somewhere PASSWORD: whether a control plane lets nodes join with it.
accepted_somewhere() {
  for server in $SERVERS; do
    ! answers "$server" "$1" || return 0
  done
  return 1
}

# Where the cluster keeps its token there is one, and each node has it in files: first it changes there, once, then here.
token() {
  IFS= read -r new || [ -n "${new:-}" ] || fail "the new password is expected on standard input."
  echo "$new" | grep -Eqx '[A-Za-z0-9_-]{16,128}' || fail "the new password has 16 to 128 letters, digits, dashes and underscores."
  if ! accepted_somewhere "$new"; then
    [ "$ROLE" = server ] || fail "no control plane knows the new token yet: change it there first."
    answers "$ADDRESS" || fail "this control plane does not accept the token that it has."
    printf 'user = "server:%s"\nrequest = "PUT"\ndata = "{\\"newToken\\":\\"%s\\"}"\n' "$(password)" "$new" |
      curl --config - --silent --show-error --fail --max-time 60 --cacert "$authority" --output /dev/null \
        "https://$ADDRESS:6443/v1-k3s/token" || fail "the cluster has refused the new token; nothing has changed."
    note "the cluster has the new token."
  fi
  for file in "$folder/token" "$folder/join-token"; do
    [ -e "$file" ] || continue
    prefix=$(sed -n 's/^\(K10[0-9a-f]*::server:\).*/\1/p' "$file")
    printf '%s%s\n' "$prefix" "$new" >"$file.new"
    mv "$file.new" "$file"
  done
  start_anew || fail "k3s does not start with the new token; it is in $folder/token."
  note "this node has the new token."
}

command=${1:-}
[ "$#" -eq 0 ] || shift
case $command in
  setup) setup "$@" ;;
  status) status "$@" ;;
  upgrade) upgrade "$@" ;;
  token) token ;;
  *)
    sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
