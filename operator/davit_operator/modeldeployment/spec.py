"""Parse a spec, with an error that decides the conditions."""

from davit_resource.v1alpha1 import ModelDeploymentSpec, Resource, UnreadableSpec

from davit_operator.domain.errors import InvalidSpec


def read_spec(resource: Resource) -> ModelDeploymentSpec:
    """Parse the spec of a ModelDeployment.

    Raises:
        InvalidSpec: A field is missing, unknown to this operator or has an invalid value.
    """
    try:
        return resource.parse_spec()
    except UnreadableSpec as error:
        raise InvalidSpec("InvalidSpec", str(error)) from None
