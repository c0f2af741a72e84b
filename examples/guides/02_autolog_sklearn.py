"""Autolog with scikit-learn: one line, and every fit becomes a run with parameters, metrics and the model.

MLFLOW_TRACKING_URI=http://127.0.0.1:5000 python 02_autolog_sklearn.py
"""

import mlflow
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

mlflow.set_experiment("guide 2: scikit-learn")
mlflow.sklearn.autolog()

flowers, species = load_iris(return_X_y=True, as_frame=True)
train, valid, train_species, valid_species = train_test_split(flowers, species, random_state=1)

with mlflow.start_run(run_name="logistic regression") as run:
    model = LogisticRegression(C=0.5, max_iter=500).fit(train, train_species)
    # Metrics computed after the fit are logged too, under the name of the data's variable.
    model.score(valid, valid_species)

logged = mlflow.get_run(run.info.run_id).data
print(f"{len(logged.params)} parameters, C = {logged.params['C']}")
for name, value in sorted(logged.metrics.items()):
    print(f"{name:32} {value:.3f}")
