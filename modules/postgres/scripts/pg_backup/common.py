"""What the other parts share: failures, moments, files, programs."""

import datetime
import hashlib
import os
import re
import subprocess
import sys

UTC = datetime.timezone.utc


class Failure(Exception):
    """What a person is told: what went wrong, and what to do."""


def say(text):
    print(text, file=sys.stderr, flush=True)


def now():
    return datetime.datetime.now(UTC)


def rfc3339(moment):
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_moment(text):
    """A moment with its zone, in the form of RFC 3339."""
    parts = re.match(r"^(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)$", text)
    if not parts:
        raise Failure(f"{text!r} is no moment with a zone, such as 2026-01-31T14:05:00Z")
    day, clock, fraction, zone = parts.groups()
    # Python 3.10 knows neither Z nor fractions of other lengths than 3 and 6.
    micro = f"{fraction or ''}000000"[:6]
    try:
        return datetime.datetime.fromisoformat(f"{day}T{clock}.{micro}{'+00:00' if zone in 'Zz' else zone}")
    except ValueError as error:
        raise Failure(f"{text!r} is no moment: {error}") from error


def sum_of(path):
    """SHA-256 of a file."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def write_file(path, data):
    """Writes a file so that it is there with all of its content, or not at all."""
    partial = path.with_name(path.name + ".partial")
    with open(partial, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def run(what, words, *, as_root=False, send=None, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE):
    """Runs a program, as the user postgres unless told otherwise, and returns its output. `send` goes to its input."""
    source = {"stdin": stdin} if send is None else {"input": send}
    done = subprocess.run(
        [str(word) for word in words], stdout=stdout, stderr=subprocess.PIPE, cwd="/", check=False,
        **source, **({} if as_root else POSTGRES),
    )
    if done.returncode != 0:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise Failure(f"{what}: {' '.join(lines[-3:]) or f'exit code {done.returncode}'}")
    return done.stdout


# How a program is started as the user postgres.
POSTGRES = {"user": "postgres", "group": "postgres", "extra_groups": []}
