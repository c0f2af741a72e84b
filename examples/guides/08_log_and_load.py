"""Models: log one, register it, and load it back by every kind of URI that names it.

MLFLOW_TRACKING_URI=http://127.0.0.1:5000 python 08_log_and_load.py
"""

import warnings

import mlflow
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

NAME = "guide-flowers"

mlflow.set_experiment("guide 8: log and load")
flowers, species = load_iris(return_X_y=True, as_frame=True)
model = LogisticRegression(max_iter=500).fit(flowers, species)

with mlflow.start_run(run_name="log and register") as run:
    # MLflow derives the signature from the input example: names and types of inputs and outputs.
    logged = mlflow.sklearn.log_model(model, "model", input_example=flowers[:2], registered_model_name=NAME)

client = mlflow.MlflowClient()
version = logged.registered_model_version
client.set_registered_model_alias(NAME, "champion", version)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # stages still work; MLflow recommends aliases
    client.transition_model_version_stage(NAME, version, "Production")

uris = {
    "version": f"models:/{NAME}/{version}",
    "alias": f"models:/{NAME}@champion",
    "stage": f"models:/{NAME}/Production",
    "run": f"runs:/{run.info.run_id}/model",
}
if model_id := getattr(logged, "model_id", None):
    uris["model"] = f"models:/{model_id}"  # since MLflow 3 a logged model has an identity of its own

for kind, uri in uris.items():
    loaded = mlflow.pyfunc.load_model(uri)
    same = (loaded.predict(flowers) == model.predict(flowers)).all()
    print(f"{kind:8} {uri:52} {'same answers' if same else 'OTHER ANSWERS'}")
