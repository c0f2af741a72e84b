import pytest

from devcluster.errors import DevclusterError
from devcluster.existing import ExistingProvider


class RecordedKubectl:
    """A kubectl whose current context is `production`."""

    def __init__(self):
        self.lines = []

    def __call__(self, arguments, **_):
        self.lines.append(" ".join(arguments))
        return "production\n" if "current-context" in arguments else "apiVersion: v1\n"


def test_nothing_happens_before_the_context_is_confirmed(tmp_path):
    kubectl = RecordedKubectl()
    with pytest.raises(DevclusterError, match="--context production"):
        ExistingProvider(None, runner=kubectl, folder=tmp_path).up()
    assert kubectl.lines == ["kubectl config current-context"]


def test_the_wrong_name_is_refused(tmp_path):
    with pytest.raises(DevclusterError, match="confirmed context 'test' but the current one is 'production'"):
        ExistingProvider("test", runner=RecordedKubectl(), folder=tmp_path).up()


def test_a_person_may_type_the_name(tmp_path):
    existing = ExistingProvider(
        None, runner=RecordedKubectl(), prompt=lambda _: "production\n", folder=tmp_path
    )
    existing.up()


def test_the_kubeconfig_holds_only_the_confirmed_context(tmp_path):
    kubectl = RecordedKubectl()
    path = ExistingProvider("production", runner=kubectl, folder=tmp_path).kubeconfig()
    assert kubectl.lines[-1] == "kubectl config view --raw --minify --flatten --context production"
    assert path.stat().st_mode & 0o777 == 0o600


def test_loading_images_explains_that_a_registry_is_needed(tmp_path):
    with pytest.raises(DevclusterError, match="pulls images from a registry"):
        ExistingProvider("production", runner=RecordedKubectl(), folder=tmp_path).load(
            ["davit.dev/server:0.1.0"]
        )


def test_down_leaves_the_cluster_alone(tmp_path):
    kubectl = RecordedKubectl()
    ExistingProvider("production", runner=kubectl, folder=tmp_path).down()
    assert kubectl.lines == ["kubectl config current-context"]
