"""Autolog with XGBoost: parameters, the metrics of every round, the importance of each feature, the model.

MLFLOW_TRACKING_URI=http://127.0.0.1:5000 python 03_autolog_xgboost.py
"""

import mlflow
import xgboost
from sklearn.datasets import load_iris
from sklearn.model_selection import train_test_split

mlflow.set_experiment("guide 3: XGBoost")
mlflow.xgboost.autolog()

flowers, species = load_iris(return_X_y=True, as_frame=True)
train, valid, train_species, valid_species = train_test_split(flowers, species, random_state=1)

with mlflow.start_run(run_name="boosted trees") as run:
    params = {"objective": "multi:softprob", "num_class": 3, "max_depth": 3, "eta": 0.3}
    valid_data = xgboost.DMatrix(valid, valid_species)
    xgboost.train(
        params,
        xgboost.DMatrix(train, train_species),
        num_boost_round=8,
        evals=[(valid_data, "valid")],
        verbose_eval=False,
    )

history = mlflow.MlflowClient().get_metric_history(run.info.run_id, "valid-mlogloss")
print("loss, round by round:", [f"{point.value:.3f}" for point in history])
