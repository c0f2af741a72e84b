"""What belongs to a resource of ours."""

from dataclasses import dataclass

from davit_resource.objects import Object


@dataclass(frozen=True, slots=True)
class Child:
    """Kind and name of an object that belongs to a resource of ours, in its namespace."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


def child_of(obj: Object) -> Child:
    """Return which child an object is."""
    return Child(obj["kind"], obj["metadata"]["name"])
