# Two commands for everybody: `make run` starts the app, `make test` runs every test.
# Both create .venv, install and build what changed, and can be repeated at will.

PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys, venv, ensurepip; \
	sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null \
	&& echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8501
# What pyproject.toml builds with; pip has them only while it installs the package.
BUILD_TOOLS := -c constraints.txt setuptools cython
# As `source_files` of setup.py has it: whatever is in ext/ but its descriptions.
KERNEL_SOURCES := setup.py $(shell find ext -type f ! -name '*.md')

# What .clang-format shapes; the module that Cython writes is not ours.
C_FILES := $(shell find ext tests -name '*.[ch]' ! -name _native.c -o -name '*.inc')

.DEFAULT_GOAL := help
.PHONY: help run test check docs packages sweep-check sanitize format build clean tools

help:
	@echo "make run     create .venv, install, build the kernels, start the app"
	@echo "make test    the same set-up, then the whole test suite"
	@echo "make check   ruff, clang-format, mypy and the smoke tests (before each commit)"
	@echo "make docs    the reference pages checked, the site built into build/site"
	@echo "make packages  wheel and sdist, built and tried in clean environments"
	@echo "make sanitize  the kernel tests on checked builds: address, undefined, threads"
	@echo "make build   rebuild the compiled kernels after a change in ext/"
	@echo "make clean   remove .venv and everything that was built"

tools:
	@test -n "$(PYTHON)" || { \
	echo "Missing: Python 3.11, 3.12 or 3.13 with venv."; \
	echo "Install: sudo apt-get install -y python3 python3-venv"; exit 1; }
	@command -v $${CC:-cc} >/dev/null 2>&1 || { \
	echo "Missing: a C compiler."; \
	echo "Install: sudo apt-get install -y gcc libc6-dev"; exit 1; }
	@$(PYTHON) -c 'import os, sys, sysconfig; sys.exit(not os.path.exists( \
	os.path.join(sysconfig.get_paths()["include"], "Python.h")))' || { \
	echo "Missing: the headers of $(PYTHON) (Python.h)."; \
	echo "Install: sudo apt-get install -y python3-dev"; exit 1; }

$(BIN)/python: | tools
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/app.stamp: requirements.txt constraints.txt pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@ $(VENV)/kernels.stamp

$(VENV)/kernels.stamp: $(KERNEL_SOURCES) | $(VENV)/app.stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(BUILD_TOOLS)
	$(BIN)/python setup.py --quiet build_ext --inplace
	@touch $@

$(VENV)/dev.stamp: $(VENV)/app.stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

build: $(VENV)/app.stamp $(VENV)/kernels.stamp

run: build
	$(BIN)/python -m workbench app --port $(PORT)

test: build $(VENV)/dev.stamp
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests -n auto --dist loadgroup --durations=10

check: build $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/clang-format --dry-run --Werror $(C_FILES)
	$(BIN)/mypy
	$(BIN)/python -m pytest tests -m smoke

$(VENV)/docs.stamp: $(VENV)/app.stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	@touch $@

docs: build $(VENV)/docs.stamp
	$(BIN)/python -m docs.generate --check
	$(BIN)/zensical build --strict --clean

# Wheel and sdist, built and installed into clean environments.
packages: build $(VENV)/dev.stamp
	.ci/packages $(abspath $(BIN))/python

# Reuse equals the naive loop bit for bit and pays, on made-up images. The factor of the
# whole benchmark is larger: here one export is shared by few images.
sweep-check: build
	$(BIN)/python -m benchmarks.sweep --made --images 256 --levels 4 --least 1.5

# A checked build replaces the module in place, so it gets a copy of the tree.
CHECKED := build/sanitize
# The disassembler of three is loaded in a way that sanitizers refuse (RTLD_DEEPBIND); the
# fourth looks at the objects of the ordinary build.
UNCHECKED := tests/kernels/test_emit_encoder.py tests/kernels/test_emit_memory.py \
	tests/kernels/test_avx512_code.py tests/kernels/test_kernel_objects.py
# The team of threads alone is checked for data races: Python itself is full of them.
sanitize: build $(VENV)/dev.stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(BUILD_TOOLS)
	mkdir -p $(CHECKED)
	rm -rf $(addprefix $(CHECKED)/,ext workbench tests)
	cp -au ext workbench tests setup.py pyproject.toml README.md $(CHECKED)
	rm -f $(CHECKED)/workbench/kernels/_native*.so $(CHECKED)/build/cython/ext/_native.c
	cd $(CHECKED) && WORKBENCH_SANITIZE=address,undefined \
	  $(abspath $(BIN))/python setup.py --quiet build_ext --inplace
	cd $(CHECKED) && ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 \
	  LD_PRELOAD="$$($${CC:-cc} -print-file-name=libasan.so) \
	  $$($${CC:-cc} -print-file-name=libubsan.so)" \
	  $(abspath $(BIN))/python -m pytest -q -n auto --dist loadgroup tests/kernels \
	  tests/engine/test_program_soak.py \
	  -k "not forked and not idle and not torch and not dropped" \
	  $(UNCHECKED:%=--ignore=%) -p no:cacheprovider
	$${CC:-cc} -std=gnu11 -O1 -g -fsanitize=thread -pthread -Iext \
	  tests/kernels/team_harness.c -o $(CHECKED)/team
	if setarch -R true; then setarch -R $(CHECKED)/team; \
	  else echo "data races not checked: this system keeps its address layout random"; fi

format: $(VENV)/dev.stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/clang-format -i $(C_FILES)

clean:
	rm -rf $(VENV) build dist *.egg-info workbench/kernels/*.so
