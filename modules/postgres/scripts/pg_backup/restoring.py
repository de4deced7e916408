"""Restores backups and moments, and shows that they can be restored."""

import contextlib
import re
import secrets
import shutil
import subprocess
import time

from .common import UTC, Failure, now, parse_moment, rfc3339, run, say
from .server import Server, count, identifier, literal
from .store import SEGMENT


def verify(store, name):
    """Reads a whole backup. None if it is in order, otherwise what is wrong."""
    try:
        manifest, dump = store.named(name)
        store.check(dump, manifest)
        with open(dump, "rb") as file:
            # Every block is unpacked.
            run("pg_restore", [store.server.binaries / "pg_restore", "--file=/dev/null"], stdin=file)
        base = store.manifests("base").get(manifest["name"])
        if base:
            store.check(store.path("base", manifest["name"]), base)
        if dump.parent == store.scratch:
            # There may be many.
            dump.unlink()
        return None
    except Failure as failure:
        return str(failure)


def drill(store, name):
    """Restores a dump into a scratch database and compares every table with what it was when the dump was made."""
    manifest, dump = store.named(name)
    scratch = f"{store.database}_drill_{secrets.token_hex(4)}"
    say(f"restoring {manifest['name']} into {scratch}")
    store.check(dump, manifest)
    load(store, manifest, dump, scratch)
    try:
        with store.server.session(scratch) as (ask, _):
            restored = {table["table"]: table for table in count(ask)}
    finally:
        store.server.drop(scratch)
    written = {table["table"]: table for table in manifest["tables"]}
    tables = [
        {
            "table": table,
            "rows_backup": written.get(table, {}).get("rows"),
            "rows_restored": restored.get(table, {}).get("rows"),
            "same": written.get(table) == restored.get(table),
        }
        for table in sorted(written.keys() | restored.keys())
    ]
    return {"name": manifest["name"], "tables": tables, "ok": all(table["same"] for table in tables)}


def restore(store, name, into, at):
    """Restores into a new database, or puts what it restored in the place of the one in use."""
    if into is not None:
        if not re.match(r"^[a-z_][a-z0-9_]{0,62}$", into):
            raise Failure(f"{into!r} is no name of a database here: lower-case letters, digits and underscores")
        if store.server.exists(into):
            raise Failure(
                f"there is a database {into} already: name another, or leave out --into to replace {store.database}"
            )
    stamp = now().strftime("%Y%m%d_%H%M%S")
    target = into or f"{store.database}_restored_{stamp}"
    if at is None:
        manifest, dump = store.named(name)
        say(f"restoring {manifest['name']}")
        store.check(dump, manifest)
        load(store, manifest, dump, target)
    else:
        with recovered(store, name, parse_moment(at)) as (manifest, dump):
            load(store, manifest, dump, target)
    if into is not None:
        say(f"restored into {into}")
        return
    kept = f"{store.database}_before_{stamp}"
    if exchange(store, target, kept):
        say(f"restored {store.database}; what was there is kept as {kept}. To remove it: DROP DATABASE {kept}")
    else:
        say(f"restored {store.database}")


def load(store, manifest, dump, target):
    """Restores a dump into a new database, or leaves none."""
    server = store.server
    store.need_space(manifest["cluster_size"])
    for role in manifest["roles"]:
        create = f"CREATE ROLE {identifier(role['name'])}{' LOGIN' if role['login'] else ''}"
        server.ask(
            f"SELECT {literal(create)}"
            f" WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {literal(role['name'])}) \\gexec"
        )
    server.ask(f"CREATE DATABASE {identifier(target)} OWNER {identifier(store.owner)} TEMPLATE template0;")
    try:
        server.ask(f"REVOKE CONNECT ON DATABASE {identifier(target)} FROM PUBLIC;")
        with open(dump, "rb") as file:
            run("pg_restore", server.client("pg_restore", "--exit-on-error", "--dbname", target), stdin=file)
        server.ask("ANALYZE;", target)
    except BaseException:
        server.drop(target)
        raise


def exchange(store, target, kept):
    """Puts a database in the place of the one in use, which keeps another name; whether there was one."""
    server = store.server
    old, new, is_there = identifier(store.database), identifier(target), server.exists(store.database)
    names = [f"ALTER DATABASE {new} RENAME TO {old};"]
    if is_there:
        # Nobody comes back between the end of the connections and the new names.
        server.ask(f"ALTER DATABASE {old} WITH ALLOW_CONNECTIONS false;")
        names.insert(0, f"ALTER DATABASE {old} RENAME TO {identifier(kept)};")
    try:
        server.ask(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
            f" WHERE datname IN ({literal(store.database)}, {literal(target)});"
            f" BEGIN; {' '.join(names)} COMMIT;"
        )
    except Failure as failure:
        if is_there:
            server.ask(f"ALTER DATABASE {old} WITH ALLOW_CONNECTIONS true;")
        raise Failure(f"{failure}. {store.database} is as it was; the restored database is {target}") from failure
    if is_there:
        server.ask(f"ALTER DATABASE {identifier(kept)} WITH ALLOW_CONNECTIONS true;")
    return is_there


@contextlib.contextmanager
def recovered(store, name, moment):
    """The database as it was at a moment, as a dump: a second PostgreSQL, which nobody reaches, replays the archive."""
    base, archive = base_for(store, name, moment)
    store.check(archive, base)
    store.need_space(2 * base["cluster_size"])
    complete_archive(store, base)

    home = store.scratch / f"recovery-{secrets.token_hex(4)}"
    data = home / "data"
    for folder in [home, data]:
        folder.mkdir(mode=0o700)
        shutil.chown(folder, "postgres", "postgres")
    say(f"recovering {base['name']} up to {rfc3339(moment)}")
    control = [store.server.binaries / "pg_ctl", "--pgdata", data, "--silent"]
    try:
        with open(archive, "rb") as file:
            run("tar", ["tar", "--extract", "--gzip", "--directory", data], stdin=file)
        run("pg_verifybackup", [store.server.binaries / "pg_verifybackup", "--no-parse-wal", "--quiet", data])
        prepare(store, home, data, base, moment)
        server = Server(store.version, home)
        start(server, home, control, moment)
        dump = home / "dump"
        with open(dump, "wb") as file:
            run("pg_dump", server.client("pg_dump", "--format=custom", store.database), stdout=file)
        roles = server.roles()
        run("pg_ctl", [*control, "--mode=immediate", "stop"])
        # Room for what is restored from the dump.
        shutil.rmtree(data)
        yield {"cluster_size": base["cluster_size"], "roles": roles}, dump
    finally:
        if (data / "postmaster.pid").exists():
            with contextlib.suppress(Failure):
                run("pg_ctl", [*control, "--mode=immediate", "stop"])
        shutil.rmtree(home, ignore_errors=True)


def base_for(store, name, moment):
    """The last base backup that was finished before a moment: manifest and file."""
    if moment > now():
        raise Failure(f"{rfc3339(moment)} is in the future")
    bases = store.backups("base")
    if name != "latest":
        bases = {known: base for known, base in bases.items() if known == name}
    fit = [found for found in bases.values() if parse_moment(found[0]["finished_at"]) <= moment]
    if not fit:
        earliest = min((base["finished_at"] for base, _ in bases.values()), default=None)
        which = "base backup" if name == "latest" else f"base backup {name}"
        hint = f"; the earliest moment is {earliest}" if earliest else ""
        raise Failure(f"there is no {which} that was finished before {rfc3339(moment)}{hint}")
    base, location = fit[-1]
    return base, store.found("base", base, location)


def prepare(store, home, data, base, moment):
    """Settings of the second PostgreSQL. It listens nowhere but in a directory of its own, and archives nothing."""
    settings = {
        "listen_addresses": "",
        "port": "5432",
        "unix_socket_directories": str(home),
        "hba_file": str(home / "hba"),
        "ident_file": str(home / "ident"),
        "archive_mode": "off",
        # Connections are taken when it is done, and not before.
        "hot_standby": "off",
        "fsync": "off",
        "shared_buffers": "128MB",
        "max_wal_size": "1GB",
        "log_min_error_statement": "panic",
        "restore_command": f'gzip -dc "{store.wal / base["system"]}/%f.gz" >"%p"',
        "recovery_target_time": moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f+00"),
        "recovery_target_action": "promote",
    }
    files = {
        data / "postgresql.conf": "".join(f"{key} = {literal(value)}\n" for key, value in settings.items()),
        # It came with the base backup, and has settings of the real one.
        data / "postgresql.auto.conf": "",
        data / "recovery.signal": "",
        home / "hba": "local all postgres peer\n",
        home / "ident": "",
    }
    for path, content in files.items():
        path.write_text(content, encoding="utf-8")
        shutil.chown(path, "postgres", "postgres")


def start(server, home, control, moment):
    """Starts it and waits until it has replayed everything up to the moment."""
    log = home / "log"
    try:
        # It has done its start before it has done its recovery, so it is asked again and again.
        run("recovery", [*control, "--log", log, "start"], stdout=subprocess.DEVNULL)
        until = time.monotonic() + 6 * 3600
        while True:
            with contextlib.suppress(Failure):
                server.ask("SELECT 1;")
                return
            run("recovery", [*control, "status"])
            if time.monotonic() > until:
                raise Failure("it has not come to an end after six hours")
            time.sleep(0.5)
    except Failure as failure:
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        if any("recovery ended before configured recovery target was reached" in line for line in lines):
            last = [line.split(" at log time ", 1)[1] for line in lines if "last completed transaction was at" in line]
            ends = f"; its last transaction was at {last[-1]}" if last else ""
            raise Failure(f"the WAL archive ends before {rfc3339(moment)}{ends}: choose an earlier moment") from failure
        fatal = [line for line in lines if "FATAL" in line or "PANIC" in line]
        raise Failure(f"recovery failed: {(fatal or [str(failure)])[-1]}") from failure


def complete_archive(store, base):
    """Brings to where recovery looks for it what is not in the archive yet, or is in object storage only."""
    folder = store.wal / base["system"]
    # A server that does not run has nothing to archive.
    with contextlib.suppress(Failure):
        if store.server.system() == base["system"]:
            # The transaction marks in the WAL that nothing is missing up to now.
            told = store.server.ask("SELECT pg_current_xact_id(); SELECT pg_walfile_name(pg_switch_wal());")
            segment = told.split()[-1]
            until = time.monotonic() + 120
            while not (folder / f"{segment}.gz").exists() and time.monotonic() < until:
                time.sleep(0.2)
    if not store.remote:
        return
    folder.mkdir(mode=0o700, exist_ok=True)
    shutil.chown(folder, "postgres", "postgres")
    for key in sorted(store.remote.keys(f"wal/{base['system']}")):
        path = store.directory / key
        segment = SEGMENT.match(path.name)
        if path.parent != folder or path.exists() or (segment and segment[1] < base["first_wal"][8:]):
            continue
        store.remote.run("get", key, path)
        shutil.chown(path, "postgres", "postgres")
