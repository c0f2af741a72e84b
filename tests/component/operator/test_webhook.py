"""Aliases followed by webhook: what a delivery sets off, and what it cannot."""

import asyncio
import gzip
import http.client
import json
import uuid
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from dataclasses import replace

import pytest
from davit_operator.app import create_link
from davit_operator.domain.errors import Denied, Unavailable
from davit_operator.domain.webhook import Delivery
from davit_operator.handlers.http import Limits
from davit_operator.handlers.webhook import (
    LIMITS,
    MAX_BODY_BYTES,
    PATH,
    run_hints,
    run_subscription,
    serve_receiver,
)
from davit_operator.models.delivery import sign
from davit_operator.settings import Settings
from davit_resource.constants import KIND
from davit_resource.objects import Ref
from support.fakes.operator_harness import CHAMPION, OperatorHarness
from support.fakes.ports import REGISTRY_URL, FakeClock, FakeMetrics, FakeWebhooks

SECRET = "a shared secret"
NEWS = json.dumps({"entity": "model_version_alias", "data": {"name": "iris", "alias": "champion"}}).encode()
URL = "http://davit-operator.davit.svc:8081/mlflow"


class Linked:
    """The webhook's parts, and what they believed."""

    def __init__(self):
        self.clock, self.metrics, self.webhooks = FakeClock(), FakeMetrics(), FakeWebhooks()
        settings = Settings(registry_url=REGISTRY_URL, webhook_secret=SECRET, webhook_url=URL)
        self.link = create_link(settings, self.webhooks, self.clock, self.metrics)

    def delivery(self, body=NEWS):
        plain = Delivery(str(uuid.uuid4()), str(int(self.clock.now().timestamp())), "", body)
        return replace(plain, signature=sign(SECRET, plain))

    def receive(self, *deliveries):
        return [self.link.receiver.receive(one).value for one in deliveries]

    async def hinted(self):
        return await asyncio.wait_for(self.link.hints.take(), 5)


@pytest.fixture
async def linked():
    return Linked()


async def test_a_burst_of_deliveries_for_one_model_causes_one_lookup(linked):
    linked.receive(*(linked.delivery() for _ in range(5)))
    assert await linked.hinted() == {"iris"}
    assert not linked.link.hints._models


async def test_a_forged_delivery_is_rejected_without_a_lookup(linked):
    assert linked.receive(replace(linked.delivery(), body=NEWS + b" ")) == ["forged"]
    await asyncio.sleep(0)
    assert not linked.link.hints._models


async def test_a_repeated_delivery_is_rejected_while_its_timestamp_is_valid(linked):
    delivery = linked.delivery()
    assert linked.receive(delivery, delivery) == ["accepted", "replayed"]
    linked.clock.advance(299)
    assert linked.receive(delivery) == ["replayed"]
    linked.clock.advance(2)
    assert linked.receive(delivery) == ["stale"]
    assert linked.metrics.webhooks == ["accepted", "replayed", "replayed", "stale"]


async def test_remembered_delivery_ids_expire(linked):
    linked.receive(linked.delivery())
    linked.clock.advance(601)
    linked.receive(linked.delivery())
    assert len(linked.link.receiver._seen) == 1


async def test_a_delivery_about_no_model_is_ignored(linked):
    assert linked.receive(linked.delivery(b'{"entity": "prompt", "data": {"name": "iris"}}')) == ["ignored"]


class Client:
    """Speaks HTTP to a receiver."""

    def __init__(self, port):
        self.port = port

    async def deliver(self, delivery, headers=None):
        headers = {
            **(headers or {}),
            "X-MLflow-Delivery-Id": delivery.id,
            "X-MLflow-Timestamp": delivery.timestamp,
            "X-MLflow-Signature": delivery.signature,
        }
        return await self.send(delivery.body, headers)

    async def send(self, body, headers, path=PATH, method="POST"):
        """Status and body of the answer."""
        return await asyncio.to_thread(self._send, body, headers, path, method)

    @asynccontextmanager
    async def connected(self):
        """A connection on which nothing has been sent."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield reader, writer
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    def _send(self, body, headers, path, method):
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)) as connection:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()


@asynccontextmanager
async def listening(linked, limits=LIMITS):
    async with serve_receiver(linked.link.receiver, 0, limits) as port:
        yield Client(port)


async def test_only_small_signed_deliveries_get_200_and_every_body_is_empty(linked):
    delivery = linked.delivery()
    unsigned = replace(delivery, signature="")
    async with listening(linked) as client:
        assert await client.deliver(delivery) == (200, b"")
        assert await linked.hinted() == {"iris"}
        assert await client.deliver(delivery) == (403, b"")
        assert await client.deliver(unsigned) == (403, b"")
        assert await client.send(NEWS, {"Content-Length": str(MAX_BODY_BYTES + 1)}) == (400, b"")
        assert await client.send(None, {"Transfer-Encoding": "chunked"}) == (400, b"")
        assert await client.send(NEWS, {}, path="/metrics") == (400, b"")
        assert await client.send(None, {}, method="GET") == (501, b"")
    assert linked.metrics.webhooks == ["accepted", "replayed", "forged", *["malformed"] * 3]


async def test_a_compressed_body_is_never_decompressed(linked):
    delivery = linked.delivery(gzip.compress(NEWS))
    async with listening(linked) as client:
        assert await client.deliver(delivery, {"Content-Encoding": "gzip"}) == (200, b"")
    assert linked.metrics.webhooks == ["ignored"], "signed as it is, and no news that we can read"


async def test_malformed_http_is_not_logged(linked, caplog):
    async with listening(linked) as client, client.connected() as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n")
        answer = await asyncio.wait_for(reader.read(), 10)
        assert b" 400 Bad Request" in answer
        assert answer.endswith(b"\r\n\r\n"), "no word"
        assert b"aiohttp" not in answer
    assert caplog.text == ""


async def test_open_connections_are_limited(linked):
    limits = Limits(connections=4, seconds=60)
    async with listening(linked, limits) as client:
        async with AsyncExitStack() as idle:
            for _ in range(4):
                await idle.enter_async_context(client.connected())
            with pytest.raises(OSError):
                await client.deliver(linked.delivery())
        assert await eventually(client, linked) == (200, b"")


@pytest.mark.parametrize("sent", [b"", b"POST /mlflow HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{"])
async def test_a_slow_client_is_disconnected_and_not_logged(linked, sent, caplog):
    limits = Limits(connections=4, seconds=0.05)
    async with listening(linked, limits) as client, client.connected() as (reader, writer):
        writer.write(sent)
        with suppress(ConnectionResetError):
            assert await asyncio.wait_for(reader.read(), 10) == b""
    assert linked.metrics.webhooks == []
    assert caplog.text == ""


async def eventually(client, linked):
    """The answer to a delivery once the server has noticed that the idle connections are closed."""
    for _ in range(200):
        with suppress(OSError):
            return await client.deliver(linked.delivery())
        await asyncio.sleep(0.01)
    return None


async def test_without_a_secret_or_an_address_there_is_no_webhook():
    for missing in ({"webhook_secret": ""}, {"webhook_url": ""}, {"registry_url": ""}):
        settings = {"registry_url": REGISTRY_URL, "webhook_secret": SECRET, "webhook_url": URL, **missing}
        assert create_link(Settings(**settings), FakeWebhooks(), FakeClock(), FakeMetrics()) is None


async def test_a_hint_moves_the_deployment_long_before_the_next_poll():
    harness = OperatorHarness(resolve_interval_seconds=300)
    await harness.serve()
    harness.registry.names(CHAMPION, "2")
    assert await harness.hint("rose") == []
    assert await harness.hint("iris") == [Ref(KIND, "demo", "iris")]
    await harness.reconcile()
    assert harness.target() == "iris/2"


async def test_a_hint_without_a_change_writes_nothing():
    harness = OperatorHarness()
    await harness.serve()
    harness.cluster.writes.clear()
    assert await harness.hint("iris") == []
    assert harness.cluster.writes == []


async def test_a_hint_does_not_move_what_is_suspended():
    harness = OperatorHarness()
    await harness.serve()
    harness.cluster.create("iris", {"model": {"uri": CHAMPION}, "suspend": True})
    await harness.reconcile()
    harness.registry.names(CHAMPION, "2")
    assert await harness.hint("iris") == []


async def test_polling_makes_up_for_a_lost_hint(caplog):
    harness = OperatorHarness(resolve_interval_seconds=300)
    await harness.serve()
    harness.registry.names(CHAMPION, "2")
    harness.cluster.outage = Unavailable("ApiServerUnreachable", "the API server gives no answer")
    assert await harness.hint("iris") == []
    assert "modeldeployments could not be listed" in caplog.text
    harness.cluster.outage = None
    assert await harness.resync() == [Ref(KIND, "demo", "iris")]


async def test_hints_are_processed_in_order_despite_errors(caplog):
    link = Linked().link
    asked, looked = [], asyncio.Event()

    class BrokenOnce:
        async def run_for(self, models):
            asked.append(set(models))
            looked.set()
            if len(asked) == 1:
                raise ZeroDivisionError

    task = asyncio.create_task(run_hints(link.hints, BrokenOnce()))
    for model in ("iris", "rose"):
        looked.clear()
        link.hints.add(model)
        await asyncio.wait_for(looked.wait(), 5)
    task.cancel()
    assert asked == [{"iris"}, {"rose"}]
    assert "Unexpected error" in caplog.text


async def test_the_webhook_is_registered_once_at_the_start(linked):
    for _ in range(3):
        assert await linked.link.subscriber.look()
    [made] = linked.webhooks.present.values()
    assert (made.url, made.secret) == (URL, SECRET)
    assert made.name.startswith("davit-operator-")
    assert linked.webhooks.renewals == 1, "the secret is told once after a start: MLflow never shows it"
    assert linked.metrics.is_registered


async def test_a_removed_webhook_is_registered_again(linked):
    await linked.link.subscriber.look()
    linked.webhooks.present.clear()
    await linked.link.subscriber.look()
    assert linked.webhooks.present


async def test_a_registry_that_rejects_webhooks_is_logged_once(linked, caplog):
    linked.webhooks.outage = Denied("RegistryDenied", "webhooks: the MLflow server does not permit this")
    for _ in range(3):
        assert not await linked.link.subscriber.look()
    assert len(caplog.records) == 1
    assert "so we only poll: webhooks: the MLflow server does not permit this" in caplog.text
    assert linked.metrics.is_registered is False


async def test_the_webhook_is_removed_at_exit_and_a_failure_is_harmless(linked, caplog):
    caplog.set_level("INFO")
    await linked.link.subscriber.look()
    linked.webhooks.outage = Unavailable("RegistryUnreachable", "gives no answer")
    await linked.link.subscriber.withdraw()
    assert "stays in MLflow: gives no answer" in caplog.text
    linked.webhooks.outage = None
    await linked.link.subscriber.withdraw()
    assert not linked.webhooks.present


async def test_the_webhook_registration_is_checked_from_the_start(linked):
    made = asyncio.Event()

    class Watched(FakeWebhooks):
        async def ensure(self, *arguments, **options):
            made.set()
            return await super().ensure(*arguments, **options)

    linked.link.subscriber._webhooks = Watched()
    task = asyncio.create_task(run_subscription(linked.link.subscriber))
    await asyncio.wait_for(made.wait(), 5)
    task.cancel()
