"""Damaged requests for a model of irises, the same ones in every run."""

import json
import random
from typing import Any

from support.models.saved import IRIS_COLUMNS

SECRET = "zqx9marker"
SPLIT = {"dataframe_split": {"columns": list(IRIS_COLUMNS), "data": [[5.1, 3.5, 1.4, 0.2]]}}
RECORDS = {"dataframe_records": [dict(zip(IRIS_COLUMNS, [6.7, 3.0, 5.2, 2.3], strict=True))]}
INFER = {"inputs": [{"name": "x", "datatype": "FP64", "shape": [1, 4], "data": [5.1, 3.5, 1.4, 0.2]}]}
CSV = ",".join(IRIS_COLUMNS) + "\n5.1,3.5,1.4,0.2\n"

SOUND = (
    "/invocations",
    [(b"content-type", b"application/json")],
    json.dumps(
        {"dataframe_split": {"columns": IRIS_COLUMNS, "data": [[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]]}}
    ).encode(),
)
HARMLESS = ([(b"content-type", b"application/json")], [(b"content-type", b"text/csv")])

NASTY: list[Any] = [
    None, True, [], {}, "", SECRET, -1, 0, 2**63, 2**70, -(2**63), 1e308, 1e-320, float("nan"), float("inf"),
    [[]], [[[]]], [None], {"a": None}, "1.5", "NaN", "2024-01-01", "\ud800", "\x00", "a" * 3000, [1, [2]], {"": {}},
]  # fmt: skip
KEYS = [
    "inputs", "instances", "params", "dataframe_split", "dataframe_records", "columns", "data", "index", "messages",
    "prompt", "shape", "datatype", "name", "parameters", "binary_data_size", "id", "outputs", SECRET, "",
]  # fmt: skip
TYPES = [
    b"application/json", b"text/csv", b"application/vnd.apache.parquet", b"application/json; charset=utf-8",
    b"application/json;", b"application/json; charset", b"text/html", b"", b"\xff\xfe", b";;;", SECRET.encode(),
]  # fmt: skip
HEADERS = [
    (b"content-length", b"abc"), (b"content-length", b"-1"), (b"content-length", b"99999999999"),
    (b"x-request-id", b"\x00\r\n"), (b"x-request-id", b"a" * 5000), (b"content-encoding", b"gzip"),
    (b"inference-header-content-length", b"7"), (b"inference-header-content-length", b"x"),
    (b"accept", b"\xff"), (b"content-type", b"text/csv"),
]  # fmt: skip


class Fuzzer:
    """Makes damaged requests, the same ones in every run."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def request(self) -> tuple[str, list[tuple[bytes, bytes]], bytes]:
        chance = self.random
        infer = chance.random() < 0.3
        source = INFER if infer else chance.choice([SPLIT, RECORDS])
        kind = chance.random()
        if kind < 0.55:
            body = json.dumps(self.damaged(source)).encode("utf-8", "surrogatepass")
        elif kind < 0.65:
            body = self.bitten(CSV.encode())
        else:
            body = self.bitten(json.dumps(source).encode())
        csv = kind >= 0.55 and kind < 0.65
        content_type = (
            chance.choice(TYPES) if chance.random() < 0.15 else b"text/csv" if csv else b"application/json"
        )
        headers = [(b"content-type", content_type)] if chance.random() < 0.98 else []
        headers += [chance.choice(HEADERS) for _ in range(2) if chance.random() < 0.1]
        headers = [self.bitten_header(*header) if chance.random() < 0.2 else header for header in headers]
        if chance.random() < 0.2:
            headers.append(self.bitten_header(*chance.choice(HEADERS)))
        chance.shuffle(headers)
        return ("/v2/models/m/infer" if infer else "/invocations"), headers, body

    def damaged(self, value: object, depth: int = 0) -> object:
        """A copy with something replaced, added, removed or doubled."""
        chance = self.random
        if depth and chance.random() < 0.12:
            return chance.choice(NASTY)
        if isinstance(value, dict):
            items = {
                key: self.damaged(item, depth + 1) for key, item in value.items() if chance.random() > 0.05
            }
            if chance.random() < 0.15:
                items[chance.choice(KEYS)] = chance.choice(NASTY)
            return items
        if isinstance(value, list):
            copies = [
                self.damaged(item, depth + 1)
                for item in value
                for _ in range(chance.choice([1] * 12 + [0, 2]))
            ]
            return [*copies, chance.choice(NASTY)] if chance.random() < 0.05 else copies
        return value

    def bitten_header(self, name: bytes, value: bytes) -> tuple[bytes, bytes]:
        """A header with damage in its value, and now and then in its name."""
        if self.random.random() < 0.2:
            name = self.bitten(name).lower()
        return name, self.bitten(value)

    def bitten(self, body: bytes) -> bytes:
        """A copy with bytes changed, cut out, put in or cut off."""
        chance, damaged = self.random, bytearray(body)
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(damaged) + 1)
            how = chance.randrange(5)
            if how == 0 and at < len(damaged):
                damaged[at] = chance.randrange(256)
            elif how == 1:
                del damaged[at : at + chance.randint(1, 8)]
            elif how == 2:
                damaged[at:at] = chance.choice(
                    [b"[", b"{", b'"', b"\\", b"\x00", b"\xff", b"1e999", b"-", SECRET.encode()]
                )
            elif how == 3:
                damaged[at:at] = damaged[at : at + chance.randint(1, 30)]
            else:
                del damaged[at:]
        return bytes(damaged)
