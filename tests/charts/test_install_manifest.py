"""`manifests/install.yaml` is what the chart says, neither older nor edited."""

import runpy

from support.charts.rendering import ROOT, documents


def test_the_install_manifest_is_a_fresh_rendering():
    fresh = runpy.run_path(str(ROOT / "manifests" / "render.py"))["render"]()
    assert (ROOT / "manifests" / "install.yaml").read_text() == fresh, "python manifests/render.py"


def test_the_install_manifest_contains_everything_that_the_operator_needs():
    kinds = [obj["kind"] for obj in documents((ROOT / "manifests" / "install.yaml").read_text())]
    assert kinds[0] == "Namespace"
    assert {
        "CustomResourceDefinition",
        "ServiceAccount",
        "ClusterRole",
        "ClusterRoleBinding",
        "Deployment",
    } <= {*kinds}
