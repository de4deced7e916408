#!/usr/bin/python3
"""Backups of one PostgreSQL database: dumps, base backups and the WAL archive, on the volume and in object storage.

    pg-backup now [--json]                    makes a dump and a base backup, removes what is too old, copies
    pg-backup list --json
    pg-backup verify NAME|latest|all [--json] exit code 1 if anything is damaged
    pg-backup restore NAME|latest [--into DATABASE] [--at RFC3339]
    pg-backup drill NAME|latest [--json]      restores into a scratch database and compares every table
    pg-backup fetch NAME|latest               the dump on standard output
    pg-backup password                        reads a new password of the owner from standard input, sets it
    pg-backup sync                            copies to object storage what is not there yet

Runs as root. What goes on and what went wrong is on standard error, results are on standard output.
"""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, "/usr/local/lib/pg-backup")
from pg_backup import copying, making, restoring  # noqa: E402
from pg_backup.common import Failure, say  # noqa: E402
from pg_backup.server import scram_verifier  # noqa: E402
from pg_backup.store import Store  # noqa: E402

SETTINGS = pathlib.Path("/etc/postgres-setup")


def arguments():
    parser = argparse.ArgumentParser(prog="pg-backup", description="Backups of one PostgreSQL database.")
    commands = parser.add_subparsers(dest="command", required=True)

    def command(name, description, *, target=None, as_json=False):
        added = commands.add_parser(name, help=description, description=description)
        if target:
            added.add_argument("name", metavar=target)
        if as_json:
            added.add_argument("--json", action="store_true", help="one JSON document on standard output")
        return added

    command("now", "makes a backup, removes what is too old, copies to object storage", as_json=True)
    command("list", "lists the backups", as_json=True)
    command("verify", "reads backups and compares their checksums", target="NAME|latest|all", as_json=True)
    restore = command("restore", "restores a backup, or a moment", target="NAME|latest")
    restore.add_argument("--into", metavar="DATABASE", help="a new database, instead of replacing the one in use")
    restore.add_argument("--at", metavar="RFC3339", help="the moment to restore, by base backup and WAL archive")
    command("drill", "restores a backup into a scratch database and compares", target="NAME|latest", as_json=True)
    command("fetch", "writes a dump to standard output", target="NAME|latest")
    command("password", "reads a new password of the owner from standard input")
    command("sync", "copies to object storage what is not there yet")
    return parser.parse_args()


def show(wanted, document, lines):
    print(json.dumps(document) if wanted.json else "\n".join(lines))


def make(store, wanted):
    with store.lock():
        made = making.make(store)
    told = {key: made[key] for key in ["name", "database", "size", "sha256", "created_at"]}
    show(wanted, told, [f"{made['name']}: {made['size']} bytes"])
    if store.remote:
        try:
            copying.copy(store)
        except Failure as failure:
            raise Failure(f"the backup is on the volume, but not in object storage: {failure}") from failure
    return 0


def show_list(store, wanted):
    listed = making.overview(store)
    show(wanted, listed, [f"{item['name']}  {item['size']:>14}  {item['location']}" for item in listed["backups"]])
    return 0


def verify(store, wanted):
    with store.lock():
        names = list(store.backups())
        if not names:
            raise Failure("there is no backup: make one with pg-backup now")
        wanted_names = {"all": names, "latest": names[-1:]}.get(wanted.name, [wanted.name])
        errors = {name: restoring.verify(store, name) for name in wanted_names}
    results = [{"name": name, "ok": error is None, "error": error} for name, error in errors.items()]
    show(wanted, {"results": results}, [f"{item['name']}: {item['error'] or 'in order'}" for item in results])
    return 0 if all(item["ok"] for item in results) else 1


def restore(store, wanted):
    with store.lock():
        restoring.restore(store, wanted.name, wanted.into, wanted.at)
    return 0


def drill(store, wanted):
    with store.lock():
        told = restoring.drill(store, wanted.name)
    lines = [
        f"{item['table']}: {item['rows_backup']} rows, {item['rows_restored']} restored, "
        + ("same" if item["same"] else "DIFFERENT")
        for item in told["tables"]
    ]
    show(wanted, told, lines)
    return 0 if told["ok"] else 1


def fetch(store, wanted):
    with store.lock():
        manifest, dump = store.named(wanted.name)
        store.check(dump, manifest)
        file = open(dump, "rb")
    # Whoever reads slowly does not keep others from the lock.
    with file:
        shutil.copyfileobj(file, sys.stdout.buffer)
    return 0


def set_password(store, _wanted):
    password = sys.stdin.readline().rstrip("\n")
    store.server.set_password(store.owner, scram_verifier(password))
    # setup-postgres sets what is here.
    store.write(SETTINGS / "postgres.password", f"{password}\n".encode())
    say(f"the password of {store.owner} is set")
    return 0


def sync(store, _wanted):
    copying.copy(store)
    return 0


COMMANDS = {
    "now": make,
    "list": show_list,
    "verify": verify,
    "restore": restore,
    "drill": drill,
    "fetch": fetch,
    "password": set_password,
    "sync": sync,
}


def main():
    os.umask(0o077)
    wanted = arguments()
    if os.geteuid() != 0:
        say("pg-backup: run it as root, which alone may read its configuration")
        return 1
    try:
        settings = json.loads((SETTINGS / "pg-backup.json").read_bytes())
        return COMMANDS[wanted.command](Store(settings), wanted)
    except Failure as failure:
        say(f"pg-backup: {failure}")
    except (OSError, ValueError, KeyError, subprocess.SubprocessError) as error:
        say(f"pg-backup: {type(error).__name__}: {error}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
