"""Against a server on the loopback that gives the answers of a script.

No emulator checks permissions, so the answers are those that users quote.
"""

import collections
import http.server
import json
import threading
import urllib.parse

import pytest

from runtime.doctor import bucket_check
from runtime.doctor.diagnosis import Verdict

pytest.importorskip("google.cloud.storage")

ACCOUNT = "trainer@my-project.iam.gserviceaccount.com"
PERMISSIONS = {
    "list": "storage.objects.list",
    "create": "storage.objects.create",
    "read": "storage.objects.get",
    "delete": "storage.objects.delete",
}


def denied(operation, account=ACCOUNT):
    permission = PERMISSIONS[operation]
    return (
        f"{account} does not have {permission} access to the Google Cloud Storage "
        f"bucket. Permission '{permission}' denied on resource (or it may not exist)."
    )


class Bucket(http.server.ThreadingHTTPServer):
    """Holds objects in memory; `failures` gives operation -> (code, message)."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects = {}
        self.failures = {}
        self.asked = collections.Counter()
        self.held = list(PERMISSIONS.values())
        self.speaks_plainly = False  # as the servers of objects' contents do


class _Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *arguments):
        pass

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        if url.path == "/storage/v1/b/my-bucket/iam/testPermissions":
            self.answer("permissions", {"permissions": self.server.held})
        elif url.path == "/storage/v1/b/my-bucket/o":
            self.answer("list", {"kind": "storage#objects", "items": []})
        elif url.path == "/storage/v1/b/my-bucket":
            self.answer("", {})  # the client names the bucket's place in its traces
        else:
            self.answer("read", self.server.objects.get(self.object_name()))

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        assert query["ifGenerationMatch"] == ["0"]
        boundary = b"\r\n--" + body[2 : body.index(b"\r\n")]
        _, metadata, content = body.split(boundary[2:])[:3]
        name = json.loads(metadata.partition(b"\r\n\r\n")[2])["name"]
        if "create" not in self.server.failures:
            content = content.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n")
            self.server.objects[name] = content
        self.answer("create", {"name": name, "bucket": "my-bucket"})

    def do_DELETE(self):
        if "delete" not in self.server.failures:
            del self.server.objects[self.object_name()]
        self.answer("delete", b"", code=204)

    def object_name(self):
        path = urllib.parse.urlsplit(self.path).path
        return urllib.parse.unquote(path.rpartition("/o/")[2])

    def answer(self, operation, content, *, code=200):
        self.server.asked[operation] += bool(operation)
        if operation in self.server.failures:
            code, message = self.server.failures[operation]
            content = {"error": {"code": code, "message": message}}
            if self.server.speaks_plainly:
                content = message.encode()
        if isinstance(content, dict):
            content = json.dumps(content).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@pytest.fixture
def bucket(monkeypatch):
    """A bucket `my-bucket` that the client library is pointed to."""
    with Bucket() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        host = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", host)
        monkeypatch.delenv("GOOGLE_CLOUD_PROJECT", raising=False)
        yield server
        server.shutdown()
        thread.join()


def check(path="gs://my-bucket/runs/1"):
    credentials, found = bucket_check.check(path)
    assert credentials.check == "credentials"
    assert credentials.verdict is Verdict.OK
    return found


def outcomes(found):
    return {name: detail["outcome"] for name, detail in found.details.items()}


@pytest.mark.parametrize("path", ["gs://my-bucket", "gs://my-bucket/runs/1/"])
def test_everything_is_allowed(bucket, path):
    found = check(path)
    assert found.verdict is Verdict.OK
    assert found.found == (
        "gs://my-bucket: objects can be created, read, listed and deleted"
    )
    assert outcomes(found) == dict.fromkeys(PERMISSIONS, "allowed")
    assert +bucket.asked == dict.fromkeys(PERMISSIONS, 1)
    assert bucket.objects == {}


@pytest.mark.parametrize("operation", ["list", "read", "delete"])
def test_one_permission_is_missing(bucket, operation):
    bucket.failures[operation] = 403, denied(operation)
    found = check()
    assert found.verdict is Verdict.PROBLEM
    assert f"not allowed to {operation} ({PERMISSIONS[operation]})." in found.found
    assert (
        "gcloud storage buckets add-iam-policy-binding gs://my-bucket "
        f"--member=serviceAccount:{ACCOUNT} --role=roles/storage.objectAdmin"
    ) in found.remedy
    others = {name for name, how in outcomes(found).items() if how == "allowed"}
    assert others == PERMISSIONS.keys() - {operation}


def test_a_refusal_in_plain_text(bucket):
    bucket.speaks_plainly = True
    bucket.failures["read"] = 403, denied("read")
    found = check()
    assert found.found == (
        "gs://my-bucket: not allowed to read (storage.objects.get). "
        f"403 {denied('read')}"
    )
    assert f"--member=serviceAccount:{ACCOUNT} " in found.remedy


def test_an_object_that_cannot_be_deleted_is_told(bucket):
    bucket.failures["delete"] = 403, denied("delete")
    found = check()
    [name] = bucket.objects
    assert name.startswith("runs/1/doctor-")
    assert f"gs://my-bucket/{name} is left there" in found.found


def test_what_cannot_be_tried_is_asked_for(bucket):
    bucket.failures["create"] = 403, denied("create")
    bucket.held.remove("storage.objects.delete")
    found = check()
    assert outcomes(found) == {
        "list": "allowed",
        "create": "not allowed",
        "read": "allowed",
        "delete": "not allowed",
    }
    assert (
        "create (storage.objects.create), delete (storage.objects.delete)."
        in found.found
    )
    assert "left there" not in found.found


def test_every_permission_is_missing(bucket):
    for operation in PERMISSIONS:
        bucket.failures[operation] = 403, denied(operation, "someone@example.com")
    bucket.held.clear()
    found = check()
    for permission in PERMISSIONS.values():
        assert permission in found.found
    assert "--member=user:someone@example.com " in found.remedy


def test_a_refusal_that_names_nobody(bucket):
    bucket.failures["list"] = 403, "Access denied."
    found = check()
    assert "not allowed to list (storage.objects.list). 403 Access denied." in (
        found.found
    )
    assert "--member=user:YOUR_ACCOUNT" in found.remedy


def test_scopes_of_a_virtual_machine(bucket):
    message = "Request had insufficient authentication scopes."
    bucket.failures["create"] = 403, message
    found = check()
    assert "cloud-platform" in found.remedy
    assert "add-iam-policy-binding" not in found.remedy


def test_no_such_bucket(bucket):
    bucket.failures["list"] = 404, "The specified bucket does not exist."
    found = check()
    assert found.verdict is Verdict.PROBLEM
    assert "there is no such bucket" in found.found
    assert "The specified bucket does not exist." in found.found
    assert "gcloud storage buckets create gs://my-bucket" in found.remedy
    assert +bucket.asked == {"list": 1}


def test_an_object_that_vanishes_is_no_missing_bucket(bucket):
    bucket.failures["read"] = 404, "No such object."
    found = check()
    assert found.verdict is Verdict.PROBLEM
    assert "the object that was just created is gone" in found.found
    assert "no such bucket" not in found.found


def test_credentials_that_are_not_accepted(bucket):
    bucket.failures["list"] = 401, "Invalid Credentials"
    found = check()
    assert found.verdict is Verdict.PROBLEM
    assert "the credentials were not accepted" in found.found
    assert "gcloud auth application-default login" in found.remedy
    assert +bucket.asked == {"list": 1}


@pytest.mark.parametrize("code", [429, 500, 503])
def test_a_server_in_trouble_says_nothing_about_permissions(bucket, code):
    bucket.failures["list"] = code, "Try again."
    found = check()
    assert found.verdict is Verdict.PROBLEM
    assert f"could not ask whether it is allowed to list: {code}" in found.found
    assert "says nothing about permissions" in found.remedy
    assert +bucket.asked == {"list": 1}


def test_nobody_answers(bucket):
    bucket.shutdown()
    bucket.server_close()
    found = check()
    assert found.verdict is Verdict.PROBLEM
    assert "could not ask" in found.found
    assert "proxy" in found.remedy


class TestCredentials:
    @pytest.fixture(autouse=True)
    def environment(self, monkeypatch, tmp_path):
        for name in ("STORAGE_EMULATOR_HOST", "GOOGLE_CLOUD_PROJECT"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "gcloud"))
        monkeypatch.setenv("NO_GCE_CHECK", "true")  # no metadata server is asked
        # Whatever else is asked is asked of a port where nobody listens.
        monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")

    def use(self, monkeypatch, path, credentials):
        path.write_text(json.dumps(credentials))
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))

    def test_there_are_none(self, monkeypatch):
        monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
        [found] = bucket_check.check("gs://my-bucket")
        assert found.verdict is Verdict.PROBLEM
        assert "gcloud auth application-default login" in found.remedy

    def test_their_file_is_missing(self, monkeypatch, tmp_path):
        path = str(tmp_path / "none.json")
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", path)
        [found] = bucket_check.check("gs://my-bucket")
        assert found.verdict is Verdict.PROBLEM
        assert path in found.found

    def test_their_source_and_account_are_told(self, monkeypatch, tmp_path):
        credentials = {
            "type": "authorized_user",
            "client_id": "id",
            "client_secret": "secret",
            "refresh_token": "token",
            "account": "someone@example.com",
        }
        self.use(monkeypatch, tmp_path / "key.json", credentials)
        monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "my-project")
        found, asked = bucket_check.check("gs://my-bucket")
        assert found.verdict is Verdict.OK
        assert "user credentials" in found.found
        assert str(tmp_path / "key.json") in found.found
        assert found.details["principal"] == "someone@example.com"
        assert found.details["project"] == "my-project"
        assert "secret" not in found.found
        assert asked.verdict is Verdict.PROBLEM
        assert "could not ask" in asked.found
