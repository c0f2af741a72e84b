"""Autolog with Keras: the layers, the optimizer, the metrics of every epoch, the model.

MLFLOW_TRACKING_URI=http://127.0.0.1:5000 python 05_autolog_keras.py

Keras 3 computes with JAX, TensorFlow or PyTorch; `KERAS_BACKEND` selects one; MLflow works with each.
"""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
import mlflow
from sklearn.datasets import load_iris

mlflow.set_experiment("guide 5: Keras")
mlflow.keras.autolog()

flowers, species = load_iris(return_X_y=True)
keras.utils.set_random_seed(1)
model = keras.Sequential(
    [
        keras.Input((4,)),
        keras.layers.Normalization(mean=flowers.mean(axis=0), variance=flowers.var(axis=0)),
        keras.layers.Dense(8, activation="relu"),
        keras.layers.Dense(3, activation="softmax"),
    ]
)
optimizer = keras.optimizers.Adam(learning_rate=0.05)
model.compile(optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])

with mlflow.start_run(run_name="two layers") as run:
    model.fit(flowers, species, epochs=5, batch_size=50, verbose=0)

history = mlflow.MlflowClient().get_metric_history(run.info.run_id, "accuracy")
print("accuracy, epoch by epoch:", [f"{point.value:.2f}" for point in history])
