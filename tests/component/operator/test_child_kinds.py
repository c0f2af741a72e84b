"""Another kind of children: one row and one builder."""

from davit_operator.adapters.permissions import list_permissions
from davit_operator.app import register_model_deployments
from davit_operator.domain.kinds import Kind
from davit_operator.engine.queue import WorkQueue
from davit_operator.handlers.watches import build_registry, build_settings
from davit_operator.modeldeployment.parts import PARTS, Part, describe_kind
from davit_operator.workload import naming
from davit_operator.workload.blueprint import Blueprint
from davit_operator.workload.metadata import build_metadata
from davit_resource.objects import Object
from support.fakes.operator_harness import OperatorHarness

ROUTES = Kind("HTTPRoute", "gateway.networking.k8s.io", "v1", "httproutes", "weights between tracks")


def build_route(blueprint: Blueprint) -> Object | None:
    if blueprint.spec.replicas == 0:
        return None
    return {
        "apiVersion": ROUTES.api_version,
        "kind": ROUTES.name,
        "metadata": build_metadata(blueprint),
        "spec": {"rules": [{"backendRefs": [{"name": blueprint.name, "weight": 100}]}]},
    }


PARTS_WITH_ROUTES = (*PARTS, Part(ROUTES, build_route))


async def test_a_child_of_another_kind_is_made_repaired_and_deleted():
    harness = OperatorHarness([register_model_deployments(PARTS_WITH_ROUTES)])
    await harness.serve()
    route = harness.cluster.child("HTTPRoute", "iris")
    assert naming.selector_labels("iris", "stable").items() <= route["metadata"]["labels"].items()

    route["spec"]["rules"][0]["backendRefs"][0]["weight"] = 1
    await harness.reconcile()
    assert harness.cluster.child("HTTPRoute", "iris")["spec"]["rules"][0]["backendRefs"][0]["weight"] == 100

    harness.cluster.writes.clear()
    await harness.reconcile()
    assert harness.cluster.writes == []

    await harness.serve(replicas=0)
    assert harness.cluster.child("HTTPRoute", "iris") is None


def test_a_child_of_another_kind_is_watched_by_our_label_and_permitted():
    kind = describe_kind(PARTS_WITH_ROUTES)
    watched = build_registry([kind], WorkQueue(), None)._watching.get_all_handlers()
    selector = (ROUTES.group, ROUTES.version, ROUTES.plural)
    assert selector in {(one.selector.group, one.selector.version, one.selector.any_name) for one in watched}
    assert selector in build_settings([kind], ()).watching.label_selectors
    [permission] = [one for one in list_permissions([kind]) if one.resource == "httproutes"]
    assert permission.verbs == ROUTES.verbs
