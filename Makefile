# make demo       set everything up and count the people in the example scene
# make test       set everything up and run the fast tests
# make test-slow  run the slow tests
PYTHON ?= python3
VENV ?= .venv
RUN := $(VENV)/bin/
PIP := $(RUN)python -m pip install --quiet --disable-pip-version-check -c constraints.txt -c $(VENV)/pins.txt
# CUDA kernels are compiled if nvcc is installed, with or without a GPU.
RAZ_CUDA ?= $(if $(shell command -v nvcc),ON,AUTO)
SOURCES := CMakeLists.txt pyproject.toml $(shell find cmake csrc raz_ext python -type f \
  -not -name '*.pyc' -not -name '*.so')

SUPPLY := out/supply
CORES := $(shell getconf _NPROCESSORS_ONLN)

.PHONY: demo test test-slow test-tools torture axe docs figures native plain clang cuda aarch64 bench bench-smoke lint lock audit sbom torch-matrix format wheel wheel-check clean

demo: $(VENV)/raz
	$(RUN)python examples/demo.py --output out/demo

# One test process per core, at most eight, with one thread each.
PYTEST := OMP_NUM_THREADS=1 $(RUN)python -m pytest -n auto --maxprocesses 8 --dist worksteal

test: $(VENV)/raz-test
	$(PYTEST) -m "not slow"

test-slow: $(VENV)/raz-test
	$(PYTEST) -m slow

# Tests with Gradio, datumaro, Label Studio's library and trackers, in an environment of their own that
# lies over that of the other tests: they need other versions of NumPy and Pillow, and libGL.
TOOLS := out/tools
PLACE := -c "import sysconfig; print(sysconfig.get_path('purelib'))"
test-tools: $(VENV)/raz-test
	$(PYTHON) -m venv --clear $(TOOLS)
	$(RUN)python $(PLACE) > "$$($(TOOLS)/bin/python $(PLACE))/tests.pth"
	$(TOOLS)/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	$(TOOLS)/bin/python -m pip install --quiet -c constraints.txt --group tools --group examples
	$(TOOLS)/bin/python -c "import gradio, datumaro, label_studio_sdk, trackers"
	OMP_NUM_THREADS=1 $(TOOLS)/bin/python -m pytest tests/demo tests/interchange tests/test_tracking_example.py

# Fetches what tests/browser.py tests accessibility with (needs npm). Nothing of it runs here.
axe: out/axe-core/package/axe.min.js
out/axe-core/package/axe.min.js:
	mkdir -p out/axe-core
	npm pack --silent --pack-destination out/axe-core "axe-core@>=4.10 <5"
	tar -xzf out/axe-core/axe-core-*.tgz -C out/axe-core package/axe.min.js package/LICENSE
	touch $@

# The documentation as a site, in out/site. A warning is an error: links, anchors, pages that no menu has.
docs: $(VENV)/raz-docs
	NO_MKDOCS_2_WARNING=1 $(RUN)python -m mkdocs build --strict
	$(PYTHON) .ci/check_site.py

# Tries to break raz for SECONDS (20 minutes; 36000 for all of it), with a seed that is printed and may
# be given, as may some of the drills: make torture SECONDS=600 SEED=3 DRILLS="weights.files"; WHOLE=1 samples
# none of their cases, JOBS=2 runs two at a time. For what it tries see docs/reliability.md.
SECONDS ?= 1200
JOBS ?= 1
torture: $(VENV)/raz-torture
	OMP_NUM_THREADS=1 $(RUN)python tests/torture --seconds $(SECONDS) --jobs $(JOBS) $(if $(SEED),--seed $(SEED)) \
	  $(if $(WHOLE),--whole) $(if $(DRILLS),--only $(DRILLS))

# Resolves again what the environments of this file install, with the hashes of the files. torch is left
# to constraints.txt. pip takes the versions of locks/ci.txt; locks/tools.txt, which make test-tools does
# not take, since it lies over another environment, is for make audit.
LOCK := $(SUPPLY)/bin/uv pip compile pyproject.toml --quiet --upgrade --universal --python-version 3.11 \
  -c constraints.txt --no-emit-package torch --generate-hashes --no-annotate --no-header --no-emit-index-url
lock: $(SUPPLY)/ready
	$(LOCK) -o locks/runtime.txt
	$(LOCK) -o locks/ci.txt --extra all --extra ray $(addprefix --group ,test lint docs bench package clang torture supply)
	$(LOCK) -o locks/tools.txt --extra demo --group tools --group examples

# Asks for advisories about every package of the locks.
audit: $(SUPPLY)/ready
	$(SUPPLY)/bin/python .ci/audit.py

# The bill of materials of raz as installed here, in the form of CycloneDX.
sbom: $(VENV)/raz $(SUPPLY)/ready
	$(SUPPLY)/bin/python .ci/sbom.py $(RUN)python out/sbom.json

$(SUPPLY)/ready: pyproject.toml
	$(PYTHON) -m venv --clear $(SUPPLY)
	sed -e '/--hash/d' -e 's/ \\$$//' locks/ci.txt > $(SUPPLY)/pins.txt
	$(SUPPLY)/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	$(SUPPLY)/bin/python -m pip install --quiet -c $(SUPPLY)/pins.txt --group supply
	touch $@

# Draws the figures of the documentation again. make test-slow says when they are out of date.
figures: $(VENV)/raz
	$(RUN)python docs/figures

# The C++ tests: kernels under sanitizers, and the CUDA kernels' logic compared with the CPU kernels.
native: export PATH := $(abspath $(RUN)):$(PATH)
native: $(VENV)/raz-native
	cmake -S . -B build/native -G Ninja -DRAZ_NATIVE_TESTS=ON -DRAZ_CUDA=OFF -DRAZ_WERROR=ON \
	  -DPython_EXECUTABLE=$(abspath $(RUN)python) -Dpybind11_DIR=$$(python -m pybind11 --cmakedir)
	cmake --build build/native --target native_tests
	ctest --test-dir build/native --parallel $(CORES) --output-on-failure

# Compiles each CUDA kernel file: no warnings, no spilled registers. Needs nvcc but no GPU.
cuda:
	$(PYTHON) .ci/check_cuda.py

# The tests of make native for aarch64, run by qemu-user. Needs Debian's g++-aarch64-linux-gnu and
# qemu-user. Sanitizers are off because they do not run under qemu.
aarch64: export PATH := $(abspath $(RUN)):$(PATH)
aarch64: $(VENV)/raz-native
	cmake -S . -B build/aarch64 -G Ninja -DRAZ_NATIVE_TESTS=ON -DRAZ_SANITIZE=OFF -DRAZ_CUDA=OFF \
	  -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 \
	  -DCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++ -DCMAKE_EXE_LINKER_FLAGS=-static \
	  -DCMAKE_CROSSCOMPILING_EMULATOR=qemu-aarch64 \
	  -DPython_EXECUTABLE=$(abspath $(RUN)python) -Dpybind11_DIR=$$(python -m pybind11 --cmakedir)
	cmake --build build/aarch64 --target native_tests
	ctest --test-dir build/aarch64 --parallel $(CORES) --output-on-failure

# Compiles kernels and module by the clang of PyPI's ziglang: for Linux, for macOS, and the kernels for
# Windows (MinGW's headers; there is no MSVC here). Links and runs nothing.
clang: $(VENV)/raz-clang
	$(RUN)python .ci/check_clang.py

# The C++ tests of what compilers without GCC's extensions get, such as MSVC. Built by GCC, without
# sanitizers.
plain: export PATH := $(abspath $(RUN)):$(PATH)
plain: $(VENV)/raz-native
	cmake -S . -B build/plain -G Ninja -DRAZ_NATIVE_TESTS=ON -DRAZ_PLAIN_CPP=ON -DRAZ_SANITIZE=OFF \
	  -DRAZ_CUDA=OFF -DRAZ_WERROR=ON \
	  -DPython_EXECUTABLE=$(abspath $(RUN)python) -Dpybind11_DIR=$$(python -m pybind11 --cmakedir)
	cmake --build build/plain --target native_tests
	ctest --test-dir build/plain --parallel $(CORES) --output-on-failure

# Builds dist/raz-*.tar.gz, and from it the wheel: kernels for the CPU, and with WHEEL_CUDA=ON (needs
# nvcc) also for CUDA. Not isolated: the build takes the torch of the environment.
WHEEL_CUDA ?= OFF
wheel: export PATH := $(abspath $(RUN)):$(PATH)
wheel: $(VENV)/raz-package
	rm -rf dist
	env -u CFLAGS -u CXXFLAGS python -m build --no-isolation --outdir dist \
	  -C cmake.define.RAZ_CUDA=$(WHEEL_CUDA) -C cmake.define.RAZ_WERROR=ON
	ls -l dist

# Installs that wheel where there is neither a compiler nor the sources, and counts people with it.
wheel-check:
	$(PYTHON) .ci/check_wheel.py dist

# Prints ratios within one run; writes out/bench.json. BENCH="-k integral" selects benchmarks. Garbage
# collection is off because it would slow some peers. conftest.py sets the threads of each benchmark.
bench: $(VENV)/raz-bench
	mkdir -p out
	OMP_NUM_THREADS=1 $(RUN)python -m pytest bench -q --benchmark-quiet --benchmark-disable-gc \
	  --benchmark-max-time=0.5 --benchmark-json=out/bench.json $(BENCH)
	$(RUN)python bench/table.py out/bench.json

# Runs every fast benchmark once, without measuring. bench/conftest.py says which are fast.
bench-smoke: $(VENV)/raz-bench
	OMP_NUM_THREADS=1 $(RUN)python -m pytest bench -q --benchmark-disable -m "not slow" $(BENCH)

lint: $(VENV)/raz-test
	$(RUN)ruff check .
	$(RUN)ruff format --check .
	$(RUN)mypy
	$(RUN)clang-format --dry-run --Werror $(shell git ls-files '*.h' '*.cpp' '*.cu' '*.inc')
	$(RUN)torch-abi-audit --check torch raz
	$(RUN)check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(RUN)check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(RUN)zizmor --offline --no-progress --quiet .github
	$(RUN)hadolint Dockerfile
	$(RUN)python .ci/check_recipe.py
	for platform in linux macos windows; do \
	  $(RUN)cibuildwheel --platform $$platform --archs all --print-build-identifiers > /dev/null || exit 1; \
	done

# Tests the operators of one built module with the oldest supported torch and the newest. CI does not
# run it, because it downloads gigabytes. docs/operators.md has the last result.
torch-matrix: $(VENV)/raz-test
	rm -rf out/torch-matrix
	$(RUN)python -m pip wheel --quiet -c constraints.txt --no-deps --wheel-dir out/torch-matrix .
	for torch in "torch==2.10.*" torch; do \
	  $(PYTHON) -m venv --clear out/torch-matrix/venv && \
	  out/torch-matrix/venv/bin/python -m pip install --quiet --upgrade "pip>=25.1" && \
	  out/torch-matrix/venv/bin/python -m pip install --quiet "$$torch" out/torch-matrix/*.whl \
	    --group test && \
	  out/torch-matrix/venv/bin/python -m pytest tests/ops -q || exit 1; \
	done

format: $(VENV)/raz-test
	$(RUN)ruff check --fix .
	$(RUN)ruff format .
	$(RUN)clang-format -i $(shell git ls-files '*.h' '*.cpp' '*.cu' '*.inc')

clean:
	rm -rf $(VENV) build dist out

$(VENV)/torch: constraints.txt locks/ci.txt
	$(PYTHON) -m venv $(VENV)
	sed -e '/--hash/d' -e 's/ \\$$//' locks/ci.txt > $(VENV)/pins.txt
	$(PIP) --upgrade "pip>=25.1"
	$(PIP) torch
	touch $@

$(VENV)/raz: $(VENV)/torch $(SOURCES)
	$(PIP) ".[data]" --config-settings=cmake.define.RAZ_CUDA=$(RAZ_CUDA) \
	  --config-settings=cmake.define.RAZ_WERROR=ON
	touch $@

$(VENV)/raz-test: $(VENV)/raz
	$(PIP) --group test --group lint
	touch $@

$(VENV)/raz-torture: $(VENV)/raz-test
	$(PIP) --group torture --group native
	touch $@

$(VENV)/raz-bench: $(VENV)/raz-test
	$(PIP) --group bench
	touch $@

$(VENV)/raz-clang: $(VENV)/raz-native
	$(PIP) --group clang
	touch $@

$(VENV)/raz-docs: $(VENV)/torch pyproject.toml
	$(PIP) --group docs
	touch $@

$(VENV)/raz-package: $(VENV)/torch pyproject.toml
	$(PIP) --group package
	touch $@

$(VENV)/raz-native: $(VENV)/torch pyproject.toml
	$(PIP) --group native
	touch $@
