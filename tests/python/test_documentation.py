"""The lineage docs are complete: every model, column, owner and contract that a reviewer looks for is there."""

from __future__ import annotations

import json
from typing import Any

import pytest
from conftest import Warehouse


@pytest.fixture(scope="module")
def docs(demo_warehouse: Warehouse) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give manifest and catalogue of the built demo shop."""
    demo_warehouse.dbt("docs", "generate")
    return (
        json.loads((demo_warehouse.target / "manifest.json").read_text()),
        json.loads((demo_warehouse.target / "catalog.json").read_text()),
    )


def own_models(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    return [node for node in manifest["nodes"].values() if node["resource_type"] in ("model", "seed")]


def test_every_model_and_column_is_described(docs: tuple[dict[str, Any], dict[str, Any]]) -> None:
    manifest, catalog = docs
    missing = []
    for node in own_models(manifest):
        if not node["description"]:
            missing.append(node["name"])
        built = catalog["nodes"].get(node["unique_id"])
        assert built, f"{node['name']} was not built"
        described = {name.lower(): column["description"] for name, column in node["columns"].items()}
        missing += [f"{node['name']}.{name}" for name in built["columns"] if not described.get(name.lower())]
        missing += [
            f"{node['name']}.{name} (described, not built)"
            for name in described
            if name not in {c.lower() for c in built["columns"]}
        ]
    assert not missing


def test_every_description_of_a_model_begins_with_its_grain(docs: tuple[dict[str, Any], dict[str, Any]]) -> None:
    manifest, _ = docs
    wrong = [node["name"] for node in own_models(manifest) if not node["description"].startswith("One row")]
    assert not wrong


def test_public_tables_have_contract_group_and_tested_key(docs: tuple[dict[str, Any], dict[str, Any]]) -> None:
    manifest, _ = docs
    tested = {
        test["attached_node"]
        for test in manifest["nodes"].values()
        if test["resource_type"] == "test"
        and (test.get("test_metadata") or {}).get("name") in ("unique", "unique_combination")
    }
    public = [node for node in own_models(manifest) if node.get("access") == "public"]
    assert {node["schema"].removeprefix("main_") for node in public} == {"core", "predictions", "monitoring"}
    for node in public:
        assert node["contract"]["enforced"], node["name"]
        assert node["config"]["group"], node["name"]
        assert node["unique_id"] in tested, f"{node['name']} has no tested key"


def test_trained_models_are_private_and_descriptions_reach_the_warehouse(
    docs: tuple[dict[str, Any], dict[str, Any]], demo_warehouse: Warehouse
) -> None:
    manifest, _ = docs
    private = [node for node in own_models(manifest) if node["schema"] == "main_ml"]
    assert private and all(node["access"] == "private" for node in private)
    comments = dict(
        demo_warehouse.query("select table_name, comment from duckdb_tables() where schema_name = 'main_predictions'")
    )
    assert comments and all(comments.values())


def test_every_prediction_is_behind_an_exposure_and_every_owner_is_named(
    docs: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    manifest, _ = docs
    used = {parent for exposure in manifest["exposures"].values() for parent in exposure["depends_on"]["nodes"]}
    predictions = {node["unique_id"] for node in own_models(manifest) if node["schema"] == "main_predictions"}
    assert predictions <= used
    assert all(group["owner"]["name"] for group in manifest["groups"].values())
