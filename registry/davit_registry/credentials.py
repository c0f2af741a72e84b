"""What proves us to an MLflow server."""

from base64 import b64encode
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Credentials:
    """What proves us to an MLflow server: a user and password, or a bearer token. Never shown in a repr."""

    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)

    def headers(self) -> dict[str, str]:
        """The header that says so; none for a server that asks for nothing."""
        if self.username:
            login = b64encode(f"{self.username}:{self.password}".encode()).decode()
            return {"Authorization": f"Basic {login}"}
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}
