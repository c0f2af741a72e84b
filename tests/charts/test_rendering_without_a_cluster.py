"""GitOps tools render the stack's chart without a cluster and apply whatever differs from the last rendering."""

import pytest
from support.charts.rendering import ChartError, documents, render_as_is

# Every Secret that the chart would else generate, by the value that names the user's own.
OWN_SECRETS = ("database", "store", "webhooks", "auth", "tls")
FOR_GITOPS = ("auth.enabled=true", "tls.enabled=true", "jobs.ttlSecondsAfterFinished=null")


def rendered(*values: str) -> str:
    return render_as_is("mlflow-stack", "mlflow", *(word for value in values for word in ("--set", value)))


def own_secrets(*parts: str) -> list[str]:
    return [f"{part}.existingSecret=own-{part}" for part in parts]


@pytest.mark.parametrize("generated", OWN_SECRETS)
def test_a_credential_that_every_rendering_would_generate_anew_is_rejected(generated: str):
    named = own_secrets(*(part for part in OWN_SECRETS if part != generated))
    with pytest.raises(ChartError, match=rf"{generated}\.existingSecret is empty, and without a cluster"):
        rendered(*FOR_GITOPS, *named)


def test_with_secrets_of_the_users_own_two_renderings_are_equal():
    values = (*FOR_GITOPS, *own_secrets(*OWN_SECRETS))
    first = rendered(*values)
    assert first == rendered(*values)
    assert "kind: Job" in first


def test_without_a_time_to_live_no_job_is_deleted_behind_the_gitops_tools_back():
    objects = documents(rendered(*FOR_GITOPS, *own_secrets(*OWN_SECRETS)))
    jobs = [
        one
        for one in objects
        if one["kind"] == "Job" and "helm.sh/hook" not in one["metadata"].get("annotations", {})
    ]
    assert jobs
    assert [one["metadata"]["name"] for one in jobs if "ttlSecondsAfterFinished" in one["spec"]] == []
