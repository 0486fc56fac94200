"""What /metrics says of a server, in the form that Prometheus reads."""

from __future__ import annotations

from collections.abc import Callable

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_TEXTS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
_PREFIX = "tf_bert_"


class Measurements:
    """Counts of one server.

    Args:
        waiting: Texts that are not answered yet.
        is_available: Whether the model is loaded.
    """

    def __init__(
        self, *, waiting: Callable[[], int], is_available: Callable[[], bool]
    ) -> None:
        import prometheus_client as prometheus  # of the extra [serve]

        self._registry = prometheus.CollectorRegistry()
        self._text = prometheus.generate_latest
        given = {"registry": self._registry}
        self._requests = prometheus.Counter(
            f"{_PREFIX}requests",
            "Requests by what they ask.",
            ["route", "code"],
            **given,
        )
        self._seconds = prometheus.Histogram(
            f"{_PREFIX}request_seconds",
            "From a request to its answer.",
            ["route"],
            buckets=_SECONDS,
            **given,
        )
        self._batches = prometheus.Histogram(
            f"{_PREFIX}batch_texts", "Texts answered together.", buckets=_TEXTS, **given
        )
        about_waiting = "Texts that are not answered yet."
        prometheus.Gauge(
            f"{_PREFIX}waiting_texts", about_waiting, **given
        ).set_function(waiting)
        prometheus.Gauge(
            f"{_PREFIX}model_available", "1 once the model is loaded.", **given
        ).set_function(lambda: float(is_available()))

    def add_request(self, route: str, *, code: int, seconds: float) -> None:
        """Counts a request that was answered.

        Args:
            route: What it asks, of few words.
            code: Of HTTP.
            seconds: It took.
        """
        self._requests.labels(route, str(code)).inc()
        self._seconds.labels(route).observe(seconds)

    def add_batch(self, texts: int) -> None:
        """Counts a batch of so many texts."""
        self._batches.observe(texts)

    def text(self) -> bytes:
        """All of it, for Prometheus."""
        found: bytes = self._text(self._registry)
        return found
