"""Check whether the image of the pods has what a model needs, before any pod is touched."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace

from davit_environment.manifest import RuntimeManifest, write_manifest
from davit_environment.messages import unchecked
from davit_environment.need import ModelNeeds
from davit_resource.conditions import ENVIRONMENT_READY, Condition
from davit_resource.v1alpha1 import EnvironmentSpec, ModelDeploymentSpec, ModelDeploymentStatus, Resource

from davit_operator import __version__
from davit_operator.domain.environment import EnvironmentCheck
from davit_operator.domain.errors import DavitError, InvalidSpec, ModelRejected
from davit_operator.domain.pin import Pin
from davit_operator.models.credentials import Credentials
from davit_operator.models.fitness import check_lines, judge_fitness
from davit_operator.models.lookups import Lookups
from davit_operator.models.route import Platform, choose_route

_HOW_TO_CHECK = (
    "add the image's /opt/davit/runtime.json to the value runtimes of the operator's chart to compare them"
)


class Environments:
    """Compares models with images. A result stays in the status until something that was compared changes.

    Args:
        lookups: Reads the small files of models.
        credentials: How to reach them.
        platform: What the operator's settings offer.
        runtimes: What is known about images: manifest by image.
    """

    def __init__(
        self,
        lookups: Lookups,
        credentials: Credentials,
        platform: Platform,
        runtimes: Mapping[str, RuntimeManifest],
    ) -> None:
        self._lookups = lookups
        self._credentials = credentials
        self._platform = platform
        self._runtimes = {
            image: (manifest, _hash(write_manifest(manifest))) for image, manifest in runtimes.items()
        }

    async def check(
        self, resource: Resource, spec: ModelDeploymentSpec, pin: Pin, image: str
    ) -> EnvironmentCheck:
        """Compare a model with the image of its pods; what prevents that is in the result.

        Args:
            resource: The ModelDeployment, with the result of the last time.
            spec: Its spec.
            pin: The model.
            image: The image that its pods shall run.
        """
        try:
            check_lines(spec.environment)
        except InvalidSpec as problem:
            return EnvironmentCheck("False", problem.reason, problem.message, problem=problem)
        if image not in self._runtimes:
            finding = unchecked(pin.label, image)
            return EnvironmentCheck("Unknown", finding.reason, f"{finding.message}; {_HOW_TO_CHECK}")
        manifest, manifest_hash = self._runtimes[image]
        key = _key(pin, image, manifest_hash, spec.environment)
        if stored := read_stored(resource.status, key):
            return stored
        try:
            needs = await self._needs(resource, spec, pin)
        except DavitError as problem:
            return _prevented(problem, resource.status.condition(ENVIRONMENT_READY))
        return replace(judge_fitness(pin.label, image, needs, spec.environment, manifest), key=key)

    async def _needs(self, resource: Resource, spec: ModelDeploymentSpec, pin: Pin) -> ModelNeeds:
        route = choose_route(pin.source.location, spec.model, self._platform)
        access = await self._credentials.for_listing(resource.ref.namespace, spec.model, route)
        return await self._lookups.needs(route.listing, access)


def read_stored(status: ModelDeploymentStatus, key: str) -> EnvironmentCheck | None:
    """Return the result that a status holds; None if something else was compared.

    Args:
        status: As it was written last.
        key: Stands for what is to be compared now.
    """
    stored, condition = status.environment, status.condition(ENVIRONMENT_READY)
    if stored is None or condition is None or stored.checked != key:
        return None
    refused = condition.status == "False"
    return EnvironmentCheck(
        condition.status,
        condition.reason,
        condition.message,
        stored.image,
        stored.checked,
        tuple(stored.differences),
        tuple(stored.notes),
        ModelRejected(condition.reason, condition.message) if refused else None,
    )


def _prevented(problem: DavitError, before: Condition | None) -> EnvironmentCheck:
    """Report a model that could not be read; retries with another message must not rewrite the status."""
    same = before is not None and (before.status, before.reason) == ("Unknown", problem.reason)
    message = before.message if same and before else problem.message
    return EnvironmentCheck("Unknown", problem.reason, message, problem=problem)


def _key(pin: Pin, image: str, manifest: str, spec: EnvironmentSpec) -> str:
    """Hash what a result depends on; with our version, as another one may judge otherwise."""
    return _hash(json.dumps([__version__, pin.fingerprint, image, manifest, spec.model_dump()]))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
