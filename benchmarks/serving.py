"""What a server answers under load: requests a second, waiting time, and none lost.

    python benchmarks/serving.py --model=runs/quickstart --clients=8,64 --seconds=60

Each client sends a request of one text, waits for the answer and sends the next, on a
connection that it keeps. After the last minute the server gets SIGTERM in the middle of
the load: each request that it has taken on must be answered.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence

import numpy as np
import shipped
import tables
from absl import app, flags

MODEL = flags.DEFINE_string("model", None, "The model.", required=True)
TEXTS = flags.DEFINE_string(
    "texts",
    os.path.join(shipped.ROOT, "processors/data/authors/test.tsv"),
    "Table whose column text is sent.",
)
CLIENTS = flags.DEFINE_list("clients", ["8", "64"], "Numbers of clients.")
SECONDS = flags.DEFINE_float("seconds", 60, "Of each number, in each round.")
ROUNDS = flags.DEFINE_integer("rounds", 1, "Times that each number asks so long.")
ASKED_FIRST = 64


@dataclasses.dataclass
class Load:
    """What clients have met.

    Attributes:
        seconds: From each request to its answer.
        lost: Requests that were sent, and not answered.
        refused: Requests that were answered with an error.
    """

    seconds: list[float] = dataclasses.field(default_factory=list)
    lost: int = 0
    refused: int = 0


def main(argv: Sequence[str]) -> None:
    """Prints a table, a row for each number of clients, and a line for the end."""
    del argv
    server, port, path = start(MODEL.value)
    try:
        measure(server, port=port, path=path)
    finally:
        server.kill()  # which does nothing to one that has ended


def measure(server: subprocess.Popen[str], *, port: int, path: str) -> None:
    """Asks a server that is ready, and ends it under load."""
    bodies = read_bodies(TEXTS.value)
    asked = asyncio.run(answers(bodies[:ASKED_FIRST], port=port, path=path))
    numbers = list(map(int, CLIENTS.value))
    loads: dict[int, list[Load]] = {clients: [] for clients in numbers}
    for _ in range(ROUNDS.value):
        for clients, found in loads.items():
            found.append(asyncio.run(put(bodies, clients, port=port, path=path)))
    table = tables.Table(
        title="requests under load, each row the time of one request by their number",
        rows=[row(clients, found, digest=asked) for clients, found in loads.items()],
        unit="requests",
    )
    tables.show(table)
    clients = numbers[-1]
    load = asyncio.run(end_in_the_middle(server, bodies, clients, port=port, path=path))
    code = server.wait()
    print(
        f"SIGTERM under {clients} clients: {len(load.seconds)} answered, {load.lost}"
        f" lost, {load.refused} refused, exit code {code}"
    )


def read_bodies(path: str) -> list[bytes]:
    """A request's body for each text of a table."""
    with open(path, encoding="utf-8") as file:
        head, *rows = file.read().splitlines()
    place = head.split("\t").index("text")
    texts = [row.split("\t")[place] for row in rows]
    return [json.dumps({"instances": [text]}).encode() for text in texts]


def start(model: str) -> tuple[subprocess.Popen[str], int, str]:
    """A server that is ready, its port, and where it is asked.

    Raises:
        SystemExit: It did not start.
    """
    command = [sys.executable, "scripts/serve.py", f"--model={model}", "--port=0"]
    server = subprocess.Popen(
        command,
        cwd=shipped.ROOT,
        env={**os.environ, "PYTHONPATH": shipped.ROOT},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert server.stderr is not None  # noqa: S101 - asked for above
    for text in server.stderr:
        if found := re.search(r":(\d+)/ ready", text):
            name = os.path.basename(model.rstrip("/"))
            return server, int(found[1]), f"/v1/models/{name}:predict"
    raise SystemExit(f"the server ended with {server.wait()}")


async def put(bodies: Sequence[bytes], clients: int, *, port: int, path: str) -> Load:
    """The load of so many clients for the asked time."""
    load, end = Load(), time.perf_counter() + SECONDS.value
    await asyncio.gather(
        *(
            ask(bodies[place::clients], load, port=port, path=path, end=end)
            for place in range(clients)
        )
    )
    return load


async def end_in_the_middle(
    server: subprocess.Popen[str],
    bodies: Sequence[bytes],
    clients: int,
    *,
    port: int,
    path: str,
) -> Load:
    """A load in which the server is asked to end after two seconds."""
    asking = asyncio.create_task(put(bodies, clients, port=port, path=path))
    await asyncio.sleep(2)
    server.send_signal(signal.SIGTERM)
    return await asking


async def ask(
    bodies: Sequence[bytes], load: Load, *, port: int, path: str, end: float
) -> None:
    """One client: it ends when its time is over, or nobody takes its connection."""
    place, connection = 0, None
    while time.perf_counter() < end:
        if connection is None:
            try:
                connection = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                return
        reader, writer = connection
        begun = time.perf_counter()
        try:
            status, goes_on, _ = await answer(
                reader, writer, bodies[place % len(bodies)], path=path
            )
        except (OSError, asyncio.IncompleteReadError):
            load.lost += 1
            connection = None
            continue
        place += 1
        load.seconds.append(time.perf_counter() - begun)
        load.refused += status != 200
        if not goes_on:
            writer.close()
            connection = None


async def answer(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    body: bytes,
    *,
    path: str,
) -> tuple[int, bool, bytes]:
    """Sends a request; returns status, whether the connection goes on, and the answer.

    Raises:
        SystemExit: The answer does not say how long it is.
    """
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}"
    writer.write(f"{head}\r\n\r\n".encode() + body)
    told = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    size = re.search(r"content-length: (\d+)", told)
    if size is None:
        raise SystemExit(f"an answer without its length: {told}")
    said = await reader.readexactly(int(size[1]))
    return int(told.split(" ", 2)[1]), "connection: close" not in told, said


async def answers(bodies: Sequence[bytes], *, port: int, path: str) -> str:
    """The digest of the answers to some texts, asked one after the other."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    said = [json.loads((await answer(reader, writer, b, path=path))[2]) for b in bodies]
    writer.close()
    predictions = [each["predictions"][0] for each in said]
    values = [
        list(each["probabilities"].values())
        if "probabilities" in each
        else [each["number"]]
        for each in predictions
    ]
    return tables.of_scores(np.array(values))


def row(clients: int, loads: Sequence[Load], *, digest: str) -> tables.Row:
    """A row of the table."""
    times = np.concatenate([load.seconds for load in loads]) * 1000
    middle, slow = np.percentile(times, [50, 99])
    return tables.Row(
        name=f"{clients} clients",
        seconds=[SECONDS.value / len(load.seconds) for load in loads],
        digest=digest,
        more={
            "waiting ms, median": float(middle),
            "99 %": float(slow),
            "lost": sum(load.lost for load in loads),
            "refused": sum(load.refused for load in loads),
        },
    )


if __name__ == "__main__":
    app.run(main)
