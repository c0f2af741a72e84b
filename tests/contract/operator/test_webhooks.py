"""The operator's webhook in a real MLflow server: made, repaired, believed, removed."""

import asyncio
import base64
import os
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from davit_operator.adapters.clock import SystemClock
from davit_operator.adapters.registry_mlflow import MlflowRegistry
from davit_operator.adapters.webhooks_mlflow import MlflowWebhooks
from davit_operator.domain.webhook import Subscription
from davit_operator.handlers.webhook import serve_receiver
from davit_operator.models.hints import Hints, Receiver
from davit_registry.login import RegistryLogin
from support.fakes.ports import FakeMetrics
from support.registry.real_registry import running_mlflow

pytestmark = pytest.mark.stack

SECRET = "a shared secret"
API = "/api/2.0/mlflow"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """An MLflow server that may call webhooks on the loopback address."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_WEBHOOK_ALLOWED_SCHEMES", "http")
        patch.setenv("MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS", "true")
        patch.setenv("MLFLOW_WEBHOOK_CACHE_TTL", "1")
        key = base64.urlsafe_b64encode(os.urandom(32)).decode()
        patch.setenv("MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY", key)
        with running_mlflow(tmp_path_factory.mktemp("webhooks") / "mlflow") as url:
            yield url


class Party:
    """The operator's half: a receiver, and the webhook that leads to it."""

    def __init__(self, server: str) -> None:
        self.registry, self.login = MlflowRegistry(), RegistryLogin(server)
        self.webhooks, self.hints, self.metrics = MlflowWebhooks(self.registry), Hints(), FakeMetrics()
        self.receiver = Receiver(SECRET, self.hints, SystemClock(), self.metrics)

    def want(self, port: int) -> None:
        self.wanted = Subscription("davit-operator-0123456789", f"http://127.0.0.1:{port}/mlflow", SECRET)

    async def ensure(self, *, renew: bool = False) -> bool:
        return await self.webhooks.ensure(self.wanted, self.login, renew=renew)

    async def present(self) -> list[dict]:
        found = await (await self.registry.client(self.login)).get(f"{API}/webhooks")
        return found.get("webhooks", [])

    async def post(self, path: str, **body: str) -> dict:
        return await (await self.registry.client(self.login)).post(f"{API}/{path}", body)

    async def patch(self, **body: str) -> None:
        [mine] = await self.present()
        client = await self.registry.client(self.login)
        await client.send("PATCH", f"{API}/webhooks/{mine['webhook_id']}", json=body)

    async def hinted_after(self, path: str, **body: str) -> frozenset[str]:
        """What an event hints at. It is repeated, since servers keep the list of webhooks for a second."""
        for _ in range(30):
            await self.post(path, **body)
            with suppress(TimeoutError):
                return await asyncio.wait_for(self.hints.take(), 1)
        raise AssertionError("no delivery arrived")


@pytest.fixture
async def party(server: str) -> AsyncIterator[Party]:
    made = Party(server)
    async with serve_receiver(made.receiver, 0) as port:
        made.want(port)
        yield made
        await made.webhooks.remove(made.wanted.name, made.login)
        await made.registry.aclose()


async def test_the_webhook_is_created_once_repaired_and_removed(party):
    assert await party.ensure(renew=True)
    assert not await party.ensure()
    [made] = await party.present()
    assert made["url"] == party.wanted.url
    await party.patch(status="DISABLED")
    assert await party.ensure()
    assert not await party.ensure()
    [repaired] = await party.present()
    assert (repaired["webhook_id"], repaired["status"]) == (made["webhook_id"], "ACTIVE")
    await party.webhooks.remove(party.wanted.name, party.login)
    assert await party.present() == []


async def test_a_duplicate_webhook_is_removed(party):
    await party.ensure()
    [first] = await party.present()
    again = {name: first[name] for name in ("name", "url", "events")}
    await party.post("webhooks", **again)
    assert len(await party.present()) == 2
    await party.ensure()
    assert len(await party.present()) == 1


async def test_other_webhooks_are_kept(party):
    await party.ensure()
    [mine] = await party.present()
    await party.post("webhooks", name="somebody-elses", url=mine["url"], events=mine["events"])
    await party.webhooks.remove(party.wanted.name, party.login)
    [other] = await party.present()
    assert other["name"] == "somebody-elses"
    await party.webhooks.remove("somebody-elses", party.login)


async def test_real_deliveries_of_versions_and_aliases_have_the_expected_signature(party):
    await party.ensure()
    await party.post("registered-models/create", name="iris")
    version = {"name": "iris", "source": "s3://mlflow/iris"}
    assert await party.hinted_after("model-versions/create", **version) == {"iris"}
    alias = {"name": "iris", "alias": "champion", "version": "1"}
    assert await party.hinted_after("registered-models/alias", **alias) == {"iris"}
    assert set(party.metrics.webhooks) == {"accepted"}


async def test_a_new_signing_secret_is_registered_at_the_next_start(party):
    await party.ensure()
    await party.patch(secret="the secret of before")
    await party.ensure(renew=True)
    await party.post("registered-models/create", name="rose")
    version = {"name": "rose", "source": "s3://mlflow/rose"}
    assert await party.hinted_after("model-versions/create", **version) == {"rose"}
