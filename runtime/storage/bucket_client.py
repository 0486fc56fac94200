"""The client of Google Cloud Storage: how it is made, and what its errors mean."""

from __future__ import annotations

import dataclasses
import functools
import json
import re
from typing import Any

from runtime.errors import StorageError, StorageReason

INSTALL = "Run `pip install --editable '.[gcs]'`."
LOG_IN = (
    "Log in with `gcloud auth application-default login` (in Colab: `from google.colab "
    "import auth; auth.authenticate_user()`), or let GOOGLE_APPLICATION_CREDENTIALS "
    "name the key file of a service account."
)
PERMISSIONS = {
    "list": "storage.objects.list",
    "create": "storage.objects.create",
    "read": "storage.objects.get",
    "delete": "storage.objects.delete",
}
"""What each operation on objects needs."""

_ROLE = "roles/storage.objectAdmin"
_LONGEST_WORDS = 300

# "someone@example.com does not have storage.objects.list access to the Google Cloud
# Storage bucket. Permission 'storage.objects.list' denied on resource (or it may not
# exist)." Source: answers of the JSON API, as users quote them.
_DENIED = re.compile(r"([\w.+-]+@[\w.-]+) does not have (storage\.[\w.]+) access")

_REASONS = {
    401: StorageReason.UNKNOWN_CALLER,
    403: StorageReason.NOT_ALLOWED,
    404: StorageReason.MISSING,
    412: StorageReason.CHANGED,
    429: StorageReason.QUOTA,
}
# Source: https://cloud.google.com/storage/docs/json_api/v1/status-codes
_QUOTAS = re.compile(r"(?i)rateLimitExceeded|quotaExceeded|dailyLimitExceeded")
_NO_BUCKET = re.compile(r"(?i)specified bucket|no such bucket")
_MISMATCH = re.compile(r"(?i)(crc32c|md5|hash|checksum).*(match|calculated|computed)")

# Source: https://cloud.google.com/storage/docs/retry-strategy
_PASSING_CODES = {408, 410, 429, 500, 502, 503, 504}  # 410: a large upload's session

# What follows a `?` in an address may be a signature or the key of an upload; the
# other two are tokens as they stand in headers.
_SECRETS = re.compile(r"\?[^\s'\")>]+|\bya29\.[\w.-]+|(?i:\bbearer\s+)[\w.~+/=-]+")


@dataclasses.dataclass(frozen=True, slots=True)
class Failure:
    """What an error of the client means.

    Attributes:
        reason: The kind.
        words: The server's or the network's own words, without secrets.
        passes: Whether the same request may succeed a little later.
    """

    reason: StorageReason
    words: str
    passes: bool


class DamagedError(Exception):
    """Bytes that came are not those that the bucket has."""


@functools.cache
def catchable() -> tuple[type[Exception], ...]:
    """The errors that `failure` understands: all that the client raises."""
    import requests
    import urllib3
    from google.api_core.exceptions import GoogleAPIError
    from google.auth.exceptions import GoogleAuthError
    from google.cloud.storage.exceptions import DataCorruption, InvalidResponse

    return (
        DamagedError,
        GoogleAPIError,
        GoogleAuthError,
        InvalidResponse,
        DataCorruption,
        requests.RequestException,
        urllib3.exceptions.HTTPError,
        ConnectionError,
        TimeoutError,
    )


def failure(error: Exception) -> Failure:
    """Tells what an error means.

    Args:
        error: One of `catchable()`.
    """
    from google.api_core.exceptions import GoogleAPICallError
    from google.auth.exceptions import GoogleAuthError, TransportError
    from google.cloud.storage.exceptions import DataCorruption, InvalidResponse

    if isinstance(error, GoogleAPICallError):
        return _answer(int(error.code or 0), _body(error), error.reason)
    if isinstance(error, InvalidResponse):
        return _answer(int(error.response.status_code), error.response.text)
    if isinstance(error, DataCorruption | DamagedError):
        words = "the bytes that came do not have the object's checksum"
        return Failure(StorageReason.DAMAGED, words, passes=True)
    if isinstance(error, GoogleAuthError) and not isinstance(error, TransportError):
        words = without_secrets(str(error))  # no token was given for the credentials
        return Failure(StorageReason.UNKNOWN_CALLER, words, passes=error.retryable)
    return Failure(StorageReason.NO_ANSWER, without_secrets(str(error)), passes=True)


def without_secrets(text: str) -> str:
    """Returns `text`, shortened, without what could open a door."""
    return _SECRETS.sub("…", " ".join(text.split()))[:_LONGEST_WORDS]


def _answer(code: int, body: str, reason: str | None = None) -> Failure:
    words = f"{code} {without_secrets(_message(body))}"
    if code == 400 and _MISMATCH.search(body):
        return Failure(StorageReason.DAMAGED, words, passes=True)
    if code == 403 and _QUOTAS.search(f"{reason} {body}"):
        return Failure(StorageReason.QUOTA, words, passes="ateLimit" in body)
    if code == 404 and _NO_BUCKET.search(words):
        return Failure(StorageReason.NO_BUCKET, words, passes=False)
    meaning = _REASONS.get(code)
    if meaning is None:
        meaning = StorageReason.NO_ANSWER if code >= 500 else StorageReason.OTHER
    return Failure(meaning, words, passes=code in _PASSING_CODES)


def _body(error: Any) -> str:
    return error.message if error.response is None else error.response.text


def _message(body: str) -> str:
    """The server's own words, without what the client puts around them."""
    try:
        return json.loads(body)["error"]["message"]
    except (ValueError, KeyError, TypeError):  # as plain text, or a proxy's page
        return body


# The client --------------------------------------------------------------------------


def make_client() -> Any:
    """Returns a `google.cloud.storage.Client` with the credentials that are found.

    Raises:
        StorageError: It is not installed, or there are no credentials.
    """
    try:
        from google.auth.exceptions import GoogleAuthError
        from google.cloud import storage
    except ModuleNotFoundError as error:
        raise StorageError(
            f"gs:// paths need google-cloud-storage, which is not installed. {INSTALL}"
        ) from error
    try:
        # A bucket can be used without a project; nor is one looked for then.
        return storage.Client(project=None)
    except GoogleAuthError as error:
        raise StorageError(
            f"No credentials for gs:// paths: {without_secrets(str(error))} {LOG_IN}",
            reason=StorageReason.UNKNOWN_CALLER,
        ) from None


# What to do --------------------------------------------------------------------------


NO_ANSWER = (
    "This says nothing about permissions. Check the network, any proxy and "
    "STORAGE_EMULATOR_HOST, and try again."
)


def remedy(found: Failure, *, bucket: str) -> str:
    """Returns what to do about a failure; "" where nothing general can be said."""
    if found.reason is StorageReason.UNKNOWN_CALLER:
        return LOG_IN
    if found.reason is StorageReason.NOT_ALLOWED:
        return how_to_grant(found.words, bucket=bucket)
    if found.reason is StorageReason.NO_ANSWER:
        return NO_ANSWER
    if found.reason is StorageReason.NO_BUCKET:
        return how_to_create(bucket)
    return ""


def how_to_grant(words: str, *, bucket: str, principal: str | None = None) -> str:
    """Returns how the account that was refused gets what it lacks.

    Args:
        words: The server's words; they may name the account.
        bucket: The bucket's name.
        principal: The account, where it is known otherwise.
    """
    if "insufficient authentication scopes" in words:
        return (
            "The account may, but this machine's access scopes do not let it: stop the "
            "machine and set the scope `cloud-platform`, or log in with `gcloud auth "
            "application-default login`."
        )
    said = _DENIED.search(words)
    member = _member(said[1] if said else principal)
    return (
        "Someone who owns the bucket grants it with `gcloud storage buckets "
        f"add-iam-policy-binding gs://{bucket} --member={member} --role={_ROLE}`."
    )


def missing_permission(words: str, *, operation: str) -> str:
    """Returns the permission a refused operation lacks; the server may know better."""
    said = _DENIED.search(words)
    return said[2] if said else PERMISSIONS[operation]


def how_to_create(bucket: str) -> str:
    """Returns what to do where there is no such bucket."""
    return (
        "Check its name, or create it with `gcloud storage buckets create "
        f"gs://{bucket} --location=REGION`, in the region of the TPU or GPU."
    )


def _member(principal: str | None) -> str:
    if principal is None:
        return "user:YOUR_ACCOUNT"
    is_service = principal.endswith(".gserviceaccount.com")
    return f"{'serviceAccount' if is_service else 'user'}:{principal}"
