"""Predict with a registered model in this process, without a server, and print the predictions as JSON.

    export MLFLOW_TRACKING_URI=http://127.0.0.1:5000
    python examples/predict_locally.py models:/iris@champion body.json

The file is the body of a request to `/invocations`, in the `dataframe_split` form. Served pods must give the
same answer; the demo compares the two.
"""

import argparse
import json
from pathlib import Path

import mlflow
import pandas as pd


def main() -> None:
    """Read the command line, load the model, print its predictions."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("uri", help="for example models:/iris@champion")
    parser.add_argument("body", type=Path, help="file with a dataframe_split")
    options = parser.parse_args()
    model = mlflow.pyfunc.load_model(options.uri)
    frame = pd.DataFrame(**json.loads(options.body.read_text())["dataframe_split"])
    print(json.dumps(model.predict(frame).tolist()))


if __name__ == "__main__":
    main()
