"""Dirt: rows planted among the good ones, of every kind a shop's exports have, each listed in `truth_dirt`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trendhouse.demo_shop.columns import Floats, Ints, join, text

KINDS = (
    "duplicate",
    "null_required",
    "wrong_type",
    "negative_value",
    "orphan",
    "future_date",
    "outlier",
    "mixed_case",
    "padded_text",
)
# What names a row in `truth_dirt`; several columns are joined by `|`.
ROW_KEY = {
    "products": ("product_id",),
    "orders": ("order_id",),
    "order_items": ("order_item_id",),
    "customers": ("customer_id",),
    "events": ("event_id",),
    "reviews": ("review_id",),
    "sellers": ("seller_id",),
    "campaigns": ("campaign_id",),
    "promotions": ("product_id", "starts_at"),
    "campaign_contacts": ("campaign_id", "customer_id"),
    "coupons": ("coupon_code",),
    "ad_spend_daily": ("date", "channel"),
    "inventory_daily": ("date", "product_id"),
    "weather_daily": ("date", "region"),
    "credit_accounts": ("credit_id",),
    "confirmed_fraud": ("order_id", "seller_id"),
}
_OWN_KEY = (
    "product_id",
    "order_id",
    "order_item_id",
    "customer_id",
    "event_id",
    "review_id",
    "seller_id",
    "campaign_id",
    "coupon_code",
    "credit_id",
)

Damage = Callable[[Any], Any]


@dataclass(frozen=True)
class Rule:
    """One kind of dirt in one column of one table.

    A copy of a good row is damaged and put in, unless `in_place`: then the good row itself is damaged, in a way that
    cleaning can mend. `rate` is per row; at least one row is hit in every table.
    """

    table: str
    kind: str
    column: str
    damage: Damage
    rate: float = 0.0004
    in_place: bool = False


def _constant(value: str | None) -> Damage:
    return lambda values: pa.array([value] * len(values), pa.string())


def _unchanged(values: Any) -> Any:
    return values


def _negated(values: Any) -> Any:
    return join("-", values)


def _far_future(values: Any) -> Any:
    return join("2099", pc.utf8_slice_codeunits(values, 4))


def _padded(values: Any) -> Any:
    return join("  ", values, " ")


def _times_thousand(values: Any) -> Any:
    """Move the decimal point three places: 12.34 -> 12340.00."""
    parts = pc.split_pattern(values, ".", max_splits=1)
    return join(pc.list_element(parts, 0), "000.00")


def _with_currency(values: Any) -> Any:
    return join(pc.replace_substring(values, ".", ","), " USD")


RULES = (
    Rule("products", "duplicate", "product_id", _unchanged, 0.004),
    Rule("products", "null_required", "product_id", _constant(None), 0.003),
    Rule("products", "wrong_type", "list_price", _constant("on request"), 0.003, in_place=True),
    Rule("products", "wrong_type", "launched_at", _constant("soon"), 0.003, in_place=True),
    Rule("products", "negative_value", "unit_cost", _negated, 0.003, in_place=True),
    Rule("products", "mixed_case", "category", pc.utf8_upper, 0.012, in_place=True),
    Rule("products", "mixed_case", "category", pc.utf8_title, 0.012, in_place=True),
    Rule("products", "padded_text", "category", _padded, 0.012, in_place=True),
    Rule("products", "padded_text", "name", _padded, 0.01, in_place=True),
    Rule("orders", "duplicate", "order_id", _unchanged, 0.0012),
    Rule("orders", "duplicate", "status", pc.utf8_upper, 0.0005),
    Rule("orders", "null_required", "order_id", _constant(None)),
    Rule("orders", "null_required", "ordered_at", _constant(None)),
    Rule("orders", "wrong_type", "ordered_at", _constant("yesterday")),
    Rule("orders", "wrong_type", "paid_at", _constant("not yet"), in_place=True),
    Rule("orders", "future_date", "ordered_at", _far_future),
    Rule("orders", "orphan", "customer_id", _constant("C999999"), 0.0002),
    Rule("orders", "mixed_case", "status", pc.utf8_upper, 0.0015, in_place=True),
    Rule("orders", "mixed_case", "region", pc.utf8_title, 0.0015, in_place=True),
    Rule("orders", "padded_text", "channel", _padded, 0.001, in_place=True),
    Rule("orders", "mixed_case", "ship_address", pc.utf8_upper, 0.001, in_place=True),
    Rule("order_items", "duplicate", "order_item_id", _unchanged, 0.0012),
    Rule("order_items", "null_required", "product_id", _constant(None)),
    Rule("order_items", "null_required", "quantity", _constant(None), 0.0003),
    Rule("order_items", "null_required", "unit_price", _constant(None), 0.0003),
    Rule("order_items", "wrong_type", "quantity", _constant("two")),
    Rule("order_items", "wrong_type", "unit_price", _with_currency, 0.0003),
    Rule("order_items", "wrong_type", "discount_amount", _constant("none given"), 0.0003, in_place=True),
    Rule("order_items", "negative_value", "quantity", _negated, 0.0008),
    Rule("order_items", "negative_value", "unit_price", _negated, 0.0003),
    Rule("order_items", "orphan", "order_id", _constant("O9999999")),
    Rule("order_items", "orphan", "product_id", _constant("P99999"), 0.0002),
    Rule("order_items", "outlier", "quantity", _constant("800"), 0.0002),
    Rule("order_items", "outlier", "unit_price", _times_thousand, 0.0002),
    Rule("order_items", "padded_text", "product_id", _padded, 0.0008, in_place=True),
    Rule("customers", "duplicate", "customer_id", _unchanged, 0.003),
    Rule("customers", "null_required", "customer_id", _constant(None), 0.001),
    Rule("customers", "wrong_type", "birth_year", _constant("unknown"), 0.002, in_place=True),
    Rule("customers", "wrong_type", "signed_up_at", _constant("31/02/2025"), 0.001, in_place=True),
    Rule("customers", "outlier", "birth_year", _constant("1875"), 0.001, in_place=True),
    Rule("customers", "future_date", "signed_up_at", _far_future, 0.0007),
    Rule("customers", "mixed_case", "email", pc.utf8_upper, 0.004, in_place=True),
    Rule("customers", "mixed_case", "gender", pc.utf8_title, 0.004, in_place=True),
    Rule("customers", "padded_text", "region", _padded, 0.003, in_place=True),
    Rule("events", "duplicate", "event_id", _unchanged, 0.001),
    Rule("events", "null_required", "event_type", _constant(None), 0.0002),
    Rule("events", "null_required", "occurred_at", _constant(None), 0.0002),
    Rule("events", "wrong_type", "occurred_at", _constant("0000-00-00 00:00:00"), 0.0002),
    Rule("events", "future_date", "occurred_at", _far_future, 0.0001),
    Rule("events", "orphan", "product_id", _constant("P99998"), 0.0002),
    Rule("events", "orphan", "customer_id", _constant("C999998"), 0.0001),
    Rule("events", "mixed_case", "event_type", pc.utf8_upper, 0.0008, in_place=True),
    Rule("events", "padded_text", "event_type", _padded, 0.0004, in_place=True),
    Rule("reviews", "duplicate", "review_id", _unchanged, 0.002),
    Rule("reviews", "null_required", "product_id", _constant(None), 0.0008),
    Rule("reviews", "wrong_type", "rating", _constant("five"), 0.0008, in_place=True),
    Rule("reviews", "outlier", "rating", _constant("11"), 0.0008, in_place=True),
    Rule("reviews", "negative_value", "rating", _negated, 0.0005, in_place=True),
    Rule("reviews", "future_date", "created_at", _far_future, 0.0004),
    Rule("reviews", "orphan", "order_id", _constant("O9999998"), 0.0008),
    Rule("reviews", "mixed_case", "body", pc.utf8_upper, 0.004, in_place=True),
    Rule("sellers", "duplicate", "seller_id", _unchanged, 0.01),
    Rule("sellers", "null_required", "seller_id", _constant(None), 0.005),
    Rule("sellers", "mixed_case", "category", pc.utf8_upper, 0.04, in_place=True),
    Rule("sellers", "padded_text", "name", _padded, 0.04, in_place=True),
    Rule("campaigns", "duplicate", "campaign_id", _unchanged, 0.01),
    Rule("campaigns", "null_required", "starts_at", _constant(None), 0.01),
    Rule("campaigns", "mixed_case", "kind", pc.utf8_title, 0.02, in_place=True),
    Rule("promotions", "duplicate", "product_id", _unchanged, 0.003),
    Rule("promotions", "null_required", "product_id", _constant(None), 0.001),
    Rule("promotions", "wrong_type", "starts_at", _constant("next week"), 0.001),
    Rule("promotions", "outlier", "discount_rate", _constant("15"), 0.002, in_place=True),
    Rule("promotions", "orphan", "product_id", _constant("P99997"), 0.001),
    Rule("promotions", "padded_text", "kind", _padded, 0.003, in_place=True),
    Rule("campaign_contacts", "duplicate", "customer_id", _unchanged, 0.001),
    Rule("campaign_contacts", "null_required", "customer_id", _constant(None), 0.0004),
    Rule("campaign_contacts", "wrong_type", "is_holdout", _constant("maybe"), 0.0004, in_place=True),
    Rule("campaign_contacts", "orphan", "customer_id", _constant("C999997"), 0.0004),
    Rule("campaign_contacts", "mixed_case", "is_holdout", pc.utf8_upper, 0.001, in_place=True),
    Rule("coupons", "duplicate", "coupon_code", _unchanged, 0.002),
    Rule("coupons", "null_required", "coupon_code", _constant(None), 0.001),
    Rule("coupons", "orphan", "campaign_id", _constant("M9999"), 0.001),
    Rule("coupons", "future_date", "issued_at", _far_future, 0.001),
    Rule("ad_spend_daily", "duplicate", "date", _unchanged, 0.001),
    Rule("ad_spend_daily", "null_required", "cost", _constant(None), 0.0005),
    Rule("ad_spend_daily", "wrong_type", "clicks", _constant("n/a"), 0.001, in_place=True),
    Rule("ad_spend_daily", "negative_value", "cost", _negated, 0.0008),
    Rule("ad_spend_daily", "mixed_case", "channel", pc.utf8_title, 0.002, in_place=True),
    Rule("inventory_daily", "duplicate", "date", _unchanged, 0.0008),
    Rule("inventory_daily", "null_required", "on_hand", _constant(None), 0.0003),
    Rule("inventory_daily", "wrong_type", "on_hand", _constant("plenty"), 0.0003),
    Rule("inventory_daily", "negative_value", "on_hand", _constant("-12"), 0.0003),
    Rule("inventory_daily", "orphan", "product_id", _constant("P99996"), 0.0003),
    Rule("inventory_daily", "future_date", "date", _far_future, 0.0002),
    Rule("weather_daily", "duplicate", "date", _unchanged, 0.001),
    Rule("weather_daily", "null_required", "region", _constant(None), 0.0004),
    Rule("weather_daily", "wrong_type", "temperature_c", _constant("cold"), 0.0008, in_place=True),
    Rule("weather_daily", "outlier", "temperature_c", _constant("999.0"), 0.001, in_place=True),
    Rule("weather_daily", "mixed_case", "region", pc.utf8_title, 0.003, in_place=True),
    Rule("credit_accounts", "duplicate", "credit_id", _unchanged, 0.002),
    Rule("credit_accounts", "null_required", "customer_id", _constant(None), 0.001),
    Rule("credit_accounts", "wrong_type", "principal", _constant("abc"), 0.001),
    Rule("credit_accounts", "negative_value", "principal", _negated, 0.001),
    Rule("credit_accounts", "orphan", "customer_id", _constant("C999996"), 0.001),
    Rule("credit_accounts", "future_date", "opened_at", _far_future, 0.0008),
    Rule("credit_accounts", "mixed_case", "status", pc.utf8_title, 0.004, in_place=True),
    Rule("confirmed_fraud", "duplicate", "order_id", _unchanged, 0.005),
    Rule("confirmed_fraud", "null_required", "confirmed_at", _constant(None), 0.003),
    Rule("confirmed_fraud", "orphan", "order_id", _constant("O9999997"), 0.003),
    Rule("confirmed_fraud", "mixed_case", "kind", pc.utf8_upper, 0.006, in_place=True),
)


class Soiler:
    """Plants dirt in chunk after chunk and keeps, per rule, how many rows it still owes."""

    def __init__(self) -> None:
        """Start with every rule owing one row."""
        self._owed = np.ones(len(RULES))
        self._copies: dict[str, int] = {}

    def soil(
        self, rng: np.random.Generator, table_name: str, table: Any, rows_before: int
    ) -> tuple[Any, dict[str, Any]]:
        """Return the dirty chunk and its rows of `truth_dirt`; `rows_before` is how many rows the file has already."""
        rows = table.num_rows
        free = rng.permutation(rows)
        copies: list[Any] = []
        place: list[Floats] = [np.arange(rows, dtype=np.float64)]
        hits: list[tuple[Ints, Rule]] = []
        total = rows
        for number, rule in enumerate(RULES):
            if rule.table != table_name:
                continue
            free = _usable(table, rule, free)
            # The expected number of hits is carried over, so that small chunks get their share.
            self._owed[number] += rule.rate * rows
            count = min(int(self._owed[number]), len(free), max(rows // 4, 1) if rows else 0)
            self._owed[number] -= count
            picked, free = np.sort(free[:count]), free[count:]
            if count == 0:
                continue
            if rule.in_place:
                mask = np.zeros(rows, dtype=bool)
                mask[picked] = True
                values = table.column(rule.column).combine_chunks()
                damaged = pc.cast(rule.damage(values.take(pa.array(picked))), pa.string())
                table = _set(table, rule.column, pc.replace_with_mask(values, pa.array(mask), damaged))
                hits.append((picked, rule))
            else:
                copies.append(self._copy(table_name, table.take(pa.array(picked)), rule))
                place.append(picked + rng.uniform(0.5, 40, count))
                hits.append((total + np.arange(count), rule))
                total += count
        joined = pa.concat_tables([table, *copies]).combine_chunks()
        order = np.argsort(np.concatenate(place), kind="stable")
        position = np.argsort(order, kind="stable")
        result = joined.take(pa.array(order))
        return result, self._truth(table_name, result, [(position[at], rule) for at, rule in hits], rows_before)

    def _copy(self, table_name: str, rows: Any, rule: Rule) -> Any:
        """Return copies of good rows, damaged; all but duplicates get a key of their own."""
        key = ROW_KEY[table_name][0]
        if rule.kind != "duplicate" and key in _OWN_KEY and key != rule.column and len(ROW_KEY[table_name]) == 1:
            before = self._copies.get(table_name, 0)
            self._copies[table_name] = before + rows.num_rows
            fresh = pc.utf8_slice_codeunits(rows.column(key).combine_chunks(), 0, 1)
            numbers = text([f"X{before + n + 1:05d}" for n in range(rows.num_rows)])
            rows = _set(rows, key, join(fresh, numbers))
        damaged = rule.damage(rows.column(rule.column).combine_chunks())
        return _set(rows, rule.column, pc.cast(damaged, pa.string()))

    def _truth(self, table_name: str, table: Any, hits: list[tuple[Ints, Rule]], rows_before: int) -> dict[str, Any]:
        at = np.concatenate([position for position, _ in hits]) if hits else np.zeros(0, dtype=np.int64)
        parts = [
            pc.fill_null(table.column(name).combine_chunks().take(pa.array(at)), "") for name in ROW_KEY[table_name]
        ]
        return {
            "source_table": text([table_name] * len(at)),
            "row_number": rows_before + at + 1,
            "row_key": join(*parts, separator="|") if len(parts) > 1 else parts[0],
            "column_name": text([rule.column for position, rule in hits for _ in position]),
            "kind": text([rule.kind for position, rule in hits for _ in position]),
        }


def _usable(table: Any, rule: Rule, rows: Ints) -> Ints:
    """Return the rows whose column holds something to damage."""
    if rule.kind in ("duplicate", "null_required", "orphan") or len(rows) == 0:
        return rows
    return np.asarray(rows[table.column(rule.column).is_valid().to_numpy()[rows]])


def _set(table: Any, column: str, values: Any) -> Any:
    return table.set_column(table.column_names.index(column), column, values)
