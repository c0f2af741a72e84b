"""Bodies that are small to send and dear to read, of any size: one family for each format."""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

JSON = "application/json"
CSV = "text/csv"
PARQUET = "application/vnd.apache.parquet"
INVOCATIONS = "/invocations"
INFER = "/v2/models/{name}/infer"

COLUMN = "x"


@dataclass(frozen=True)
class Hostile:
    """A body, and how it is sent."""

    body: bytes
    kind: str = JSON
    path: str = INVOCATIONS
    headers: dict[str, str] = field(default_factory=dict)


def repeated(piece: bytes, size: int) -> bytes:
    """A piece as often as it fits."""
    return piece * (size // len(piece))


def numbered(pattern: str, size: int) -> str:
    """A pattern with a number in it, with other numbers each time, to about a size."""
    return "".join(pattern % number for number in range(size // (len(pattern) + 3)))[:-1]


def nested(value: object, levels: int) -> object:
    """A value in so many lists."""
    return value if levels == 0 else [nested(value, levels - 1)]


def json_bodies() -> dict[str, Callable[[int], bytes]]:
    """JSON of about a size that is hard to read whatever it means."""
    return {
        "open lists": lambda n: b"[" * n,
        "open lists, then escaped quotes": lambda n: b"[" * 65 + b'"' + repeated(b'\\"', n),
        "open lists, then backslashes": lambda n: b"[" * 65 + b'"' + b"\\" * n,
        "brackets and quotes": lambda n: repeated(b'["', n),
        "quotes and backslashes": lambda n: b"[" * 65 + repeated(b'"\\\\"', n),
        "many deep lists": lambda n: b"[" + repeated(b"[" * 60 + b"]" * 60 + b",", n) + b"1]",
        "stairs": lambda n: b"[" + repeated(b"[[][[][[][[]]]]],", n) + b"1]",
        "empty objects": lambda n: b'{"inputs":[' + repeated(b"{},", n) + b"1]}",
        "small objects": lambda n: b'{"inputs":[' + repeated(b'{"a":1},', n) + b"1]}",
        "one repeated key": lambda n: b"{" + repeated(b'"inputs":[1],', n) + b'"inputs":[1]}',
        "many keys": lambda n: ("{" + numbered('"%d":1,', n) + "}").encode(),
        "escapes": lambda n: b'{"inputs":["' + repeated(b"\\n", n) + b'"]}',
        "lone surrogates in one text": lambda n: b'{"inputs":["' + repeated(b"\\ud800", n) + b'"]}',
        "lone surrogates as keys": lambda n: b"{" + repeated(b'"\\udfff":1,', n) + b'"inputs":[1]}',
        "digits": lambda n: b'{"inputs":[' + b"1" * n + b"]}",
        "fraction": lambda n: b'{"inputs":[NaN,0.' + b"1" * n + b"]}",
        "long numbers": lambda n: b'{"inputs":[' + repeated(b"9" * 4000 + b",", n) + b"1]}",
        "bytes that are no text": lambda n: b'["' + b"\xff" * n,
    }


def invocations_bodies() -> dict[str, Callable[[int], bytes]]:
    """Requests in MLflow's forms that span more than they say."""
    long = "a" * 100

    def form(name: str, value: object) -> bytes:
        return json.dumps({name: value}, separators=(",", ":")).encode()

    return {
        "one long text among short ones": lambda n: form("inputs", ["a" * (n // 2), *[""] * (n // 6)]),
        "long texts by column": lambda n: form("inputs", {COLUMN: ["a" * (n // 2), *[""] * (n // 6)]}),
        "long texts by row": lambda n: form(
            "instances", [{COLUMN: "a" * (n // 2)}, *[{COLUMN: ""}] * (n // 18)]
        ),
        "rows with one long text": lambda n: form(
            "dataframe_split", {"columns": [COLUMN], "data": [["a" * (n // 2)], *[[""]] * (n // 10)]}
        ),
        "records with other keys": lambda n: form(
            "dataframe_records", [{f"k{i}": 1} for i in range(n // 14)]
        ),
        "inputs with other keys": lambda n: form("inputs", [{f"k{i}": 1} for i in range(n // 14)]),
        "ragged rows": lambda n: form("dataframe_split", {"data": [[0] * (n // 4), *[[]] * (n // 6)]}),
        "columns of other rows": lambda n: form(
            "dataframe_split", {"data": {f"k{i}": {str(i): 1} for i in range(n // 22)}}
        ),
        "a long column among numbers": lambda n: form(
            "dataframe_split", {"data": {"a": [0] * (n // 4)} | {f"k{i}": 1 for i in range(n // 22)}}
        ),
        "index and columns without data": lambda n: form(
            "dataframe_split", {"index": [0] * (n // 4), "columns": [0] * (n // 4), "data": None}
        ),
        "empty rows": lambda n: form("inputs", [[]] * (n // 3)),
        "empty rows of a table": lambda n: form("dataframe_split", {"columns": [], "data": [[]] * (n // 3)}),
        "wide columns": lambda n: form(
            "dataframe_split", {"columns": [f"{long}{i}" for i in range(n // 110)], "data": []}
        ),
    }


def csv_bodies() -> dict[str, Callable[[int], bytes]]:
    """CSV tables that pandas would take long for."""
    return {
        "one repeated name": lambda n: repeated(b"x,", n) + b"\n1\n",
        "nameless columns": lambda n: b"," * n + b"\n1\n",
        "many columns": lambda n: (numbered("c%d,", n) + "\n1\n").encode(),
        "fields beyond the header": lambda n: b"x\n" + repeated(b"1,", n) + b"1\n2\n",
        "short lines below a wide header": lambda n: (
            (numbered("c%d,", n // 8) + "\n").encode() + repeated(b"1\n", n)
        ),
        "empty lines": lambda n: b"x\n" + b"\n" * n + b"1\n",
        "one field": lambda n: b'x\n"' + b"a" * n + b'"\n',
        "a quote that never ends": lambda n: b'x\n"' + repeated(b'""', n),
        "short lines": lambda n: b"x\n" + repeated(b"1\n", n),
    }


def infer_bodies() -> dict[str, Callable[[int], bytes]]:
    """Open Inference requests in JSON."""

    def tensor(shape: list[int], data: object, **more: object) -> bytes:
        entry = {"name": COLUMN, "shape": shape, "datatype": "FP64", "data": data} | more
        return json.dumps({"inputs": [entry]}, separators=(",", ":")).encode()

    tiny = '{"name":"i%d","shape":[1],"datatype":"INT8","data":[1]},'
    return {
        "no values in many rows": lambda n: tensor([n * 10, 0], []),
        "no values in many lists": lambda n: tensor([1, n * 10, 0], []),
        "a list around each value": lambda n: tensor([1, n // 2, *[1] * 28], [1] * (n // 2)),
        "many sizes": lambda n: tensor([2**62] * (n // 20), []),
        "huge sizes": lambda n: tensor([10**4000], []) + b" " * n,
        "deep data": lambda n: tensor([n // 4], nested([1] * (n // 4), 30)),
        "many inputs": lambda n: ('{"inputs":[' + numbered(tiny, n) + "]}").encode(),
        "one output many times": lambda n: (
            tensor([1], [1])[:-1] + b',"outputs":[' + repeated(b'{"name":"predictions"},', n)[:-1] + b"]}"
        ),
        "lone surrogates": lambda n: tensor([n // 12], ["\ud800"] * (n // 12), datatype="BYTES"),
    }


def binary_bodies() -> dict[str, Callable[[int], Hostile]]:
    """Open Inference requests with raw bytes behind their JSON."""

    def binary(entries: list[dict[str, Any]], tail: bytes) -> Hostile:
        head = json.dumps({"inputs": entries}).encode()
        headers = {"inference-header-content-length": str(len(head))}
        return Hostile(head + tail, "application/octet-stream", INFER, headers)

    def entry(shape: list[int], datatype: str, size: int, name: str = COLUMN) -> dict[str, Any]:
        return {"name": name, "shape": shape, "datatype": datatype, "parameters": {"binary_data_size": size}}

    return {
        "empty texts": lambda n: binary([entry([n // 4], "BYTES", n // 4 * 4)], bytes(n // 4 * 4)),
        "lists around bytes": lambda n: binary([entry([1, n, *[1] * 28], "UINT8", n)], bytes(n)),
        "bytes of one row": lambda n: binary([entry([1, n], "UINT8", n)], bytes(n)),
        "inputs without bytes": lambda n: binary(
            [entry([0], "INT8", 0, f"i{i}") for i in range(n // 110)], b""
        ),
    }


def parquet_bodies() -> dict[str, Callable[[int], bytes]]:
    """Parquet files that hold far more than their size; they hardly grow with what they hold."""
    import pyarrow as pa
    from pyarrow import parquet

    def file(array: object, **options: object) -> bytes:
        target = io.BytesIO()
        parquet.write_table(pa.table({COLUMN: array}), target, compression="zstd", **options)
        return target.getvalue()

    def repeated_text(length: int, rows: int) -> object:
        return pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array(["y" * length]))

    return {
        "rows": lambda n: file(pa.array([1.0]).take(pa.array([0] * n))),
        "a text of a dictionary": lambda n: file(repeated_text(n // 10, 90_000), store_schema=False),
        "categories": lambda n: file(repeated_text(n // 10, 90_000)),
        "pages of zeros": lambda n: file(
            pa.array([bytes(n)] * 100), use_dictionary=False, data_page_size=2**30
        ),
        "front coding": lambda n: file(
            pa.array(["y" * (n // 200) + str(row) for row in range(9000)]),
            use_dictionary=False,
            column_encoding={COLUMN: "DELTA_BYTE_ARRAY"},
        ),
        "long lists": lambda n: file(pa.array([[0] * n] * 10)),
        "lists of nothing": lambda n: file(pa.array([[None] * n] * 10, pa.list_(pa.float64()))),
    }


def families() -> dict[str, Callable[[int], Hostile]]:
    """Every hostile body by a name, as a function of its size."""
    found: dict[str, Callable[[int], Hostile]] = {}

    def add(prefix: str, bodies: dict[str, Callable[[int], bytes]], kind: str, path: str) -> None:
        def hostile(make: Callable[[int], bytes]) -> Callable[[int], Hostile]:
            return lambda n: Hostile(make(n), kind, path)

        found.update({f"{prefix}: {name}": hostile(make) for name, make in bodies.items()})

    add("invocations", json_bodies() | invocations_bodies(), JSON, INVOCATIONS)
    add("infer", json_bodies() | infer_bodies(), JSON, INFER)
    add("csv", csv_bodies(), CSV, INVOCATIONS)
    add("parquet", parquet_bodies(), PARQUET, INVOCATIONS)
    return found | {f"binary: {name}": make for name, make in binary_bodies().items()}
