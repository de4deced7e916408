"""Makes backups, removes those that are too old, and tells of them."""

import contextlib
import datetime
import json
import os
import time

from .common import UTC, Failure, now, rfc3339, run, say, sum_of, write_file
from .server import ROLES, count, literal
from .store import FORMAT, SEGMENT, encode


def make(store):
    """Makes a dump, and a base backup if points in time are wanted; the dump's manifest."""
    moment = now()
    name = f"{store.database}-{moment.strftime('%Y%m%dT%H%M%SZ')}"
    if name in store.manifests("dumps"):
        raise Failure(f"there is a backup of this second already: {name}")
    size = int(store.server.ask("SELECT sum(pg_database_size(oid)) FROM pg_database;"))
    # Compressed it is smaller; half is rarely exceeded.
    store.need_space(size // 2)
    common = {
        "format": FORMAT,
        "name": name,
        "database": store.database,
        "created_at": rfc3339(moment),
        "system": store.server.system(),
        "server_version": int(store.server.ask("SHOW server_version_num;")),
        "cluster_size": size,
    }

    say(f"dumping {store.database}")
    words = store.server.client("pg_dump", "--format=custom")
    with store.server.session(store.database) as (ask, snapshot):
        # The same moment for the dump and for what the manifest says about it.
        parts = write_output(store, "dumps", name, [*words, f"--snapshot={snapshot}", store.database])
        parts |= {"roles": json.loads(ask(ROLES)), "tables": count(ask)}
    manifest = common | parts
    write_file(store.dumps / f"{name}.json", encode(manifest))

    if store.point_in_time_days > 0:
        make_base(store, name, common)
    store.server.ask(
        f"INSERT INTO pg_backup_status VALUES ({literal(name)}, now(), {manifest['size']});"
        " DELETE FROM pg_backup_status WHERE finished_at < now() - interval '400 days';"
    )
    prune(store)
    return manifest


def make_base(store, name, common):
    say("making a base backup")
    # Whatever is written from here on is needed to restore it.
    first = store.server.ask("SELECT pg_walfile_name(pg_current_wal_lsn());")
    # Without WAL of its own it waits until its WAL is in the archive.
    options = ["--format=tar", "--gzip", "--wal-method=none", "--checkpoint=fast", f"--label={name}", "--pgdata=-"]
    parts = write_output(store, "base", name, store.server.client("pg_basebackup", *options))
    # Rounded up: only later moments can be restored from it.
    finished = rfc3339(now() + datetime.timedelta(seconds=1))
    write_file(store.base / f"{name}.json", encode(common | parts | {"first_wal": first, "finished_at": finished}))


def write_output(store, folder, name, words):
    """Writes what a program prints to the file of a backup; size and sum of it."""
    path = store.path(folder, name)
    partial = path.with_name(path.name + ".partial")
    with open(partial, "wb") as file:
        run(words[0].name, words, stdout=file)
        os.fsync(file.fileno())
    partial.replace(path)
    return {"size": path.stat().st_size, "sha256": sum_of(path)}


def prune(store):
    """Removes what is too old: never all, however long ago the last backup was made."""
    dumps = store.manifests("dumps")
    days = sorted({manifest["created_at"][:10] for manifest in dumps.values()})
    for name, manifest in dumps.items():
        if manifest["created_at"][:10] not in days[-store.keep_days :]:
            say(f"removing {name}")
            remove(store, "dumps", name)

    bases = store.manifests("base")
    horizon = rfc3339(now() - datetime.timedelta(days=store.point_in_time_days))
    # The last one from before the horizon is needed for the moments after it.
    for name in [name for name, manifest in bases.items() if manifest["created_at"] <= horizon][:-1]:
        say(f"removing the base backup {name}")
        remove(store, "base", name)
        del bases[name]

    for folder in store.wal.iterdir():
        first = min((base["first_wal"][8:] for base in bases.values() if base["system"] == folder.name), default=None)
        for path in folder.iterdir():
            segment = SEGMENT.match(path.name)
            # Without a base backup a segment is of no use but to one that is about to be made.
            is_old = path.stat().st_mtime < time.time() - 86400 * max(1, store.point_in_time_days)
            if segment and (segment[1] < first if first else is_old):
                path.unlink()


def remove(store, folder, name):
    path = store.path(folder, name)
    path.with_name(f"{name}.json").unlink(missing_ok=True)
    path.unlink(missing_ok=True)


def overview(store):
    keys = ["name", "size", "sha256", "created_at"]
    backups = [
        {key: manifest[key] for key in keys} | {"location": location}
        for manifest, location in store.backups().values()
    ]
    return {"backups": backups, "keep_days": store.keep_days, "next": next_run(), "wal": archive(store)}


def archive(store):
    """How the WAL archive stands; None when there is none."""
    if store.point_in_time_days == 0:
        return None
    try:
        told = store.server.ask(
            "SELECT json_build_object('archiving', current_setting('archive_mode') = 'on'"
            " AND (last_failed_time IS NULL OR last_failed_time < last_archived_time), 'last',"
            " to_char(last_archived_time AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')) FROM pg_stat_archiver;"
        )
        return json.loads(told)
    except Failure as failure:
        say(f"pg-backup: {failure}")
        return {"archiving": False, "last": None}


def next_run():
    """When the timer makes the next backup; None when it is not running."""
    words = ["systemctl", "list-timers", "pg-backup.timer", "--output=json"]
    with contextlib.suppress(Failure, ValueError, LookupError, TypeError):
        timer = json.loads(run("systemctl", words, as_root=True))[0]
        return rfc3339(datetime.datetime.fromtimestamp(timer["next"] / 1_000_000, UTC))
    return None
