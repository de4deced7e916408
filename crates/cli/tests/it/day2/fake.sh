#!/bin/sh
# Stands for ssh and for kubectl: writes down what it is asked, changes a cluster made of files, and fails as it is told.
#
# $FAKE/log      what was asked, a line each: "kubectl WORDS" or "ssh HOST WORDS"
# $FAKE/faults   lines "CODE N PATTERN": what fits fails with that code, but for the first N times. Each is used once.
# $FAKE/answers  files: a pattern on the first line, the exit code on the second, standard output behind
# $FAKE/nodes    a file for each node: version, ready, cordoned, annotated
# $FAKE/stdin    what was last read, and $FAKE/stdin.N what the Nth request read
set -u

me=$(basename "$0")

# What is asked becomes a line of the log, without what differs from run to run.
asked=$me
config=
host=
forward=
while [ $# -gt 0 ]; do
    case "$me $1" in
    "ssh -F") config=$2 && shift ;;
    "ssh -o") shift ;;
    "ssh -N" | "ssh --") ;;
    "ssh -L") forward=$2 && shift ;;
    "kubectl --kubeconfig="*) cp "${1#--kubeconfig=}" "$FAKE/kubeconfig" 2>/dev/null ;;
    "kubectl --cache-dir="*) ;;
    "kubectl --context="*) echo "${1#--context=}" >"$FAKE/context" ;;
    "ssh "*) if [ -z "$host" ]; then host=$1 && asked="$asked $1"; else asked="$asked $1"; fi ;;
    *) asked="$asked $1" ;;
    esac
    shift
done
[ -z "$forward" ] || asked="ssh $host tunnel"

[ -n "$forward" ] || cat >"$FAKE/stdin.of.$$"

# Several are asked at once: each writes its line and looks for its fault alone. Whoever was killed meanwhile is not waited for.
waited=0
until mkdir "$FAKE/alone" 2>/dev/null; do
    waited=$((waited + 1))
    [ "$waited" -lt 500 ] || break
    sleep 0.01
done

printf '%s\n' "$asked" >>"$FAKE/log"
number=$(wc -l <"$FAKE/log" | tr -d ' ')
[ -n "$forward" ] || mv "$FAKE/stdin.of.$$" "$FAKE/stdin.$number"
cp "$FAKE/stdin.$number" "$FAKE/stdin" 2>/dev/null
if [ -n "$config" ]; then
    cp "$config" "$FAKE/config"
    cp "$(dirname "$config")/known_hosts" "$FAKE/known_hosts"
    rm -f "$FAKE/key"
    key=$(sed -n 's/^  IdentityFile "\(.*\)"$/\1/p' "$config")
    if [ -n "$key" ]; then
        cp "$key" "$FAKE/key"
        stat -c %a "$key" >"$FAKE/key-mode"
    fi
fi

if [ -s "$FAKE/faults" ]; then
    line=0
    cp "$FAKE/faults" "$FAKE/faults.now"
    while read -r code skip pattern; do
        line=$((line + 1))
        # shellcheck disable=SC2254 # It is a pattern.
        case $asked in
        $pattern)
            if [ "$skip" -gt 0 ]; then
                sed -i "${line}s/.*/$code $((skip - 1)) $pattern/" "$FAKE/faults"
                continue
            fi
            sed -i "${line}d" "$FAKE/faults"
            rmdir "$FAKE/alone"
            echo "the fake $me was told to fail" >&2
            exit "$code"
            ;;
        esac
    done <"$FAKE/faults.now"
fi
rmdir "$FAKE/alone" 2>/dev/null

if [ -n "$forward" ]; then
    port=${forward#127.0.0.1:}
    # Anything that listens there will do.
    exec "$FERROFORM" cloud serve --listen="127.0.0.1:${port%%:*}" >/dev/null 2>&1
fi

case $asked in
"kubectl kustomize "*) [ -z "${KUBECTL:-}" ] || exec "$KUBECTL" kustomize "${asked#kubectl kustomize }" ;;
esac

for answer in "$FAKE"/answers/*; do
    [ -e "$answer" ] || continue
    pattern=$(sed -n 1p "$answer")
    # shellcheck disable=SC2254 # It is a pattern.
    case $asked in
    $pattern)
        tail -n +3 "$answer"
        code=$(sed -n 2p "$answer")
        [ "$code" = 0 ] || echo "as the answer says" >&2
        exit "$code"
        ;;
    esac
done

# set_node NAME FIELD VALUE
set_node() {
    file=$FAKE/nodes/$1
    if [ ! -e "$file" ]; then
        echo "Error from server (NotFound): nodes \"$1\" not found" >&2
        exit 1
    fi
    sed -i "s/^$2=.*/$2=$3/" "$file"
}

# node NAME: as the API shows it
node() {
    (
        version='' ready='' cordoned='' annotated='' control=''
        # shellcheck disable=SC1090 # One of the cluster's files.
        . "$FAKE/nodes/$1"
        annotations='{}'
        [ "$annotated" = false ] || annotations='{"ferroform-upgrade":"x"}'
        labels='{}'
        [ "$control" = false ] || labels='{"node-role.kubernetes.io/control-plane":"true"}'
        printf '{"metadata":{"name":"%s","labels":%s,"annotations":%s},"spec":{"unschedulable":%s},"status":{' \
            "$1" "$labels" "$annotations" "$cordoned"
        status=True
        [ "$ready" = true ] || status=False
        printf '"conditions":[{"type":"Ready","status":"%s"}],"nodeInfo":{"kubeletVersion":"%s"},"addresses":[]}}' \
            "$status" "$version"
    )
}

nodes() {
    printf '{"items":['
    comma=
    for file in "$FAKE"/nodes/*; do
        printf '%s' "$comma"
        node "$(basename "$file")"
        comma=,
    done
    printf ']}\n'
}

case $asked in
"kubectl get nodes "* | ssh*" k3s kubectl get nodes "*) nodes ;;
"kubectl get node "*)
    rest=${asked#kubectl get node }
    node "${rest%% *}"
    ;;
"kubectl patch node "*)
    rest=${asked#kubectl patch node }
    case $asked in
    *'"unschedulable":true'*) yes=true ;;
    *) yes=false ;;
    esac
    set_node "${rest%% *}" cordoned "$yes"
    set_node "${rest%% *}" annotated "$yes"
    ;;
"kubectl drain "*) ;;
"ssh "*" /usr/local/sbin/k3s-node upgrade "*)
    rest=${asked#*upgrade }
    set_node "$host" version "${rest%% *}"
    ;;
"ssh "*) echo "nobody said what ssh answers to: $asked" >&2 && exit 127 ;;
*) echo "nobody said what kubectl answers to: $asked" >&2 && exit 1 ;;
esac
