"""How large a request may become, counted before anything is built of it."""

import io
import json

import pandas as pd
import pyarrow as pa
import pytest
from davit_server.errors import InvalidInput, RequestError, TooLarge
from davit_server.formats.csv_table import read_csv
from davit_server.formats.limits import TableLimits
from davit_server.formats.parquet import read_parquet
from davit_server.protocols.bodies import BodyLimits, decode_json
from davit_server.protocols.tensors import check_shapes, read_tensor
from davit_server.runtimes.rows import ColumnForms, MatrixReader, TensorReader
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

ROOMY = TableLimits()
TEN_ROWS = TableLimits(rows=10)
CELLS = st.none() | st.integers(-5, 5) | st.text(max_size=2)
NAMES = st.text("abcd", min_size=1, max_size=1)


def depth(value: object) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)


@given(
    st.recursive(
        st.integers(0, 9) | st.text('"\\[]{}a', max_size=4),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text('"\\[{', max_size=3), inner, max_size=3)
        ),
        max_leaves=40,
    ),
    st.integers(3, 6),
)
def test_exactly_bodies_beyond_the_depth_limit_are_rejected(value, allowed):
    body = json.dumps(value).encode()
    limits = BodyLimits(max_depth=allowed)
    if depth(value) > allowed:
        with pytest.raises(InvalidInput, match="deeper"):
            decode_json(body, limits)
    else:
        assert decode_json(body, limits) == value


def test_brackets_in_strings_are_skipped_across_chunks():
    texts = ["[{" * 100_000, 'quote " and \\', "]}" * 100_000] * 3
    assert decode_json(json.dumps(texts).encode(), BodyLimits()) == texts


def test_more_lists_than_allowed_are_refused():
    limits = BodyLimits(max_bytes=1600)
    assert decode_json(b"[" + b"[]," * 98 + b"[]]", limits)
    with pytest.raises(TooLarge, match="100 lists and objects"):
        decode_json(b"[" + b"[]," * 99 + b"[]]", limits)


@pytest.mark.parametrize(
    "document",
    [
        {"dataframe_split": {"data": {"x": [1.0] * 11}}},
        {"dataframe_split": {"data": {"y": 1, "x": [1.0] * 11}}},
        {"dataframe_split": {"data": {"x": {str(row): 1 for row in range(11)}}}},
        {"dataframe_split": {"data": {f"c{row}": {str(row): 1} for row in range(11)}}},
        {"dataframe_split": {"data": [[1]] * 11}},
        {"dataframe_split": {"data": [{"x": 1}] * 11}},
        {"dataframe_split": {"data": None, "index": [0] * 11, "columns": ["x"]}},
        {"dataframe_records": [{"x": 1}] * 11},
        {"dataframe_records": {"x": [1] * 11}},
        {"inputs": {"y": 1, "x": [1] * 11}},
        {"inputs": {"y": [1], "x": [1] * 11}},
        {"inputs": {"x": [[1, 2]] * 11}},
        {"inputs": [[[]]] * 11},
        {"instances": [1] * 11},
        {"instances": {"x": [1] * 11}},
    ],
)
def test_rows_count_in_every_form(document):
    with pytest.raises(TooLarge, match="11 rows; at most 10"):
        TEN_ROWS.check_document(document)
    TableLimits(rows=11).check_document(document)


@given(
    st.fixed_dictionaries(
        {
            "data": st.none()
            | st.lists(st.lists(CELLS, max_size=4) | st.dictionaries(NAMES, CELLS, max_size=4), max_size=5)
            | st.dictionaries(NAMES, st.lists(CELLS, max_size=4), max_size=4)
            | st.dictionaries(NAMES, st.dictionaries(NAMES, CELLS, max_size=3), max_size=4)
        },
        optional={
            "columns": st.lists(NAMES, max_size=5, unique=True),
            "index": st.lists(st.integers(0, 9), max_size=6, unique=True),
        },
    )
)
def test_no_data_frame_is_larger_than_its_counted_size(split):
    try:
        frame = pd.DataFrame(split["data"], index=split.get("index"), columns=split.get("columns"))
    except Exception:  # noqa: BLE001  pandas refuses it too: nothing is built
        return
    document = {"dataframe_split": split}
    TableLimits(rows=1000).check_document(document)
    if len(frame) > 1:
        with pytest.raises(TooLarge):
            TableLimits(rows=len(frame) - 1).check_document(document)
    if frame.size:
        with pytest.raises(TooLarge):
            TableLimits(cells=frame.size - 1).check_document(document)


@pytest.mark.parametrize(
    "document",
    [
        {"inputs": ["a" * 1000, *[""] * 1000]},
        {"inputs": [["a" * 1000], [[""] * 1000]]},
        {"inputs": {"x": [1], "y": ["a" * 1000, *[""] * 1000]}},
        {"instances": [{"x": "a" * 1000}, *[{"x": ""}] * 1000]},
    ],
)
def test_strings_count_with_the_size_of_their_array(document):
    TableLimits(cells=10**6).check_document(document)
    with pytest.raises(TooLarge, match="bytes of memory"):
        TableLimits(cells=400_000).check_document(document)


def test_for_input_without_a_table_only_rows_are_counted():
    ragged = {"inputs": [[0] * 500, *[[]] * 500]}
    TableLimits(cells=1000).check_document(ragged, boxed=False)
    with pytest.raises(TooLarge, match="1000 cells"):
        TableLimits(cells=1000).check_document(ragged)


@pytest.mark.parametrize("text", ["a", "1", ""])
def test_number_readers_skip_strings_without_building_an_array(text, monkeypatch):
    made = []
    monkeypatch.setattr("davit_server.runtimes.rows.np.array", lambda *_: made.append(1))
    rows = [[1.0, 2.0], [text, 3.0]]
    assert (
        MatrixReader(("a", "b"), "float64").read({"dataframe_split": {"columns": ["a", "b"], "data": rows}})
        is None
    )
    assert TensorReader((2,), "float64").read({"inputs": rows}) is None
    assert TensorReader((1, 2), "float64").read({"inputs": [rows]}) is None
    assert made == []


def test_columns_are_reordered_by_the_signature():
    names = tuple(f"c{at}" for at in range(10_000))
    split = {"columns": list(reversed(names)), "data": [list(range(10_000))]}
    assert ColumnForms(names).rows({"dataframe_split": split}) == [list(range(9999, -1, -1))]


@pytest.mark.parametrize(
    "shape", [[11], [11, 0], [1, 10**9, 0], [0, 10**9], [1, *[2] * 30], [10, *[1] * 31], [2**31, 2**31]]
)
def test_an_oversized_shape_is_rejected_before_its_data(shape):
    with pytest.raises(TooLarge):
        check_shapes([{"shape": shape}], TableLimits(rows=10, cells=300))


def test_small_tensors_are_counted_in_total():
    check_shapes([{"shape": [1, 10]}] * 9, TableLimits(cells=100))
    with pytest.raises(TooLarge, match="100 cells"):
        check_shapes([{"shape": [1, 10]}] * 10, TableLimits(cells=100))


@pytest.mark.parametrize("shape", [[1] * 33, [-1], [2**62], [1.0], [True], None, "1"])
def test_an_invalid_shape_is_rejected(shape):
    with pytest.raises(InvalidInput, match="shape"):
        read_tensor({"name": "x", "shape": shape, "datatype": "FP64", "data": [1]}, None)


@given(
    st.recursive(st.integers(0, 9), lambda inner: st.lists(inner, max_size=3), max_leaves=20).filter(
        lambda v: isinstance(v, list)
    )
)
def test_nested_data_is_read_row_by_row(data):
    def flat(value):
        return [leaf for inner in value for leaf in flat(inner)] if isinstance(value, list) else [value]

    entry = {"name": "x", "shape": [len(flat(data))], "datatype": "INT64", "data": data}
    assert read_tensor(entry, None).array.tolist() == flat(data)


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("a,b\n1,2\n", (1, 2)),
        ("\n \n\na,b\n\n1,2\n\n", (1, 2)),
        ('"a\nb",c\n"1\n2",3\n', (1, 2)),
        ("a\n1,2\n3,4\n", (2, 1)),
        ("a,a,b\n1,2,3\n", (1, 3)),
        (",,\n1,2,3\n", (1, 3)),
        ("a,b\n", (0, 2)),
        ("a\n" + "1\n" * 10, (10, 1)),
    ],
)
def test_csv_within_the_limits_is_read_as_pandas_does(text, shape):
    read = read_csv(text, None, TEN_ROWS)
    pd.testing.assert_frame_equal(read, pd.read_csv(io.StringIO(text)))
    assert read.shape == shape


@pytest.mark.parametrize(
    ("text", "refusal", "names"),
    [
        ("a\n" + "1\n" * 11, TooLarge, "11 rows"),
        ("a,b\n" + "1\n" * 400, TooLarge, "rows|cells"),
        (",".join(f"c{at}" for at in range(100)) + "\n1\n", TooLarge, "cells"),
        ("," * 100 + "\n1\n", TooLarge, "cells"),
        ("a," * 200 + "\n1\n", InvalidInput, "repeats"),
        ("a\n" + "1," * 20 + "\n", InvalidInput, "more fields"),
    ],
)
def test_csv_beyond_the_limits_is_refused_by_name(text, refusal, names):
    with pytest.raises(refusal, match=names):
        read_csv(text, None, TableLimits(rows=10, cells=100 * 256 - 1))


def table(columns: dict[str, object], **options: object) -> bytes:
    target = io.BytesIO()
    parquet.write_table(pa.table(columns), target, **options)
    return target.getvalue()


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("compression", ["none", "snappy", "zstd", "gzip"])
def test_parquet_within_the_limits_is_read_as_pandas_does(version, compression):
    columns = {
        "number": [1.5, None, 3.0] * 500,
        "text": ["a", None, "ccc"] * 500,
        "list": [[1], [], None] * 500,
        "struct": [{"a": 1, "b": "x"}] * 1500,
        "flag": [True, False, None] * 500,
        "category": pa.array(["x", "y", "x"] * 500).dictionary_encode(),
    }
    body = table(
        columns,
        compression=compression,
        data_page_version=version,
        row_group_size=700,
        write_page_checksum=True,
    )
    pd.testing.assert_frame_equal(read_parquet(body, ROOMY), pd.read_parquet(io.BytesIO(body)))
    nothing = table({"x": pa.array([], pa.float64())})
    assert read_parquet(nothing, ROOMY).shape == (0, 1)


@pytest.mark.parametrize(
    ("columns", "options"),
    [
        ({"x": [1] * 11}, {}),
        ({f"c{at}": [1] for at in range(40)}, {}),
        ({"x": [[0] * 20_000]}, {}),
        ({"x": ["y" * 10_000] * 10}, {}),
        ({"x": ["y" * 10_000 + str(row) for row in range(10)]}, {"use_dictionary": False}),
        ({"x": ["y" * 10_000 + str(row) for row in range(10)]}, {"use_dictionary": False, "column_encoding": {"x": "DELTA_BYTE_ARRAY"}}),
        ({"x": pa.array([b"y" * 10_000] * 10, pa.binary(10_000))}, {}),
    ],
)  # fmt: skip
def test_parquet_beyond_the_limits_is_refused(columns, options):
    with pytest.raises(TooLarge):
        read_parquet(table(columns, compression="zstd", **options), TableLimits(rows=10, cells=10_000))


def test_parquet_page_headers_count_instead_of_the_footer():
    body = table({"x": [1.0] * 10}, use_dictionary=False, compression="none")
    assert body[4:9] == b"\x15\x00\x15\xac\x01", "a data page of 86 bytes"
    read_parquet(body, TableLimits(rows=10, cells=256))
    with pytest.raises(TooLarge, match="2048 bytes of memory"):
        read_parquet(body[:7] + b"\xfe\x7f" + body[9:], TableLimits(rows=10, cells=256))


@given(st.binary(max_size=60), st.integers(0, 400))
def test_damaged_parquet_is_rejected(bite, at):
    body = table({"x": ["a", "b"], "y": [1.0, 2.0]})
    at %= len(body)
    damaged = body[:at] + bite + body[at + len(bite) :]
    try:
        read_parquet(damaged, ROOMY)
    except (
        RequestError,
        OSError,
        ValueError,
        KeyError,
        UnicodeDecodeError,
        NotImplementedError,
        pa.ArrowException,
    ):
        return
