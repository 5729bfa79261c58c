"""Models hold only SQL that DuckDB and Spark read the same way; what differs lives in macros dispatched per engine.

The scan works on the source files: comments go, Jinja goes except for the SQL inside its strings, text literals are
emptied, and then each rule looks for one construct. Planted bad and good examples below prove that the rules bite.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
SCANNED = ["models/**/*.sql", "tests/**/*.sql", "analyses/**/*.sql", "macros/**/*.sql"]


@dataclass(frozen=True)
class Finding:
    """One construct that the engines read differently."""

    line: int
    construct: str
    instead: str


@dataclass(frozen=True)
class Rule:
    """What to look for in cleaned SQL, and what to write instead."""

    instead: str
    find: Callable[[str], Iterator[tuple[int, str]]]


# ---- cleaning the source --------------------------------------------------------------------------------------------

ENGINE_MACRO = re.compile(r"\{%-?\s*macro\s+(?:duckdb|spark)__.*?\{%-?\s*endmacro\s*-?%\}", re.DOTALL)
JINJA_COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)
JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
JINJA_STRING = re.compile(r"\"((?:[^\"\\]|\\.)*)\"|'((?:[^'\\]|\\.)*)'", re.DOTALL)
# Blocks whose strings are patterns, messages or names rather than SQL.
NOT_SQL = re.compile(
    r"regex_|text_literal|split_path|raise_compiler_error|config\s*\(|\b(?:env_)?var\s*\(|problems|modules\.re\b"
    r"|(?:\{\{|\bdo)\s*log\("
)
# Stands for the value of a Jinja expression.
PLACEHOLDER = "?"
SQL_PART = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'", re.DOTALL)


def blank(text: str) -> str:
    """The same number of characters and lines, without the content."""
    return re.sub(r"[^\n]", " ", text)


def strip_jinja(text: str) -> str:
    """Empties Jinja, leaving the SQL inside its strings where it stood."""

    def keep_strings(match: re.Match[str]) -> str:
        block = match.group()
        kept = list(blank(block))
        if block.startswith("{{"):
            kept[0] = PLACEHOLDER
        if NOT_SQL.search(block):
            return "".join(kept)
        for found in JINJA_STRING.finditer(block):
            group = 1 if found.group(1) is not None else 2
            start, end = found.span(group)
            kept[start:end] = block[start:end]
            # Each string is a piece of SQL of its own.
            kept[end] = ";"
        return "".join(kept)

    for pattern in (ENGINE_MACRO, JINJA_COMMENT):
        text = pattern.sub(lambda match: blank(match.group()), text)
    return JINJA.sub(keep_strings, text)


def clean(text: str) -> str:
    """SQL with comments, Jinja and the content of literals emptied, every character at its old place."""

    def empty(match: re.Match[str]) -> str:
        part = match.group()
        return "'" + blank(part[1:-1]) + "'" if part.startswith("'") else blank(part)

    return SQL_PART.sub(empty, strip_jinja(text)).lower()


def literals(text: str) -> Iterator[tuple[int, str]]:
    for match in SQL_PART.finditer(strip_jinja(text)):
        if match.group().startswith("'"):
            yield match.start(), match.group()


def closing(text: str, opening: int) -> int:
    """Where the bracket opened at `opening` closes (the end of the text if it does not)."""
    depth = 0
    for place in range(opening, len(text)):
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        if depth == 0:
            return place
    return len(text)


def split_top_level(text: str) -> list[str]:
    """A list of expressions, split at the commas outside brackets."""
    parts, depth, start = [], 0, 0
    for place, letter in enumerate(text):
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if letter == "," and depth == 0:
            parts.append(text[start:place])
            start = place + 1
    return [*parts, text[start:]]


# ---- rules ----------------------------------------------------------------------------------------------------------


def pattern_rule(pattern: str, instead: str) -> Rule:
    compiled = re.compile(pattern)

    def find(sql: str) -> Iterator[tuple[int, str]]:
        for match in compiled.finditer(sql):
            yield match.start(), match.group()

    return Rule(instead, find)


def function_rule(names: str, instead: str) -> Rule:
    return pattern_rule(rf"(?<![\w.])(?:{names})\s*\(", instead)


def find_unstated_nulls(sql: str) -> Iterator[tuple[int, str]]:
    """Order terms that do not say where nulls go. `within group` leaves nulls out and has no need to."""
    for match in re.finditer(
        r"(?<!within group \()\border by\b",
        re.sub(r"within\s+group\s*\(\s*", lambda m: "within group (".rjust(len(m.group())), sql),
    ):
        depth, end = 0, len(sql)
        for place in range(match.end(), len(sql)):
            depth += {"(": 1, ")": -1}.get(sql[place], 0)
            if depth < 0 or sql[place] == ";":
                end = place
                break
        terms = re.split(
            r"\b(?:rows|range|groups)\s+(?:between|unbounded|current|[0-9])|\blimit\b", sql[match.end() : end]
        )[0]
        for term in split_top_level(terms):
            stated = re.search(r"\bnulls\s+(?:first|last)\s*$", term.strip())
            # What a macro writes is the macro's own business.
            if term.strip() and not stated and not term.strip().startswith(PLACEHOLDER):
                yield match.start(), f"order by {' '.join(term.split())}"


def find_filtered_windows(sql: str) -> Iterator[tuple[int, str]]:
    for match in re.finditer(r"\bfilter\s*\(\s*where\b", sql):
        after = sql[closing(sql, sql.index("(", match.start())) + 1 :]
        if re.match(r"\s*over\b", after):
            yield match.start(), "filter (where ...) over"


def find_fraction_casts(sql: str) -> Iterator[tuple[int, str]]:
    for match in re.finditer(r"\b(?:try_)?cast\s*\(", sql):
        inside = sql[match.end() : closing(sql, match.end() - 1)]
        target = re.search(r"^(.*)\bas\s+(?:integer|int|bigint|smallint)\s*$", inside, re.DOTALL)
        whole = re.match(r"\s*(?:floor|round|ceil|ceiling|sign)\s*\(", inside)
        if target and not whole and re.search(r"/|\b[0-9]+\.[0-9]", target.group(1)):
            yield match.start(), "cast of a fraction to a whole number"


def find_bare_divisions(sql: str) -> Iterator[tuple[int, str]]:
    """Divisors that can be 0: not a number above 0, nullif(...), a sum with such a number, a value from a macro."""
    for match in re.finditer(r"(?<!/)/(?!/)\s*", sql):
        rest = sql[match.end() :]
        if rest.startswith("("):
            divisor = rest[: closing(rest, 0) + 1]
            safe = "nullif(" in divisor or re.search(r"\+\s*0*\.?0*[1-9]", divisor)
        elif rest.startswith("greatest("):
            divisor = rest[: closing(rest, len("greatest")) + 1]
            floor = r"\s*(?:\?|0*\.?0*[1-9][0-9.e-]*|ln\((?:1\.0*[1-9]|[2-9])[0-9.]*\))\s*"
            safe = any(re.fullmatch(floor, part) for part in split_top_level(divisor[9:-1]))
        else:
            divisor = rest.split()[0] if rest.split() else ""
            safe = re.match(r"(?:nullif|power|exp|case)\b|0*\.?0*[1-9]|[?;]|$", divisor)
        if not safe:
            yield match.start(), f"/ {' '.join(divisor.split())}"


RULES: dict[str, Rule] = {
    "qualify": pattern_rule(r"\bqualify\b", "row_number() in a subquery and a where on it"),
    "asof join": pattern_rule(r"\basof\b", "max_by(x, ts), or row_number() over a range join"),
    "quantile": function_rule(
        "quantile|quantile_cont|quantile_disc|approx_quantile",
        "percentile_cont(p) within group (order by x), or median(x)",
    ),
    "arg_max": function_rule("arg_max|arg_min|argmax|argmin", "max_by or min_by"),
    "moments": function_rule(
        "mad|skewness|kurtosis|kurtosis_pop", "the macros skewness_of, kurtosis_of or fit_scaling"
    ),
    "hash": function_rule("hash|md5_number", "the macro row_hash (or stable_fraction for sampling)"),
    "sha": function_rule("sha256|sha2|sha1", "the macro keyed_hash"),
    "date formatting": function_rule(
        "strptime|try_strptime|strftime|date_format|epoch|epoch_ms|epoch_us|to_timestamp|from_unixtime|unix_timestamp",
        "a dispatched macro (add it to macros/engine)",
    ),
    "date parts": function_rule(
        "date_part|datepart|dayofweek|isodow|weekday|dayname|monthname|weekofyear|yearweek",
        "the macro day_of_week, or extract(year|quarter|month|day from x)",
    ),
    "extract": pattern_rule(
        r"\bextract\s*\(\s*(?:dow|dayofweek|isodow|epoch|isoyear|yearweek)\b",
        "the macros day_of_week or days_between",
    ),
    "date functions": function_rule(
        "date_diff|datediff|date_add|dateadd|date_sub|datesub|age|months_between|timestampdiff|timestampadd",
        "the macros days_between and add_days, or dbt.datediff and dbt.dateadd",
    ),
    "date arithmetic": pattern_rule(
        r"\b\w*(?:_date|_at|date_day)\s*[-+](?!>)|[-+]\s*(?:\w+\.)?\w*(?:_date|_at|date_day)\b(?!\s*\()",
        "the macros days_between and add_days",
    ),
    "interval": pattern_rule(r"\binterval\b", "the macro add_days, or dbt.dateadd"),
    "regexp": function_rule(r"regexp_\w+|regexp|rlike", "the macros regex_matches and regex_replace"),
    "similar to": pattern_rule(r"\bsimilar\s+to\b|\brlike\b|!?~~?\*?(?=\s*')", "like, or the macro regex_matches"),
    "brackets": pattern_rule(r"\[", "a dispatched macro: lists and [n] differ"),
    "struct": pattern_rule(r"\{", "a dispatched macro: struct and map literals differ"),
    "arrow": pattern_rule(r"->", "a dispatched macro: lambdas and JSON paths differ"),
    "unnest": function_rule("unnest|explode|flatten", "a dispatched macro (date_spine_between for days)"),
    "series": function_rule(
        "generate_series|range|sequence", "the macro date_spine_between, or another dispatched macro"
    ),
    "lists": function_rule(
        r"list|list_\w+|array_\w+|struct_pack|struct_extract|string_agg|listagg|group_concat|string_split|str_split|len",
        "a dispatched macro: list functions and their order differ",
    ),
    "json": function_rule(
        r"json|json_\w+|to_json|from_json|get_json_object", "the macro json_object_of, or another dispatched macro"
    ),
    "::": pattern_rule(r"::", "cast(x as type)"),
    "star exclude": pattern_rule(
        r"\*\s*(?:exclude|except|replace)\b|(?<![\w.])columns\s*\(", "the columns, one by one"
    ),
    "quoted identifier": pattern_rule(r"[\"`]", "snake_case names without quotes"),
    "safe_cast": function_rule("safe_cast", "try_cast"),
    "log": function_rule("log", "ln(x) or log10(x)"),
    "concat": function_rule("concat", "|| with coalesce, or the macro concat_nonnull"),
    "text functions": function_rule("starts_with|ends_with|startswith|endswith|prefix|suffix", "like 'x%'"),
    "//": pattern_rule(r"//", "floor(x / y)"),
    "ignore nulls": pattern_rule(r"\bignore\s+nulls\b", "the macros last_known and next_known"),
    "filter in a window": Rule("case when inside the aggregate", find_filtered_windows),
    "cast of a fraction": Rule(
        "round, floor or ceil first: one engine rounds, the other cuts off", find_fraction_casts
    ),
    "division": Rule("x / nullif(y, 0) or the macro safe_divide", find_bare_divisions),
    "order of nulls": Rule("nulls first or nulls last after every order term", find_unstated_nulls),
}


def scan(text: str) -> list[Finding]:
    """Everything in a file that the two engines read differently, in the order of its lines."""
    sql = clean(text)
    found = [
        Finding(text.count("\n", 0, place) + 1, construct.strip(), rule.instead)
        for rule in RULES.values()
        for place, construct in rule.find(sql)
    ]
    found += [
        Finding(
            text.count("\n", 0, place) + 1,
            literal,
            "[0-9], [a-z] and the like, in the macro regex_matches or regex_replace",
        )
        for place, literal in literals(text)
        if re.search(r"\\[dwsb]", literal, re.IGNORECASE)
    ]
    return sorted(found, key=lambda finding: finding.line)


def scanned_files() -> list[Path]:
    return sorted({path for pattern in SCANNED for path in REPOSITORY.glob(pattern)})


# ---- the scan -------------------------------------------------------------------------------------------------------


def test_sql_reads_the_same_on_both_engines() -> None:
    problems = [
        f"{path.relative_to(REPOSITORY)}:{finding.line}: `{finding.construct}`: write {finding.instead}"
        for path in scanned_files()
        for finding in scan(path.read_text())
    ]
    assert not problems, "\n" + "\n".join(problems)


def test_the_scan_sees_models_macros_and_tests() -> None:
    folders = {path.relative_to(REPOSITORY).parts[0] for path in scanned_files()}
    assert {"models", "macros", "tests"} <= folders


# ---- planted examples: every rule catches its construct, and good SQL passes ----------------------------------------

BAD = {
    "qualify": "select a from t qualify row_number() over (order by a nulls last) = 1",
    "asof join": "select a from t asof join u on t.a >= u.a",
    "quantile": "select quantile_cont(x, 0.5) from t",
    "arg_max": "select arg_max(x, y) from t",
    "moments": "select skewness(x), mad(x) from t",
    "hash": "select hash(x) from t",
    "sha": "select sha256(x) from t",
    "date formatting": "select strftime(x, '%Y') from t",
    "date parts": "select date_part('dow', x) from t",
    "extract": "select extract(dow from x) from t",
    "date functions": "select date_diff('day', a, b) from t",
    "date arithmetic": "select t.order_date - u.first_date from t",
    "interval": "select x + interval 1 day from t",
    "regexp": "select regexp_extract(x, '(a)', 1) from t",
    "similar to": "select a from t where x similar to 'a'",
    "brackets": "select x[1] from t",
    "struct": "select {'a': 1} from t",
    "arrow": "select f(x, y -> y + 1) from t",
    "unnest": "select unnest(x) from t",
    "series": "select a from range(10)",
    "lists": "select string_agg(x, ', ') from t",
    "json": "select to_json(x) from t",
    "::": "select x::date from t",
    "star exclude": "select * exclude (a) from t",
    "quoted identifier": 'select "Mixed" from t',
    "safe_cast": "select safe_cast(x as date) from t",
    "log": "select log(x) from t",
    "concat": "select concat(a, b) from t",
    "text functions": "select starts_with(a, 'b') from t",
    "//": "select a // 7 from t",
    "ignore nulls": "select last_value(x ignore nulls) over (order by y nulls first) from t",
    "filter in a window": "select sum(x) filter (where (y > 1)) over (partition by z) from t",
    "cast of a fraction": "select cast(x * 0.5 as integer) from t",
    "division": "select a / b from t",
    "order of nulls": "select row_number() over (partition by a order by b desc, c nulls last) from t",
}

GOOD = """
{# qualify, arg_max(x, y) and a::date in a comment of Jinja #}
-- a comment may say "qualify", x::date or concat(a, b)
/* or
   log(x) */
with orders as (
    select order_id, cast(ordered_at as date) as order_date from {{ ref('fct_orders') }}
),

final as (
    select
        order_id,
        'qualify :: [1] "it''s" // {x}' as remark,
        {{ days_between('order_date', "date '2024-01-01'") }} as age_days,
        {{ regex_replace('remark', '\\\\s*>\\\\s*', ' > ') }} as clean_remark,
        {{ row_hash(['order_id', 'remark']) }} as row_id,
        coalesce(remark, '') || '-' || coalesce(order_id, '') as joined,
        units / 7.0 as weekly, units / nullif(orders, 0) as rate, {{ safe_divide('a', 'b') }} as share,
        units / {{ horizon }} as daily,
        cast(floor(units / 7) as integer) as weeks,
        percentile_cont(0.5) within group (order by units) as middle,
        max_by(units, order_date) as last_units, ln(units + 1) as log_units,
        sum(case when is_sale then units end) over (
            partition by product_id order by order_date nulls first rows between 6 preceding and current row
        ) as units_7,
        count(*) filter (where is_sale) as sales,
        row_number() over (order by coalesce(a, b) desc nulls last, order_id nulls last) as place,
        row_number() over (order by {{ stable_fraction('order_id') }} asc, order_id nulls last) as sample_place,
        (units + 5) / (orders + 5) as shrunk, units / greatest(orders, 0.5) as floored, units / greatest(orders, {{ floor }}) as var_floored, units / greatest(orders, ln(1.5)) as log_floored, units / (28.0e0 * nullif(orders, 0)) as pace
    from orders
    {% if var('x') %} where date_from is not null {% endif %}
)

select * from final
"""


@pytest.mark.parametrize("name", RULES)
def test_each_rule_catches_its_construct(name: str) -> None:
    sql = clean(BAD[name])
    assert list(RULES[name].find(sql))
    assert scan(f"select 1\nfrom t\n\n{BAD[name]}")[0].line == 4


def test_every_construct_of_the_table_is_caught() -> None:
    for sql in [
        "x = approx_quantile(a, 0.5)",
        "arg_min(a, b)",
        "kurtosis(x)",
        "strptime(x, 'a')",
        "epoch(x)",
        "dayofweek(x)",
        "regexp_matches(x, 'a')",
        "regexp_replace(x, 'a', 'b')",
        "x in ('\\d')",
        "list_sort(x)",
        "order by x desc",
        "order by x limit 3",
        "x / (a - b)",
        "x / 0",
        "x / greatest(a, 0)",
        "try_cast(a / nullif(b, 0) as bigint)",
        "paid_at + 1",
        "7 - order_date",
        "SELECT X::INT",
        "Log (x)",
        "1 - t.order_date",
        "columns(*)",
    ]:
        assert scan(sql), sql


def test_sql_inside_jinja_strings_is_scanned() -> None:
    assert scan("select {{ safe_divide('a::double', 'b') }} from t")
    assert scan('{% set x = "log(a)" %}')
    assert scan("{% macro default__x(a) %} qualify {% endmacro %}")


def test_engine_macros_may_speak_their_own_tongue() -> None:
    assert scan("{% macro duckdb__x(a) -%} a::date {%- endmacro %}{% macro spark__x(a) %} a[1] {% endmacro %}") == []


def test_good_sql_passes() -> None:
    assert scan(GOOD) == []


def test_findings_say_what_to_write() -> None:
    [finding] = scan("select a\nfrom t\nqualify true")
    assert finding == Finding(3, "qualify", "row_number() in a subquery and a where on it")
