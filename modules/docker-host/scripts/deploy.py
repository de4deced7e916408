#!/usr/bin/python3
"""APP-deploy: puts releases of the application into service on this host, and takes them back.

    APP-deploy deploy [--image SERVICE=IMAGE]... [--dry-run]
    APP-deploy status [--json]
    APP-deploy rollback

A release is a Compose file and the exact images of its services. Releases lie on the data volume, so a new server with
the volume of an old one goes on with the last of them. A deployment fetches the images, runs the migration with the new
one, starts the new containers and asks them whether they are well. Only then the release is the current one; until then
whatever fails, or stops this program, leads back to the release before. Only one deployment runs at a time, and it goes
on when the connection of whoever asked for it breaks.
"""

import argparse
import contextlib
import datetime
import fcntl
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

PROGRAM = Path(sys.argv[0]).name
APP = PROGRAM.removesuffix("-deploy")
SETTINGS = Path("/etc") / APP / "deploy.json"
LOCK = Path("/run/lock") / f"{PROGRAM}.lock"
LOGS = Path("/var/log") / PROGRAM
COMPOSE = f"/usr/local/sbin/{APP}-compose"

# Seconds. Each step is bounded; what takes longer has failed.
PULL_LIMIT = 900
UP_LIMIT = 600
SHORT_LIMIT = 60
# How long containers without an address to ask must run before they count as well.
SETTLED = 10
RELEASES_KEPT = 5
LOGS_KEPT = 20

IMAGE = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._:/@-]{0,511}")
SERVICE = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]{0,127}")


class Failure(Exception):
    """Something went wrong; the text says what, and what to do."""


class Stopped(Exception):
    """This program was asked to end."""


def say(text):
    print(f"{APP}: {text}", file=sys.stderr, flush=True)


def run(words, what, limit, environment=None, show=True):
    """Runs a command to its end. What it prints is shown as it comes, or returned. A failure names `what` failed."""
    output = None if show else subprocess.PIPE
    try:
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr if show else output,
            stderr=None if show else output,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
            text=True,
        )
    except OSError as error:
        raise Failure(f"{what}: {words[0]} cannot be run: {error.strerror}") from error
    try:
        told, complaints = process.communicate(timeout=limit)
    except BaseException as error:
        # It and everything that it has started.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if isinstance(error, subprocess.TimeoutExpired):
            raise Failure(f"{what} was not done after {limit} seconds") from None
        raise
    if process.returncode != 0:
        # Not what it printed otherwise, which may hold secrets.
        reason = "" if show else f": {complaints.strip()[-2000:]}"
        raise Failure(f"{what} failed with exit code {process.returncode}{reason}")
    return told


class Host:
    """The settings of this host, and its releases."""

    def __init__(self):
        try:
            settings = json.loads(SETTINGS.read_text())
        except FileNotFoundError:
            raise Failure(f"{SETTINGS} is missing; is this the host of {APP}, and has its first boot ended?") from None
        self.app_dir = Path(settings["app_dir"])
        self.state_dir = Path(settings["state_dir"])
        self.secrets = [Path(path) for path in settings["secrets"]]
        self.migration = settings["migrate"]
        self.health = settings["health_check"]

    def release(self, name):
        """The release that is `current` or `previous`; None when there is none."""
        path = self.state_dir / name
        return Release.read(path.resolve()) if path.is_symlink() and path.exists() else None

    def point(self, name, release):
        """Makes `current` or `previous` another release, at once or not at all."""
        link = self.state_dir / name
        new = self.state_dir / f".{name}.new"
        new.unlink(missing_ok=True)
        new.symlink_to(release.path.relative_to(self.state_dir))
        new.replace(link)
        sync(self.state_dir)

    def protect_secrets(self):
        """Environment files are for root alone, however they were copied here."""
        for path in [*self.secrets, self.app_dir / ".env"]:
            if path.is_file() and stat.S_IMODE(path.stat().st_mode) & 0o077:
                path.chmod(0o600)
                say(f"warning: {path} was readable for others; it is for root alone now")

    def forget_old(self):
        """Removes releases beyond the last few, and images that were the application's and are of no use any more."""
        kept = [release for release in map(self.release, ("current", "previous")) if release]
        others = sorted((self.state_dir / "releases").iterdir(), reverse=True)
        others = [path for path in others if path not in [release.path for release in kept]]
        for path in others[RELEASES_KEPT - len(kept) :]:
            shutil.rmtree(path)
        wanted = {image["id"] for release in kept for image in release.images.values()}
        repositories = {repository(image["reference"]) for release in kept for image in release.images.values()}
        words = ["docker", "image", "ls", "--no-trunc", "--format", "{{.ID}} {{.Repository}}"]
        listed = run(words, "listing the images", SHORT_LIMIT, show=False)
        useless = set()
        for line in listed.splitlines():
            identity, name = line.split(" ", 1)
            if name in repositories and identity not in wanted:
                useless.add(identity)
        for identity in sorted(useless):
            # One that some other container uses stays.
            with contextlib.suppress(Failure):
                run(["docker", "image", "rm", "--force", identity], "removing an image", SHORT_LIMIT, show=False)
                say(f"removed the image {identity[:19]}")


class Release:
    """A directory with compose.yaml, images.json (a Compose file with the exact images) and release.json."""

    def __init__(self, path, told):
        self.path = path
        self.images = told["images"]
        self.made_at = told["made_at"]
        self.deployed_at = told["deployed_at"]

    @classmethod
    def read(cls, path):
        return cls(path, json.loads((path / "release.json").read_text()))

    @classmethod
    def make(cls, host, compose):
        """A release without images so far."""
        now = datetime.datetime.now(datetime.timezone.utc)
        folder = host.state_dir / "releases"
        path = folder / now.strftime("%Y%m%dT%H%M%S.%fZ")
        path.mkdir(parents=True, mode=0o700)
        write(path / "compose.yaml", compose)
        release = cls(path, {"images": {}, "made_at": moment(), "deployed_at": None})
        release.save()
        return release

    def save(self):
        override = {"services": {name: {"image": image["exact"]} for name, image in self.images.items()}}
        # Compose 1 wants the same version in every file.
        version = re.search(r"""^version:\s*["']?([0-9.]+)""", (self.path / "compose.yaml").read_text(), re.MULTILINE)
        if version:
            override["version"] = version.group(1)
        if self.images:
            write(self.path / "images.json", json.dumps(override, indent=2) + "\n")
        told = {"images": self.images, "made_at": self.made_at, "deployed_at": self.deployed_at}
        write(self.path / "release.json", json.dumps(told, indent=2) + "\n")

    def compose(self, *words, what, limit=SHORT_LIMIT, show=True):
        return run([COMPOSE, *words], what, limit, {"APP_RELEASE": str(self.path)}, show)

    def configured(self):
        """The image of every service that has one, as the Compose file has it."""
        import yaml  # Of the distribution, as cloud-init needs it; Compose 1 prints nothing else.

        told = self.compose("config", what="reading the Compose file", show=False)
        services = yaml.safe_load(told).get("services", {})
        without = sorted(name for name, service in services.items() if not service.get("image"))
        if without:
            raise Failure(f"services without an image cannot be deployed, nor built here: {', '.join(without)}")
        return {name: service["image"] for name, service in services.items()}

    def up(self):
        self.compose("up", "--detach", "--remove-orphans", what="starting the containers", limit=UP_LIMIT)

    def is_like(self, other):
        """Whether the other has the same Compose file and the same images."""
        files = [release.path / "compose.yaml" for release in (self, other)]
        exact = [{name: image["exact"] for name, image in release.images.items()} for release in (self, other)]
        return exact[0] == exact[1] and files[0].read_text() == files[1].read_text()

    def describe(self):
        return ", ".join(f"{name} {image['reference']}" for name, image in sorted(self.images.items()))

    def brief(self):
        images = {name: image["reference"] for name, image in sorted(self.images.items())}
        return {"images": images, "deployed_at": self.deployed_at}


def moment():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def sync(folder):
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write(path, text):
    """A file is there as a whole or as it was."""
    new = path.with_name(f".{path.name}.new")
    with open(new, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    sync(path.parent)


def repository(reference):
    """The name of an image without tag and digest, as Docker lists it."""
    name = reference.split("@", 1)[0]
    head, slash, tail = name.rpartition("/")
    return head + slash + tail.split(":", 1)[0]


def fetch(reference):
    """Fetches an image; what names exactly this one, whatever its tag will mean later."""
    words = ["docker", "image", "inspect", "--format", "{{json .}}", reference]
    if not reference.startswith("sha256:"):
        try:
            run(["docker", "pull", "--quiet", reference], f"fetching {reference}", PULL_LIMIT)
        except Failure as failure:
            # One that was loaded or built here never came from a registry.
            with contextlib.suppress(Failure):
                told = json.loads(run(words, f"looking at {reference}", SHORT_LIMIT, show=False))
                if not told.get("RepoDigests"):
                    say(f"{reference} is not in a registry; the one that was made on this host is used")
                    return {"reference": reference, "exact": told["Id"], "id": told["Id"]}
            raise Failure(f"{failure}. Is the name right, and may this host read it (registry_login)?") from None
    told = json.loads(run(words, f"looking at {reference}", SHORT_LIMIT, show=False))
    name = repository(reference)
    digests = [digest for digest in told.get("RepoDigests") or [] if repository(digest) == name]
    return {"reference": reference, "exact": digests[0] if digests else told["Id"], "id": told["Id"]}


class Passing(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer to be judged, not to be followed to somewhere else."""

    def redirect_request(self, *_):
        return None


def ask(health):
    """Asks the address; None when it is well, else what is not."""
    # The application is behind a proxy that speaks TLS, and may send whoever does not away.
    headers = {"User-Agent": PROGRAM, "X-Forwarded-Proto": "https"}
    if health.get("host"):
        headers["Host"] = health["host"]
    # No proxy of this host's environment.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), Passing())
    try:
        with opener.open(urllib.request.Request(health["url"], headers=headers), timeout=5) as answer:
            return None if 200 <= answer.status < 300 else f"it answers {answer.status}"
    except urllib.error.HTTPError as error:
        return f"it answers {error.code}"
    except OSError as error:
        return str(getattr(error, "reason", error))


def containers(one_off=False):
    """The containers of the application's services, as Docker shows them, or those of single commands such as the
    migration."""
    label = f"label=com.docker.compose.project={APP}"
    words = ["docker", "ps", "--all", "--quiet", "--no-trunc", "--filter", label]
    ids = run(words, "listing the containers", SHORT_LIMIT, show=False).split()
    if not ids:
        return []
    told = json.loads(run(["docker", "inspect", *ids], "looking at the containers", SHORT_LIMIT, show=False))
    wanted = "True" if one_off else "False"
    return [one for one in told if one["Config"]["Labels"].get("com.docker.compose.oneoff", "False") == wanted]


def end_migration():
    """Ends what a migration that failed or took too long has left running: its command runs in a container, which does
    not end with the command that started it."""
    for one in containers(one_off=True):
        run(["docker", "rm", "--force", one["Id"]], "ending the migration", SHORT_LIMIT, show=False)


def complaint(service, may_start=False):
    """What is wrong with the service of a container; None for nothing. It may still be starting where something else
    tells whether it is well."""
    name = service["Config"]["Labels"]["com.docker.compose.service"]
    state = service["State"]
    if state["Status"] == "exited" and state["ExitCode"] == 0:
        return None
    if state["Status"] != "running":
        return f"{name} is {state['Status']}" + (f" with exit code {state['ExitCode']}" if state["ExitCode"] else "")
    health = (state.get("Health") or {}).get("Status")
    fine = (None, "healthy", "none", "starting") if may_start else (None, "healthy", "none")
    return None if health in fine else f"{name} is {health}"


def wait_until_well(host):
    """Waits until the containers and their address are well, as long as the settings allow."""
    health = host.health
    begun = time.monotonic()
    well_since = None
    while True:
        try:
            found = containers()
            wrong = [] if any(one["State"]["Running"] for one in found) else ["no container runs"]
            wrong += filter(None, (complaint(one, may_start=bool(health["url"])) for one in found))
        except Failure as failure:
            # A container that goes away between listing and looking.
            wrong = [str(failure)]
        if not wrong and health["url"]:
            answer = ask(health)
            wrong += [f"{health['url']}: {answer}"] if answer else []
        now = time.monotonic()
        if wrong:
            well_since = None
        elif health["url"]:
            return
        else:
            well_since = well_since or now
            if now - well_since >= SETTLED:
                return
        if now - begun > health["seconds"] + (0 if health["url"] else SETTLED):
            raise Failure(
                f"it is not well after {health['seconds']} seconds: {'; '.join(wrong) or 'it does not settle'}"
            )
        time.sleep(1)


def last_words():
    """What the containers that are not well have said last."""
    with contextlib.suppress(Failure):
        for one in filter(complaint, containers()):
            name = one["Config"]["Labels"]["com.docker.compose.service"]
            say(f"the last that {name} said:")
            run(["docker", "logs", "--tail", "20", one["Id"]], "reading the log", SHORT_LIMIT)


def finish(host):
    """What is left to do when a release is in service. A failure of it is none of the deployment."""
    try:
        # The unit counts as started, so that it stops the application before the host goes down.
        run(["systemctl", "reset-failed", f"{APP}.service"], "resetting the unit", SHORT_LIMIT, show=False)
        run(["systemctl", "start", f"{APP}.service"], f"starting {APP}.service", UP_LIMIT)
        host.forget_old()
    except (Failure, OSError) as failure:
        say(f"warning: {failure}")


def put_into_service(host, release, before, migrate):
    """Starts a release. If it fails, the one before runs again and the failure is raised."""
    step = "nothing"
    try:
        if migrate:
            step = "the migration"
            say(f"migrating: {' '.join(migrate['command'])}")
            words = ("run", "--rm", "-T", migrate["service"], *migrate["command"])
            release.compose(*words, what="the migration", limit=migrate["seconds"])
        step = "the start"
        say("starting the containers")
        release.up()
        say("waiting until it is well")
        wait_until_well(host)
    except (Failure, Stopped) as failure:
        # From here on nothing is to come between.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        say(f"failed: {failure}")
        if step == "the migration":
            try:
                end_migration()
            except Failure as second:
                raise Failure(f"{failure}; and it may still be running: {second}") from None
        else:
            last_words()
        if before is None:
            with contextlib.suppress(Failure):
                release.compose("down", what="stopping the containers", limit=UP_LIMIT)
            raise Failure(f"{failure}. There is no release before it to go back to, so nothing runs") from None
        say(f"rolling back to {before.describe()}")
        try:
            before.up()
            wait_until_well(host)
        except Failure as second:
            raise Failure(
                f"{failure}. Rolled back to {before.describe()}, which is not well either: {second}. "
                f"See {APP}-compose logs"
            ) from None
        note = " What the migration changed in the database stays." if migrate and step != "the migration" else ""
        raise Failure(f"{failure}. Rolled back: {before.describe()} is in service again.{note}") from None


def deploy(host, images, dry_run):
    """Deploys the Compose file of the application's directory, or else that of the current release, with these images."""
    host.protect_secrets()
    before = host.release("current")
    own = host.app_dir / "compose.yaml"
    if own.exists():
        text = own.read_text()
    elif before:
        text = (before.path / "compose.yaml").read_text()
    else:
        raise Failure(f"there is no Compose file: copy the application's to {own}")
    release = Release.make(host, text)
    keep = False
    try:
        references = release.configured()
        unknown = sorted(set(images) - set(references))
        if unknown:
            raise Failure(
                f"the Compose file has no service {', '.join(unknown)}; it has {', '.join(sorted(references))}"
            )
        configured = dict(references)
        # An image that was chosen on the command line stays chosen, until the Compose file names another one itself.
        for name, image in (before.images if before else {}).items():
            if references.get(name) == image["configured"]:
                references[name] = image["reference"]
        references.update(images)
        if host.migration and host.migration["service"] not in references:
            raise Failure(
                f"migrations run in the service {host.migration['service']}, which the Compose file does not have; "
                f"it has {', '.join(sorted(references))}"
            )
        for name, reference in sorted(references.items()):
            now = before.images[name]["reference"] if before and name in before.images else "nothing"
            say(f"{name}: {reference}" + (", as now" if now == reference else f" in the place of {now}"))
        for name in sorted(set(before.images if before else {}) - set(references)):
            say(f"{name}: removed")
        if dry_run:
            if before and text != (before.path / "compose.yaml").read_text():
                say("the Compose file is another one than that of the current release")
            say("dry run: nothing was done")
            return
        fetched = {}
        for name, reference in sorted(references.items()):
            if reference not in fetched:
                say(f"fetching {reference}")
                fetched[reference] = fetch(reference)
            release.images[name] = {**fetched[reference], "configured": configured[name]}
        release.save()
        put_into_service(host, release, before, host.migration)
        release.deployed_at = moment()
        release.save()
        # The same once more must not take the place of what one could go back to.
        if before and not release.is_like(before):
            host.point("previous", before)
        host.point("current", release)
        keep = True
    finally:
        if not keep:
            shutil.rmtree(release.path, ignore_errors=True)
    finish(host)
    say(f"deployed {release.describe()}")


def rollback(host):
    """Puts the previous release into service. The database stays as it is."""
    current, previous = host.release("current"), host.release("previous")
    if not previous:
        raise Failure("there is no previous release to go back to")
    say(f"going back from {current.describe()} to {previous.describe()}; the database stays as it is")
    put_into_service(host, previous, current, None)
    previous.deployed_at = moment()
    previous.save()
    # The one that was left is the previous now: a second rollback undoes the first.
    host.point("current", previous)
    host.point("previous", current)
    finish(host)
    say(f"rolled back to {previous.describe()}")


def status(host, as_json):
    """Shows the services of the current release."""
    current, previous = host.release("current"), host.release("previous")
    services = []
    if current:
        running = {one["Config"]["Labels"]["com.docker.compose.service"]: one for one in containers()}
        for name, image in sorted(current.images.items()):
            state = running[name]["State"] if name in running else {}
            health = (state.get("Health") or {}).get("Status")
            services.append(
                {
                    "name": name,
                    "image": image["reference"],
                    "state": state.get("Status", "missing"),
                    "health": None if health == "none" else health,
                }
            )
    told = {
        "services": services,
        "previous": previous.brief() if previous else None,
        "deployed_at": current.deployed_at if current else None,
    }
    if as_json:
        print(json.dumps(told))
        return
    if not current:
        print("Nothing is deployed.")
        return
    print(f"Deployed at {current.deployed_at}")
    for service in services:
        print(
            f"  {service['name']}: {service['image']}, {service['state']}"
            + (f", {service['health']}" if service["health"] else "")
        )
    if host.health["url"]:
        print(f"  {host.health['url']}: {ask(host.health) or 'well'}")
    if previous:
        print(f"Before that, at {previous.deployed_at}: {previous.describe()}")


def chosen_image(word):
    name, equals, image = word.partition("=")
    if not equals or not SERVICE.fullmatch(name) or not IMAGE.fullmatch(image):
        raise argparse.ArgumentTypeError(f"{word!r} is not SERVICE=IMAGE, for example web=registry.example.com/app:1.2")
    return name, image


def arguments():
    parser = argparse.ArgumentParser(prog=PROGRAM, description=f"Releases of {APP} on this host.")
    # Set by this program itself, see detached().
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("deploy", help="put the Compose file and its images into service")
    one.add_argument("--image", type=chosen_image, action="append", default=[], metavar="SERVICE=IMAGE")
    one.add_argument("--dry-run", action="store_true", help="only say what would be deployed")
    one = commands.add_parser("status", help="show what is deployed")
    one.add_argument("--json", action="store_true")
    commands.add_parser("rollback", help="go back to the previous release")
    return parser.parse_args()


@contextlib.contextmanager
def alone():
    """Only one at a time changes what is deployed."""
    with open(LOCK, "a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise Failure(f"another deployment is running: {lock.read().strip()}. Try again when it is done") from None
        lock.truncate(0)
        lock.write(f"process {os.getpid()} since {moment()}")
        lock.flush()
        yield
        lock.truncate(0)


def detached(host):
    """Runs this command in a unit of its own, which has the application's environment and outlives the connection of
    whoever asked, and shows what it says. Returns its exit code."""
    LOGS.mkdir(mode=0o700, exist_ok=True)
    for old in sorted(LOGS.glob("*.log"))[: -LOGS_KEPT + 1]:
        old.unlink(missing_ok=True)
    path = LOGS / f"{datetime.datetime.now(datetime.timezone.utc):%Y%m%dT%H%M%S.%fZ}-{sys.argv[1]}.log"
    path.touch(mode=0o600)
    words = ["systemd-run", "--quiet", "--collect", "--wait", "--service-type=exec"]
    words += [f"--property=StandardOutput=append:{path}", f"--property=StandardError=append:{path}"]
    # Time to go back to the release before.
    words += ["--property=TimeoutStopSec=900", "--property=KillMode=mixed"]
    words += [f"--property=EnvironmentFile=-{file}" for file in host.secrets]
    words += [f"--property=EnvironmentFile={SETTINGS.parent / 'host.env'}"]
    words += ["/usr/bin/python3", os.path.realpath(sys.argv[0]), "--here", *sys.argv[1:]]
    unit = subprocess.Popen(words, stdin=subprocess.DEVNULL)
    try:
        with path.open(errors="replace") as log:
            while True:
                ended = unit.poll() is not None
                sys.stderr.write(log.read())
                sys.stderr.flush()
                if ended:
                    return unit.returncode
                time.sleep(0.2)
    except KeyboardInterrupt:
        raise Failure(f"it goes on without you; what it says is in {path}, how it ended in {PROGRAM} status") from None


def stop(*_):
    raise Stopped("it was stopped")


def main():
    given = arguments()
    if os.geteuid() != 0:
        raise Failure("this program is for root")
    host = Host()
    if given.command == "status":
        status(host, given.json)
        return 0
    if not host.state_dir.is_dir():
        raise Failure(f"{host.state_dir} is missing; is the data volume mounted?")
    if not given.here:
        return detached(host)
    os.umask(0o077)
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    with alone():
        if given.command == "deploy":
            deploy(host, dict(given.image), given.dry_run)
        else:
            rollback(host)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BrokenPipeError:
        sys.exit(1)
    except (Failure, Stopped) as failure:
        say(f"error: {failure}")
        sys.exit(1)
