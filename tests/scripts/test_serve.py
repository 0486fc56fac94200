"""A server as it is started, asked, loaded and ended."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

import numpy as np
import pytest

from runtime import storage
from tests.scripts.conftest import ROOT
from tf_bert.classifier import run as classify
from tf_bert.classifier.preparation import prepare
from tf_bert.classifier.settings import ClassifierSettings

for package in ("starlette", "uvicorn", "prometheus_client"):
    pytest.importorskip(package)

CLIENTS = 8
PAIR = ["hot w1 w2", "w3 w4 w5"]


@pytest.fixture(scope="module")
def model(small_task, place_on, tmp_path_factory):
    """The folder of a trained run."""
    folder = str(tmp_path_factory.mktemp("runs") / "weather")
    settings = ClassifierSettings(
        **small_task.settings(),
        output_dir=folder,
        max_steps=30,
        learning_rate=0.01,
        do_train=True,
        do_predict=True,
    )
    classify.run(prepare(settings), placement=place_on(1))
    return folder


class Server:
    """A server's process; it may still load.

    Args:
        model: The model.
        log: The file that its log goes to.
    """

    def __init__(self, model, log):
        self._log = log
        with open(log, "w", encoding="utf-8") as file:
            self.process = subprocess.Popen(
                [sys.executable, "scripts/serve.py", f"--model={model}", "--port=0"],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": ROOT},
                stderr=file,
            )
        self.address = self.wait_for(r"(http://\S+/) loading")

    def wait_for(self, pattern):
        """What stands first in the first line of the log that has the pattern.

        Raises:
            AssertionError: The server has ended without it.
        """
        while self.process.poll() is None:
            if found := re.search(pattern, storage.read_text(str(self._log))):
                return found[1]
            time.sleep(0.05)
        raise AssertionError(storage.read_text(str(self._log)))

    def end(self):
        """Asks it to end; returns its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


READY = r"(http://\S+/) ready: version 30"


@pytest.fixture(scope="module")
def server(model, tmp_path_factory):
    """The address of a running server, asked once while it was loading."""
    found = Server(model, tmp_path_factory.mktemp("server") / "log")
    early = ask(f"{found.address}v1/models/weather:predict", {"instances": [PAIR]})
    status = ask(f"{found.address}v1/models/weather")[1]["model_version_status"][0]
    assert (early[0], status["state"]) == (503, "LOADING")
    yield found.wait_for(READY)
    assert found.end() == 0


def ask(url, content=None, *, headers=None):
    """Status and JSON, or text, of an answer."""
    body = content
    if content is not None and not isinstance(content, bytes):
        body = json.dumps(content).encode()
    asked = urllib.request.Request(url, data=body, headers=headers or {})
    try:
        with urllib.request.urlopen(asked, timeout=60) as response:
            status, text = response.status, response.read().decode()
            is_json = "json" in response.headers["Content-Type"]
    except urllib.error.HTTPError as error:
        status, text, is_json = error.code, error.read().decode(), True
    return status, json.loads(text) if is_json else text


def test_it_answers_as_the_run_did(server, model, small_task):
    lines = storage.read_text(f"{small_task.folder}/test.tsv").splitlines()[1:]
    pairs = [line.split("\t")[:2] for line in lines]
    status, found = ask(f"{server}v1/models/weather:predict", {"instances": pairs})
    assert status == 200
    told = [list(each["probabilities"].values()) for each in found["predictions"]]
    rows = storage.read_text(f"{model}/test_results.tsv").splitlines()
    expected = [list(map(float, row.split("\t"))) for row in rows]
    np.testing.assert_allclose(told, expected, atol=1e-6)
    for each in found["predictions"]:
        best = max(each["probabilities"], key=each["probabilities"].get)
        assert (each["label"], each["probability"]) == (
            best,
            each["probabilities"][best],
        )


def test_it_says_what_it_is(server, small_task):
    for path in ("v1/models/weather", "v1/models/weather/versions/30"):
        status, found = ask(server + path)
        assert status == 200
        [version] = found["model_version_status"]
        assert (version["version"], version["state"]) == ("30", "AVAILABLE")
        assert tuple(found["labels"]) == small_task.labels


def test_it_explains_by_leaving_out(server):
    url = f"{server}v1/models/weather"
    _, found = ask(f"{url}:explain", {"instances": [PAIR]})
    first = found["parts"][0]
    assert (first["text"], first["start"], first["end"]) == (0, 0, 3)
    without = {"instances": [["", PAIR[1]], [PAIR[0][3:], PAIR[1]]]}
    _, others = ask(f"{url}:predict", without)
    label = found["explained"]
    effect = (
        found["answer"]["probabilities"][label]
        - others["predictions"][1]["probabilities"][label]
    )
    assert first["effect"] == pytest.approx(effect, abs=1e-5)
    assert [token["token"] for token in found["tokens"]][:2] == ["hot", "w1"]


def test_prometheus_reads_its_metrics(server):
    from prometheus_client.parser import text_string_to_metric_families

    ask(f"{server}v1/models/weather:predict", {"instances": [PAIR]})
    status, text = ask(f"{server}metrics")
    families = {each.name: each for each in text_string_to_metric_families(text)}
    assert status == 200
    counted = families["tf_bert_requests"].samples
    assert any(
        sample.labels == {"route": "predict", "code": "200"} and sample.value > 0
        for sample in counted
    )
    assert families["tf_bert_model_available"].samples[0].value == 1
    assert families["tf_bert_waiting_texts"].samples[0].value == 0


def test_the_page_has_nothing_from_elsewhere(server):
    with urllib.request.urlopen(server) as response:
        page, policy = response.read().decode(), response.headers
    assert "default-src 'none'" in policy["Content-Security-Policy"]
    assert 'data-model="weather"' in page
    assert not re.search(r"(src|href)=\"(?!page\.(css|js)\")", page)
    for name in ("page.css", "page.js"):
        assert ask(server + name)[0] == 200
    assert "innerHTML" not in ask(f"{server}page.js")[1]


@pytest.mark.parametrize(
    ("content", "status", "message"),
    [
        (b"text", 400, "expected JSON"),
        ({"instances": [1, 2]}, 400, "expected a text"),
        ({"instances": ["alone"]}, 400, "expected a pair of texts"),
        ({"instances": [["", ""]] * 1001}, 400, "at most 1,000 texts, got 1,001"),
        (b'{"instances": [' + b"0," * 999_999 + b"0]}", 400, "got 1,000,000"),
        ({"instances": [["a" * 100_001, ""]]}, 400, "at most 100,000 characters"),
        (b" " * (100 << 20), 413, "at most 4,194,304 bytes"),
    ],
)
def test_bad_requests_are_named(server, content, status, message):
    found = ask(f"{server}v1/models/weather:predict", content)
    assert found[0] == status
    assert message in found[1]["error"]
    assert ask(f"{server}v1/models/weather")[0] == 200


@pytest.mark.parametrize(
    ("path", "content", "status", "message"),
    [
        ("v1/models/other:predict", {}, 404, "no model 'other' is here; weather is"),
        ("v1/models/weather/versions/9:predict", {}, 404, "no version '9'"),
        (
            "v1/models/weather:train",
            {},
            405,
            "expected POST /v1/models/weather:predict",
        ),
        ("v1/models/weather:predict", None, 405, "expected POST /v1/models/weather"),
        ("v2", None, 404, "or GET /v1/models/weather."),
        ("v1/models/weather:explain", {"instances": [PAIR, PAIR]}, 400, "one text to"),
    ],
)
def test_other_addresses_are_refused(server, path, content, status, message):
    found = ask(server + path, content)
    assert found[0] == status
    assert message in found[1]["error"]


def test_another_sites_name_for_this_machine_is_refused(server):
    port = server.rstrip("/").rpartition(":")[2]
    client = http.client.HTTPConnection("127.0.0.1", int(port))
    client.request("GET", "/v1/models/weather", headers={"Host": "evil.example"})
    with client.getresponse() as response:
        assert response.status == 400
    client.close()


def test_empty_and_strange_texts_are_answered(server):
    texts = ["", " ", "\u0000", "\u202e", "🙂" * 9, "<script>", "w1 " * 9000]
    found = ask(
        f"{server}v1/models/weather:predict", {"instances": [[t, t] for t in texts]}
    )
    assert found[0] == 200
    assert len(found[1]["predictions"]) == len(texts)


class Client(threading.Thread):
    """Asks again and again until the server takes no connection."""

    def __init__(self, address):
        super().__init__()
        self.address = address.removeprefix("http://").rstrip("/")
        self.answered, self.lost = 0, []

    def run(self):
        body = json.dumps({"instances": [PAIR]})
        client = http.client.HTTPConnection(self.address, timeout=60)
        while True:
            try:
                if client.sock is None:
                    client.connect()
            except OSError:
                return
            try:
                client.request("POST", "/v1/models/weather:predict", body=body)
                response = client.getresponse()
                found = json.loads(response.read())["predictions"]
            except (OSError, http.client.HTTPException) as error:
                self.lost.append(error)
                client.close()
                return
            assert len(found) == 1
            self.answered += 1


def test_ended_in_the_middle_it_answers_what_it_has_taken_on(model, tmp_path):
    server = Server(model, tmp_path / "log")
    clients = [Client(server.wait_for(READY)) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    while min(client.answered for client in clients) < 5:
        time.sleep(0.01)
    assert server.end() == 0
    for client in clients:
        client.join(60)
    assert [client.lost for client in clients] == [[]] * CLIENTS


def run_to_the_end(*flags):
    done = subprocess.run(
        [sys.executable, "scripts/serve.py", *flags],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": ROOT},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return done.returncode, done.stderr


def test_a_port_in_use_is_said(model):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        code, log = run_to_the_end(f"--model={model}", f"--port={port}")
    assert code == 1
    assert f"--port={port}: another program listens there already" in log
    assert "Traceback" not in log


def test_a_folder_that_is_no_model_is_said(tmp_path):
    code, log = run_to_the_end(f"--model={tmp_path}", "--port=0")
    assert code == 1
    assert f"error: {tmp_path}" in log or str(tmp_path) in log.partition("error:")[2]
    assert "Traceback" not in log


def test_ended_while_it_loads_it_ends(model, tmp_path):
    assert Server(model, tmp_path / "log").end() == 0
