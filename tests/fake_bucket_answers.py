"""What `tests/fake_bucket.py` answers, request by request."""

import base64
import hashlib
import http.server
import json
import re
import socket
import struct
import time
import urllib.parse

from tests.fake_bucket_objects import BUCKET, NO_BUCKET, Kind, Object, Request


class AnswerError(Exception):
    """Ends a request with an error."""

    def __init__(self, code, message, reason="error"):
        super().__init__(message)
        self.code = code
        self.message = message
        self.reason = reason


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        self.handle_request()

    def do_POST(self):
        self.handle_request()

    def do_PUT(self):
        self.handle_request()

    def do_DELETE(self):
        self.handle_request()

    # -- one request ------------------------------------------------------------------

    def handle_request(self):
        url = urllib.parse.urlsplit(self.path)
        self.query = dict(urllib.parse.parse_qsl(url.query))
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.changed = False
        operation, self.name, work = self.route(url.path)
        fault = self.server.next_fault(operation, self.name)
        self.kind = fault.kind if fault else None
        try:
            if isinstance(self.kind, int):
                raise AnswerError(self.kind, fault.message)
            self.spoil_request()
            with self.server.lock:
                answer = work()
            self.note(operation, fault)
            self.answer(*answer)
        except AnswerError as error:
            self.note(operation, fault)
            self.refuse(error)
        except _BreakError:
            self.note(operation, fault)
            if self.kind is Kind.STALL:
                self.server.stopped.wait(60)
            self.break_connection()

    def route(self, path):
        path = path.removeprefix("/download")
        if path.startswith("/upload"):
            if "upload_id" in self.query:
                upload = self.server.uploads[self.query["upload_id"]]
                return "part", upload["name"], self.part
            return "create", self.created_name(), self.create
        match = re.fullmatch(
            r"/storage/v1/b/([^/]+)(/o|/iam/testPermissions)?(?:/(.+))?", path
        )
        if match[2] is None:
            return "bucket", "", self.describe_bucket
        if match[2] != "/o":
            return "permissions", "", self.permissions
        if match[3] is None:
            return "list", self.query.get("prefix", ""), self.list
        name, _, target = match[3].partition("/rewriteTo/")
        name = urllib.parse.unquote(name)
        if target:
            self.source = name
            return "copy", urllib.parse.unquote(target.rpartition("/o/")[2]), self.copy
        if self.command == "DELETE":
            return "delete", name, self.delete
        if self.query.get("alt") == "media":
            return "read", name, self.read
        return "stat", name, self.stat

    def note(self, operation, fault):
        request = Request(time.monotonic(), operation, self.name, fault, self.changed)
        with self.server.lock:
            self.server.log.append(request)

    # -- faults -----------------------------------------------------------------------

    def spoil_request(self):
        if self.kind in {Kind.RESET, Kind.STALL}:
            raise _BreakError
        sends = self.command in {"POST", "PUT"} and self.body
        if self.kind is Kind.TRUNCATED and sends:
            raise _BreakError  # half of it never came
        if self.kind is Kind.CORRUPTED and sends:
            self.body = self.flipped(self.body)

    def flipped(self, body):
        """Flips one bit in what is content: an upload's other parts come first."""
        content = (
            body.rfind(b"\r\n\r\n") + 4 if b"multipart" in self.kind_of_body() else 0
        )
        place = (
            content + (body.rfind(b"\r\n--") - content) // 2
            if content
            else len(body) // 2
        )
        return body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]

    def kind_of_body(self):
        return self.headers.get("Content-Type", "").encode()

    def break_connection(self):
        """Ends the connection as a machine does that is gone."""
        self.close_connection = True
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.connection.close()
        # What the server wants to finish afterwards has nothing to write to.
        self.wfile = _Nowhere()

    # -- answers ----------------------------------------------------------------------

    def answer(self, code, content=b"", headers=()):
        if self.kind is Kind.LOST:
            self.break_connection()
            return
        if isinstance(content, dict):
            content = json.dumps(content).encode()
        length, sent = len(content), content
        if self.kind is Kind.TRUNCATED:
            sent = content[: length // 2]
        if self.kind is Kind.CORRUPTED and self.command == "GET" and content:
            middle = length // 2
            sent = (
                content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
            )
        self.send_response_only(code)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(length))
        self.end_headers()
        # First counted, then sent: whoever has the last byte may ask for the count.
        if code in {200, 206} and self.query.get("alt") == "media":
            self.server.sent.append(len(sent))
        self.wfile.write(sent)
        if len(sent) < length:
            self.wfile.flush()
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_WR)

    def refuse(self, error):
        details = [{"reason": error.reason, "message": error.message}]
        content = {
            "error": {"code": error.code, "message": error.message, "errors": details}
        }
        self.kind = None
        self.answer(error.code, content)

    # -- operations -------------------------------------------------------------------

    def existing(self, name, *, generation=None):
        self.check_bucket()
        held = self.server.objects.get(name)
        if held is None or (generation and int(generation) != held.generation):
            raise AnswerError(404, f"No such object: {BUCKET}/{name}", "notFound")
        return held

    def check_bucket(self):
        bucket = urllib.parse.unquote(self.path.split("/b/")[1].split("/")[0])
        if bucket.partition("?")[0] != BUCKET:
            raise AnswerError(404, NO_BUCKET, "notFound")

    def check_generation(self, name, wanted, *, words="pre-conditions"):
        held = self.server.objects.get(name)
        if wanted is not None and int(wanted) != (held.generation if held else 0):
            raise AnswerError(
                412,
                f"At least one of the {words} you specified did not hold.",
                "conditionNotMet",
            )

    def described(self, name):
        held = self.server.objects[name]
        return {
            "bucket": BUCKET,
            "name": name,
            "generation": str(held.generation),
            "metageneration": "1",
            "size": str(len(held.content)),
            "crc32c": held.crc32c,
            "contentEncoding": held.encoding,
            "md5Hash": base64.b64encode(hashlib.md5(held.content).digest()).decode(),
        }

    def describe_bucket(self):
        self.check_bucket()
        return 200, {"name": BUCKET}

    def permissions(self):
        return 200, {"permissions": self.server.held}

    def stat(self):
        self.existing(self.name, generation=self.query.get("generation"))
        return 200, self.described(self.name)

    def read(self):
        held = self.existing(self.name, generation=self.query.get("generation"))
        headers = [
            ("X-Goog-Hash", f"crc32c={held.crc32c}"),
            ("X-Goog-Generation", str(held.generation)),
        ]
        content = held.content
        if span := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")):
            start, end = int(span[1]), int(span[2] or len(content) - 1)
            if start >= len(content):
                raise AnswerError(416, "The requested range cannot be satisfied.")
            whole = f"bytes {start}-{end}/{len(content)}"
            return 206, content[start : end + 1], [*headers, ("Content-Range", whole)]
        return 200, content, headers

    def list(self):
        self.check_bucket()
        prefix, delimiter = self.query.get("prefix", ""), self.query.get("delimiter")
        keys = set()
        for name in self.server.objects:
            if name.startswith(prefix):
                head, found, _ = name[len(prefix) :].partition(delimiter or "\0")
                keys.add(prefix + head + found if delimiter and found else name)
        after = self.query.get("pageToken", "")
        left = sorted(key for key in keys if key > after)
        most = min(
            int(self.query.get("maxResults", self.server.page_size)),
            self.server.page_size,
        )
        page = left[:most]
        content = {
            "items": [
                self.described(key)
                for key in page
                if key in self.server.objects
                and not (delimiter and key.endswith(delimiter) and key != prefix)
            ],
            "prefixes": [
                key
                for key in page
                if delimiter and key.endswith(delimiter) and key != prefix
            ],
        }
        if left[most:]:
            content["nextPageToken"] = page[-1]
        return 200, content

    def delete(self):
        self.existing(self.name)
        self.check_generation(self.name, self.query.get("ifGenerationMatch"))
        del self.server.objects[self.name]
        self.changed = True
        return 204, b""

    def copy(self):
        held = self.existing(self.source)
        self.check_generation(self.source, self.query.get("ifSourceGenerationMatch"))
        self.check_generation(self.name, self.query.get("ifGenerationMatch"))
        self.store(self.name, held.content)
        size = str(len(held.content))
        done = {"done": True, "totalBytesRewritten": size, "objectSize": size}
        return 200, {**done, "resource": self.described(self.name)}

    # -- uploads ----------------------------------------------------------------------

    def created_name(self):
        if self.query["uploadType"] == "resumable":
            return json.loads(self.body)["name"]
        return self.split_parts()[0]["name"]

    def split_parts(self):
        boundary = b"--" + re.search(rb'boundary="?([^";]+)', self.kind_of_body())[1]
        _, metadata, rest = self.body.split(boundary + b"\r\n", 2)
        _, _, content = rest.partition(b"\r\n\r\n")
        end = content.rfind(b"\r\n" + boundary + b"--")
        return json.loads(metadata.partition(b"\r\n\r\n")[2]), content[:end]

    def create(self):
        self.check_bucket()
        wanted = self.query.get("ifGenerationMatch")
        self.check_generation(self.name, wanted)
        if self.query["uploadType"] == "multipart":
            metadata, content = self.split_parts()
            self.check_sums(metadata, content)
            self.store(self.name, content)
            return 200, self.described(self.name)
        key = f"key-of-an-upload-{len(self.server.uploads)}"
        self.server.uploads[key] = {
            "name": self.name,
            "wanted": wanted,
            "metadata": json.loads(self.body),
            "content": b"",
            "done": False,
        }
        path = f"/upload/storage/v1/b/{BUCKET}/o?uploadType=resumable&upload_id={key}"
        location = self.server.address + path
        return 200, b"", [("Location", location)]

    def part(self):
        upload = self.server.uploads[self.query["upload_id"]]
        if upload["done"]:
            return 200, self.described(self.name)
        span = re.fullmatch(
            r"bytes (\d+)-(\d+)/(\d+|\*)", self.headers["Content-Range"]
        )
        if self.kind is Kind.HALF_KEPT:
            self.body = self.body[: len(self.body) // 2]
        new = self.body[len(upload["content"]) - int(span[1]) :]
        upload["content"] += new
        if span[3] == "*" or len(upload["content"]) < int(span[3]):
            kept = f"bytes=0-{len(upload['content']) - 1}"
            return 308, b"", [("Range", kept)]
        self.check_generation(self.name, upload["wanted"])
        self.check_sums(upload["metadata"], upload["content"])
        self.store(self.name, upload["content"])
        upload["done"] = True
        return 200, self.described(self.name)

    def check_sums(self, metadata, content):
        found = Object(content, 0).crc32c
        if metadata.get("crc32c", found) != found:
            words = "Provided CRC32C doesn't match calculated CRC32C."
            raise AnswerError(400, words, "invalid")
        found = base64.b64encode(hashlib.md5(content).digest()).decode()
        if metadata.get("md5Hash", found) != found:
            raise AnswerError(
                400, "Provided MD5 hash doesn't match calculated MD5 hash.", "invalid"
            )

    def store(self, name, content):
        self.server.objects[name] = Object(content, next(self.server.generations))
        self.changed = True


class _BreakError(Exception):
    """Ends the connection without an answer."""


class _Nowhere:
    closed = False

    def write(self, data):
        return len(data)

    def flush(self):
        pass

    def close(self):
        pass
