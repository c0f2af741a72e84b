"""Twenty thousand damaged requests: never a 5xx, never a trace, never an echo, and right answers afterwards."""

import asyncio
import json

import pytest
from davit_server.process.app import ModelServer, create_app
from support.servers.fuzzing import CSV, HARMLESS, INFER, RECORDS, SECRET, SOUND, SPLIT, Fuzzer
from support.servers.in_process import running, server_settings

pytestmark = pytest.mark.filterwarnings("ignore")

ROUNDS = 20_000


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
