# Every target makes the environment it needs; none needs another target, root, or anything
# installed by hand.  Choose an interpreter with `make test PYTHON=python3.13`.

PYTHON ?= python3
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
ENVS := .env/$(VERSION)
BUILT_FROM := pyproject.toml CMakeLists.txt $(wildcard core/*)
PACKAGE := $(BUILT_FROM) $(shell find src -name '*.py' -o -path '*/templates/*' -o -name '*.csv')

.PHONY: demo test check bench docs clean

demo: $(ENVS)/demo/ready  ## the main job on bundled credit applications
	@mkdir -p results
	$(ENVS)/demo/bin/somscape demo --out results/demo

test: $(ENVS)/test/ready  ## the tests
	$(ENVS)/test/bin/python -m pytest

check: $(ENVS)/check/ready  ## style, types, structure, docstrings, examples, the page in a browser
	$(ENVS)/check/bin/ruff check .
	$(ENVS)/check/bin/ruff format --check .
	$(ENVS)/check/bin/mypy
	$(ENVS)/check/bin/python -m pytest -m "check or browser" tests
	$(ENVS)/check/bin/python -m pytest --doctest-modules src/somscape

bench: $(ENVS)/bench/ready  ## against MiniSom, XPySom and fastersom; writes benchmarks/README.md
	$(ENVS)/bench/bin/python benchmarks/run.py

docs: $(ENVS)/docs/ready  ## the site, in docs/_build/html
	$(ENVS)/docs/bin/python -m sphinx -W -q -b html docs docs/_build/html
	@echo "open docs/_build/html/index.html"

clean:  ## everything that the other targets made
	rm -rf .env build docs/_build docs/api results

# The demo is an ordinary installation; the others follow the source as it is edited.
$(ENVS)/demo/ready: $(PACKAGE)
	@echo "making an environment and building somscape: about a minute, once"
	@$(PYTHON) -m venv $(@D)
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check .
	@touch $@

$(ENVS)/bench/ready: $(PACKAGE) benchmarks/requirements.txt
	$(PYTHON) -m venv $(@D)
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check . -r benchmarks/requirements.txt
	@touch $@

$(ENVS)/%/ready: $(BUILT_FROM)
	@echo "making an environment and building somscape: a minute or two, once"
	@$(PYTHON) -m venv $(@D)
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -e '.[$*]'
	@touch $@
