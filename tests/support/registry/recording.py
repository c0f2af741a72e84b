"""Exchanges with a real MLflow server, recorded once and played back to unit tests.

Record again, after a change of MLflow's version, with `PYTHONPATH=tests .venv/bin/python -m
support.registry.recording`; review the diff.
"""

import asyncio
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import httpx
from davit_registry import RegistryError, parse_reference
from davit_registry.login import RegistryLogin
from davit_registry.mlflow import MlflowClient

ROOT = Path(__file__).parents[3]
RECORDED = ROOT / "tests" / "data" / "input" / "registry" / "resolution.json"
URL = "http://mlflow.example:5000"
# The ids of the recording, made readable.
RUN, SECOND_RUN, LEGACY_RUN, DELETED_RUN = "1" * 32, "2" * 32, "3" * 32, "4" * 32
MODEL, SECOND_MODEL, PENDING_MODEL = "m-" + "a" * 32, "m-" + "b" * 32, "m-" + "c" * 32
REFERENCES = [
    *(f"models:/iris/{suffix}" for suffix in (1, 2, 3, 99, "Production", "Staging", "Nonsense", "latest")),
    *(f"models:/iris@{alias}" for alias in ("champion", "challenger", "nobody")),
    *(f"models:/nobody{suffix}" for suffix in ("/1", "@champion", "/Production", "/latest")),
    *(f"models:/empty{suffix}" for suffix in ("/1", "@champion", "/latest")),
    "models:/iris-production/1",
    *(f"models:/{model}" for model in (MODEL, PENDING_MODEL, "m-missing")),
    *(f"runs:/{RUN}/{name}" for name in ("model", "pending", "nothing")),
    f"runs:/{LEGACY_RUN}/old/model",
    f"runs:/{DELETED_RUN}/model",
    "runs:/missing/model",
]
_NOISE = {
    "data", "inputs", "outputs", "tags", "params", "metrics", "message", "sqlstate", "error_class", "user_id",
    "description", "creator_id", "run_name", "status_message", "start_time", "end_time", "model_type",
}  # fmt: skip


def recorded() -> httpx.MockTransport:
    """Answers as the server did; fails on a request that was not recorded."""
    exchanges = {_key(one): one for one in json.loads(RECORDED.read_text())}

    def answer(request: httpx.Request) -> httpx.Response:
        one = exchanges[_key(_asked(request))]
        if isinstance(one["answer"], str):
            return httpx.Response(one["status"], text=one["answer"])
        return httpx.Response(one["status"], json=one["answer"])

    return httpx.MockTransport(answer)


class _Recorder(httpx.AsyncHTTPTransport):
    """A transport that records exchanges. Known ids are exchanged in both directions."""

    def __init__(self, ids: dict[str, str]) -> None:
        super().__init__()
        self.exchanges: dict[str, dict[str, Any]] = {}
        self._ids = ids

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        readable = _exchanged(json.dumps(_asked(request)), self._ids)
        response = await super().handle_async_request(request)
        await response.aread()
        try:
            answer = _trimmed(response.json())
        except ValueError:
            answer = response.text
        one = json.loads(readable) | {"status": response.status_code}
        one["answer"] = json.loads(_exchanged(json.dumps(answer), self._ids))
        self.exchanges[_key(one)] = one
        return response


def _asked(request: httpx.Request) -> dict[str, Any]:
    target = request.url.raw_path.decode()
    return {"request": f"{request.method} {target}", "body": json.loads(request.content or b"null")}


def _key(one: dict[str, Any]) -> str:
    return f"{one['request']} {json.dumps(one['body'], sort_keys=True)}"


def _exchanged(text: str, ids: dict[str, str]) -> str:
    for real, readable in ids.items():
        text = text.replace(real, readable)
    return text


def _trimmed(answer: Any) -> Any:
    if isinstance(answer, list):
        return [_trimmed(one) for one in answer]
    if not isinstance(answer, dict):
        return answer
    return {k: _trimmed(v) for k, v in answer.items() if k not in _NOISE and "timestamp" not in k}


async def _record(url: str, ids: dict[str, str]) -> list[dict[str, Any]]:
    recorder = _Recorder(ids)
    real = {readable: known for known, readable in ids.items()}
    async with MlflowClient(RegistryLogin(url), transport=recorder) as client:
        for text in REFERENCES:
            try:
                await client.resolve(parse_reference(_exchanged(text, real)))
            except RegistryError as error:
                print(type(error).__name__, error)  # noqa: T201
    return [recorder.exchanges[key] for key in sorted(recorder.exchanges)]


def _made(output: str) -> dict[str, str]:
    made = json.loads(re.search(r'\{"first".*', output, re.DOTALL).group())  # type: ignore[union-attr]
    return {
        made["first"]["run"]: RUN,
        made["second"]["run"]: SECOND_RUN,
        made["legacy"]: LEGACY_RUN,
        made["deleted"]["run"]: DELETED_RUN,
        made["first"]["model"]: MODEL,
        made["second"]["model"]: SECOND_MODEL,
        made["pending"]: PENDING_MODEL,
    }


def main() -> None:
    from support.registry.real_registry import running_mlflow, running_store

    script = ROOT / "tests" / "contract" / "registry" / "logged_models.py"
    with (
        tempfile.TemporaryDirectory() as folder,
        running_store(Path(folder) / "store") as store,
        running_mlflow(Path(folder) / "mlflow", store) as url,
    ):
        command = [sys.executable, str(script), url]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        exchanges = asyncio.run(_record(url, _made(done.stdout)))
    RECORDED.write_text(json.dumps(exchanges, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
