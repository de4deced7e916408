#!/usr/bin/env python3
"""A stand-in for k3s, for networks that cannot fetch the real one.

It is given what k3s would be given, checks it, and does as much as installation and joining need: control planes answer on
6443 with certificates of the cluster's authority, nodes join over HTTPS with their token, control planes one at a time; kubectl sees
the nodes and takes them out of work. It runs no container, so that there are no pods. What it takes for a mistake ends it with a message, or stands in the verdict of the control planes.

  k3s server | agent                        as the real one, with /etc/rancher/k3s/config.yaml and config.yaml.d
  k3s --version
  k3s kubectl get nodes …                    on a control plane: the nodes as JSON
  k3s verdict                               on a control plane: what the cluster looks like, exit 1 if something is wrong

K3S_STAND_IN_ROOT puts another folder in the place of /, for several on one computer.
"""

import base64
import hashlib
import http.client
import http.server
import ipaddress
import json
import os
import re
import socket
import ssl
import stat
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

# Filled in by the test: the options that k3s documents, what the cluster is to be, and which release this stands for.
OPTIONS = json.loads(r"""@OPTIONS@""")
EXPECTED = json.loads(r"""@EXPECTED@""")
VERSION = "@VERSION@"

ROOT = os.environ.get("K3S_STAND_IN_ROOT", "/")
PORT = 6443
# Those that have to be the same on all servers: docs.k3s.io, "k3s server", critical configuration values.
CRITICAL = ["cluster-cidr", "cluster-dns", "disable", "disable-cloud-controller", "flannel-backend", "secrets-encryption", "service-cidr"]
# RFC 1918, and loopback for tests on one computer.
PRIVATE = [ipaddress.ip_network(net) for net in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8")]


def is_private(address):
    return any(ipaddress.ip_address(address) in net for net in PRIVATE)



def path(name):
    return os.path.join(ROOT, name.lstrip("/"))


TLS = "/var/lib/rancher/k3s/server/tls"
STATE = "/var/lib/rancher/k3s/stand-in.json"


class Mistake(Exception):
    """Something that the real one would not start with, or should not have been given."""


def say(text):
    print(f"k3s stand-in: {text}", file=sys.stderr, flush=True)


# --- what it is given ---------------------------------------------------------------------------------------------------


def scalar(text):
    text = text.strip()
    if text.startswith('"'):
        return json.loads(text)
    if text in ("true", "false"):
        return text == "true"
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    raise Mistake(f"config.yaml: {text!r} is no quoted text, number or truth value")


def parse(text):
    """The YAML that configuration files of k3s consist of: keys, and lists of texts."""
    values, key = {}, None
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("- "):
            if key is None or not isinstance(values[key], list):
                raise Mistake(f"config.yaml: {line!r} belongs to no list")
            values[key].append(scalar(line[2:]))
            continue
        match = re.fullmatch(r'"?([a-z0-9+-]+)"?:(?: (.+))?', line)
        if not match:
            raise Mistake(f"config.yaml: {line!r} is not understood")
        key, value = match.groups()
        values[key] = [] if value in (None, "[]") else scalar(value)
    return values


def secret_file(name):
    mode = stat.S_IMODE(os.stat(path(name)).st_mode)
    if mode & 0o077:
        raise Mistake(f"{name} can be read by others than its owner (mode {mode:04o})")
    with open(path(name)) as file:
        return file.read()


def configuration(role):
    folder = path("/etc/rancher/k3s/config.yaml.d")
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    texts = [secret_file("/etc/rancher/k3s/config.yaml")]
    texts += [secret_file(f"/etc/rancher/k3s/config.yaml.d/{name}") for name in names if name.endswith(".yaml")]
    config = {}
    for text in texts:
        for key, value in parse(text).items():
            # A plus adds to a list of an earlier file.
            plain = key.rstrip("+")
            config[plain] = config.get(plain, []) + value if key.endswith("+") else value
    known = {**OPTIONS["agent"], **(OPTIONS["server"] if role == "server" else {})}
    for key, value in config.items():
        if key not in known:
            raise Mistake(f"unknown flag: k3s {role} has no option --{key}")
        kind = {bool: "flag", list: "list"}.get(type(value), "value")
        if kind != known[key] and not (known[key] == "list" and kind == "value"):
            raise Mistake(f"--{key} takes a {known[key]} and is given a {kind}")
    return config


def own_networks():
    shown = subprocess.run(["ip", "-o", "-4", "address", "show"], capture_output=True, text=True, check=True).stdout
    words = (line.split() for line in shown.splitlines())
    return {(word[1], ipaddress.ip_interface(word[3])) for word in words}


def check(role, config):
    name = config.get("node-name")
    wanted = EXPECTED["nodes"].get(name)
    if wanted is None:
        raise Mistake(f"no node is to be called {name!r}")
    if wanted["role"] != role:
        raise Mistake(f"{name} is to be a {wanted['role']} and is started as {role}")
    address = ipaddress.ip_address(config.get("node-ip", "0.0.0.0"))
    if not is_private(address):
        raise Mistake(f"the node address {address} of {name} is public: nodes meet in the private network")
    holders = {
        interface for interface, own in own_networks() if address == own.ip or (own.is_loopback and address in own.network)
    }
    if config.get("flannel-iface") not in holders:
        raise Mistake(f"flannel is bound to {config.get('flannel-iface')}, and {address} is on {sorted(holders) or 'no interface'}")
    for key in ("labels", "taints"):
        option = {"labels": "node-label", "taints": "node-taint"}[key]
        if sorted(config.get(option, [])) != sorted(wanted[key]):
            lacking = sorted(set(wanted[key]) - set(config.get(option, [])))
            raise Mistake(f"{name} has the {key} {config.get(option, [])}: missing {lacking} of {wanted[key]}")
    if not any(argument.startswith("kube-reserved=") for argument in config.get("kubelet-arg", [])):
        raise Mistake(f"{name} reserves nothing for itself")
    url = config.get("server")
    if url is not None:
        match = re.fullmatch(r"(https?)://([^:/]+)(?::(\d+))?/?", url)
        if not match:
            raise Mistake(f"the server address {url!r} is no URL")
        if match[1] != "https":
            raise Mistake(f"the server address {url} is http, and the API speaks https")
        if match[3] != str(PORT) or not is_private(match[2]):
            raise Mistake(f"the server address {url} is not the API at a private address")
        if match[2] not in EXPECTED["servers"]:
            raise Mistake(f"the server address {url} is no control plane's")
    if role == "agent":
        if url is None:
            raise Mistake("no server address: an agent joins a server")
        return
    first = bool(config.get("cluster-init"))
    if not first and url is None:
        raise Mistake(f"no server address: {name} would begin a cluster of its own")
    if first and name != EXPECTED["first"]:
        raise Mistake(f"{name} would begin a cluster of its own: --cluster-init is for {EXPECTED['first']}")
    if config.get("advertise-address") != str(address):
        raise Mistake(f"the API of {name} is advertised at {config.get('advertise-address')}")
    names = config.get("tls-san", [])
    lacking = [wanted for wanted in EXPECTED["names"] if wanted not in names]
    if lacking:
        raise Mistake(f"missing TLS name: the certificate of {name} is not for {', '.join(lacking)}")
    for option, value in (("secrets-encryption", True), ("write-kubeconfig-mode", "0600")):
        if config.get(option) != value:
            raise Mistake(f"--{option} is {config.get(option)}")
    arguments = dict(argument.split("=", 1) for argument in config.get("kube-apiserver-arg", []))
    if not os.path.isfile(path(arguments.get("audit-policy-file", "/missing"))):
        raise Mistake("there is no audit policy")
    if not os.path.isdir(path(os.path.dirname(arguments.get("audit-log-path", "/missing/log")))):
        raise Mistake("there is no folder for the audit log")
    folder = "/var/lib/rancher/k3s/server/manifests"
    for manifest in os.listdir(path(folder)) if os.path.isdir(path(folder)) else []:
        secret_file(f"{folder}/{manifest}")


# --- tokens and certificates -----------------------------------------------------------------------------------------------


def own_token(config):
    text = config["token"] if "token" in config else secret_file(config["token-file"]) if "token-file" in config else ""
    match = re.fullmatch(r"(?:K10([0-9a-f]{64})::server:)?([^:\s]+)\s*", text)
    if not match:
        raise Mistake("there is no token, or it is no token's form")
    return match[1], match[2]


def openssl(*words):
    done = subprocess.run(["openssl", *words], capture_output=True, text=True)
    if done.returncode:
        raise Mistake(f"openssl {words[0]}: {done.stderr}")


def certify(name, subject, extension):
    """A key and a certificate of the cluster's authority."""
    key, crt = path(f"{TLS}/{name}.key"), path(f"{TLS}/{name}.crt")
    with tempfile.TemporaryDirectory() as work:
        openssl("ecparam", "-genkey", "-name", "prime256v1", "-noout", "-out", key)
        openssl("req", "-new", "-key", key, "-subj", subject, "-out", f"{work}/csr")
        with open(f"{work}/ext", "w") as file:
            file.write(extension)
        authority = ["-CA", path(f"{TLS}/server-ca.crt"), "-CAkey", path(f"{TLS}/server-ca.key")]
        serial = ["-set_serial", str(int.from_bytes(os.urandom(8), "big"))]
        openssl("x509", "-req", "-in", f"{work}/csr", *authority, *serial, "-days", "365", "-extfile", f"{work}/ext", "-out", crt)
    os.chmod(key, 0o600)
    return crt, key


def request(address, method, where, password, body=None, authority=None, user="server"):
    """An answer of a control plane: status and text. Its certificate has to be the cluster's, and for that address."""
    context = ssl.create_default_context(cadata=authority) if authority else ssl._create_unverified_context()
    connection = http.client.HTTPSConnection(address, PORT, timeout=10, context=context)
    headers = {}
    if password is not None:
        headers["Authorization"] = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
    try:
        connection.request(method, where, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def trusted_authority(address, digest):
    status, authority = request(address, "GET", "/cacerts", None)
    if status != 200:
        raise Mistake(f"https://{address}:{PORT}/cacerts answers {status}")
    found = hashlib.sha256(authority.encode()).hexdigest()
    if digest is None:
        raise Mistake("the token names no authority: whoever answers at that address would be believed")
    if digest != found:
        raise Mistake("wrong token: it is of another cluster, whose authority has another digest")
    return authority


# --- the cluster -------------------------------------------------------------------------------------------------------------


class Cluster:
    """What the control planes know together. Each has a copy, the one that is asked tells the others."""

    def __init__(self, state):
        self.state = state
        self.lock = threading.Lock()

    def save(self):
        temporary = path(STATE) + ".new"
        with open(temporary, "w") as file:
            json.dump(self.state, file)
        os.replace(temporary, path(STATE))

    def wrong(self, text):
        say(text)
        if text not in self.state["violations"]:
            self.state["violations"].append(text)
        self.save()
        raise Mistake(text)

    def join(self, node):
        with self.lock:
            nodes = self.state["nodes"]
            known = nodes.get(node["name"])
            if known and known["address"] != node["address"]:
                self.wrong(f"duplicate node name: {node['name']} is at {known['address']} and would be at {node['address']}")
            same = [name for name, other in nodes.items() if other["address"] == node["address"] and name != node["name"]]
            if same:
                self.wrong(f"{node['address']} is the address of {same[0]} and would be that of {node['name']}")
            if node["role"] == "server" and node["critical"] != self.state["critical"]:
                self.wrong(f"{node['name']} is configured as {node['critical']} and the cluster as {self.state['critical']}")
            joining = [name for name, other in nodes.items() if other["state"] == "joining" and name != node["name"]]
            if node["role"] == "server" and joining:
                self.wrong(f"control planes joining at once: {node['name']} while {joining[0]} is not a member yet")
            entry = started(known, node)
            if node["role"] == "server" and not (known and known["state"] == "ready"):
                entry["state"] = "joining"
                threading.Timer(EXPECTED["joining_seconds"], self.promote, [node["name"]]).start()
                self.state["order"].append(node["name"])
            nodes[node["name"]] = entry
            self.save()
        return self.state

    def promote(self, name):
        with self.lock:
            self.state["nodes"][name]["state"] = "ready"
            self.save()

    def verdict(self):
        with self.lock:
            state = json.loads(json.dumps(self.state))
        wrong = list(state["violations"])
        members = sorted(name for name, node in state["nodes"].items() if node["role"] == "server" and node["state"] == "ready")
        if len(members) % 2 == 0:
            wrong.append(f"even number of members: {len(members)}, which can lose no more than {len(members) - 1}")
        wrong += [f"{name} has not joined" for name in EXPECTED["nodes"] if name not in state["nodes"]]
        return {"members": members, "nodes": state["nodes"], "order": state["order"], "wrong": wrong}


def started(known, node):
    """A node after another start. What is noted at it stays."""
    known = known or {"starts": 0}
    kept = {key: known[key] for key in ("annotations", "unschedulable") if key in known}
    fields = {key: node[key] for key in ("role", "address", "version")}
    return {**kept, **fields, "starts": known["starts"] + 1, "state": "ready"}


def shown(name, node):
    """A node as the Kubernetes API shows it."""
    labels = {"node-role.kubernetes.io/control-plane": "true"} if node["role"] == "server" else {}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "uid": name, "resourceVersion": "1", "labels": labels, "annotations": node.get("annotations", {})},
        "spec": {"unschedulable": True} if node.get("unschedulable") else {},
        "status": {
            "conditions": [{"type": "Ready", "status": "True" if node["state"] == "ready" else "False"}],
            "nodeInfo": {"kubeletVersion": node["version"]},
            "addresses": [{"type": "InternalIP", "address": node["address"]}],
        },
    }


def listed(kind, items):
    return {"apiVersion": "v1", "kind": f"{kind}List", "metadata": {"resourceVersion": "1"}, "items": items}


# As the API tells which kinds it has: kubernetes.io/docs/concepts/overview/kubernetes-api, "Aggregated discovery".
DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


def kinds(core):
    resources = [
        {
            "resource": f"{kind.lower()}s",
            "responseKind": {"group": "", "version": "v1", "kind": kind},
            "scope": scope,
            "singularResource": kind.lower(),
            "verbs": ["get", "list", "patch"],
        }
        for kind, scope in (("Node", "Cluster"), ("Pod", "Namespaced"))
    ]
    versions = [{"version": "v1", "resources": resources, "freshness": "Current"}]
    items = [{"metadata": {"name": ""}, "versions": versions}] if core else []
    return {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items}


def handler(cluster, name):
    class Handler(http.server.BaseHTTPRequestHandler):
        timeout = 20
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def user(self):
            certificate = self.connection.getpeercert() or {}
            if (("organizationName", "system:masters"),) in certificate.get("subject", ()):
                return "server"
            given = self.headers.get("Authorization", "")
            for user in ("server", "node"):
                pair = f"{user}:{cluster.state['password']}".encode()
                if given == "Basic " + base64.b64encode(pair).decode():
                    return user
            return None

        def answer(self, status, body, kind="application/json"):
            body = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            if status >= 400:
                # What it was sent may not have been read.
                self.send_header("Connection", "close")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self):
            if self.path == "/ping":
                return self.answer(200, "pong")
            if self.path == "/cacerts":
                with open(path(f"{TLS}/server-ca.crt")) as file:
                    return self.answer(200, file.read())
            if self.user() is None:
                return self.answer(401, "not authorized")
            if self.path in ("/readyz", "/livez", "/v1-k3s/readyz"):
                ready = cluster.state["nodes"].get(name, {}).get("state") == "ready"
                return self.answer(200 if ready else 503, "ok" if ready else "runtime core not ready")
            if self.path == "/stand-in/verdict":
                return self.answer(200, cluster.verdict())
            if self.path == "/stand-in/state":
                return self.answer(200, cluster.state)
            if self.user() == "server":
                return self.kubernetes(urllib.parse.urlsplit(self.path).path)
            self.answer(403, "forbidden")

        def kubernetes(self, path):
            if path in ("/api", "/apis"):
                return self.answer(200, kinds(path == "/api"), DISCOVERY)
            with cluster.lock:
                nodes = {name: shown(name, node) for name, node in cluster.state["nodes"].items()}
            if path == "/api/v1/nodes":
                return self.answer(200, listed("Node", list(nodes.values())))
            if path == "/api/v1/pods":
                return self.answer(200, listed("Pod", []))
            node = nodes.get(path.removeprefix("/api/v1/nodes/"))
            if node is not None:
                return self.answer(200, node)
            status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404, "message": f"{path} not found"}
            self.answer(404, status)

        def do_PATCH(self):
            """A merge patch (RFC 7396) of what kubectl and ferroform change about nodes: annotations, and whether they get work."""
            name = urllib.parse.urlsplit(self.path).path.removeprefix("/api/v1/nodes/")
            patch = self.body()
            if self.user() != "server":
                return self.answer(403, "forbidden")
            with cluster.lock:
                node = cluster.state["nodes"].get(name)
                if node is None:
                    return self.answer(404, "not found")
                notes = {**node.get("annotations", {}), **patch.get("metadata", {}).get("annotations", {})}
                node["annotations"] = {key: value for key, value in notes.items() if value is not None}
                if "unschedulable" in patch.get("spec", {}):
                    node["unschedulable"] = bool(patch["spec"]["unschedulable"])
                cluster.save()
                self.answer(200, shown(name, node))

        def body(self):
            return json.loads(self.rfile.read(int(self.headers.get("Content-Length", "0"))))

        def do_POST(self):
            if self.path != "/stand-in/join":
                return self.answer(404, "not found")
            node = self.body()
            if self.user() is None or (node["role"] == "server" and self.user() != "server"):
                return self.answer(401, "not authorized")
            try:
                state = cluster.join(node)
            except Mistake as mistake:
                return self.answer(409, str(mistake))
            answer = {"state": state}
            if node["role"] == "server":
                with open(path(f"{TLS}/server-ca.key")) as file:
                    answer["key"] = file.read()
            self.answer(200, answer)

        def do_PUT(self):
            if self.path != "/v1-k3s/token":
                return self.answer(404, "not found")
            if self.user() != "server":
                return self.answer(401, "not authorized")
            with cluster.lock:
                cluster.state["password"] = self.body()["newToken"]
                cluster.save()
            self.answer(200, "")

    return Handler


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, *_):
        pass  # Somebody who connects and says nothing, or does not like the certificate.


def serve(cluster, config):
    names = {"127.0.0.1", "localhost", "kubernetes", config["node-name"], config["node-ip"], *config.get("tls-san", [])}
    kinds = [f"IP:{name}" if re.fullmatch(r"[0-9.]+", name) else f"DNS:{name}" for name in sorted(names)]
    crt, key = certify("serving", "/O=k3s/CN=k3s", f"subjectAltName={','.join(kinds)}\nextendedKeyUsage=serverAuth\nauthorityKeyIdentifier=keyid\n")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(crt, key)
    # Administrators have a certificate of the cluster; nodes have their token.
    context.load_verify_locations(path(f"{TLS}/server-ca.crt"))
    context.verify_mode = ssl.CERT_OPTIONAL
    server = Server((config.get("bind-address", "0.0.0.0"), PORT), handler(cluster, config["node-name"]))
    # The handshake belongs to the connection's thread, or one who is silent would hold up all.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def kubeconfig(config):
    crt, key = certify("client-admin", "/O=system:masters/CN=system:admin", "extendedKeyUsage=clientAuth\n")
    data = {}
    for name, file in (("authority", path(f"{TLS}/server-ca.crt")), ("certificate", crt), ("key", key)):
        with open(file, "rb") as opened:
            data[name] = base64.b64encode(opened.read()).decode()
    text = (
        "apiVersion: v1\nclusters:\n- cluster:\n"
        f"    certificate-authority-data: {data['authority']}\n    server: https://127.0.0.1:{PORT}\n  name: default\n"
        "contexts:\n- context:\n    cluster: default\n    user: default\n  name: default\ncurrent-context: default\nkind: Config\n"
        f"users:\n- name: default\n  user:\n    client-certificate-data: {data['certificate']}\n    client-key-data: {data['key']}\n"
    )
    target = path("/etc/rancher/k3s/k3s.yaml")
    with open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)


def ready():
    where = os.environ.get("NOTIFY_SOCKET")
    if where:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.sendto(b"READY=1", "\0" + where[1:] if where.startswith("@") else where)
    say("ready")


def join(role, config, node, state):
    """Joins by the address that is given, or after the first time by any control plane that is known."""
    digest, password = own_token(config)
    if digest is None and state is None:
        raise Mistake("a node that joins has a token that names the cluster's authority")
    given = re.sub(r"^https://|:\d+/?$", "", config.get("server", ""))
    places = [given] if given else []
    if state:
        places += [other["address"] for name, other in state["nodes"].items() if other["role"] == "server" and name != node["name"] and other["address"] not in places]
    problem = "there is nobody to join"
    for place in places:
        try:
            if digest is None:
                with open(path(f"{TLS}/server-ca.crt")) as file:
                    authority = file.read()
            else:
                authority = trusted_authority(place, digest)
            status, text = request(place, "POST", "/stand-in/join", password, node, authority)
        except OSError as error:
            problem = f"https://{place}:{PORT}: {error}"
            continue
        if status == 401:
            raise Mistake(f"wrong token: https://{place}:{PORT} does not accept it")
        if status != 200:
            raise Mistake(text)
        answer = json.loads(text)
        if role == "server":
            os.makedirs(path(TLS), mode=0o700, exist_ok=True)
            for name, content in (("server-ca.crt", authority), ("server-ca.key", answer["key"])):
                with open(os.open(path(f"{TLS}/{name}"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                    file.write(content)
        return answer["state"], place, authority
    raise Mistake(problem)


def follow(cluster, place, authority, config):
    """Takes over what the control plane that was joined knows, now and then."""
    while True:
        time.sleep(0.5)
        try:
            status, text = request(place, "GET", "/stand-in/state", own_token(config)[1], None, authority)
        except (OSError, Mistake, http.client.HTTPException):
            continue
        if status == 200:
            with cluster.lock:
                cluster.state.update({key: value for key, value in json.loads(text).items() if key != "password"})
                cluster.save()


def run(role):
    config = configuration(role)
    check(role, config)
    os.makedirs(path(TLS), mode=0o700, exist_ok=True)
    state = None
    if os.path.exists(path(STATE)):
        with open(path(STATE)) as file:
            state = json.load(file)
    _, password = own_token(config)
    critical = {key: config[key] for key in CRITICAL if key in config}
    node = {"name": config["node-name"], "role": role, "address": config["node-ip"], "version": VERSION, "critical": critical}
    if role == "agent":
        state, _, _ = join(role, config, node, state)
        with open(path(STATE), "w") as file:
            json.dump(state, file)
        ready()
        threading.Event().wait()
    if config.get("cluster-init"):
        if not os.path.exists(path(f"{TLS}/server-ca.key")):
            raise Mistake("the cluster's authority is not there: nobody could know it beforehand")
        if state and state["password"] != password:
            raise Mistake("wrong token: it is not the one that the cluster was begun with, or was changed to")
        state = state or {"password": password, "critical": critical, "nodes": {}, "order": [], "violations": []}
        cluster = Cluster(state)
        with cluster.lock:
            state["nodes"][node["name"]] = started(state["nodes"].get(node["name"]), node)
            if node["name"] not in state["order"]:
                state["order"].append(node["name"])
            cluster.save()
        serve(cluster, config)
    else:
        state, place, authority = join(role, config, node, state)
        cluster = Cluster({**state, "password": password})
        cluster.save()
        serve(cluster, config)
        threading.Thread(target=follow, args=[cluster, place, authority, config], daemon=True).start()
        # The real one is ready when its etcd is a member.
        while cluster.state["nodes"][node["name"]]["state"] != "ready":
            time.sleep(0.1)
    kubeconfig(config)
    ready()
    threading.Event().wait()


def verdict():
    config = configuration("server")
    with open(path(f"{TLS}/server-ca.crt")) as file:
        authority = file.read()
    status, text = request(config["node-ip"], "GET", "/stand-in/verdict", own_token(config)[1], None, authority)
    if status != 200:
        raise Mistake(f"the control plane answers {status}")
    print(text)
    return 1 if json.loads(text)["wrong"] else 0


def get_nodes():
    config = configuration("server")
    with open(path(f"{TLS}/server-ca.crt")) as file:
        authority = file.read()
    status, text = request(config["node-ip"], "GET", "/api/v1/nodes", own_token(config)[1], None, authority)
    if status != 200:
        raise Mistake(f"the control plane answers {status}")
    print(text)
    return 0


def main():
    command = sys.argv[1:]
    if command == ["--version"]:
        print(f"k3s version {VERSION} (stand-in)")
        return 0
    if command[:3] == ["kubectl", "get", "nodes"]:
        return get_nodes()
    if command == ["verdict"]:
        return verdict()
    if command in (["server"], ["agent"]):
        return run(command[0])
    raise Mistake(f"unknown flag or command: k3s {' '.join(command)}")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Mistake as mistake:
        say(f"fatal: {mistake}")
        sys.exit(1)
