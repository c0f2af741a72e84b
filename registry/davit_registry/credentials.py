"""What proves us to an MLflow server."""

from base64 import b64encode
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Credentials:
    """What proves us to an MLflow server: a user and password, or a bearer token. Never shown in a repr.

    Line ends around them are dropped: a Secret made from a file has one, and no header can hold it.
    """

    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        for name in ("username", "password", "token"):
            object.__setattr__(self, name, getattr(self, name).strip("\r\n"))

    def headers(self) -> dict[str, str]:
        """The header that says so; none for a server that asks for nothing."""
        if self.username:
            login = b64encode(f"{self.username}:{self.password}".encode()).decode()
            return {"Authorization": f"Basic {login}"}
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}
