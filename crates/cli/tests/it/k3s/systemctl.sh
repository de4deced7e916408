#!/bin/sh
# Stands for systemctl where the only service is the stand-in for k3s of one node: $NODE is its folder and $ROLE its role. It
# answers what k3s-node asks, and nothing else.
set -eu

run=$NODE/run
mkdir -p "$run"

alive() {
    [ -e "$run/pid" ] && pid=$(cat "$run/pid") && [ -r "/proc/$pid/status" ] &&
        ! grep -q '^State:[[:space:]]*[ZX]' "/proc/$pid/status"
}

case $* in
"show --property=InvocationID --value k3s.service") cat "$run/starts" 2>/dev/null || echo 0 ;;
"show --property=NRestarts --value k3s.service") echo 0 ;;
"is-active --quiet k3s.service") alive && grep -q '^k3s stand-in: ready' "$run/log" ;;
"is-failed --quiet k3s.service") ! alive ;;
"daemon-reload" | "enable --quiet k3s.service" | "reset-failed k3s.service") ;;
"stop k3s.service" | "restart --no-block k3s.service")
    tries=0
    while alive; do
        kill "$pid" 2>/dev/null || true
        tries=$((tries + 1))
        [ "$tries" -lt 200 ] || exit 1
        sleep 0.05
    done
    [ "$1" = restart ] || exit 0
    echo $(($(cat "$run/starts" 2>/dev/null || echo 0) + 1)) >"$run/starts"
    K3S_STAND_IN_ROOT=$NODE "$NODE/bin/k3s" "$ROLE" </dev/null >/dev/null 2>"$run/log" &
    echo $! >"$run/pid"
    ;;
*)
    echo "nobody said what systemctl answers to: $*" >&2
    exit 2
    ;;
esac
