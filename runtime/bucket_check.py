"""What the credentials that are found may do in a Google Cloud Storage bucket.

Each operation is tried on a small object. The answer tells "not allowed" from "not
there" from "could not ask", and names the permission and the command that grants it.
"""

from __future__ import annotations

import dataclasses
import enum
import importlib.util
import json
import os
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from runtime.diagnosis import Finding, Verdict

_CONTENT = b"written by doctor.py; may be deleted\n"
_SECONDS = 15  # for each answer
_LONGEST_WORDS = 300
_ROLE = "roles/storage.objectAdmin"

_PERMISSIONS = {
    "list": "storage.objects.list",
    "create": "storage.objects.create",
    "read": "storage.objects.get",
    "delete": "storage.objects.delete",
}

# "someone@example.com does not have storage.objects.list access to the Google Cloud
# Storage bucket. Permission 'storage.objects.list' denied on resource (or it may not
# exist)." Source: answers of the JSON API, as users quote them.
_DENIED = re.compile(r"([\w.+-]+@[\w.-]+) does not have (storage\.[\w.]+) access")


class Outcome(enum.Enum):
    """How the bucket answered."""

    ALLOWED = "allowed"
    REFUSED = "not allowed"
    UNKNOWN_CALLER = "credentials not accepted"
    MISSING = "missing"
    NO_ANSWER = "could not ask"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Answer:
    """The answer to one operation.

    Attributes:
        operation: list, create, read or delete.
        outcome: How it was answered.
        reason: The server's or the network's words.
    """

    operation: str
    outcome: Outcome
    reason: str = ""

    @property
    def permission(self) -> str:
        """What is missing where it was refused; the server may know better than we."""
        said = _DENIED.search(self.reason)
        return said[2] if said else _PERMISSIONS[self.operation]


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Caller:
    """Who asks.

    Attributes:
        client: A `google.cloud.storage.Client`.
        source: Where the credentials come from.
        principal: The account, where it is known.
        project: The project, where it is known.
    """

    client: Any
    source: str
    principal: str | None
    project: str | None


def check(path: str) -> list[Finding]:
    """Tries the operations of a run out in a bucket.

    Args:
        path: `gs://bucket` or `gs://bucket/folder`.

    Returns:
        What was found about the credentials and about the bucket.
    """
    if not _client_is_installed():
        return [_no_client()]
    caller = _find_caller()
    if isinstance(caller, Finding):
        return [caller]
    bucket, _, folder = path.removeprefix("gs://").partition("/")
    name = f"doctor-{uuid.uuid4().hex}.txt"
    probe = "/".join(filter(None, [folder.rstrip("/"), name]))
    answers = _ask(caller.client, bucket=bucket, probe=probe)
    return [
        _credentials(caller),
        _bucket(answers, bucket=bucket, probe=probe, principal=caller.principal),
    ]


# Who asks ----------------------------------------------------------------------------


def _client_is_installed() -> bool:
    # find_spec imports the parents of a dotted name, and fails where there are none.
    try:
        return importlib.util.find_spec("google.cloud.storage") is not None
    except ModuleNotFoundError:
        return False


def _no_client() -> Finding:
    return Finding(
        check="bucket",
        verdict=Verdict.PROBLEM,
        found="not asked: google-cloud-storage is not installed",
        remedy="Run `pip install --editable '.[gcs]'`.",
    )


def _find_caller() -> _Caller | Finding:
    import google.auth
    from google.auth import exceptions
    from google.cloud import storage

    emulator = os.environ.get("STORAGE_EMULATOR_HOST")
    if emulator:
        source = f"none, as STORAGE_EMULATOR_HOST={emulator} is asked"
        client = storage.Client()
        return _Caller(
            client=client, source=source, principal=None, project=client.project
        )
    try:
        credentials, project = google.auth.default(scopes=storage.Client.SCOPE)
    except exceptions.DefaultCredentialsError as error:
        return _no_credentials(str(error))
    known = credentials.get_cred_info() or {}
    return _Caller(
        client=storage.Client(project=project, credentials=credentials),
        source=_source(known),
        principal=_principal(known),
        project=project,
    )


def _source(known: dict[str, str]) -> str:
    if not known:
        return "the surroundings of this program"
    return f"{known['credential_type']} from {known['credential_source']}"


def _principal(known: dict[str, str]) -> str | None:
    principal = known.get("principal")
    # Of a virtual machine's account the metadata server has told no more than this yet.
    return None if principal == "default" else principal


def _no_credentials(reason: str) -> Finding:
    return Finding(
        check="credentials",
        verdict=Verdict.PROBLEM,
        found=f"none that can be used: {reason}",
        remedy=_LOG_IN,
    )


_LOG_IN = (
    "Log in with `gcloud auth application-default login` (in Colab: `from google.colab "
    "import auth; auth.authenticate_user()`), or let GOOGLE_APPLICATION_CREDENTIALS "
    "name the key file of a service account."
)


def _credentials(caller: _Caller) -> Finding:
    who = caller.principal or "account not told by the credentials"
    project = caller.project or "none"
    return Finding(
        check="credentials",
        verdict=Verdict.OK,
        found=f"{caller.source}; {who}; project {project}",
        details={
            "source": caller.source,
            "principal": caller.principal,
            "project": caller.project,
        },
    )


# Asking ------------------------------------------------------------------------------


def _ask(client: Any, *, bucket: str, probe: str) -> list[Answer]:
    """Tries each operation, on an object called `probe` where it takes one."""
    limits = {"timeout": _SECONDS, "retry": None}
    blob = client.bucket(bucket).blob(probe)

    def list_objects() -> None:
        list(client.list_blobs(bucket, prefix=probe, max_results=1, **limits))

    def create() -> None:
        blob.upload_from_string(_CONTENT, if_generation_match=0, **limits)

    answers = [_try("list", list_objects)]
    if answers[0].outcome in _SAME_FOR_ALL:
        return answers
    answers.append(_try("create", create))
    if answers[1].outcome is not Outcome.ALLOWED:
        return answers + _ask_without_object(client.bucket(bucket), limits=limits)
    answers.append(_try("read", lambda: blob.download_as_bytes(**limits)))
    answers.append(_try("delete", lambda: blob.delete(**limits)))
    return answers


_SAME_FOR_ALL = {Outcome.UNKNOWN_CALLER, Outcome.MISSING, Outcome.NO_ANSWER}


def _ask_without_object(bucket: Any, *, limits: Mapping[str, Any]) -> list[Answer]:
    """Asks what may be done with objects, where none could be created to try it on."""
    held: list[str] = []

    def ask() -> None:
        wanted = [_PERMISSIONS["read"], _PERMISSIONS["delete"]]
        held.extend(bucket.test_iam_permissions(wanted, **limits))

    asked = _try("read", ask)
    if asked.outcome is not Outcome.ALLOWED:
        asked = dataclasses.replace(asked, outcome=Outcome.NO_ANSWER)
        return [asked, dataclasses.replace(asked, operation="delete")]
    return [
        Answer(
            operation=operation,
            outcome=(
                Outcome.ALLOWED if _PERMISSIONS[operation] in held else Outcome.REFUSED
            ),
        )
        for operation in ("read", "delete")
    ]


def _try(operation: str, call: Callable[[], object]) -> Answer:
    import requests
    from google.api_core.exceptions import GoogleAPICallError
    from google.auth.exceptions import GoogleAuthError, TransportError

    try:
        call()
    except GoogleAPICallError as error:
        outcome, reason = _CODES.get(error.code, Outcome.NO_ANSWER), _words(error)
    except (TransportError, requests.RequestException) as error:
        outcome, reason = Outcome.NO_ANSWER, str(error)
    except GoogleAuthError as error:  # no token was given for the credentials
        outcome, reason = Outcome.UNKNOWN_CALLER, str(error)
    else:
        outcome, reason = Outcome.ALLOWED, ""
    return Answer(operation=operation, outcome=outcome, reason=reason)


_CODES = {
    401: Outcome.UNKNOWN_CALLER,
    403: Outcome.REFUSED,
    404: Outcome.MISSING,
}


def _words(error: Any) -> str:
    """The server's own words, without what the client puts around them."""
    body = error.message if error.response is None else error.response.text
    try:
        words = json.loads(body)["error"]["message"]
    except (ValueError, KeyError, TypeError):  # as plain text, or a proxy's page
        words = " ".join(body.split())[:_LONGEST_WORDS]
    return f"{error.code} {words}"


# What it means -----------------------------------------------------------------------


def _bucket(
    answers: Sequence[Answer], *, bucket: str, probe: str, principal: str | None
) -> Finding:
    found, remedy = _meaning(answers, bucket=bucket, principal=principal)
    if _is_left(answers):
        found += f" The object gs://{bucket}/{probe} is left there; delete it."
    return Finding(
        check="bucket",
        verdict=Verdict.PROBLEM if remedy else Verdict.OK,
        found=f"gs://{bucket}: {found}",
        remedy=remedy,
        details={
            answer.operation: {
                "outcome": answer.outcome.value,
                "permission": _PERMISSIONS[answer.operation],
                "reason": answer.reason,
            }
            for answer in answers
        },
    )


def _meaning(
    answers: Sequence[Answer], *, bucket: str, principal: str | None
) -> tuple[str, str]:
    """What was found and, where it is a problem, what to do."""
    failed = {answer.outcome: answer for answer in reversed(answers)}
    if Outcome.MISSING in failed:
        return _missing(failed[Outcome.MISSING], bucket=bucket)
    if Outcome.UNKNOWN_CALLER in failed:
        reason = failed[Outcome.UNKNOWN_CALLER].reason
        return f"the credentials were not accepted: {reason}", _LOG_IN
    if Outcome.REFUSED in failed:
        refused = [a for a in answers if a.outcome is Outcome.REFUSED]
        return _refused(refused, bucket=bucket, principal=principal)
    if Outcome.NO_ANSWER in failed:
        return _no_answer(failed[Outcome.NO_ANSWER])
    return "objects can be created, read, listed and deleted", ""


def _missing(answer: Answer, *, bucket: str) -> tuple[str, str]:
    if answer.operation in {"read", "delete"}:
        return (
            f"the object that was just created is gone: {answer.reason}",
            "Look for a lifecycle rule or another program that deletes objects.",
        )
    return (
        f"there is no such bucket: {answer.reason}",
        "Check its name, or create it with `gcloud storage buckets create "
        f"gs://{bucket} --location=REGION`, in the region of the TPU or GPU.",
    )


def _no_answer(answer: Answer) -> tuple[str, str]:
    return (
        f"could not ask whether it is allowed to {answer.operation}: {answer.reason}",
        "This says nothing about permissions. Check the network, any proxy and "
        "STORAGE_EMULATOR_HOST, and try again.",
    )


def _refused(
    refused: Sequence[Answer], *, bucket: str, principal: str | None
) -> tuple[str, str]:
    named = ", ".join(f"{a.operation} ({a.permission})" for a in refused)
    reasons = [answer.reason for answer in refused if answer.reason]
    found = f"not allowed to {named}." + "".join(f" {r}" for r in reasons[:1])
    if any("insufficient authentication scopes" in reason for reason in reasons):
        return found, (
            "The account may, but this machine's access scopes do not let it: stop the "
            "machine and set the scope `cloud-platform`, or log in with `gcloud auth "
            "application-default login`."
        )
    member = _member(_told(reasons) or principal)
    return found, (
        "Someone who owns the bucket grants it with `gcloud storage buckets "
        f"add-iam-policy-binding gs://{bucket} --member={member} --role={_ROLE}`."
    )


def _told(reasons: Sequence[str]) -> str | None:
    """The account that the server says it refused."""
    found = [match[1] for match in map(_DENIED.search, reasons) if match]
    return found[0] if found else None


def _member(principal: str | None) -> str:
    if principal is None:
        return "user:YOUR_ACCOUNT"
    is_service = principal.endswith(".gserviceaccount.com")
    return f"{'serviceAccount' if is_service else 'user'}:{principal}"


def _is_left(answers: Sequence[Answer]) -> bool:
    outcomes = {answer.operation: answer.outcome for answer in answers}
    created = outcomes.get("create") is Outcome.ALLOWED
    return created and outcomes["delete"] in {Outcome.REFUSED, Outcome.NO_ANSWER}
