"""A model of your own: any Python class with `predict` can be logged, registered, loaded and served.

MLFLOW_TRACKING_URI=http://127.0.0.1:5000 python 09_python_model.py

This one wraps a classifier and answers with the names of the species; a parameter adds how sure the model is.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import joblib
import mlflow
import pandas as pd
from mlflow.models import infer_signature
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression


class SpeciesByName(mlflow.pyfunc.PythonModel):
    """Takes measures of flowers, answers with names."""

    def load_context(self, context):
        """Load the classifier; called once. `artifacts` are the files that were logged with the model."""
        self.model = joblib.load(context.artifacts["classifier"])
        self.names = Path(context.artifacts["names"]).read_text().split()

    def predict(self, context, model_input, params=None):
        """Predict the species' names; called for every request."""
        chances = self.model.predict_proba(model_input)
        names = [self.names[best] for best in chances.argmax(axis=1)]
        sure = chances.max(axis=1) >= (params or {}).get("at_least", 0.0)
        return [name if certain else "unsure" for name, certain in zip(names, sure, strict=True)]


mlflow.set_experiment("guide 9: a model of your own")
data = load_iris(as_frame=True)
with TemporaryDirectory() as folder, mlflow.start_run(run_name="species by name"):
    classifier, names = Path(folder) / "classifier.joblib", Path(folder) / "names.txt"
    joblib.dump(LogisticRegression(max_iter=500).fit(data.data, data.target), classifier)
    names.write_text(" ".join(data.target_names))
    logged = mlflow.pyfunc.log_model(
        "model",
        python_model=SpeciesByName(),
        artifacts={"classifier": str(classifier), "names": str(names)},
        signature=infer_signature(data.data[:2], ["setosa", "setosa"], params={"at_least": 0.0}),
        registered_model_name="guide-species",
    )

loaded = mlflow.pyfunc.load_model(f"models:/guide-species/{logged.registered_model_version}")
flowers = pd.DataFrame(data.data.iloc[[0, 70, 140]])
print(loaded.predict(flowers))
print(loaded.predict(flowers, params={"at_least": 0.9}))
