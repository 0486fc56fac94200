import pytest

from runtime.errors import StorageError, StorageReason
from runtime.storage import bucket_client
from runtime.storage.bucket_client import Failure

pytest.importorskip("google.cloud.storage")


def http_error(code, message):
    from google.api_core import exceptions

    return exceptions.from_http_status(code, message)


@pytest.mark.parametrize(
    ("code", "message", "reason", "passes"),
    [
        (400, "No.", "OTHER", False),
        (400, "Provided MD5 hash doesn't match calculated MD5 hash.", "DAMAGED", True),
        (401, "Invalid Credentials", "UNKNOWN_CALLER", False),
        (403, "Permission denied", "NOT_ALLOWED", False),
        (403, "quotaExceeded", "QUOTA", False),
        (403, "userRateLimitExceeded: slow down", "QUOTA", True),
        (404, "No such object: my-bucket/x", "MISSING", False),
        (404, "The specified bucket does not exist.", "NO_BUCKET", False),
        (408, "Timeout", "OTHER", True),
        (412, "conditionNotMet", "CHANGED", False),
        (429, "Too many", "QUOTA", True),
        (500, "Internal", "NO_ANSWER", True),
        (501, "Not implemented", "NO_ANSWER", False),
        (503, "Unavailable", "NO_ANSWER", True),
    ],
)
def test_what_answers_mean(code, message, reason, passes):
    found = bucket_client.failure(http_error(code, message))
    assert found.reason is StorageReason[reason]
    assert found.passes is passes
    assert message in found.words


def test_what_the_network_says_passes():
    import requests
    import urllib3
    from google.auth.exceptions import RefreshError, TransportError

    for error in (
        requests.ConnectionError("refused"),
        requests.ReadTimeout("late"),
        urllib3.exceptions.ProtocolError("cut"),
        ConnectionResetError("reset"),
        TransportError("no token server"),
    ):
        assert isinstance(error, bucket_client.catchable())
        found = bucket_client.failure(error)
        assert (found.reason, found.passes) == (StorageReason.NO_ANSWER, True)
    found = bucket_client.failure(RefreshError("invalid_grant: expired"))
    assert (found.reason, found.passes) == (StorageReason.UNKNOWN_CALLER, False)


@pytest.mark.parametrize(
    "text",
    [
        "url: /upload/b/o?uploadType=resumable&upload_id=SECRET (Caused by x)",
        "GET https://host/o?X-Goog-Signature=SECRET&X-Goog-Date=1 failed",
        "sent Authorization: Bearer SECRET.abc-1_2",
        "token ya29.SECRET-more_ was refused",
    ],
)
def test_secrets_are_left_out(text):
    shown = bucket_client.without_secrets(text)
    assert "SECRET" not in shown
    assert shown


def test_long_pages_of_a_proxy_are_cut():
    found = bucket_client.failure(http_error(502, "<html> " * 1000))
    assert len(found.words) < 400


def test_what_to_do_about_it():
    def advice(reason, words=""):
        found = Failure(StorageReason[reason], words, passes=False)
        return bucket_client.remedy(found, bucket="b")

    assert "application-default login" in advice("UNKNOWN_CALLER")
    assert "--member=user:YOUR_ACCOUNT" in advice("NOT_ALLOWED")
    assert "buckets create gs://b" in advice("NO_BUCKET")
    assert "proxy" in advice("NO_ANSWER")
    assert advice("QUOTA") == ""


def test_without_credentials_it_is_said_how_to_log_in(monkeypatch, tmp_path):
    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "gcloud"))
    monkeypatch.setenv("NO_GCE_CHECK", "true")  # no metadata server is asked
    with pytest.raises(StorageError, match="No credentials for gs:// paths") as told:
        bucket_client.make_client()
    assert told.value.reason is StorageReason.UNKNOWN_CALLER
    assert "gcloud auth application-default login" in str(told.value)
