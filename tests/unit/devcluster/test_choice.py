import pytest

from devcluster.choice import choose_provider
from devcluster.errors import DevclusterError


def test_docker_means_kind():
    assert choose_provider("auto", None, docker=lambda: True, system="Linux") == "kind"


def test_linux_without_docker_means_node():
    assert choose_provider("auto", None, docker=lambda: False, system="Linux") == "node"


def test_a_confirmed_context_means_the_existing_cluster():
    assert choose_provider("auto", "production", docker=lambda: True, system="Linux") == "existing"


@pytest.mark.parametrize("name", ["kind", "node", "existing"])
def test_a_choice_can_be_forced(name):
    assert choose_provider(name, None, docker=lambda: True, system="Darwin") == name


def test_where_nothing_runs_the_error_names_the_cure():
    with pytest.raises(DevclusterError, match="start Docker, or confirm an existing one with --context NAME"):
        choose_provider("auto", None, docker=lambda: False, system="Darwin")


def test_an_unknown_provider_is_refused_with_the_known_ones():
    with pytest.raises(DevclusterError, match="choose auto, kind, node, existing"):
        choose_provider("minikube", None, docker=lambda: True)
