"""What the credentials that are found may do in a Google Cloud Storage bucket.

Each operation is tried on a small object. The answer tells "not allowed" from "not
there" from "could not ask", and names the permission and the command that grants it.
"""

from __future__ import annotations

import dataclasses
import enum
import importlib.util
import os
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from runtime.doctor.diagnosis import Finding, Verdict
from runtime.errors import StorageReason
from runtime.storage import bucket_client

_CONTENT = b"written by doctor.py; may be deleted\n"
_SECONDS = 15  # for each answer


class RequestOutcome(enum.Enum):
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
    outcome: RequestOutcome
    reason: str = ""

    @property
    def permission(self) -> str:
        """What is missing where it was refused; the server may know better than we."""
        return bucket_client.missing_permission(self.reason, operation=self.operation)


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
        remedy=bucket_client.INSTALL,
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
        remedy=bucket_client.LOG_IN,
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
    if answers[1].outcome is not RequestOutcome.ALLOWED:
        return answers + _ask_without_object(client.bucket(bucket), limits=limits)
    answers.append(_try("read", lambda: blob.download_as_bytes(**limits)))
    answers.append(_try("delete", lambda: blob.delete(**limits)))
    return answers


_SAME_FOR_ALL = {
    RequestOutcome.UNKNOWN_CALLER,
    RequestOutcome.MISSING,
    RequestOutcome.NO_ANSWER,
}


def _ask_without_object(bucket: Any, *, limits: Mapping[str, Any]) -> list[Answer]:
    """Asks what may be done with objects, where none could be created to try it on."""
    held: list[str] = []

    def ask() -> None:
        wanted = [
            bucket_client.PERMISSIONS["read"],
            bucket_client.PERMISSIONS["delete"],
        ]
        held.extend(bucket.test_iam_permissions(wanted, **limits))

    asked = _try("read", ask)
    if asked.outcome is not RequestOutcome.ALLOWED:
        asked = dataclasses.replace(asked, outcome=RequestOutcome.NO_ANSWER)
        return [asked, dataclasses.replace(asked, operation="delete")]
    return [
        Answer(
            operation=operation,
            outcome=(
                RequestOutcome.ALLOWED
                if bucket_client.PERMISSIONS[operation] in held
                else RequestOutcome.REFUSED
            ),
        )
        for operation in ("read", "delete")
    ]


def _try(operation: str, call: Callable[[], object]) -> Answer:
    try:
        call()
    except bucket_client.catchable() as error:
        found = bucket_client.failure(error)
        outcome = _OUTCOMES.get(found.reason, RequestOutcome.NO_ANSWER)
        return Answer(operation=operation, outcome=outcome, reason=found.words)
    return Answer(operation=operation, outcome=RequestOutcome.ALLOWED)


_OUTCOMES = {
    StorageReason.UNKNOWN_CALLER: RequestOutcome.UNKNOWN_CALLER,
    StorageReason.NOT_ALLOWED: RequestOutcome.REFUSED,
    StorageReason.MISSING: RequestOutcome.MISSING,
    StorageReason.NO_BUCKET: RequestOutcome.MISSING,
}


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
                "permission": bucket_client.PERMISSIONS[answer.operation],
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
    if RequestOutcome.MISSING in failed:
        return _missing(failed[RequestOutcome.MISSING], bucket=bucket)
    if RequestOutcome.UNKNOWN_CALLER in failed:
        reason = failed[RequestOutcome.UNKNOWN_CALLER].reason
        return f"the credentials were not accepted: {reason}", bucket_client.LOG_IN
    if RequestOutcome.REFUSED in failed:
        refused = [a for a in answers if a.outcome is RequestOutcome.REFUSED]
        return _refused(refused, bucket=bucket, principal=principal)
    if RequestOutcome.NO_ANSWER in failed:
        return _no_answer(failed[RequestOutcome.NO_ANSWER])
    return "objects can be created, read, listed and deleted", ""


def _missing(answer: Answer, *, bucket: str) -> tuple[str, str]:
    if answer.operation in {"read", "delete"}:
        return (
            f"the object that was just created is gone: {answer.reason}",
            "Look for a lifecycle rule or another program that deletes objects.",
        )
    return (
        f"there is no such bucket: {answer.reason}",
        bucket_client.how_to_create(bucket),
    )


def _no_answer(answer: Answer) -> tuple[str, str]:
    return (
        f"could not ask whether it is allowed to {answer.operation}: {answer.reason}",
        bucket_client.NO_ANSWER,
    )


def _refused(
    refused: Sequence[Answer], *, bucket: str, principal: str | None
) -> tuple[str, str]:
    named = ", ".join(f"{a.operation} ({a.permission})" for a in refused)
    reasons = [answer.reason for answer in refused if answer.reason]
    found = f"not allowed to {named}." + "".join(f" {r}" for r in reasons[:1])
    words = " ".join(reasons)
    return found, bucket_client.how_to_grant(words, bucket=bucket, principal=principal)


def _is_left(answers: Sequence[Answer]) -> bool:
    outcomes = {answer.operation: answer.outcome for answer in answers}
    created = outcomes.get("create") is RequestOutcome.ALLOWED
    return created and outcomes["delete"] in {
        RequestOutcome.REFUSED,
        RequestOutcome.NO_ANSWER,
    }
