"""Google Cloud's notice that this machine will be taken away.

Virtual machines ask their metadata server, which answers when something changes. A
Colab runtime gets no notice that is documented; where it sends SIGTERM, that is one.

Source: https://cloud.google.com/compute/docs/instances/create-use-preemptible
"""

from __future__ import annotations

import contextlib
import http.client
import logging
import os
import threading
from collections.abc import Iterator

from runtime import storage
from runtime.training.stop_request import StopRequest

_PRODUCT = "/sys/class/dmi/id/product_name"  # "Google Compute Engine"
_SERVER = "metadata.google.internal"
_PATH = "/computeMetadata/v1/instance/preempted"
_ANSWER_SECONDS = 60  # the server answers by then, changed or not
_PAUSE_SECONDS = 1.0  # between questions, where they are answered at once

_log = logging.getLogger(__name__)


@contextlib.contextmanager
def watch(stop: StopRequest) -> Iterator[None]:
    """Asks for the notice within the `with` block, on machines of Google Cloud.

    Args:
        stop: What is told.
    """
    server = _server()
    if server is None:
        yield
        return
    ending = threading.Event()
    threading.Thread(
        target=_watch, args=(server, stop, ending), name="preemption", daemon=True
    ).start()
    try:
        yield
    finally:
        ending.set()


def _server() -> str | None:
    """The metadata server to ask; None elsewhere than on Google Cloud."""
    if os.environ.get("NO_GCE_CHECK", "").lower() == "true":
        return None
    named = os.environ.get("GCE_METADATA_HOST")
    if named:
        return named
    on_google = storage.exists(_PRODUCT) and "Google" in storage.read_text(_PRODUCT)
    return _SERVER if on_google else None


def _watch(server: str, stop: StopRequest, ending: threading.Event) -> None:
    etag = "0"  # the first question is answered at once
    while not ending.is_set():
        try:
            answer, etag = _ask(server, etag=etag)
        except (OSError, http.client.HTTPException) as error:
            _log.debug("No answer from %s: %s", server, error)
            answer = ""
        if answer == "TRUE" and not ending.is_set():
            stop.ask("the notice that this machine will be taken away")
            return
        ending.wait(_PAUSE_SECONDS)


def _ask(server: str, *, etag: str) -> tuple[str, str]:
    """Returns the answer and what marks it, when it is another than the one marked."""
    connection = http.client.HTTPConnection(server, timeout=2 * _ANSWER_SECONDS)
    query = f"wait_for_change=true&timeout_sec={_ANSWER_SECONDS}&last_etag={etag}"
    with contextlib.closing(connection):
        connection.request(
            "GET", f"{_PATH}?{query}", headers={"Metadata-Flavor": "Google"}
        )
        response = connection.getresponse()
        answer = response.read(100).decode("ascii", "replace").strip()
        return answer, response.getheader("ETag", "0")
