"""An MLflow model behind FastAPI as it is commonly written; the base of the bench's ratios.

python fastapi_app.py FOLDER PORT
"""

import sys
from typing import Any

import mlflow.pyfunc
import pandas as pd
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()
model = mlflow.pyfunc.load_model(sys.argv[1])


class Split(BaseModel):
    """A table: names of columns, and rows."""

    columns: list[str]
    data: list[list[Any]]


class Body(BaseModel):
    """The form of MLflow's protocol that is used most."""

    dataframe_split: Split


@app.post("/invocations")
async def invocations(body: Body) -> dict[str, Any]:
    """Return one prediction per row."""
    table = body.dataframe_split
    answer = model.predict(pd.DataFrame(table.data, columns=table.columns))
    return {"predictions": answer if isinstance(answer, list) else answer.tolist()}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), access_log=False)
