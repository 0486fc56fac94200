"""What a server answers to whom: TensorFlow Serving's addresses, and a page.

    POST /v1/models/NAME:predict    {"instances": ["a text"]} -> {"predictions": [...]}
    POST /v1/models/NAME:explain    the same with one text
    GET  /v1/models/NAME            status, labels, version
    GET  /metrics                   for Prometheus
    GET  /                          a page to try it

Source: https://www.tensorflow.org/tfx/serving/api_rest
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

from pipelines.serving import measurements, request
from pipelines.serving.request import RequestError
from pipelines.serving.service import Service, State
from runtime import storage

_STATIC = storage.join(storage.dirname(__file__), "static")
_PAGES = {
    "/": ("page.html", "text/html; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
}
# Nothing from elsewhere runs or is shown, and no other page may frame this one.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": _POLICY}
_NAME = "MODEL_NAME"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class _Routes:
    """A handler for each address.

    Args:
        service: The model.
    """

    def __init__(self, service: Service) -> None:
        self._service = service

    async def predict(self, asked: Any) -> Any:
        inputs = await self._inputs(asked)
        answers = await self._service.answer(inputs)
        return {"predictions": [answer.as_json() for answer in answers]}

    async def explain(self, asked: Any) -> Any:
        inputs = await self._inputs(asked)
        if len(inputs) != 1:
            raise RequestError(f"expected one text to explain, got {len(inputs)}.")
        return await self._service.explain(inputs[0])

    async def status(self, asked: Any) -> Any:
        if ":" in asked.path_params["name"]:  # a verb, and no POST
            raise RequestError(advice(self._service), status=405)
        self._check_name(asked)
        return self._service.status()

    async def _inputs(self, asked: Any) -> Any:
        self._check_name(asked)
        settings = self._service.settings
        body = await request.body_of(asked.stream(), limit=settings.max_request_bytes)
        pairs = self._service.predictor.takes_pairs
        return request.inputs_of(body, settings=settings, pairs=pairs)

    def _check_name(self, asked: Any) -> None:
        """Refuses another model, or version, than the one that there is.

        Raises:
            RequestError: It is another.
        """
        name, version = (asked.path_params.get(key) for key in ("name", "version"))
        own = self._service.settings.name
        if name != own:
            raise RequestError(f"no model {name!r:.80} is here; {own} is.", status=404)
        known = self._service.status()["model_version_status"][0]["version"]
        if version not in {None, known}:
            raise RequestError(
                f"no version {version!r:.40} of {own} is here; {known} is.", status=404
            )


def advice(service: Service) -> str:
    """What to ask instead of an address that there is not."""
    path = f"/v1/models/{service.settings.name}"
    return f"expected POST {path}:predict, POST {path}:explain or GET {path}."


def create(service: Service) -> Any:
    """The application, for any ASGI server.

    Args:
        service: The model.
    """
    from starlette.applications import Starlette  # of the extra [serve]
    from starlette.exceptions import HTTPException
    from starlette.responses import Response
    from starlette.routing import Route

    routes = _Routes(service)

    async def metrics(_: Any) -> Response:
        return Response(
            service.measurements.text(), media_type=measurements.CONTENT_TYPE
        )

    model, version = "/v1/models/{name}", "/versions/{version}"
    found = [
        *_of_verb(service, "predict", routes.predict),
        *_of_verb(service, "explain", routes.explain),
        *(
            Route(path, _measured(service, "status", routes.status))
            for path in (model, model + version)
        ),
        Route("/metrics", metrics),
        *(
            Route(path, _page(*file, name=service.settings.name))
            for path, file in _PAGES.items()
        ),
    ]

    async def refused(_: Any, error: Any) -> Response:
        is_address = error.status_code in {404, 405}
        content = {"error": advice(service) if is_address else error.detail}
        return _json(content, status=error.status_code, service=service)

    app = Starlette(routes=found, exception_handlers={HTTPException: refused})
    if service.settings.host in _LOOPBACK:
        _refuse_other_names(app)
    return app


def _of_verb(
    service: Service, verb: str, handler: Callable[[Any], Awaitable[Any]]
) -> list[Any]:
    from starlette.routing import Route

    model = "/v1/models/{name}"
    endpoint = _measured(service, verb, handler)
    return [
        Route(f"{path}:{verb}", endpoint, methods=["POST"])
        for path in (model, model + "/versions/{version}")
    ]


def _measured(
    service: Service, route: str, handler: Callable[[Any], Awaitable[Any]]
) -> Callable[[Any], Awaitable[Any]]:
    """The handler with its answer as JSON, counted; what is refused is one, too."""

    async def endpoint(asked: Any) -> Any:
        start, status = time.perf_counter(), 200
        try:
            content = await handler(asked)
        except RequestError as error:
            content, status = {"error": str(error)}, error.status
        seconds = time.perf_counter() - start
        service.measurements.add_request(route, code=status, seconds=seconds)
        return _json(content, status=status, service=service)

    return endpoint


def _json(content: Any, *, status: int, service: Service) -> Any:
    from starlette.responses import JSONResponse

    headers = dict(_HEADERS)
    if status == 503:
        headers["Retry-After"] = "1"
    if service.state is State.UNLOADING:
        headers["Connection"] = "close"
    return JSONResponse(content, status_code=status, headers=headers)


def _page(file: str, media_type: str, *, name: str) -> Callable[[Any], Awaitable[Any]]:
    from starlette.responses import Response

    content = storage.read_text(storage.join(_STATIC, file))
    content = content.replace(_NAME, name)  # of letters, digits, ., _ and -

    async def endpoint(_: Any) -> Response:
        return Response(content, media_type=media_type, headers=_HEADERS)

    return endpoint


def _refuse_other_names(app: Any) -> None:
    """Keeps pages of other sites, whose name is led to this machine, from asking."""
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    hosts = ["127.0.0.1", "localhost", "[::1]", "::1"]
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=hosts)
