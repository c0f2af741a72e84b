"""Predict with a registered model in this process: no server, no cluster. Prints the predictions as JSON.

    MLFLOW_TRACKING_URI=http://127.0.0.1:5000 python examples/ask_model.py models:/iris@champion question.json

The question is the body of a request to `/invocations`, in the `dataframe_split` form. Served pods must give
the same answer; the demo compares the two.
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
    parser.add_argument("question", type=Path, help="file with a dataframe_split")
    options = parser.parse_args()
    model = mlflow.pyfunc.load_model(options.uri)
    frame = pd.DataFrame(**json.loads(options.question.read_text())["dataframe_split"])
    print(json.dumps(model.predict(frame).tolist()))


if __name__ == "__main__":
    main()
