"""A server on the loopback that speaks as much of Cloud Storage as the toolkit asks.

It keeps the rules that matter when requests fail: generations and preconditions,
checksums of what is sent, uploads in parts, an object that appears whole or not at
all. Faults come by a script, and everything asked is written down.

Source: https://cloud.google.com/storage/docs/json_api/v1 and
https://cloud.google.com/storage/docs/performing-resumable-uploads
"""

import contextlib
import http.server
import itertools
import sys
import threading

from tests.fake_bucket_answers import Handler
from tests.fake_bucket_objects import BUCKET, Fault, Kind, Object

__all__ = ["BUCKET", "FakeBucket", "Fault", "Kind", "serve"]


class FakeBucket(http.server.ThreadingHTTPServer):
    """Holds the objects of the bucket `my-bucket` in memory.

    Attributes:
        objects: Name to `Object`.
        faults: The script.
        log: Every request, in the order of their ends.
        sent: Bytes of content in every answer to a read.
        page_size: Most names in one answer to a list.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.objects = {}
        self.faults = []
        self.log = []
        self.sent = []
        self.page_size = 1000
        self.uploads = {}
        self.lock = threading.RLock()
        self.generations = itertools.count(1_700_000_000_000_000)
        self.stopped = threading.Event()
        self.held = [
            f"storage.objects.{n}" for n in ("list", "create", "get", "delete")
        ]

    def handle_error(self, request, client_address):
        """Passes over clients that are gone, as killed ones are."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_port}"

    def put(self, name, content, *, encoding=None):
        """Puts an object there, as another program would."""
        self.objects[name] = Object(content, next(self.generations), encoding)

    def contents(self):
        """Name to bytes of all objects."""
        with self.lock:
            return {name: held.content for name, held in self.objects.items()}

    def next_fault(self, operation, name):
        """Takes the next line of the script that is for this request."""
        with self.lock:
            for fault in self.faults:
                if fault.operation != operation or fault.name not in name:
                    continue
                if fault.skip:
                    fault.skip -= 1
                elif fault.times:
                    fault.times -= 1
                    return fault
        return None

    def operations(self):
        return [request.operation for request in self.log]

    def writes_too_close(self, seconds):
        """Names of objects that were written twice within so many seconds."""
        found, last = [], {}
        for request in self.log:
            if request.changed:
                if request.at - last.get(request.name, -seconds) < seconds:
                    found.append(request.name)
                last[request.name] = request.at
        return found


@contextlib.contextmanager
def serve():
    """Runs a fake bucket for as long as the `with` block."""
    with FakeBucket() as server:
        thread = threading.Thread(
            target=server.serve_forever, args=(0.01,), daemon=True
        )
        thread.start()
        yield server
        server.stopped.set()
        server.shutdown()
        thread.join()
