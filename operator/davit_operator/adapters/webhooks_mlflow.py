"""The `Webhooks` port over MLflow's REST API, which has webhooks since 3.3."""

from collections.abc import Sequence
from typing import Any

from davit_registry import errors as registry
from davit_registry.answers import error_code, read_answer
from davit_registry.login import RegistryLogin
from davit_registry.mlflow import MlflowClient

from davit_operator.adapters.registry_mlflow import MlflowRegistry
from davit_operator.domain.errors import translated
from davit_operator.domain.webhook import Subscription

_PATH = "/api/2.0/mlflow/webhooks"
_MOST_PAGES = 50
_EVENTS = (
    ("MODEL_VERSION", "CREATED"),
    ("MODEL_VERSION_ALIAS", "CREATED"),
    ("MODEL_VERSION_ALIAS", "DELETED"),
)
"""What a reference can follow. MLflow has no event for a changed stage or a deleted version."""

_Webhook = dict[str, Any]


class MlflowWebhooks:
    """Makes, repairs and removes webhooks.

    Args:
        registry: Its clients reach the servers.
    """

    def __init__(self, registry: MlflowRegistry) -> None:
        self._registry = registry

    async def ensure(self, wanted: Subscription, login: RegistryLogin, *, renew: bool) -> bool:
        """Make the webhook, or repair what differs; return whether it had to."""
        with translated("webhooks"):
            client = await self._registry.client(login)
            found = await _named(client, wanted.name)
            for superfluous in found[1:]:  # a creation whose answer was lost is sent twice
                await _remove(client, superfluous)
            if not found:
                await client.post(_PATH, {"name": wanted.name, **_body(wanted)})
            elif renew or not _is_as_wanted(found[0], wanted):
                await _send(client, "PATCH", found[0], _body(wanted))
            else:
                return False
        return True

    async def remove(self, name: str, login: RegistryLogin) -> None:
        """Remove the webhook if it is there."""
        with translated("webhooks"):
            client = await self._registry.client(login)
            for found in await _named(client, name):
                await _remove(client, found)


async def _named(client: MlflowClient, name: str) -> Sequence[_Webhook]:
    found: list[_Webhook] = []
    token = ""
    for _ in range(_MOST_PAGES):
        page = await _page(client, token)
        found += [one for one in page.get("webhooks", []) if one.get("name") == name]
        token = page.get("next_page_token", "")
        if not token:
            break
    return found


async def _page(client: MlflowClient, token: str) -> dict[str, Any]:
    query = {"max_results": "100", **({"page_token": token} if token else {})}
    response = await client.send("GET", _PATH, params=query)
    if response.status_code in {404, 405} and not error_code(response):
        raise registry.Unavailable(
            f"the MLflow server {client.url} has no webhooks",
            reason="WebhooksMissing",
            cure="upgrade it to MLflow 3.3 or newer, or leave it at polling",
        )
    return read_answer(response, client.url)


async def _remove(client: MlflowClient, webhook: _Webhook) -> None:
    await _send(client, "DELETE", webhook, {})


async def _send(client: MlflowClient, method: str, webhook: _Webhook, body: dict[str, Any]) -> None:
    path = f"{_PATH}/{webhook['webhook_id']}"
    read_answer(await client.send(method, path, json=body), client.url)


def _body(wanted: Subscription) -> dict[str, Any]:
    return {
        "url": wanted.url,
        "events": [{"entity": entity, "action": action} for entity, action in _EVENTS],
        "description": "Notifies the Davit operator of moved aliases; the operator makes and repairs it.",
        "secret": wanted.secret,
        "status": "ACTIVE",
    }


def _is_as_wanted(found: _Webhook, wanted: Subscription) -> bool:
    events = {(event.get("entity"), event.get("action")) for event in found.get("events", [])}
    return found.get("url") == wanted.url and found.get("status") == "ACTIVE" and events == set(_EVENTS)
