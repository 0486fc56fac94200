"""What a request asks for: read with care, since anybody may have written it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

from pipelines.serving.answer import Input
from pipelines.serving.serve_settings import ServeSettings

_ONE = {"text_a"}
_TWO = {"text_a", "text_b"}
_SIGNATURE = "serving_default"
_DRAINED_BYTES = 256 << 20  # read and dropped, so that its sender sees the answer


class RequestError(Exception):
    """A request that cannot be answered.

    Args:
        message: What was expected and what came.
        status: Of HTTP.
    """

    def __init__(self, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


async def body_of(chunks: AsyncIterator[bytes], *, limit: int) -> bytes:
    """The body of a request; of one too large never more than the limit is held.

    Args:
        chunks: Its parts as they come.
        limit: Most bytes.

    Raises:
        RequestError: It is larger.
    """
    found, size = bytearray(), 0
    async for chunk in chunks:
        size += len(chunk)
        if size > _DRAINED_BYTES:
            break
        if size <= limit:
            found += chunk
        else:
            found.clear()
    if size > limit:
        raise RequestError(
            f"expected a body of at most {limit:,} bytes, got more: send fewer texts at"
            " once, or start the server with --max_request_bytes.",
            status=413,
        )
    return bytes(found)


def inputs_of(
    body: bytes, *, settings: ServeSettings, pairs: bool | None
) -> Sequence[Input]:
    """The texts of a body in TensorFlow Serving's row form.

    Args:
        body: Such as `{"instances": ["a text"]}`.
        settings: Its limits.
        pairs: Whether the model reads pairs; None where it reads either.

    Raises:
        RequestError: It is of another form, or beyond a limit.
    """
    content = _object(body)
    if "inputs" in content:
        raise RequestError('expected the row form, {"instances": [...]}; got "inputs".')
    if unknown := content.keys() - {"instances", "signature_name"}:
        raise RequestError(f'expected "instances" alone; got {sorted(unknown)!r:.200}.')
    if content.get("signature_name", _SIGNATURE) != _SIGNATURE:
        raise RequestError(
            f'"signature_name": expected {_SIGNATURE}, the only one; got'
            f" {content['signature_name']!r:.60}."
        )
    found = content.get("instances")
    if not isinstance(found, list) or not found:
        raise RequestError(
            f'"instances": expected a list of one text at least; got {found!r:.60}.'
        )
    if len(found) > settings.max_request_texts:
        raise RequestError(
            f'"instances": expected at most {settings.max_request_texts:,} texts, got'
            f" {len(found):,}: send several requests, or start the server with"
            " --max_request_texts."
        )
    most = settings.max_text_characters
    return [
        _input(each, place=place, pairs=pairs, most=most)
        for place, each in enumerate(found)
    ]


def _object(body: bytes) -> dict[str, Any]:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RequestError(
            f'expected JSON in UTF-8, as {{"instances": ["a text"]}}: {error}'
        ) from error
    if not isinstance(content, dict):
        raise RequestError(
            'expected a JSON object, as {"instances": ["a text"]}; got a'
            f" {type(content).__name__}."
        )
    return content


def _input(found: Any, *, place: int, pairs: bool | None, most: int) -> Input:
    """One text, or the two of a pair: a list of two, or an object of them.

    Raises:
        RequestError: It is neither.
    """
    where = f'"instances"[{place}]'
    if isinstance(found, dict) and found.keys() in (_ONE, _TWO):
        found = [found[name] for name in sorted(found)]
    parts = found if isinstance(found, list) else [found]
    if len(parts) not in {1, 2} or not all(isinstance(part, str) for part in parts):
        raise RequestError(
            f'{where}: expected a text, a list of two, or {{"text_a": ..., "text_b":'
            f" ...}}; got {found!r:.60}."
        )
    is_pair = len(parts) == 2
    if pairs not in {None, is_pair}:
        forms = ("one text", "a pair of texts")
        raise RequestError(
            f"{where}: expected {forms[not is_pair]}, as the model was trained on, got"
            f" {forms[is_pair]}."
        )
    for part in parts:
        _refuse_text(part, where=where, most=most)
    return (parts[0], parts[1]) if is_pair else parts[0]


def _refuse_text(text: str, *, where: str, most: int) -> None:
    if len(text) > most:
        raise RequestError(
            f"{where}: expected at most {most:,} characters, got {len(text):,}: shorten"
            " it, or start the server with --max_text_characters."
        )
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise RequestError(
            f"{where}: half of a surrogate pair at character {error.start}."
        ) from error
