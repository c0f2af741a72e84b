"""What a client gets back, for plain requests and for all others, alone and in company."""

import asyncio
import json

import numpy as np
import pandas as pd
import pytest
from support.models.saved import IRIS_COLUMNS, fitted_iris
from support.servers.in_process import serving

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

ROW = [5.1, 3.5, 1.4, 0.2]


def split(rows: list[list], columns=IRIS_COLUMNS) -> dict:
    return {"dataframe_split": {"columns": list(columns), "data": rows}}


async def predictions(client, document: dict) -> list:
    answer = await client.post("/invocations", json=document)
    assert answer.status_code == 200, answer.text
    return answer.json()["predictions"]


async def plan_of(client) -> dict:
    return (await client.get("/v2/models/m")).json()["parameters"]


async def test_every_input_format_of_the_same_rows_gives_the_same_answer():
    records = [dict(zip(IRIS_COLUMNS, ROW, strict=True))]
    columns = {name: [value] for name, value in records[0].items()}
    mixed_up = split([ROW[::-1]], IRIS_COLUMNS[::-1])
    forms = [
        split([ROW]),
        mixed_up,
        {"dataframe_records": records},
        {"inputs": records},
        {"inputs": columns},
        {"instances": records},
        {**split([ROW]), "params": None},
    ]
    async with serving("iris") as client:
        assert [await predictions(client, form) for form in forms] == [[0]] * len(forms)


async def test_csv_and_parquet_are_read(tmp_path):
    frame = fitted_iris()[0].head(3)
    frame.to_parquet(tmp_path / "rows.parquet")
    bodies = {
        "text/csv": frame.to_csv(index=False).encode(),
        "application/vnd.apache.parquet": (tmp_path / "rows.parquet").read_bytes(),
    }
    async with serving("iris") as client:
        for kind, body in bodies.items():
            answer = await client.post("/invocations", content=body, headers={"content-type": kind})
            assert answer.json() == {"predictions": [0, 0, 0]}, kind


async def test_a_scikit_learn_model_is_called_natively_and_batched():
    async with serving("iris") as client:
        plan = await plan_of(client)
    assert (plan["plan"], plan["batching"]) == ("native", True)
    assert plan["checked"].startswith("checked")


async def test_a_pipeline_that_needs_column_names_uses_pyfunc():
    async with serving("by_name") as client:
        plan = await plan_of(client)
        answer = await predictions(client, split([["red", 1.0], ["green", 3.0]], ["colour", "size"]))
    assert plan["plan"] == "pyfunc"
    assert len(answer) == 2


@pytest.mark.parametrize(
    ("batching", "reason"),
    [
        ("auto", "nothing is known about how this code treats rows"),
        ("enabled", "depends on the rows beside it"),
    ],
)
async def test_a_model_whose_rows_depend_on_each_other_is_not_batched(batching, reason):
    async with serving("deviation", batching=batching) as client:
        plan = await plan_of(client)
        answers = await asyncio.gather(
            *(predictions(client, split([[float(n)], [float(n + 2)]], ["x"])) for n in range(16))
        )
    assert not plan["batching"]
    assert any(reason in given for given in plan["reasons"])
    assert [[row["x"] for row in rows] for rows in answers] == [[-1.0, 1.0]] * 16


async def test_batching_can_be_switched_off():
    async with serving("iris", batching="off") as client:
        assert not (await plan_of(client))["batching"]


@pytest.mark.parametrize("model", ["iris", "forest"])
async def test_many_clients_at_once_each_get_their_own_answer(model):
    data, _ = fitted_iris()
    rows = data.to_numpy().tolist()
    async with serving(model) as client:
        alone = [(await predictions(client, split([row])))[0] for row in rows]
        together = await asyncio.gather(*(predictions(client, split([row])) for row in rows))
        scrape = (await client.get("/metrics")).text
    assert [answer[0] for answer in together] == alone
    batches = float(scrape.split("davit_batch_size_count{")[1].split("} ")[1].split("\n")[0])
    assert batches < 2 * len(rows), "requests shared calls"


async def test_a_bad_row_fails_only_its_own_request():
    async with serving("picky", batching="enabled") as client:
        plan = await plan_of(client)
        documents = [split([[float(n if n != 5 else -5)]], ["x"]) for n in range(10)]
        answers = await asyncio.gather(
            *(client.post("/invocations", json=document) for document in documents)
        )
    assert plan["batching"]
    assert [answer.status_code for answer in answers] == [200] * 5 + [400] + [200] * 4
    assert "-5" not in answers[5].text, "the model's message quotes the data; ours does not"
    assert "ValueError" in answers[5].json()["message"]


async def test_integers_and_nan_literals_are_read_as_by_mlflow():
    async with serving("iris") as client:
        whole = await predictions(client, split([[5, 3, 1, 0]]))
        nan = await client.post(
            "/invocations",
            content=json.dumps(split([[float("nan"), 3, 1, 0]])),
            headers={"content-type": "application/json"},
        )
    assert whole == [0]
    assert nan.status_code == 400


async def test_answers_equal_those_of_the_estimator():
    data, estimator = fitted_iris()
    async with serving("iris_proba") as client:
        answer = await predictions(client, split(data.to_numpy().tolist()))
    assert np.array_equal(np.array(answer), estimator.predict_proba(data))


async def test_several_outputs_come_back_as_records():
    async with serving("frame") as client:
        answer = await predictions(client, split([[1.0], [2.0]], ["x"]))
    assert answer == [{"double": 2.0, "name": "n1", "big": False}, {"double": 4.0, "name": "n2", "big": True}]


async def test_batched_requests_may_differ_in_optional_columns():
    base = {"i": 1, "f": 1.5, "s": "a", "b": True, "d": "2024-01-01T00:00:00"}
    async with serving("mixed") as client:
        without, given = await asyncio.gather(
            predictions(client, {"dataframe_records": [base]}),
            predictions(client, {"dataframe_records": [{**base, "o": 2.5}]}),
        )
    assert "o" not in without[0]
    assert given[0]["o"] == 2.5


async def test_zero_rows_get_a_clear_error_when_the_model_rejects_them():
    async with serving("iris") as refusing, serving("picky") as accepting:
        refused = await refusing.post("/invocations", json=split([]))
        accepted = await accepting.post("/invocations", content=b"x\n", headers={"content-type": "text/csv"})
    assert refused.status_code == 400
    assert "no rows" in refused.json()["message"]
    assert accepted.json() == {"predictions": []}


def test_the_installed_pandas_has_the_semantics_under_test():
    assert int(pd.__version__.split(".")[0]) >= 2
