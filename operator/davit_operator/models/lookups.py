"""Read the registry and the stores, each object at most once per interval."""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

from davit_environment.lock import LOCK
from davit_environment.mlmodel import MLMODEL
from davit_environment.need import FILES, ModelNeeds, read_needs
from davit_environment.text import FILE_BYTES, MLMODEL_BYTES
from davit_environment.wheels import WHEEL_SUFFIX
from davit_registry import File, Reference
from davit_registry.listing import Contents, contents_of
from davit_registry.login import RegistryLogin
from davit_registry.resolved import ResolvedModel
from davit_registry.stores.source import StoreAccess

from davit_operator.domain import outcomes
from davit_operator.domain.errors import DavitError, ModelRejected
from davit_operator.domain.ports import Clock, Metrics, Registry, Store

_KeyT = TypeVar("_KeyT", bound=Hashable)
_ValueT = TypeVar("_ValueT")
_READ = set(FILES) - {LOCK}
"""An author's lock is not compared with images, which have what they have."""


@dataclass(frozen=True, slots=True)
class _Answer(Generic[_ValueT]):
    value: _ValueT | None
    error: DavitError | None
    at: datetime


class Recent(Generic[_KeyT, _ValueT]):
    """Caches answers and errors for an interval; concurrent callers share one request.

    Args:
        clock: Time.
        max_age: How long an answer counts.
    """

    def __init__(self, clock: Clock, max_age: timedelta) -> None:
        self._clock = clock
        self._max_age = max_age
        self._answers: dict[_KeyT, _Answer[_ValueT]] = {}
        self._locks: dict[_KeyT, asyncio.Lock] = {}

    async def get(
        self, key: _KeyT, request: Callable[[], Awaitable[_ValueT]], since: datetime | None = None
    ) -> _ValueT:
        """Return the answer, requested again only when there is no recent one.

        Args:
            key: Identifies the request.
            request: Makes the request.
            since: An older answer does not count, however recent.

        Raises:
            DavitError: As it was raised by `request`, now or recently.
        """
        async with self._locks.setdefault(key, asyncio.Lock()):
            answer = self._recent(key, since) or await self._request(key, request)
        if answer.error is not None:
            raise answer.error.with_traceback(None)
        return answer.value  # type: ignore[return-value]  # without an error there is a value

    def forget_old(self) -> None:
        """Free what is too old to be used."""
        for key in [key for key in self._answers if not self._recent(key)]:
            del self._answers[key]
        for key in [
            key for key, lock in self._locks.items() if key not in self._answers and not lock.locked()
        ]:
            del self._locks[key]

    def _recent(self, key: _KeyT, since: datetime | None = None) -> _Answer[_ValueT] | None:
        answer = self._answers.get(key)
        oldest = max(self._clock.now() - self._max_age, since or datetime.min.replace(tzinfo=UTC))
        return answer if answer and answer.at >= oldest else None

    async def _request(self, key: _KeyT, request: Callable[[], Awaitable[_ValueT]]) -> _Answer[_ValueT]:
        answer: _Answer[_ValueT]
        at = self._clock.now()  # what changes during the request may be missing in the answer
        try:
            answer = _Answer(await request(), None, at)
        except DavitError as error:
            answer = _Answer(None, error, at)
        self._answers[key] = answer
        return answer


@dataclass(frozen=True, slots=True)
class _Listed:
    """What is kept of a listing.

    Attributes:
        contents: The digest of all files.
        descriptions: The files that say what the model needs.
        wheels: Paths of wheels in the model.
    """

    contents: Contents
    descriptions: tuple[File, ...]
    wheels: frozenset[str]


class Lookups:
    """Resolves references and computes digests of files.

    Args:
        registry: MLflow.
        store: Where files are listed.
        clock: Time.
        metrics: Counts how long the registry takes.
        max_age: How long an answer counts; a little less than the resync interval.
    """

    def __init__(
        self, registry: Registry, store: Store, clock: Clock, metrics: Metrics, max_age: timedelta
    ) -> None:
        self._registry = registry
        self._store = store
        self._clock = clock
        self._metrics = metrics
        self._sources = Recent[tuple[str, str], ResolvedModel](clock, max_age)
        self._listings = Recent[tuple[str, str], _Listed](clock, max_age)
        self._needs = Recent[tuple[str, str, str], ModelNeeds](clock, max_age)

    async def resolve(
        self, reference: Reference, login: RegistryLogin, since: datetime | None = None
    ) -> ResolvedModel:
        """Return what a reference names now, or named within the last interval, but not before `since`.

        Raises:
            ModelRejected: The registry answers and there is no such model.
            Denied: It refuses us.
            Unavailable: It gives no usable response.
        """
        key = (str(reference), _fingerprint(login))
        return await self._sources.get(key, lambda: self._timed(reference, login), since)

    async def contents(self, location: str, access: StoreAccess) -> Contents:
        """Return the digest of the files at a location and what it proves, now or within the last interval.

        Raises:
            ModelRejected: There are no files, or none that make a model.
            Denied: The store refuses us.
            Unavailable: It gives no usable response.
        """
        return (await self._listed(location, access)).contents

    async def needs(self, location: str, access: StoreAccess) -> ModelNeeds:
        """Return what the files at a location say about their environment, read at most once per interval.

        Raises:
            ModelRejected: There are no files, or none that make a model, or one is gone.
            Denied: The store refuses us.
            Unavailable: It gives no usable response, or a file has changed since it was listed.
        """
        listed = await self._listed(location, access)
        key = (location, _fingerprint(access), listed.contents.digest)
        return await self._needs.get(key, lambda: self._read(location, access, listed))

    def forget_old(self) -> None:
        """Free what is too old to be used."""
        self._sources.forget_old()
        self._listings.forget_old()
        self._needs.forget_old()

    async def _timed(self, reference: Reference, login: RegistryLogin) -> ResolvedModel:
        started = self._clock.now()
        outcome = outcomes.ERROR
        try:
            source = await self._registry.resolve(reference, login)
            outcome = outcomes.RESOLVED
        except DavitError as error:
            outcome = outcomes.of_problem(error)
            raise
        finally:
            self._metrics.resolved(outcome, (self._clock.now() - started).total_seconds())
        return source

    async def _listed(self, location: str, access: StoreAccess) -> _Listed:
        key = (location, _fingerprint(access))
        return await self._listings.get(key, lambda: self._list(location, access))

    async def _read(self, location: str, access: StoreAccess, listed: _Listed) -> ModelNeeds:
        # One byte more than is allowed, so that a longer file is refused rather than cut.
        limits = {
            file: (MLMODEL_BYTES if file.path == MLMODEL else FILE_BYTES) + 1 for file in listed.descriptions
        }
        files = await self._store.read_files(location, limits, access)
        # A large file takes seconds, in which other ModelDeployments would wait.
        return await asyncio.to_thread(read_needs, files, listed.wheels)

    async def _list(self, location: str, access: StoreAccess) -> _Listed:
        files = await self._store.list_files(location, access)
        if not files:
            raise ModelRejected(
                "ArtifactsMissing",
                f"there are no files at {location}",
                "restore them, or register and reference another version",
            )
        if not any(file.path == "MLmodel" for file in files):
            raise ModelRejected(
                "NotAModel",
                f"there is no MLmodel file at {location}",
                "point spec.model.uri at the folder that mlflow's log_model wrote, or log the model again",
            )
        return _Listed(
            contents_of(files),
            tuple(file for file in files if file.path in _READ),
            frozenset(file.path for file in files if file.path.endswith(WHEEL_SUFFIX)),
        )


def _fingerprint(access: RegistryLogin | StoreAccess) -> str:
    """Hash an access, to distinguish it from others without keeping its secrets as keys."""
    return hashlib.sha256(json.dumps(asdict(access), sort_keys=True).encode()).hexdigest()
