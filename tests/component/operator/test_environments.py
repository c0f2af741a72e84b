"""A model is compared with the image of its pods before any pod is touched."""

import pytest
from davit_environment.manifest import RuntimeManifest
from davit_operator.domain.errors import Denied, Unavailable
from davit_operator.domain.objects import Child
from davit_operator.engine.controller import Next
from support.fakes.operator_harness import CHAMPION, OperatorHarness
from support.schemas.crd import check_against_crd

IMAGE = "davit.dev/server:test"
OTHER = "example.org/server:2"
HAS_1_8 = RuntimeManifest("3.11.7", packages={"mlflow": "3.17.2", "scikit-learn": "1.8.0"})
HAS_1_7 = RuntimeManifest("3.11.7", packages={"mlflow": "3.17.2", "scikit-learn": "1.7.2"})
MLMODEL = b"""flavors:
  python_function: {loader_module: mlflow.sklearn, python_version: 3.11.7}
mlflow_version: 3.17.2
"""
OUTAGE = Unavailable("StoreUnreachable", "the store gives no answer")


def files(*lines: str, **more: bytes) -> dict[str, bytes]:
    return {"MLmodel": MLMODEL, "requirements.txt": "\n".join(lines).encode(), **more}


FITTING = files("mlflow==3.17.2", "scikit-learn==1.8.0")
DIFFERING = files("mlflow==3.17.2", "scikit-learn==1.7.2")


@pytest.fixture
def harness() -> OperatorHarness:
    harness = OperatorHarness(server_image=IMAGE)
    harness.runtimes |= {IMAGE: HAS_1_8}
    harness.restart_operator()
    log(harness, "1", FITTING)
    return harness


def log(harness: OperatorHarness, version: str, content: dict[str, bytes]) -> None:
    """Register a version, and let the alias name it."""
    harness.registry.names(CHAMPION, version)
    harness.store.content[harness.registry.models[CHAMPION].location] = content


async def follow(harness: OperatorHarness) -> None:
    for key in await harness.resync():
        await harness.controller.reconcile(key)


async def refuse_the_second_version(harness: OperatorHarness) -> None:
    await harness.serve(replicas=2)
    log(harness, "2", DIFFERING)
    await follow(harness)


def images(harness: OperatorHarness) -> set[str]:
    template = harness.cluster.child("Deployment", "iris")["spec"]["template"]["spec"]
    return {container["image"] for container in template["containers"]}


async def test_a_model_that_fits_is_rolled_out_and_the_condition_says_so(harness):
    await harness.serve()
    condition = harness.condition("EnvironmentReady")
    assert (condition["status"], condition["reason"]) == ("True", "FitsImage")
    assert condition["message"] == f"{IMAGE} has all 3 requirements of iris/1"
    assert harness.status()["environment"]["image"] == IMAGE


async def test_a_model_that_differs_is_refused_before_anything_is_changed(harness):
    await refuse_the_second_version(harness)
    assert harness.cluster.writes[-2:] == ["status", "event"]
    assert "scikit-learn 1.7.2" in harness.condition("Ready")["message"]
    assert harness.condition("Ready")["message"].endswith("(iris/1 keeps serving)")
    for name in ("Ready", "EnvironmentReady"):
        assert harness.condition(name)["status"] == "False"
        assert harness.condition(name)["reason"] == "EnvironmentMismatch"
    assert harness.condition("Stalled")["reason"] == "EnvironmentMismatch"
    assert harness.condition("Available")["status"] == "True"
    assert harness.condition("ModelResolved")["message"].startswith(f"{CHAMPION} is iris/2, sha256:")
    assert (harness.target(), harness.serving()) == ("iris/1", "iris/1")
    assert harness.status()["environment"]["differences"] == [
        "scikit-learn 1.7.2, image has 1.8.0: refuse",
    ]


async def test_a_first_model_that_differs_gets_no_pods(harness):
    log(harness, "1", DIFFERING)
    harness.cluster.create("iris", {"model": {"uri": CHAMPION}})
    assert await harness.reconcile() == Next()
    assert harness.cluster.writes == ["status", "event"]
    assert harness.condition("Ready")["reason"] == "EnvironmentMismatch"
    assert harness.condition("ModelResolved")["status"] == "True"


async def test_the_old_version_follows_replicas_and_drift_is_repaired_while_a_new_one_is_refused(harness):
    await refuse_the_second_version(harness)
    harness.cluster.create("iris", {"model": {"uri": CHAMPION}, "replicas": 3})
    await harness.reconcile()
    assert harness.cluster.child("Deployment", "iris")["spec"]["replicas"] == 3
    assert harness.condition("Ready")["reason"] == "EnvironmentMismatch"


async def test_a_line_of_the_spec_that_replaces_the_models_makes_it_fit(harness):
    await refuse_the_second_version(harness)
    lines = {"requirements": ["scikit-learn==1.8.0"]}
    harness.cluster.create("iris", {"model": {"uri": CHAMPION}, "replicas": 2, "environment": lines})
    await harness.reconcile()
    assert harness.target() == "iris/2"
    assert harness.condition("EnvironmentReady")["reason"] == "FitsImage"
    assert harness.status()["environment"]["notes"] == [
        "spec.environment.requirements: replaces the model's scikit-learn"
    ]


async def test_a_python_of_the_spec_counts_instead_of_the_models(harness):
    await harness.serve(environment={"python": "3.12"})
    assert harness.status()["environment"]["differences"] == ["Python 3.12, image has 3.11.7: warn"]


@pytest.mark.parametrize(
    "environment", [{"requirements": ["-r other.txt"]}, {"requirements": ["x @ git+https://h/x"]}]
)
@pytest.mark.parametrize("image", [IMAGE, OTHER])
async def test_a_line_of_the_spec_that_cannot_be_used_is_an_invalid_spec(harness, environment, image):
    harness.cluster.create("iris", {"model": {"uri": CHAMPION}, "image": image, "environment": environment})
    await harness.reconcile()
    assert harness.condition("Ready")["reason"] == "InvalidSpec"
    assert "spec.environment.requirements item 1" in harness.condition("Ready")["message"]
    assert "apply Deployment iris" not in harness.cluster.writes


async def test_a_line_that_cannot_be_used_is_reported_while_the_model_serves(harness):
    await harness.serve()
    harness.cluster.create("iris", {"model": {"uri": CHAMPION}, "environment": {"requirements": ["-e ."]}})
    await harness.reconcile()
    assert harness.condition("Stalled")["reason"] == "InvalidSpec"
    assert harness.condition("Ready")["message"].endswith("(iris/1 keeps serving)")


async def test_a_refused_model_whose_files_are_replaced_is_compared_again(harness):
    await refuse_the_second_version(harness)
    for content, target in ((files("scikit-learn==1.6.0"), "iris/1"), (FITTING, "iris/2")):
        harness.clock.advance(1)
        harness.store.content[harness.registry.models[CHAMPION].location] = content
        await follow(harness)
        assert harness.target() == target


async def test_an_image_without_a_manifest_is_used_unchecked_and_no_file_is_read(harness):
    log(harness, "1", DIFFERING)
    await harness.serve(image=OTHER)
    condition = harness.condition("EnvironmentReady")
    assert (condition["status"], condition["reason"]) == ("Unknown", "Unchecked")
    assert "add the image's /opt/davit/runtime.json" in condition["message"]
    assert harness.store.read == []
    assert "environment" not in harness.status()


async def test_another_image_that_does_not_fit_does_not_replace_the_pods(harness):
    harness.runtimes[OTHER] = HAS_1_7
    harness.restart_operator()
    await harness.serve()
    harness.cluster.create("iris", {"model": {"uri": CHAMPION}, "image": OTHER})
    await harness.reconcile()
    assert images(harness) == {IMAGE}
    assert harness.condition("Ready")["reason"] == "EnvironmentMismatch"
    assert harness.serving() == "iris/1"


async def test_a_suspended_model_is_not_moved_to_an_image_that_does_not_fit(harness):
    harness.runtimes[OTHER] = HAS_1_7
    harness.restart_operator()
    await harness.serve()
    harness.cluster.create("iris", {"model": {"uri": CHAMPION}, "image": OTHER, "suspend": True})
    await harness.reconcile()
    assert images(harness) == {IMAGE}
    assert harness.condition("EnvironmentReady")["status"] == "False"


async def test_a_manifest_that_comes_later_does_not_stop_what_serves(harness):
    harness.runtimes.clear()
    harness.restart_operator()
    log(harness, "1", DIFFERING)
    await harness.serve()
    harness.runtimes[IMAGE] = HAS_1_8
    harness.restart_operator()
    harness.cluster.create("iris", {"model": {"uri": CHAMPION}, "replicas": 2})
    await harness.reconcile()
    harness.cluster.roll_out("iris")
    await harness.reconcile()
    assert harness.condition("EnvironmentReady")["status"] == "False"
    assert harness.condition("Ready")["status"] == "True"
    del harness.cluster.children["demo", Child("Deployment", "iris")]
    await harness.reconcile()
    assert harness.cluster.child("Deployment", "iris")["spec"]["replicas"] == 2


@pytest.mark.parametrize("problem", [OUTAGE, Denied("StoreDenied", "the store refuses us")])
async def test_files_that_cannot_be_read_keep_the_last_version_as_files_that_cannot_be_listed(
    harness, problem
):
    await harness.serve()
    log(harness, "2", FITTING)
    harness.store.reading_outage = problem
    (key,) = await harness.resync()
    outcome = await harness.controller.reconcile(key)
    outage = problem is OUTAGE
    assert outcome == Next(back_off=outage)
    assert harness.target() == "iris/1"
    assert harness.condition("Ready")["status"] == ("True" if outage else "False")
    assert harness.condition("ModelResolved")["reason"] == problem.reason
    assert harness.condition("EnvironmentReady")["reason"] == problem.reason
    harness.store.reading_outage = None
    harness.clock.advance(1)  # errors are kept for as long as answers
    await follow(harness)
    assert harness.target() == "iris/2"


async def test_a_long_outage_of_reading_writes_once(harness):
    await harness.serve()
    log(harness, "2", FITTING)
    harness.cluster.writes.clear()
    for number in range(5):
        harness.store.reading_outage = Unavailable("StoreUnreachable", f"attempt {number} failed")
        await follow(harness)
    assert harness.cluster.writes == ["status"]


async def test_a_steady_state_reads_and_writes_nothing_even_after_a_restart(harness):
    await harness.serve()
    harness.cluster.writes.clear()
    harness.store.read.clear()
    harness.restart_operator()
    for _ in range(3):
        await harness.resync()
        await harness.reconcile()
    assert (harness.store.read, harness.cluster.writes) == ([], [])


async def test_a_refused_model_is_not_read_again_after_a_restart_and_in_an_outage(harness):
    await refuse_the_second_version(harness)
    harness.cluster.writes.clear()
    harness.store.read.clear()
    harness.restart_operator()
    harness.store.reading_outage = OUTAGE
    for _ in range(3):
        await follow(harness)
    assert (harness.store.read, harness.cluster.writes) == ([], [])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (files("x @ git+https://user:secret@host/x"), "RequirementUnusable"),
        ({"MLmodel": b"a: &a [b]\nc: *a\n"}, "EnvironmentUnreadable"),
        ({"MLmodel": b"#" * (5 << 20)}, "EnvironmentUnreadable"),
        (files("#" * (300 << 10)), "EnvironmentUnreadable"),
    ],
    ids=["a repository", "an alias", "too large", "too many requirements"],
)
async def test_a_model_that_cannot_be_judged_is_refused_without_its_secrets(harness, content, reason):
    await harness.serve()
    log(harness, "2", content)
    await follow(harness)
    assert harness.condition("Ready")["reason"] == reason
    assert harness.target() == "iris/1"
    assert "secret" not in str(harness.status())


@pytest.mark.parametrize(
    "content",
    [
        {"MLmodel": MLMODEL},
        {**FITTING, "conda.yaml": b"a: *b"},
        {**FITTING, "python_env.yaml": b"\xff"},
        {**FITTING, "uv.lock": b"["},
    ],
    ids=["no requirements", "a broken conda.yaml", "a broken python_env.yaml", "a broken lock"],
)
async def test_a_model_that_can_be_judged_without_a_file_is_served(harness, content):
    log(harness, "1", content)
    await harness.serve()
    assert harness.condition("EnvironmentReady")["reason"] == "FitsImage"


async def test_a_status_is_bounded_whatever_the_model_says(harness):
    log(harness, "1", files(*(f"package-{'x' * 90}-{number}=={'1' * 300}" for number in range(200))))
    harness.cluster.create("iris", {"model": {"uri": CHAMPION}})
    await harness.reconcile()
    differences = harness.status()["environment"]["differences"]
    assert len(differences) == 50
    assert differences[-1] == "and 151 more"
    assert max(map(len, differences)) <= 200
    check_against_crd({**harness.cluster.resources[next(iter(harness.cluster.resources))]})
