"""A fitted model survives the table it is stored in, and nothing else passes for it."""

from __future__ import annotations

import json
from datetime import date, datetime

import pyarrow as pa
import pytest

from trendhouse.artifacts import (
    FITS_SCHEMA,
    DamagedArtifactError,
    Fit,
    canonical_json,
    from_table,
    library_versions,
    to_table,
)

FIT = Fit(
    fit_id="f1",
    topic="demand",
    algorithm="lightgbm",
    is_baseline=False,
    trained_at=datetime(2025, 3, 1, 4, 5, 6),
    data_from=date(2024, 3, 1),
    data_to=date(2025, 2, 28),
    fit_key="k1",
    parameters={"rounds": 10, "version": 1},
    features=["b", "a"],
    metrics={"training_wape": 0.5},
    library_versions={"lightgbm": "4"},
    artifact='{"model":"tree\\n…"}',
)


def replaced(table: pa.Table, column: str, value: object) -> pa.Table:
    index = table.schema.get_field_index(column)
    return table.set_column(index, table.schema.field(column), pa.array([value], type=table.schema.field(column).type))


def test_a_fit_comes_back_as_it_went() -> None:
    assert from_table(to_table([FIT])) == [FIT]


def test_no_fits_are_zero_typed_rows() -> None:
    assert to_table([]).schema == FITS_SCHEMA
    assert from_table(to_table([])) == []


@pytest.mark.parametrize("text", ["", '{"model":"tree\\n."}', None])
def test_a_changed_artifact_is_refused_with_a_sentence_that_says_what_to_do(text: str | None) -> None:
    damaged = replaced(to_table([FIT]), "artifact", text)
    with pytest.raises(
        DamagedArtifactError, match=r"f1 \(demand, lightgbm\) is damaged.*Delete that row from the table of fits"
    ):
        from_table(damaged)


def test_json_columns_are_the_same_text_for_equal_values() -> None:
    assert canonical_json({"b": 1, "a": [1, 2]}) == canonical_json({"a": [1, 2], "b": 1}) == '{"a":[1,2],"b":1}'
    row = to_table([FIT]).to_pylist()[0]
    assert json.loads(row["features"]) == ["b", "a"]


def test_library_versions_are_those_installed() -> None:
    assert library_versions(["pyarrow"]) == {"pyarrow": pa.__version__}
