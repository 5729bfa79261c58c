# Two commands: `make build` sets up and runs the nightly job on the demo shop, `make test` runs everything that proves it.
VENV := .venv
BIN := $(VENV)/bin
export DBT_SEND_ANONYMOUS_USAGE_STATS := false

.PHONY: build test lint docs clean lock

$(VENV)/installed: requirements.txt pyproject.toml
	python3 -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --requirement requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	touch $@

$(VENV)/installed-dev: $(VENV)/installed requirements-dev.txt
	$(BIN)/python -m pip install --quiet --requirement requirements-dev.txt
	touch $@

build: $(VENV)/installed
	$(BIN)/dbt build

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/sqlfluff lint --processes 2 models tests analyses

test: lint
	$(BIN)/dbt parse --warn-error --no-partial-parse
	$(BIN)/pytest

docs: $(VENV)/installed
	$(BIN)/dbt docs generate

clean:
	rm -rf target logs dbt_packages $(VENV) trendhouse.duckdb trendhouse.duckdb.wal

# Newest allowed versions of everything into the two requirements files; names and versions only.
lock:
	rm -rf target/lock && python3 -m venv target/lock/run && python3 -m venv target/lock/dev
	target/lock/dev/bin/python -m pip install --quiet '.[dev,benchmarks,examples]'
	target/lock/dev/bin/python -m pip freeze --exclude trendhouse > target/lock/all.txt
	target/lock/run/bin/python -m pip install --quiet --constraint target/lock/all.txt .
	(echo '# Pinned run-time dependencies, by `make lock`.'; target/lock/run/bin/python -m pip freeze --exclude trendhouse) > requirements.txt
	(echo '# Pinned dependencies of the tests and linters, by `make lock`; on top of requirements.txt.'; grep -v -x -F -f requirements.txt target/lock/all.txt) > requirements-dev.txt
