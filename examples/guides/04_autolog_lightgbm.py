"""Autolog with LightGBM: parameters, the metrics of every round, the importance of each feature, the model.

MLFLOW_TRACKING_URI=http://127.0.0.1:5000 python 04_autolog_lightgbm.py
"""

import lightgbm
import mlflow
from sklearn.datasets import load_iris
from sklearn.model_selection import train_test_split

mlflow.set_experiment("guide 4: LightGBM")
mlflow.lightgbm.autolog()

flowers, species = load_iris(return_X_y=True, as_frame=True)
# LightGBM takes no brackets in the names of features.
flowers.columns = [name.removesuffix(" (cm)").replace(" ", "_") for name in flowers.columns]
train, valid, train_species, valid_species = train_test_split(flowers, species, random_state=1)

with mlflow.start_run(run_name="boosted trees") as run:
    params = {"objective": "multiclass", "num_class": 3, "num_leaves": 7, "learning_rate": 0.2, "verbose": -1}
    train_data = lightgbm.Dataset(train, train_species)
    valid_data = train_data.create_valid(valid, valid_species)
    lightgbm.train(params, train_data, num_boost_round=8, valid_sets=[valid_data], valid_names=["valid"])

history = mlflow.MlflowClient().get_metric_history(run.info.run_id, "valid-multi_logloss")
print("loss, round by round:", [f"{point.value:.3f}" for point in history])
