# Everything goes through uv: it brings the right Python and the packages named in uv.lock.
# Where uv is missing, a private copy is put into .tools; the system's packages stay untouched.

# A uv that is broken, or older than pyproject.toml asks for, answers nothing here.
ifneq ($(shell uv cache dir 2>/dev/null),)
UV := uv
else
UV := .tools/uv/bin/uv
NEED_UV := $(UV)
export UV_PYTHON_INSTALL_DIR := $(CURDIR)/.tools/python
endif

# Another active environment must not leak into ours.
unexport VIRTUAL_ENV PYTHONHOME PYTHONPATH

# --frozen: install exactly what uv.lock names, without asking the index what is new.
RUN := $(UV) run --frozen

.DEFAULT_GOAL := help
.PHONY: help run view test test-slow full lowest docs lint types check clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

run: $(NEED_UV) ## run the crypto crash; more options with ARGS="--seed 7 --days 90"
	@$(RUN) --no-dev firesale run crypto-crash $(ARGS)

view: $(NEED_UV) ## watch a crash in the browser; another scenario with ARGS="crypto-crash"
	@$(RUN) --no-dev --extra view firesale view $(or $(ARGS),joint-crash)

test: $(NEED_UV) ## run the tests, but not the slow ones; pytest options with ARGS=
	@$(RUN) pytest $(ARGS)

# By test, not by file: many of one file take long. Exit code 5 says that no test is marked slow.
test-slow: $(NEED_UV) ## run the slow tests
	@$(RUN) pytest -m slow --dist worksteal $(ARGS) || [ $$? -eq 5 ]

full: $(NEED_UV) ## second pass on uncompiled kernels, mutants, long tests, attacks (two hours)
	@$(RUN) python tests/full.py

lowest: $(NEED_UV) ## use the lowest versions that pyproject.toml allows
	@$(RUN) python tests/lowest.py

docs: $(NEED_UV) ## build the documentation into docs/_build/html, offline; a broken link is an error
	@$(RUN) --group docs sphinx-build -W --keep-going -q -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

lint: $(NEED_UV) ## check style and format
	@$(RUN) ruff check
	@$(RUN) ruff format --check

types: $(NEED_UV) ## check types
	@$(RUN) mypy

check: lint types ## lint, types, and the tests near what changed since main; all tests: make test
	@$(RUN) python tests/near.py $(ARGS)

clean: ## remove environments, caches and builds; results in out/ stay
	@rm -rf .venv .tools .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist docs/_build docs/generated
	@find agents market experiments tests -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

# A virtual environment if this Python can make one, else a plain folder filled by its pip:
# either way uv lands in the same place.
.tools/uv/bin/uv:
	@echo "no recent uv on the PATH: putting a private copy into .tools (only this once)" >&2
	@mkdir -p .tools; export PIP_USER=0 PIP_REQUIRE_VIRTUALENV=0 PIP_DISABLE_PIP_VERSION_CHECK=1; \
	for python in python3 python python3.14 python3.13 python3.12 python3.11 python3.10 python3.9; do \
	    $$python -c 'import sys; sys.exit(sys.version_info < (3, 9))' 2>/dev/null || continue; \
	    rm -rf .tools/uv; \
	    { $$python -m venv .tools/uv && .tools/uv/bin/python -m pip install --quiet uv; } \
	        >.tools/uv.log 2>&1 && exit; \
	    rm -rf .tools/uv; \
	    $$python -m pip install --quiet --target .tools/uv uv >>.tools/uv.log 2>&1 && exit; \
	done; \
	rm -rf .tools/uv; \
	echo "Could not get uv (reasons in .tools/uv.log): install uv, or a Python >= 3.9 with venv or pip, and try again." >&2; \
	exit 1
