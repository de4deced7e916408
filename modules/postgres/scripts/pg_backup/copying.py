"""Copies to object storage what is not there yet, and removes from there what is too old."""

import datetime
import re

from .common import Failure, now
from .store import SEGMENT, SUFFIX

STAMP = re.compile(r"-(\d{8}T\d{6}Z)\.(?:json|dump|tar\.gz)$")


def copy(store):
    """Copies WAL first, since nothing else has what it has."""
    if not store.remote:
        raise Failure("no object storage is configured for this machine")
    with store.lock("sync"):
        there = {folder: store.remote.keys(folder) for folder in ["wal", *SUFFIX]}
        keys = [f"wal/{path.parent.name}/{path.name}" for path in sorted(store.wal.glob("*/*.gz"))]
        for folder, suffix in SUFFIX.items():
            for name in store.manifests(folder):
                # The manifest last: what has none is not whole.
                keys += [f"{folder}/{name}{suffix}", f"{folder}/{name}.json"]
        for key in keys:
            path = store.directory / key
            try:
                if there[key.split("/")[0]].get(key) != path.stat().st_size:
                    store.remote.run("put", path, key)
            except (Failure, FileNotFoundError):
                # What was removed meanwhile need not be copied any more.
                if path.exists():
                    raise
        if store.remote.keep_days is not None:
            prune(store, there)


def prune(store, there):
    horizon = (now() - datetime.timedelta(days=store.remote.keep_days)).strftime("%Y%m%dT%H%M%SZ")
    old = []
    for folder in SUFFIX:
        stamps = {key: match[1] for key in there[folder] if (match := STAMP.search(key))}
        # Never the newest, however old it is, nor what the machine itself still keeps.
        newest = max(stamps.values(), default=None)
        old += [
            key
            for key, stamp in stamps.items()
            if stamp < horizon and stamp != newest and not (store.directory / key).exists()
        ]
    # Manifests first: a backup without one is none.
    for key in sorted(old, key=lambda key: not key.endswith(".json")):
        store.remote.run("delete", key)

    # WAL from before the oldest base backup is of no use. Only of clusters that have a base backup there.
    firsts = {}
    local = store.manifests("base")
    for key in there["base"]:
        if key.endswith(".json") and key not in old:
            name = key.removeprefix("base/").removesuffix(".json")
            manifest = local.get(name) or store.remote_manifest("base", name)
            first = manifest["first_wal"][8:]
            firsts[manifest["system"]] = min(firsts.get(manifest["system"], first), first)
    for key in there["wal"]:
        _, system, name = (key.split("/") + ["", ""])[:3]
        segment = SEGMENT.match(name)
        is_needed = segment is None or system not in firsts or segment[1] >= firsts[system]
        if not is_needed and not (store.directory / key).exists():
            store.remote.run("delete", key)
