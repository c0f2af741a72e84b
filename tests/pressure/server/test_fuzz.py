"""Twenty thousand damaged requests: never a 5xx, never a trace, never an echo, and right answers afterwards."""

import asyncio
import json
import random

import pytest
from davit_server.app import ModelServer, create_app
from support.models import IRIS_COLUMNS
from support.serving import running, server_settings

pytestmark = pytest.mark.filterwarnings("ignore")

ROUNDS = 20_000
SECRET = "zqx9marker"
SPLIT = {"dataframe_split": {"columns": list(IRIS_COLUMNS), "data": [[5.1, 3.5, 1.4, 0.2]]}}
RECORDS = {"dataframe_records": [dict(zip(IRIS_COLUMNS, [6.7, 3.0, 5.2, 2.3], strict=True))]}
INFER = {"inputs": [{"name": "x", "datatype": "FP64", "shape": [1, 4], "data": [5.1, 3.5, 1.4, 0.2]}]}
CSV = ",".join(IRIS_COLUMNS) + "\n5.1,3.5,1.4,0.2\n"

SOUND = (
    "/invocations",
    [(b"content-type", b"application/json")],
    json.dumps(
        {"dataframe_split": {"columns": IRIS_COLUMNS, "data": [[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]]}}
    ).encode(),
)
HARMLESS = ([(b"content-type", b"application/json")], [(b"content-type", b"text/csv")])

NASTY = [
    None, True, [], {}, "", SECRET, -1, 0, 2**63, 2**70, -(2**63), 1e308, 1e-320, float("nan"), float("inf"),
    [[]], [[[]]], [None], {"a": None}, "1.5", "NaN", "2024-01-01", "\ud800", "\x00", "a" * 3000, [1, [2]], {"": {}},
]  # fmt: skip
KEYS = [
    "inputs", "instances", "params", "dataframe_split", "dataframe_records", "columns", "data", "index", "messages",
    "prompt", "shape", "datatype", "name", "parameters", "binary_data_size", "id", "outputs", SECRET, "",
]  # fmt: skip
TYPES = [
    b"application/json", b"text/csv", b"application/vnd.apache.parquet", b"application/json; charset=utf-8",
    b"application/json;", b"application/json; charset", b"text/html", b"", b"\xff\xfe", b";;;", SECRET.encode(),
]  # fmt: skip
HEADERS = [
    (b"content-length", b"abc"), (b"content-length", b"-1"), (b"content-length", b"99999999999"),
    (b"x-request-id", b"\x00\r\n"), (b"x-request-id", b"a" * 5000), (b"content-encoding", b"gzip"),
    (b"inference-header-content-length", b"7"), (b"inference-header-content-length", b"x"),
    (b"accept", b"\xff"), (b"content-type", b"text/csv"),
]  # fmt: skip


class Fuzzer:
    """Makes damaged requests, the same ones in every run."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def request(self) -> tuple[str, list[tuple[bytes, bytes]], bytes]:
        chance = self.random
        infer = chance.random() < 0.3
        source = INFER if infer else chance.choice([SPLIT, RECORDS])
        kind = chance.random()
        if kind < 0.55:
            body = json.dumps(self.damaged(source)).encode("utf-8", "surrogatepass")
        elif kind < 0.65:
            body = self.bitten(CSV.encode())
        else:
            body = self.bitten(json.dumps(source).encode())
        csv = kind >= 0.55 and kind < 0.65
        content_type = (
            chance.choice(TYPES) if chance.random() < 0.15 else b"text/csv" if csv else b"application/json"
        )
        headers = [(b"content-type", content_type)] if chance.random() < 0.98 else []
        headers += [chance.choice(HEADERS) for _ in range(2) if chance.random() < 0.1]
        headers = [self.bitten_header(*header) if chance.random() < 0.2 else header for header in headers]
        if chance.random() < 0.2:
            headers.append(self.bitten_header(*chance.choice(HEADERS)))
        chance.shuffle(headers)
        return ("/v2/models/m/infer" if infer else "/invocations"), headers, body

    def damaged(self, value: object, depth: int = 0) -> object:
        """A copy with something replaced, added, removed or doubled."""
        chance = self.random
        if depth and chance.random() < 0.12:
            return chance.choice(NASTY)
        if isinstance(value, dict):
            items = {
                key: self.damaged(item, depth + 1) for key, item in value.items() if chance.random() > 0.05
            }
            if chance.random() < 0.15:
                items[chance.choice(KEYS)] = chance.choice(NASTY)
            return items
        if isinstance(value, list):
            items = [
                self.damaged(item, depth + 1)
                for item in value
                for _ in range(chance.choice([1] * 12 + [0, 2]))
            ]
            return [*items, chance.choice(NASTY)] if chance.random() < 0.05 else items
        return value

    def bitten_header(self, name: bytes, value: bytes) -> tuple[bytes, bytes]:
        """A header with damage in its value, and now and then in its name."""
        if self.random.random() < 0.2:
            name = self.bitten(name).lower()
        return name, self.bitten(value)

    def bitten(self, body: bytes) -> bytes:
        """A copy with bytes changed, cut out, put in or cut off."""
        chance, damaged = self.random, bytearray(body)
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(damaged) + 1)
            how = chance.randrange(5)
            if how == 0 and at < len(damaged):
                damaged[at] = chance.randrange(256)
            elif how == 1:
                del damaged[at : at + chance.randint(1, 8)]
            elif how == 2:
                damaged[at:at] = chance.choice(
                    [b"[", b"{", b'"', b"\\", b"\x00", b"\xff", b"1e999", b"-", SECRET.encode()]
                )
            elif how == 3:
                damaged[at:at] = damaged[at : at + chance.randint(1, 30)]
            else:
                del damaged[at:]
        return bytes(damaged)


async def ask(
    app: ModelServer, path: str, headers: list[tuple[bytes, bytes]], body: bytes
) -> tuple[int, bytes]:
    """One request without a client in between, which would refuse to send most of these."""
    sent: list[dict] = []

    async def receive() -> dict:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict) -> None:
        sent.append(message)

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": path, "raw_path": path.encode(), "root_path": "", "query_string": b"", "headers": headers,
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
    }  # fmt: skip
    await app(scope, receive, send)
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


def objection(status: int, answer: bytes) -> str:
    if status >= 500:
        return f"status {status}"
    if status not in {200, 400, 404, 413, 415}:
        return f"unexpected status {status}"
    if status != 200 and (SECRET.encode() in answer or b"Traceback" in answer or b".py" in answer):
        return "echo or trace"
    json.loads(answer)
    return ""


async def test_damaged_requests_never_break_the_server():
    app = create_app(server_settings("iris", max_rows=1000, max_body_bytes=100_000))
    fuzzer = Fuzzer(seed=4)
    wrong, statuses, bent_headers = [], set(), 0
    async with running(app) as client:
        for _ in range(ROUNDS // 50):
            requests = [fuzzer.request() for _ in range(50)]
            bent_headers += sum(sorted(headers) not in HARMLESS for _, headers, _ in requests)
            # Among them a sound one, which may share a call of the model with them.
            *answers, sound = await asyncio.gather(*(ask(app, *request) for request in [*requests, SOUND]))
            if sound != (200, b'{"predictions": [0, 2]}'):
                wrong.append(("a sound request beside damaged ones", requests, sound))
            for request, (status, answer) in zip(requests, answers, strict=True):
                statuses.add(status)
                if problem := objection(status, answer):
                    wrong.append((problem, request, answer[:300]))
        right = [await client.post("/invocations", json=document) for document in (SPLIT, RECORDS)]
        infer = await client.post("/v2/models/m/infer", json=INFER)
        table = await client.post("/invocations", content=CSV, headers={"content-type": "text/csv"})
        live = await client.get("/v2/health/live")
    assert wrong[:3] == []
    assert statuses >= {200, 400, 413, 415}, "the damage reached all kinds of answers"
    assert bent_headers > ROUNDS / 5
    assert [answer.json() for answer in right] == [{"predictions": [0]}, {"predictions": [2]}]
    assert infer.json()["outputs"][0]["data"] == [0]
    assert table.json() == {"predictions": [0]}
    assert live.status_code == 200


@pytest.mark.parametrize("model", ["mixed", "typehint_pyd", "tensor", "params", "nosig"])
async def test_damaged_requests_do_not_break_other_kinds_of_models(model):
    app = create_app(server_settings(model, max_rows=1000, max_body_bytes=100_000))
    fuzzer = Fuzzer(seed=5)
    async with running(app):
        wrong = []
        for _ in range(200):
            request = fuzzer.request()
            status, answer = await ask(app, *request)
            if problem := objection(status, answer):
                wrong.append((problem, request, answer[:300]))
    assert wrong[:3] == []
