"""PostgreSQL, over its Unix socket, as the superuser."""

import base64
import contextlib
import hashlib
import hmac
import json
import pathlib
import re
import secrets
import subprocess

from .common import POSTGRES, Failure, run

# Sums do not depend on the order of rows. Settings by which PostgreSQL writes values are pinned, so that sums depend on
# the values alone.
PINNED = (
    "SET timezone = 'UTC'; SET datestyle = 'ISO, YMD'; SET intervalstyle = 'iso_8601'; SET bytea_output = 'hex';"
    " SET extra_float_digits = 1; SET lc_monetary = 'C'; SET xmlbinary = 'base64'; SET statement_timeout = 0;"
    " SET idle_in_transaction_session_timeout = 0; SET lock_timeout = '10min'; SET search_path = pg_catalog;"
)
TABLES = """
SELECT coalesce(json_agg(format('%I.%I', n.nspname, c.relname) ORDER BY n.nspname, c.relname), '[]')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (SELECT FROM pg_depend d
                  WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
"""
TABLE = """
SELECT json_build_object('rows', count(*),
  'checksum', coalesce(sum(('x' || left(md5(("the row".*)::text), 15))::bit(60)::bigint::numeric), 0)::text)
FROM ONLY {} AS "the row"
"""
ROLES = """
SELECT coalesce(json_agg(json_build_object('name', rolname, 'login', rolcanlogin) ORDER BY rolname), '[]')
FROM pg_roles WHERE rolname !~ '^pg_' AND NOT rolsuper
"""
END = "--end of the answer--\n"


def identifier(name):
    return '"' + name.replace('"', '""') + '"'


def literal(text):
    return "'" + text.replace("'", "''") + "'"


class Server:
    """A PostgreSQL of a release; the machine's own unless another socket is named."""

    def __init__(self, version, socket="/var/run/postgresql", port=5432):
        self.binaries = pathlib.Path(f"/usr/lib/postgresql/{version}/bin")
        self.place = ["--host", socket, "--port", port]

    def client(self, name, *words):
        """The words that run one of PostgreSQL's clients against this server."""
        return [self.binaries / name, *self.place, *words]

    def psql(self, database):
        options = ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"]
        return self.client("psql", *options, "--dbname", database)

    def ask(self, sql, database="postgres"):
        """Runs statements, which come through standard input as arguments are seen by everybody; what they print."""
        return run("psql", self.psql(database), send=sql.encode()).decode().strip()

    def exists(self, database):
        return self.ask(f"SELECT count(*) FROM pg_database WHERE datname = {literal(database)};") == "1"

    def drop(self, database):
        self.ask(f"DROP DATABASE IF EXISTS {identifier(database)} WITH (FORCE);")

    def roles(self):
        return json.loads(self.ask(ROLES))

    def set_password(self, role, verifier):
        self.ask(f"ALTER ROLE {identifier(role)} PASSWORD {literal(verifier)};")

    def system(self):
        """The cluster's identifier."""
        return self.ask("SELECT system_identifier FROM pg_control_system();")

    @contextlib.contextmanager
    def session(self, database):
        """A transaction that sees one moment: a function that asks, and the name of its snapshot for others."""
        words = [str(word) for word in self.psql(database)]
        pipe = subprocess.PIPE
        client = subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=pipe, text=True, cwd="/", **POSTGRES)

        def ask(sql):
            # What it says in the end tells more than the broken pipe.
            with contextlib.suppress(BrokenPipeError):
                client.stdin.write(f"{sql};\n\\echo {END}")
                client.stdin.flush()
            lines = []
            while (line := client.stdout.readline()) != END:
                if not line:
                    raise Failure(f"psql: {client.stderr.read().strip()}")
                lines.append(line)
            return "".join(lines).strip()

        try:
            ask(PINNED + "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield ask, ask("SELECT pg_export_snapshot()")
        finally:
            client.kill()
            with contextlib.suppress(BrokenPipeError):
                client.communicate()


def count(ask):
    """Every table that a session sees, with the number of its rows and the sum of their contents."""
    tables = json.loads(ask(TABLES))
    return [{"table": table, **json.loads(ask(TABLE.format(table)))} for table in tables]


def scram_verifier(password):
    """What PostgreSQL keeps of a password (RFC 5803), so that the password itself reaches neither it nor its logs."""
    if not re.match(r"^[\x21-\x7e]{12,128}$", password):
        raise Failure("a password here has 12 to 128 visible ASCII characters, and no space")
    salt, iterations = secrets.token_bytes(16), 4096
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    salt, stored, server = (base64.b64encode(part).decode() for part in (salt, stored, server))
    return f"SCRAM-SHA-256${iterations}:{salt}${stored}:{server}"
