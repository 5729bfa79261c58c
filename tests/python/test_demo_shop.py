"""The demo shop behaves like a shop, keeps its promises about truth and dirt, and writes the same bytes every time."""

import csv
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from trendhouse.demo_shop import simulate
from trendhouse.demo_shop.baskets import split_into_lines
from trendhouse.demo_shop.catalogue import make_products, make_sellers
from trendhouse.demo_shop.customers import scramble
from trendhouse.demo_shop.dirt import KINDS, ROW_KEY, RULES
from trendhouse.demo_shop.marketing import make_advertising
from trendhouse.demo_shop.simulate import RAW_TABLES, chunks_of_days
from trendhouse.demo_shop.writer import csv_lines

ROOT = Path(__file__).parents[2]
SEEDS = ROOT / "seeds" / "demo_shop"
SEED = 20240901


class Shop:
    """Raw tables (text, with the dirt), clean tables (without planted rows) and truth of one simulated shop."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rows = simulate(1, SEED, folder, "csv", table_prefix="demo_shop_")
        self.raw = {
            name: pd.read_csv(folder / f"demo_shop_{name}.csv", dtype=str, keep_default_na=False, na_values=[""])
            for name in RAW_TABLES
        }
        self.truth = {path.stem: pd.read_csv(path) for path in folder.glob("truth_*.csv")}
        dirt = self.truth["truth_dirt"]
        self.clean = {
            name: table.drop(index=dirt.loc[dirt.source_table == name, "row_number"].unique() - 1)
            for name, table in self.raw.items()
        }
        self.fake_orders = set(self.truth["truth_brushing"].order_id)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return Shop(tmp_path_factory.mktemp("shop"))


# ---- the promise to users of the seeds ------------------------------------------------------------------------------


def test_committed_seeds_are_what_the_simulator_writes(shop: Shop) -> None:
    assert {path.name for path in SEEDS.glob("*.csv")} == {f"demo_shop_{name}.csv" for name in RAW_TABLES}
    for name in RAW_TABLES:
        file = f"demo_shop_{name}.csv"
        assert (SEEDS / file).read_bytes() == (shop.folder / file).read_bytes(), f"{file} has to be written anew"


def test_small_instance_keeps_its_budget(shop: Shop) -> None:
    assert 90_000 <= sum(shop.rows[name] for name in RAW_TABLES) <= 120_000
    assert sum(path.stat().st_size for path in shop.folder.glob("demo_shop_*.csv")) <= 8_000_000


def test_tables_and_columns_are_the_contracts(shop: Shop) -> None:
    contract = yaml.safe_load((ROOT / "models" / "staging" / "_shop__sources.yml").read_text())["sources"][0]
    columns = {table["name"]: [column["name"] for column in table["columns"]] for table in contract["tables"]}
    assert {name: list(table.columns) for name, table in shop.raw.items()} == columns


def test_seed_properties_name_every_column() -> None:
    seeds = yaml.safe_load((SEEDS / "_demo_shop__seeds.yml").read_text())["seeds"]
    for seed in seeds:
        header = (SEEDS / f"{seed['name']}.csv").open().readline().strip().split(",")
        assert [column["name"] for column in seed["columns"]] == header
        assert seed["config"]["column_types"] == dict.fromkeys(header, "varchar")
    assert {seed["name"] for seed in seeds} == {f"demo_shop_{name}" for name in RAW_TABLES}


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
def test_same_seed_gives_same_bytes_and_another_seed_does_not(tmp_path: Path, file_format: str) -> None:
    for folder, seed in (("one", 7), ("two", 7), ("other", 8)):
        simulate(0.05, seed, tmp_path / folder, file_format)  # type: ignore[arg-type]
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert files == sorted(path.name for path in (tmp_path / "two").iterdir())
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    order_file = f"orders.{file_format}"
    assert (tmp_path / "one" / order_file).read_bytes() != (tmp_path / "other" / order_file).read_bytes()


def test_both_formats_hold_the_same_rows(tmp_path: Path) -> None:
    simulate(0.05, 7, tmp_path, "csv")
    simulate(0.05, 7, tmp_path, "parquet")
    for name in RAW_TABLES:
        from_csv = pd.read_csv(tmp_path / f"{name}.csv", dtype=str, keep_default_na=False, na_values=[""])
        from_parquet = pq.read_table(tmp_path / f"{name}.parquet").to_pandas().astype(object)
        assert (
            from_csv.astype(object).where(from_csv.notna(), None).equals(from_parquet.where(from_parquet.notna(), None))
        ), name


def test_wrong_arguments_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="scale must be above zero"):
        simulate(0, 1, tmp_path)
    with pytest.raises(ValueError, match="seed must not be negative"):
        simulate(0.1, -1, tmp_path)


def test_progress_counts_up_to_the_end(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    simulate(0.05, 1, tmp_path, progress=lambda done, total: seen.append((done, total)))
    assert [done for done, _ in seen] == list(range(1, seen[-1][1] + 1))
    assert len({total for _, total in seen}) == 1


# ---- streaming ------------------------------------------------------------------------------------------------------


def test_work_in_one_chunk_stops_growing_with_the_shop() -> None:
    size = {scale: max(len(days) for days in chunks_of_days(scale)) * scale for scale in (1, 20, 40, 100, 200)}
    # Days cannot be halved: a part of a month has one day more than its neighbours.
    assert max(size[40], size[100], size[200]) <= 1.5 * size[20]
    for scale in (1, 100):
        days = np.concatenate(chunks_of_days(scale))
        assert np.array_equal(days, np.arange(len(days)))


def test_big_tables_are_written_chunk_by_chunk(tmp_path: Path) -> None:
    simulate(0.3, 3, tmp_path, "parquet")
    for name in ("orders", "order_items", "events", "inventory_daily", "truth_demand"):
        file = pq.ParquetFile(tmp_path / f"{name}.parquet").metadata
        largest = max(file.row_group(n).num_rows for n in range(file.num_row_groups))
        assert largest <= 0.12 * file.num_rows, name


def test_rows_grow_with_scale_and_days_do_not(shop: Shop, tmp_path: Path) -> None:
    small = simulate(0.25, SEED, tmp_path, "csv")
    for name in ("orders", "order_items", "events", "customers", "products"):
        assert 3 <= shop.rows[name] / small[name] <= 5, name
    assert abs(shop.rows["weather_daily"] - small["weather_daily"]) <= 3


# ---- demand ---------------------------------------------------------------------------------------------------------


def daily(shop: Shop) -> pd.Series:
    return shop.truth["truth_demand"].groupby("date").expected_units.sum()


def span(series: pd.Series, date: str, first: int, last: int) -> float:
    day = pd.Timestamp(date)
    days = [(day + pd.Timedelta(days=n)).strftime("%Y-%m-%d") for n in range(first, last + 1)]
    return float(series.loc[days].mean())


@pytest.mark.parametrize("date", ["2024-11-11", "2025-06-18", "2025-11-11", "2026-06-18"])
def test_festivals_have_run_up_peak_and_dip(shop: Shop, date: str) -> None:
    units = daily(shop)
    usual = span(units, date, -28, -15)
    assert span(units, date, 0, 0) > 1.6 * usual
    assert usual < span(units, date, -4, -1) < span(units, date, 0, 0)
    assert span(units, date, 2, 8) < 0.92 * usual


@pytest.mark.parametrize("date", ["2024-11-29", "2025-11-28"])
def test_black_friday_lasts_four_days(shop: Shop, date: str) -> None:
    units = daily(shop)
    assert span(units, date, 0, 3) > 1.7 * span(units, date, -9, -3)
    assert span(units, date, 4, 6) < 0.5 * span(units, date, 0, 3)


def test_units_sold_are_units_demanded_cut_off_by_stock(shop: Shop) -> None:
    truth = shop.truth["truth_demand"]
    assert (truth.sold_units <= truth.demanded_units).all()
    lost = 1 - truth.sold_units.sum() / truth.demanded_units.sum()
    assert 0.01 < lost < 0.12
    censored = truth[truth.sold_units < truth.demanded_units]
    stock = shop.clean["inventory_daily"].assign(on_hand=lambda t: t.on_hand.astype(int))
    at_end = censored.merge(stock, on=["product_id", "date"], how="left")
    # A few of the days' counts were among the rows that dirt was planted on.
    assert (at_end.on_hand == 0).mean() > 0.99


def test_items_add_up_to_the_units_the_stock_gave(shop: Shop) -> None:
    items = shop.clean["order_items"]
    mended = shop.raw["order_items"].loc[in_place_rows(shop, "order_items")]
    items = pd.concat([items, mended])
    genuine = items[~items.order_id.isin(shop.fake_orders)]
    sold = genuine.assign(quantity=genuine.quantity.astype(int)).groupby(genuine.product_id.str.strip()).quantity.sum()
    truth = shop.truth["truth_demand"].groupby("product_id").sold_units.sum()
    assert sold.to_dict() == truth[truth > 0].to_dict()


def in_place_rows(shop: Shop, name: str) -> pd.Index:
    """Rows that were good before a value in them was damaged; the values of other columns are right."""
    dirt = shop.truth["truth_dirt"]
    rules = {(rule.table, rule.kind, rule.column) for rule in RULES if rule.in_place}
    hit = [key in rules for key in zip(dirt.source_table, dirt.kind, dirt.column_name, strict=True)]
    return pd.Index(dirt[np.array(hit) & (dirt.source_table == name)].row_number.unique() - 1)


def test_elasticities_can_be_recovered(shop: Shop) -> None:
    truth = shop.truth["truth_elasticity"].set_index("product_id")
    demand = shop.truth["truth_demand"].query("expected_units > 0").copy()
    demand["category"] = demand.product_id.map(truth.category)
    demand["q"], demand["p"] = np.log(demand.expected_units), np.log(demand.price)
    # Seasons are a category's, life cycles a product's and slow: compare within product and quarter, and within day.
    demand["quarter"] = pd.PeriodIndex(demand.date, freq="M").astype(str)
    for column in ("q", "p"):
        for keys in (["category", "date"], ["product_id", "quarter"]) * 3:
            demand[column] -= demand.groupby(keys)[column].transform("mean")
    slope = demand.groupby("category").apply(lambda t: (t.q * t.p).sum() / (t.p * t.p).sum())
    assert (slope < 0).all()
    assert slope.corr(truth.groupby("category").elasticity.mean()) > 0.6


def test_weather_moves_what_it_should(shop: Shop) -> None:
    category = shop.truth["truth_elasticity"].set_index("product_id").category
    demand = shop.truth["truth_demand"]
    by_day = demand.groupby([demand.product_id.map(category), "date"]).expected_units.sum().unstack(0)
    weather = shop.clean["weather_daily"].astype({"temperature_c": float, "rainfall_mm": float})
    heat = weather.groupby("date").temperature_c.mean().reindex(by_day.index)
    rain = weather.groupby("date").rainfall_mm.mean().reindex(by_day.index)
    assert by_day["climate > cooling > fans"].corr(heat) > 0.5
    assert by_day["climate > heating > heaters"].corr(heat) < -0.5
    assert by_day["climate > rain > umbrellas"].corr(rain) > 0.4


def test_promotions_are_planned_and_lower_the_price_paid(shop: Shop) -> None:
    promotions = shop.clean["promotions"].dropna(subset="discount_rate")
    items = shop.clean["order_items"].merge(shop.clean["orders"], on="order_id")
    joined = items.merge(promotions, on="product_id")
    running = joined[(joined.ordered_at >= joined.starts_at) & (joined.ordered_at <= joined.ends_at)]
    gross = running.quantity.astype(float) * running.unit_price.astype(float)
    rate = running.discount_amount.fillna("0").astype(float) / gross
    assert len(running) > 1000
    assert (rate >= running.discount_rate.astype(float) - 0.05).all()


def test_advertising_saturates() -> None:
    ads = make_advertising(SEED, 1.0)
    money = ads.cost_cents.sum(axis=0)
    dear, cheap = money >= np.quantile(money, 0.8), (money > 0) & (money <= np.quantile(money, 0.2))
    assert ads.log_lift[dear].mean() > ads.log_lift[cheap].mean() > 0
    assert (ads.log_lift[dear] / money[dear]).mean() < (ads.log_lift[cheap] / money[cheap]).mean()


# ---- people ---------------------------------------------------------------------------------------------------------


def test_genuine_orders_come_out_of_a_session_and_fake_ones_do_not(shop: Shop) -> None:
    orders, events = shop.clean["orders"], shop.clean["events"]
    views = events[events.event_type == "view"].merge(orders, on="device_id", suffixes=("", "_order"))
    wait = pd.to_datetime(views.ordered_at) - pd.to_datetime(views.occurred_at)
    with_session = set(views[(wait >= pd.Timedelta(0)) & (wait < pd.Timedelta(hours=3))].order_id)
    genuine = set(orders.order_id) - shop.fake_orders
    # The view of a few orders was among the rows that dirt was planted on.
    assert len(genuine - with_session) <= 0.004 * len(genuine)
    assert not with_session & shop.fake_orders


def test_customers_buy_what_they_like(shop: Shop) -> None:
    items = shop.clean["order_items"].merge(shop.clean["orders"], on="order_id")
    items = items[~items.order_id.isin(shop.fake_orders)]
    top = shop.truth["truth_elasticity"].set_index("product_id").category.str.split(" > ").str[0]
    items = items.assign(category=items.product_id.map(top))
    tastes = shop.truth["truth_tastes"]
    share = items.merge(tastes, on=["customer_id", "category"]).taste_share.mean()
    by_chance = tastes.groupby("category").taste_share.mean()
    assert share > 1.6 * items.category.map(by_chance).mean()


def test_nobody_orders_before_signing_up(shop: Shop) -> None:
    joined = shop.clean["orders"].merge(shop.clean["customers"], on="customer_id")
    assert (joined.ordered_at > joined.signed_up_at).all()


def test_personal_data_belongs_to_nobody(shop: Shop) -> None:
    customers = shop.raw["customers"]
    assert customers.email.dropna().str.lower().str.endswith("@example.com").all()
    assert customers.phone.dropna().str.startswith("+1 555 ").all()
    assert shop.raw["orders"].ip_address.dropna().str.startswith("10.").all()


def test_emails_work_unevenly_against_random_hold_outs(shop: Shop) -> None:
    contacts = shop.clean["campaign_contacts"].merge(shop.truth["truth_uplift"], on="customer_id")
    contacts = contacts.reset_index(names="contact")
    assert 0.17 < (contacts.is_holdout == "true").mean() < 0.23
    orders = contacts.merge(shop.clean["orders"], on="customer_id")
    wait = pd.to_datetime(orders.ordered_at) - pd.to_datetime(orders.contacted_at)
    inside = orders[(wait > pd.Timedelta(0)) & (wait < pd.Timedelta(days=13))]
    contacts["orders"] = contacts.contact.map(inside.groupby("contact").size()).fillna(0)
    mean = contacts.groupby(["segment", "is_holdout"]).orders.mean()
    assert mean["persuadable", "false"] > 1.8 * mean["persuadable", "true"]
    assert mean["sleeping_dog", "false"] < mean["sleeping_dog", "true"]
    assert 0.7 < mean["lost_cause", "false"] / mean["lost_cause", "true"] < 1.4


def test_coupons_are_redeemed_by_their_owner_on_the_order_that_names_them(shop: Shop) -> None:
    used = shop.clean["coupons"].dropna(subset="order_id")
    assert len(used) > 50
    joined = used.merge(shop.clean["orders"], on="order_id", suffixes=("", "_order"))
    assert (joined.coupon_code == joined.coupon_code_order).all()
    assert (joined.customer_id == joined.customer_id_order).all()
    assert (joined.redeemed_at == joined.ordered_at).all()


def test_credit_defaults_follow_behaviour(shop: Shop) -> None:
    credit = shop.clean["credit_accounts"].merge(shop.truth["truth_credit"], on="credit_id", suffixes=("", "_truth"))
    assert 0.04 < credit.is_default.mean() < 0.15
    likely = credit.default_probability >= credit.default_probability.quantile(0.8)
    assert credit[likely].is_default.mean() > 4 * credit[~likely].is_default.mean()
    at_night = credit.opened_at.str[11:13].astype(int) < 5
    assert credit[at_night].default_probability.mean() > 1.3 * credit[~at_night].default_probability.mean()
    assert not credit[credit.is_default].repaid_at.notna().any()
    assert (credit[credit.status == "repaid"].repaid_at.notna()).all()


def test_rings_share_devices_and_addresses_and_praise_at_once(shop: Shop) -> None:
    fake = shop.clean["orders"][shop.clean["orders"].order_id.isin(shop.fake_orders)]
    ring = shop.truth["truth_brushing"].set_index("order_id").ring
    assert ring.nunique() >= 3
    assert fake.groupby("device_id").customer_id.nunique().median() >= 5
    assert fake.groupby(fake.order_id.map(ring)).ship_address.nunique().max() <= 3
    reviews = shop.clean["reviews"].merge(fake, on="order_id")
    assert len(reviews) > 0.7 * len(fake)
    assert (reviews.rating == "5").all()
    wait = pd.to_datetime(reviews.created_at) - pd.to_datetime(reviews.ordered_at)
    assert (wait < pd.Timedelta(days=1)).all()
    # One seller per ring, and none of a ring's orders is for another seller's product.
    seller = shop.truth["truth_brushing"].groupby("ring").seller_id.nunique()
    assert (seller == 1).all()


def test_a_shop_without_rings_has_none(tmp_path: Path) -> None:
    rows = simulate(0.1, SEED, tmp_path, "csv", rings=False)
    assert rows["truth_brushing"] == 0
    fraud = pd.read_csv(tmp_path / "confirmed_fraud.csv", dtype=str)
    assert not (fraud.kind.str.lower() == "brushing").any()


def test_found_fraud_is_true_and_incomplete(shop: Shop) -> None:
    brushing = shop.clean["confirmed_fraud"].query("kind == 'brushing'").order_id.dropna()
    assert set(brushing) < shop.fake_orders


# ---- dirt -----------------------------------------------------------------------------------------------------------


def test_every_kind_of_dirt_is_planted_in_every_place(shop: Shop) -> None:
    dirt = shop.truth["truth_dirt"]
    planted = set(zip(dirt.source_table, dirt.kind, dirt.column_name, strict=True))
    assert planted == {(rule.table, rule.kind, rule.column) for rule in RULES}
    assert set(dirt.kind) == set(KINDS)
    assert set(dirt.source_table) == set(RAW_TABLES)


def test_truth_names_the_dirty_rows_and_what_is_wrong(shop: Shop) -> None:
    for hit in shop.truth["truth_dirt"].fillna("").itertuples():
        table = shop.raw[hit.source_table]
        row = table.iloc[hit.row_number - 1].fillna("")
        assert "|".join(row[column] for column in ROW_KEY[hit.source_table]) == hit.row_key
        value = row[hit.column_name]
        if hit.kind == "null_required":
            assert value == ""
        elif hit.kind == "future_date":
            assert value.startswith("2099-")
        elif hit.kind == "negative_value":
            assert value.startswith("-")
        elif hit.kind == "padded_text":
            assert value != value.strip()
        elif hit.kind == "mixed_case":
            assert value != value.lower()
        elif hit.kind == "duplicate":
            key = list(ROW_KEY[hit.source_table])
            same = (table[key].fillna("") == row[key]).all(axis=1)
            assert same.sum() >= 2, hit


def test_rows_not_named_are_clean(shop: Shop) -> None:
    for name, key in ROW_KEY.items():
        clean = shop.clean[name]
        if name not in ("confirmed_fraud", "promotions"):
            assert not clean.duplicated(list(key)).any(), name
        assert not clean.stack().astype(str).str.contains(r"^\s|\s$|2099-", regex=True).any(), name
    items = shop.clean["order_items"]
    assert items.order_id.isin(shop.raw["orders"].order_id).all()
    assert items.product_id.isin(shop.raw["products"].product_id).all()
    assert (items.quantity.astype(int) > 0).all()
    assert (items.unit_price.astype(float) > 0).all()


# ---- parts ----------------------------------------------------------------------------------------------------------


@given(
    st.lists(
        st.tuples(
            *[st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")))] * 3
        ),
        min_size=1,
        max_size=20,
    )
)
def test_csv_lines_read_back(rows: list[tuple[str | None, ...]]) -> None:
    table = pa.table({name: pa.array([row[n] for row in rows], pa.string()) for n, name in enumerate("abc")})
    read = list(csv.reader(io.StringIO(csv_lines(table).decode(), newline="")))
    assert read == [[value or "" for value in row] for row in rows]


def test_null_and_empty_text_differ_in_csv() -> None:
    assert csv_lines(pa.table({"a": pa.array([None, "", "x"]), "b": pa.array([1, 2, 3])})) == b',1\n"",2\nx,3\n'


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32), st.lists(st.integers(0, 40), min_size=37, max_size=37))
def test_splitting_into_lines_loses_no_unit(seed: int, units: list[int]) -> None:
    products = make_products(1, 0.1, make_sellers(1, 0.1), 0.3)
    sold = np.array([units, units[::-1]])
    lines = split_into_lines(np.random.default_rng(seed), np.array([5, 6]), sold, products)
    back = np.zeros_like(sold)
    np.add.at(back, (lines.day - 5, lines.product), lines.quantity)
    assert np.array_equal(back, sold)
    assert (lines.quantity > 0).all()


@pytest.mark.parametrize("size", [10_000_000, 1 << 24])
def test_scrambled_numbers_do_not_meet(size: int) -> None:
    number = np.arange(500_000)
    assert len(np.unique(scramble(number, size))) == len(number)
