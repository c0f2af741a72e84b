"""Inference: a registered model validates a DataFrame against its signature and predicts row by row.

MLFLOW_TRACKING_URI=http://127.0.0.1:5000 python 11_inference.py
"""

import mlflow
from mlflow.exceptions import MlflowException
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier

NAME = "guide-forest"

mlflow.set_experiment("guide 11: inference")
flowers, species = load_iris(return_X_y=True, as_frame=True)
forest = RandomForestClassifier(n_estimators=10, random_state=1).fit(flowers, species)
with mlflow.start_run(run_name="forest"):
    # Since MLflow 3 models are saved with skops, which rejects the compiled trees inside a forest.
    logged = mlflow.sklearn.log_model(
        forest,
        "model",
        input_example=flowers[:2],
        registered_model_name=NAME,
        serialization_format="cloudpickle",
    )
version = logged.registered_model_version
mlflow.MlflowClient().set_registered_model_alias(NAME, "champion", version)

model = mlflow.pyfunc.load_model(f"models:/{NAME}@champion")
print("takes:", ", ".join(model.metadata.get_input_schema().input_names()))

batch = flowers.sample(5, random_state=1)
batch["species"] = model.predict(batch)
print(batch.to_string())

try:
    model.predict(flowers.drop(columns="petal width (cm)"))
except MlflowException as refusal:
    print("rejected:", str(refusal).splitlines()[0])
