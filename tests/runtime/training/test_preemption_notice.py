"""Against a server on the loopback that answers as Google's metadata server does."""

import http.server
import threading

import pytest

from runtime.training import preemption_notice
from runtime.training.stop_request import StopRequest


class Metadata(http.server.ThreadingHTTPServer):
    """Answers FALSE until `taken` is set, and then TRUE."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.taken = threading.Event()
        self.asked = []


class _Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *arguments):
        pass

    def do_GET(self):
        self.server.asked.append((self.path, self.headers["Metadata-Flavor"]))
        if not self.path.endswith("last_etag=0"):
            self.server.taken.wait(60)
        body = b"TRUE" if self.server.taken.is_set() else b"FALSE"
        self.send_response(200)
        self.send_header("ETag", body.decode().lower())
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def server(monkeypatch):
    monkeypatch.delenv("NO_GCE_CHECK", raising=False)
    monkeypatch.setattr(preemption_notice, "_PAUSE_SECONDS", 0.05)
    with Metadata() as server:
        thread = threading.Thread(
            target=server.serve_forever, args=(0.01,), daemon=True
        )
        thread.start()
        monkeypatch.setenv("GCE_METADATA_HOST", f"127.0.0.1:{server.server_port}")
        yield server
        server.taken.set()
        server.shutdown()
        thread.join()


class Asked(StopRequest):
    """Tells when it is asked."""

    def __init__(self):
        super().__init__(grace=60)
        self.event = threading.Event()

    def ask(self, cause):
        super().ask(cause)
        self.event.set()


def test_the_notice_is_a_request_to_stop(server):
    stop = Asked()
    with stop.on_signals(), preemption_notice.watch(stop):
        assert not stop.event.wait(0.3)
        server.taken.set()
        assert stop.event.wait(20)
    assert "will be taken away" in stop.cause
    assert {flavour for _, flavour in server.asked} == {"Google"}
    assert any(path.endswith("last_etag=false") for path, _ in server.asked)


def test_a_notice_from_before_the_start_counts(server):
    server.taken.set()
    stop = Asked()
    with stop.on_signals(), preemption_notice.watch(stop):
        assert stop.event.wait(20)


def test_a_server_that_does_not_answer_changes_nothing(server):
    server.shutdown()
    server.server_close()
    stop = Asked()
    with preemption_notice.watch(stop):
        assert not stop.event.wait(0.3)


def test_elsewhere_nobody_is_asked(monkeypatch, server):
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    with preemption_notice.watch(Asked()):
        pass
    monkeypatch.delenv("NO_GCE_CHECK")
    monkeypatch.delenv("GCE_METADATA_HOST")
    monkeypatch.setattr(preemption_notice, "_PRODUCT", "/nowhere")
    with preemption_notice.watch(Asked()):
        pass
    assert server.asked == []
