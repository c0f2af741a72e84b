"""Fits a polynomial to noisy points of a sine. `mlflow run` starts it; see the file MLproject."""

import argparse

import mlflow
import numpy as np

parser = argparse.ArgumentParser()
parser.add_argument("--degree", type=float, required=True)
parser.add_argument("--noise", type=float, required=True)
options = parser.parse_args()

x = np.linspace(0, 3, 50)
y = np.sin(x) + np.random.default_rng(1).normal(scale=options.noise, size=x.size)

# `mlflow run` has created the run and logged the parameters; this call resumes it.
with mlflow.start_run():
    polynomial = np.polynomial.Polynomial.fit(x, y, int(options.degree))
    error = float(np.sqrt(np.mean((polynomial(x) - y) ** 2)))
    mlflow.log_metric("error", error)
    print(f"degree {options.degree:g}: error {error:.3f}")
