"""What backups there are, on the volume and in object storage.

On the volume, below `directory` of the configuration:

    dumps/NAME.dump    pg_dump's custom format                  dumps/NAME.json  its manifest
    base/NAME.tar.gz   the cluster's files, by pg_basebackup    base/NAME.json   its manifest
    wal/SYSTEM/        WAL segments by the cluster's identifier, written by pg-archive-wal

A manifest is written last: without it there is no backup. Object storage has the same names.
"""

import contextlib
import fcntl
import json
import pathlib
import re
import shutil
import time

from .common import Failure, run, say, sum_of, write_file
from .server import Server

FORMAT = 1
SUFFIX = {"dumps": ".dump", "base": ".tar.gz"}
# A segment, or the note of where a base backup began in it. The first group has no timeline, so that names compare.
SEGMENT = re.compile(r"^[0-9A-F]{8}([0-9A-F]{16})(\.[0-9A-F]{8}\.backup)?\.gz$")
NAME = re.compile(r"^[a-z0-9_]+-\d{8}T\d{6}Z$")


class ObjectStorage:
    """The bucket, by the program object-storage."""

    def __init__(self, keep_days):
        self.keep_days = keep_days

    def run(self, *words):
        return run("object storage", ["object-storage", *words], as_root=True)

    def keys(self, folder):
        """Keys below a folder with the sizes of their objects."""
        pairs = (line.split(" ", 1) for line in self.run("list", folder).decode().splitlines())
        return {key: int(size) for size, key in pairs}


class Store:
    def __init__(self, settings):
        self.database = settings["database"]
        self.owner = settings["owner"]
        self.keep_days = settings["keep_days"]
        self.point_in_time_days = settings["point_in_time_days"]
        self.version = settings["version"]
        self.directory = pathlib.Path(settings["directory"])
        self.dumps = self.directory / "dumps"
        self.base = self.directory / "base"
        self.wal = self.directory / "wal"
        self.scratch = self.directory / "scratch"
        self.server = Server(self.version)
        remote = settings["object_storage"]
        self.remote = ObjectStorage(remote["keep_days"]) if remote else None
        if not self.scratch.is_dir():
            raise Failure(f"{self.scratch} is not there: is the volume mounted, and has setup-postgres run?")

    write = staticmethod(write_file)

    def path(self, folder, name):
        return self.directory / folder / f"{name}{SUFFIX[folder]}"

    @contextlib.contextmanager
    def lock(self, name="lock", seconds=1800):
        """Makes sure that one is at work at a time. Another is waited for."""
        with open(self.directory / f".{name}", "w", encoding="ascii") as file:
            until = time.monotonic() + seconds
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() >= until:
                        message = f"another pg-backup has been at work for {seconds} seconds; see: pgrep -af pg-backup"
                        raise Failure(message) from None
                    time.sleep(0.5)
            if name != "lock":
                yield
                return
            # What a run that was killed has left goes at the beginning, and what this one fetched in the end.
            self.clean()
            try:
                yield
            finally:
                self.clean()

    def clean(self):
        for left in [*self.dumps.glob("*.partial"), *self.base.glob("*.partial"), *self.scratch.iterdir()]:
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        for folder, suffix in SUFFIX.items():
            for path in (self.directory / folder).glob(f"*{suffix}"):
                if not path.with_name(path.name.removesuffix(suffix) + ".json").exists():
                    path.unlink()

    def manifests(self, folder):
        """The backups on the volume by name, the newest last."""
        found = {}
        for path in (self.directory / folder).glob("*.json"):
            with contextlib.suppress(ValueError, FileNotFoundError):
                manifest = json.loads(path.read_bytes())
                if is_of(manifest, path.stem):
                    found[path.stem] = manifest
        return dict(sorted(found.items(), key=lambda item: (item[1]["created_at"], item[0])))

    def remote_manifest(self, folder, name):
        """A manifest that is in object storage only. It is kept, since it never changes."""
        cache = self.directory / ".remote"
        cache.mkdir(mode=0o700, exist_ok=True)
        path = cache / f"{folder}-{name}.json"
        if not path.exists():
            self.remote.run("get", f"{folder}/{name}.json", path)
        manifest = json.loads(path.read_bytes())
        if not is_of(manifest, name):
            raise Failure(f"the manifest of {name} in object storage has another format, or is of another backup")
        return manifest

    def backups(self, folder="dumps"):
        """Every backup with its manifest and its location, the oldest first."""
        local = self.manifests(folder)
        found = {name: (manifest, "disk") for name, manifest in local.items()}
        if self.remote:
            try:
                keys = self.remote.keys(folder)
                names = [key[len(folder) + 1 : -5] for key in keys if key.endswith(".json")]
                for name in names:
                    if not NAME.match(name) or f"{folder}/{name}{SUFFIX[folder]}" not in keys:
                        continue
                    if name in local:
                        found[name] = (local[name], "both")
                    else:
                        found[name] = (self.remote_manifest(folder, name), "object-storage")
            except Failure as failure:
                say(f"pg-backup: what is in object storage is not known now: {failure}")
        return dict(sorted(found.items(), key=lambda item: (item[1][0]["created_at"], item[0])))

    def named(self, name):
        """The backup that a name or `latest` stands for: manifest and file."""
        backups = self.backups()
        if not backups:
            raise Failure("there is no backup: make one with pg-backup now")
        name = list(backups)[-1] if name == "latest" else name
        if name not in backups:
            raise Failure(f"there is no backup {name}; there are: {', '.join(backups)}")
        manifest, location = backups[name]
        return manifest, self.found("dumps", manifest, location)

    def found(self, folder, manifest, location):
        """The file of a backup; one that is in object storage only is fetched until the lock is given back."""
        path = self.path(folder, manifest["name"])
        if location != "object-storage":
            return path
        say(f"fetching {path.name} from object storage")
        self.need_space(manifest["size"])
        fetched = self.scratch / path.name
        self.remote.run("get", f"{folder}/{path.name}", fetched)
        return fetched

    def need_space(self, size):
        """Refuses before the volume, which holds the database too, is full."""
        free, wanted = shutil.disk_usage(self.directory).free, size + (256 << 20)
        if free < wanted:
            raise Failure(
                f"{self.directory} has {free >> 20} MiB left, and {wanted >> 20} are needed: "
                "let the volume grow, or keep fewer backups"
            )

    def check(self, path, manifest):
        """Whether a file is what was written."""
        if not path.exists():
            raise Failure(f"{path} is missing")
        size = path.stat().st_size
        if size != manifest["size"]:
            raise Failure(f"{path} is damaged: it has {size} bytes, and {manifest['size']} were written")
        if sum_of(path) != manifest["sha256"]:
            raise Failure(f"{path} is damaged: its SHA-256 is not that of what was written")


def is_of(manifest, name):
    return isinstance(manifest, dict) and manifest.get("name") == name and manifest.get("format") == FORMAT


def encode(manifest):
    return (json.dumps(manifest, indent=1) + "\n").encode()
