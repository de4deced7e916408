#!/bin/sh
# Stands for ssh to nodes that are folders of this computer: $FOLDERS has one for each, with a file `environment`. A command is run
# with the environment of its node, and a tunnel leads to the node's own address.
set -eu

host=
forward=
while [ $# -gt 0 ]; do
    case $1 in
    -F | -o) shift ;;
    -L) forward=$2 && shift ;;
    -N) ;;
    --) shift && break ;;
    *) host=$1 ;;
    esac
    shift
done

echo "$host ${forward:+tunnel}$*" >>"$FOLDERS/log"
# shellcheck source=/dev/null
. "$FOLDERS/$host/environment"
export NODE ROLE ADDRESS K3S_STAND_IN_ROOT PATH
[ -n "$forward" ] || exec sh -c "$*"

port=${forward#*:}
exec python3 - "${port%%:*}" "$ADDRESS" "${forward##*:}" <<'PYTHON'
import socket
import sys
import threading

here, address, there = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])


def pass_on(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        for end in (source, target):
            end.close()


listener = socket.create_server(("127.0.0.1", here))
while True:
    caller, _ = listener.accept()
    try:
        callee = socket.create_connection((address, there), timeout=10)
    except OSError:
        caller.close()
        continue
    callee.settimeout(None)
    for ends in ((caller, callee), (callee, caller)):
        threading.Thread(target=pass_on, args=ends, daemon=True).start()
PYTHON
