"""A small S3 service for tests: objects in memory, over TLS. It checks every signature as the documentation of AWS Signature
Version 4 describes, and the SHA-256 of every body.

    python3 s3.py ADDRESS PORT CERTIFICATE KEY BUCKET ACCESS_KEY SECRET_KEY

Pages of lists have five keys, so that clients have to ask for more.
"""

import datetime
import hashlib
import hmac
import http.server
import re
import ssl
import sys
import urllib.parse
import xml.sax.saxutils

ADDRESS, PORT, CERTIFICATE, KEY, BUCKET, ACCESS_KEY, SECRET_KEY = sys.argv[1:8]
PAGE = 5
OBJECTS = {}
UPLOADS = {}


class Refused(Exception):
    def __init__(self, status, code):
        super().__init__(code)
        self.status, self.code = status, code


def sign(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def quote(text):
    return urllib.parse.quote(text, safe="-_.~")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def check(self, body):
        """Whether the request is signed by the key and has the body that was signed."""
        stated = re.fullmatch(
            r"AWS4-HMAC-SHA256 Credential=([^,]+), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})",
            self.headers.get("Authorization", ""),
        )
        if not stated:
            raise Refused(403, "AccessDenied")
        credential, names, signature = stated.groups()
        access_key, *scope = credential.split("/")
        if access_key != ACCESS_KEY or scope[1:] != ["fsn1", "s3", "aws4_request"]:
            raise Refused(403, "InvalidAccessKeyId")
        moment = datetime.datetime.strptime(self.headers["x-amz-date"], "%Y%m%dT%H%M%SZ")
        now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
        if abs(now - moment) > datetime.timedelta(minutes=15):
            raise Refused(403, "RequestTimeTooSkewed")
        if not {"host", "x-amz-content-sha256", "x-amz-date"} <= set(names.split(";")):
            raise Refused(403, "SignatureDoesNotMatch")
        path, _, query = self.path.partition("?")
        pairs = sorted((quote(k), quote(v)) for k, v in urllib.parse.parse_qsl(query, keep_blank_values=True))
        headers = "".join(f"{name}:{' '.join(self.headers[name].split())}\n" for name in names.split(";"))
        digest = self.headers["x-amz-content-sha256"]
        canonical = "\n".join(
            [self.command, path, "&".join(f"{k}={v}" for k, v in pairs), headers, names, digest]
        )
        text = "\n".join(
            [
                "AWS4-HMAC-SHA256",
                self.headers["x-amz-date"],
                "/".join(scope),
                hashlib.sha256(canonical.encode()).hexdigest(),
            ]
        )
        key = f"AWS4{SECRET_KEY}".encode()
        for part in scope:
            key = sign(key, part)
        if not hmac.compare_digest(sign(key, text).hex(), signature):
            raise Refused(403, "SignatureDoesNotMatch")
        if hashlib.sha256(body).hexdigest() != digest:
            raise Refused(400, "XAmzContentSHA256Mismatch")

    def serve(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            self.check(body)
            url = urllib.parse.urlsplit(self.path)
            query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
            _, bucket, key = (url.path + "/").split("/", 2)
            if bucket != BUCKET:
                raise Refused(404, "NoSuchBucket")
            status, content, headers = self.answer(key.removesuffix("/"), query, body)
        except Refused as refused:
            status, content, headers = refused.status, f"<Error><Code>{refused.code}</Code></Error>".encode(), {}
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_PUT = do_POST = do_DELETE = serve

    def answer(self, key, query, body):
        etag = f'"{hashlib.md5(body).hexdigest()}"'
        match self.command, key, sorted(query):
            case "GET", "", _:
                return 200, self.page(query), {}
            case "GET", _, []:
                if key not in OBJECTS:
                    raise Refused(404, "NoSuchKey")
                return 200, OBJECTS[key], {}
            case "PUT", _, []:
                OBJECTS[key] = body
                return 200, b"", {"ETag": etag}
            case "DELETE", _, []:
                OBJECTS.pop(key, None)
                return 204, b"", {}
            case "POST", _, ["uploads"]:
                UPLOADS["upload-1"] = {}
                return 200, b"<R><UploadId>upload-1</UploadId></R>", {}
            case "PUT", _, ["partNumber", "uploadId"]:
                UPLOADS[query["uploadId"]][int(query["partNumber"])] = etag, body
                return 200, b"", {"ETag": etag}
            case "POST", _, ["uploadId"]:
                parts = UPLOADS.pop(query["uploadId"])
                named = re.findall(r"<PartNumber>(\d+)</PartNumber><ETag>([^<]+)</ETag>", body.decode())
                if [(int(number), tag) for number, tag in named] != [(n, parts[n][0]) for n in sorted(parts)]:
                    raise Refused(400, "InvalidPart")
                OBJECTS[key] = b"".join(parts[number][1] for number in sorted(parts))
                return 200, b"<CompleteMultipartUploadResult/>", {}
        raise Refused(405, "MethodNotAllowed")

    def page(self, query):
        after, prefix = query.get("start-after", ""), query.get("prefix", "")
        keys = sorted(key for key in OBJECTS if key.startswith(prefix) and key > after)
        shown = "".join(
            f"<Contents><Key>{xml.sax.saxutils.escape(key)}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
            f"<ETag>&quot;0&quot;</ETag><Size>{len(OBJECTS[key])}</Size></Contents>"
            for key in keys[:PAGE]
        )
        more = str(len(keys) > PAGE).lower()
        return f"<ListBucketResult><IsTruncated>{more}</IsTruncated>{shown}</ListBucketResult>".encode()


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(CERTIFICATE, KEY)
server = http.server.ThreadingHTTPServer((ADDRESS, int(PORT)), Handler)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
