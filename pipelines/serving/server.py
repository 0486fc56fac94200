"""Serves a model until it is asked to end, and then answers what it has taken on."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import signal
import socket
from collections.abc import Callable
from typing import Any

from pipelines.serving import application
from pipelines.serving.predictor import Predictor
from pipelines.serving.serve_settings import ServeSettings
from pipelines.serving.service import Service
from runtime.errors import SettingsError

_GRACE_SECONDS = 2.0  # in which an open connection may send what is under way
_TICK = 0.02
_BACKLOG = 2048
_MOST_CONNECTIONS = 1000  # a body that comes is held up to its limit

_log = logging.getLogger(__name__)


def run(load: Callable[[], Predictor], *, settings: ServeSettings) -> None:
    """Serves until SIGTERM or SIGINT.

    Args:
        load: Opens the model, in a thread, while the server says 503.
        settings: How it is served.

    Raises:
        SettingsError: The port cannot be had, or packages are missing.
        ToolkitError: The model cannot be opened.
    """
    _refuse_missing_packages()
    with bind(settings) as listening:
        asyncio.run(_serve(Service(load, settings=settings), listening))


def bind(settings: ServeSettings) -> socket.socket:
    """The socket that clients connect to.

    Args:
        settings: Its host and port.

    Raises:
        SettingsError: They cannot be had.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    found = socket.socket(family)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((settings.host, settings.port))
        found.listen(_BACKLOG)
    except OSError as error:
        found.close()
        raise SettingsError(_sentence(error, settings)) from error
    return found


def _sentence(error: OSError, settings: ServeSettings) -> str:
    place = f"--host={settings.host} --port={settings.port}"
    if error.errno == errno.EADDRINUSE:
        return (
            f"{place}: another program listens there already. Choose another --port; 0"
            " takes any that is free."
        )
    if error.errno == errno.EACCES:
        return f"{place}: ports below 1024 are the system's. Choose another --port."
    return f"{place}: cannot listen there: {error.strerror or error}."


def _refuse_missing_packages() -> None:
    try:
        import prometheus_client  # noqa: F401 - only whether it is there
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise SettingsError(
            f"Serving needs the package {error.name}, which is not installed. Run"
            " pip install -e '.[serve]'."
        ) from error


async def _serve(service: Service, listening: socket.socket) -> None:
    import uvicorn

    config = uvicorn.Config(
        application.create(service),
        access_log=False,
        lifespan="off",
        limit_concurrency=_MOST_CONNECTIONS,
        log_level="warning",
        server_header=False,
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started and not serving.done():
        await asyncio.sleep(_TICK)
    stopping = _on_signals()
    _say(listening, "loading %s; until then it answers 503", service.settings.model)
    loading = asyncio.create_task(service.load())
    stopped = asyncio.create_task(stopping.wait())
    await asyncio.wait({loading, stopped}, return_when=asyncio.FIRST_COMPLETED)
    if loading.done() and loading.exception() is None:
        _say(listening, "ready: version %s", _version(service))
        await stopped
    await _end(server, service)
    await serving
    _leave(service, loading)


def _on_signals() -> asyncio.Event:
    """What is set when the process is asked to end."""
    stopping, loop = asyncio.Event(), asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, stopping.set)
    return stopping


async def _end(server: Any, service: Service) -> None:
    """Takes no new connections; the open ones get answers that end them."""
    service.is_ending = True
    for each in server.servers:
        each.close()
    _log.info("Ending: answering what was taken on.")
    loop = asyncio.get_running_loop()
    end = loop.time() + _GRACE_SECONDS
    while server.server_state.connections and loop.time() < end:
        await asyncio.sleep(_TICK)
    server.should_exit = True  # it waits for the requests under way


def _leave(service: Service, loading: asyncio.Task[None]) -> None:
    """Ends with the model: with its error, or without it where it still loads.

    Raises:
        ToolkitError: The model could not be opened.
    """
    if not loading.done():
        _log.info("Ended before the model was loaded.")
        os._exit(0)  # nothing was taken on, and a load cannot be interrupted
    service.close()
    loading.result()


def _say(listening: socket.socket, text: str, *arguments: Any) -> None:
    host, port = listening.getsockname()[:2]
    host = f"[{host}]" if ":" in host else host
    _log.info(f"http://{host}:{port}/ %s", text % arguments)


def _version(service: Service) -> str:
    return str(service.status()["model_version_status"][0]["version"])
