"""What the guides' trainings give, computed without MLflow. Runs in the environment of the guides' client.

    python guide_expectations.py LIBRARY...                     prints what each of them gives, by name
    python guide_expectations.py cross_validation STRENGTH...   prints an accuracy for each


The libraries keep records of their own of how a training went; those are held against what MLflow has kept.
"""

import json
import os
import sys
from typing import Any

os.environ["KERAS_BACKEND"] = "jax"

Expected = dict[str, Any]


def flowers() -> Any:
    from sklearn.datasets import load_iris
    from sklearn.model_selection import train_test_split

    data, species = load_iris(return_X_y=True, as_frame=True)
    return train_test_split(data, species, random_state=1)


def sklearn() -> Expected:
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss

    train, valid, train_species, valid_species = flowers()
    model = LogisticRegression(C=0.5, max_iter=500).fit(train, train_species)
    metrics = {
        "training_score": model.score(train, train_species),
        "training_log_loss": log_loss(train_species, model.predict_proba(train)),
        "LogisticRegression_score_valid": model.score(valid, valid_species),
    }
    return {"params": {name: str(value) for name, value in model.get_params().items()}, "metrics": metrics}


def xgboost() -> Expected:
    import xgboost

    train, valid, train_species, valid_species = flowers()
    params = {"objective": "multi:softprob", "num_class": 3, "max_depth": 3, "eta": 0.3}
    record: Expected = {}
    watched = [(xgboost.DMatrix(valid, valid_species), "valid")]
    data = xgboost.DMatrix(train, train_species)
    xgboost.train(params, data, 8, evals=watched, evals_result=record, verbose_eval=False)
    return {"params": params, "history": record["valid"]["mlogloss"]}


def lightgbm() -> Expected:
    import lightgbm

    train, valid, train_species, valid_species = flowers()
    params = {"objective": "multiclass", "num_class": 3, "num_leaves": 7, "learning_rate": 0.2, "verbose": -1}
    data = lightgbm.Dataset(train.to_numpy(), train_species)
    record: Expected = {}
    watched = [data.create_valid(valid.to_numpy(), valid_species)]
    keep = [lightgbm.record_evaluation(record)]
    lightgbm.train(dict(params), data, 8, valid_sets=watched, valid_names=["valid"], callbacks=keep)
    return {"params": params, "history": record["valid"]["multi_logloss"]}


def keras() -> Expected:
    import keras
    from sklearn.datasets import load_iris

    data, species = load_iris(return_X_y=True)
    keras.utils.set_random_seed(1)
    layers = [
        keras.Input((4,)),
        keras.layers.Normalization(mean=data.mean(axis=0), variance=data.var(axis=0)),
        keras.layers.Dense(8, activation="relu"),
        keras.layers.Dense(3, activation="softmax"),
    ]
    model = keras.Sequential(layers)
    optimizer = keras.optimizers.Adam(learning_rate=0.05)
    model.compile(optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return {"history": model.fit(data, species, epochs=5, batch_size=50, verbose=0).history}


def cross_validation(*strengths: str) -> Expected:
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_score

    data, species = load_iris(return_X_y=True)

    def accuracy(strength: str) -> Any:
        model = LogisticRegression(C=float(strength), max_iter=1000)
        return cross_val_score(model, data, species, cv=3).mean()

    return {strength: accuracy(strength) for strength in strengths}


def main(first: str, *others: str) -> Expected:
    if first == "cross_validation":
        return cross_validation(*others)
    return {library: globals()[library]() for library in (first, *others)}


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
