"""A kind of store that only tests know: a module and a row, which is all that a new one takes.

Its locations are `fake://FOLDER`; the files lie in a `StoreServer` that any HTTP client may read.
"""

from davit_registry import Denied, File
from davit_registry.stores.source import SignedRequest, Source, StoreAccess
from davit_registry.stores.table import StoreKind

FAKE = StoreKind(
    scheme="fake",
    form="fake://FOLDER",
    module="support.fakes.model_store",
    secret_keys={"account-key": "FAKE_ACCOUNT_KEY", "endpoint": "FAKE_ENDPOINT"},
    required_keys=(("account-key",),),
    fixed_variables={"FAKE_MODE": "read"},
)
FILES = {"MLmodel": b"flavors: {}\n", "model/weights": b"\x01\x02\x03"}


class FakeSource(Source):
    """Lists what every folder of this store holds; signs with the account's key."""

    def __init__(self, folder: str, endpoint: str, key: str) -> None:
        self._folder, self._endpoint, self._key = folder, endpoint, key

    async def list_files(self) -> list[File]:
        if self._key != "right":
            raise Denied("the fake store refuses the key", reason="StoreDenied")
        return [File(path, len(content), "") for path, content in FILES.items()]

    async def sign(self, file: File) -> SignedRequest:
        return SignedRequest(f"{self._endpoint}/mlflow/{self._folder}/{file.path}")


def open_source(location: str, access: StoreAccess) -> FakeSource:
    given = access.values
    return FakeSource(
        location.partition("://")[2], given.get("FAKE_ENDPOINT", ""), given.get("FAKE_ACCOUNT_KEY", "")
    )
