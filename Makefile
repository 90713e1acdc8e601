# Two commands are enough: `make demo` tries everything, `make test` proves it.
# `make faults` is what takes longer: processes are killed, again and again, and nothing may be lost.
# `make soak` is the same with the load of a night: `make soak SOAK="F1 F2" SIZE=0.1 HOURS=0.5`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test check format faults bench soak clean

demo: $(VENV)/installed
	@$(BIN)/igrules demo $(DEMO)

test: $(VENV)/ready
	@$(BIN)/python -m pytest $(TESTS)

faults: $(VENV)/ready
	@$(BIN)/python -m pytest -m faults $(TESTS)

soak: $(VENV)/ready
	@IGRULES_SOAK="$(or $(SIZE),1)" IGRULES_SOAK_ONLY="$(SOAK)" IGRULES_SOAK_HOURS="$(HOURS)" \
	  $(BIN)/python -m pytest -m faults -n 0 $(TESTS)

check: $(VENV)/ready
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/igrules schema --out $(VENV)/schemas >/dev/null
	@$(BIN)/igrules schema openapi --out $(VENV)/schemas >/dev/null
	@for file in $(VENV)/schemas/*.json; do cmp $$file schemas/$$(basename $$file) || \
	  { echo "renew it: igrules schema --out schemas; igrules schema openapi --out schemas"; exit 1; }; done
	@$(BIN)/igrules validate rulesets --strict
	@$(BIN)/igrules test rulesets --require-tests
	@echo "check: all good"

format: $(VENV)/ready
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(VENV)/bench
	@$(BIN)/python -m benchmarks $(BENCH)

$(VENV)/installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "igrules needs Python 3.11 or newer; try: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@echo "setting up $(VENV) (once)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --editable .
	@touch $@

$(VENV)/ready: $(VENV)/installed
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --editable '.[dev]'
	@touch $@

$(VENV)/bench: $(VENV)/ready
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --editable '.[bench]'
	@touch $@

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis dist build
