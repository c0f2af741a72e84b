"""The registry: versions, stages, aliases, and back to an earlier version when the new one disappoints.

MLFLOW_TRACKING_URI=http://127.0.0.1:5000 python 10_registry.py

Deployments of `models:/guide-registry@champion` follow each move of the alias automatically.
"""

import warnings

import mlflow
import sklearn
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

NAME = "guide-registry"

warnings.filterwarnings(
    "ignore", message=".*tage", category=FutureWarning
)  # stages: MLflow recommends aliases
mlflow.set_experiment("guide 10: registry")
client = mlflow.MlflowClient()
flowers, species = load_iris(return_X_y=True, as_frame=True)


def train(strength: float) -> str:
    """Train, log and register one more version."""
    with mlflow.start_run(run_name=f"C = {strength}"):
        mlflow.log_param("C", strength)
        model = LogisticRegression(C=strength, max_iter=500).fit(flowers, species)
        logged = mlflow.sklearn.log_model(
            model,
            "model",
            input_example=flowers[:2],
            registered_model_name=NAME,
            # Listed here, because MLflow takes a while to infer a model's requirements.
            pip_requirements=[f"scikit-learn=={sklearn.__version__}"],
        )
    version = str(logged.registered_model_version)
    client.set_model_version_tag(NAME, version, "C", str(strength))
    return version


def show(what: str) -> None:
    """Print every version with its stage, and where the alias points."""
    stages = {found.version: found.current_stage for found in client.search_model_versions(f"name='{NAME}'")}
    champion = client.get_model_version_by_alias(NAME, "champion").version
    said = ", ".join(f"v{version} {stage}" for version, stage in sorted(stages.items(), key=str))
    print(f"{what:20} {said}; champion is v{champion}")


first, second, third = (train(strength) for strength in (0.1, 1.0, 10.0))
client.update_registered_model(NAME, description="Flowers by their measures")
client.update_model_version(NAME, first, description="The careful one")

client.transition_model_version_stage(NAME, first, "Production")
client.set_registered_model_alias(NAME, "champion", first)
client.transition_model_version_stage(NAME, third, "Staging")
client.set_registered_model_alias(NAME, "challenger", third)
show("before")

# The second version takes over; the version in Production is archived in the same call.
client.transition_model_version_stage(NAME, second, "Production", archive_existing_versions=True)
client.set_registered_model_alias(NAME, "champion", second)
show("promoted")

# Roll back to the first: versions are immutable, so this is the same model as before.
client.transition_model_version_stage(NAME, first, "Production", archive_existing_versions=True)
client.set_registered_model_alias(NAME, "champion", first)
client.delete_registered_model_alias(NAME, "challenger")
show("rolled back")
