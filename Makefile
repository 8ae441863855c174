# Targets make the environment themselves: `make demo` and `make test` work in a fresh clone.
# Blender's module exists for Python 3.11 and 3.13: Debian 12 brings the one, Debian 13 the other. Each is tried by
# running it, since a version manager may have a command of that name for a Python that is not installed.
PYTHON ?= $(shell for name in python3.11 python3.13; do $$name -c "" 2>/dev/null && command -v $$name && break; done)
VENV := .venv
RUN := $(VENV)/bin/python
# Compiling all of the 14 000 files takes over a minute of CPU time; Python compiles those that it imports.
PIP := $(RUN) -m pip install --quiet --disable-pip-version-check --no-compile
DEMO_DATA := data/demo
DEMO_RUNS := runs/demo
DEMO_TEST = $(RUN) -m reid.evaluate --dataset prid --min-frames 1 --root $(DEMO_DATA)/standin --camera-norm

.PHONY: sample docs help install install-dev lint test test-slow demo clean-demo test-all

help:
	@echo "make demo     render people, train on them, test on others: leaves $(DEMO_RUNS)/report.html"
	@echo "make test     the tests, in two processes"
	@echo "make test-slow  the few tests that take minutes each"
	@echo "make test-all   both at once"
	@echo "make lint     ruff and mypy"
	@echo "make docs     the documentation as a site, in site/"
	@echo "make sample   render assets/sample again, the set that is installed with the package"
	@echo "make install  only the environment, in $(VENV)"

install: $(VENV)/installed
install-dev: $(VENV)/installed-dev

# What a fresh environment needs, before packages are installed into it.
define new-venv
	@test -n "$(PYTHON)" || { echo "error: no Python 3.11 or 3.13 found: apt-get install python3.11 python3.11-venv (Debian 12) or python3.13 python3.13-venv (Debian 13), or name one with make PYTHON=..." >&2; exit 2; }
	@$(PYTHON) -m synth.doctor --no-packages
	@$(PYTHON) -c "import ensurepip, venv" 2>/dev/null || { echo "error: Python's venv module is missing: apt-get install $$($(PYTHON) -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')" >&2; exit 2; }
	@echo "installing into $(VENV) (a few minutes: Blender's module and PyTorch are large)"
	@$(PYTHON) -m venv $(VENV)
endef

$(VENV)/installed: pyproject.toml
	$(new-venv)
	@$(PIP) --editable '.[synth]'
	@touch $@

# Linters and test runners, which the demo does not need. All packages at once: pip resolves them once.
$(VENV)/installed-dev: pyproject.toml
	$(new-venv)
	@$(PIP) --editable '.[synth,dev]'
	@touch $(VENV)/installed $@

lint: install-dev
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

# The documentation as a site, in site/. Every link must lead somewhere.
docs: install-dev
	NO_MKDOCS_2_WARNING=1 $(RUN) -m mkdocs build --strict --quiet

# Files of tests are dealt out to two processes. The tests of a file stay together, since they share what they train.
# The order is that of tests/conftest.py, slow files first, and not that of the number of tests in a file.
PYTEST := $(RUN) -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test: install-dev
	$(PYTEST) -m "not slow"

# Both at once: the long tests then share the two processes with the others.
test-all: install-dev
	$(PYTEST)

test-slow: install-dev
	$(PYTEST) -m slow

# 24 people with all annotations in less than 2 MB, which 24 bits per pixel would take alone.
sample: install
	$(RUN) -m synth.render --config jobs/sample.yaml --out data/sample
	$(RUN) docs/tools/small_set.py data/sample assets/sample
	$(RUN) -m synth.verify assets/sample

# The main job at the smallest size that shows it. The network is the paper's with fewer layers and stages, and the
# people it is tested on, their cameras and their streets are in no set that it was trained on.
demo: install
	@rm -rf $(DEMO_RUNS)
	$(RUN) -m synth.render --config jobs/demo-people.yaml --out $(DEMO_DATA)/people
	$(RUN) -m synth.render --config jobs/demo-standin.yaml --out $(DEMO_DATA)/standin
	$(RUN) -m synth.preview --data $(DEMO_DATA)/people --out $(DEMO_RUNS)/sheets/people --people 24 --clips 8
	$(RUN) -m synth.preview --data $(DEMO_DATA)/standin --out $(DEMO_RUNS)/sheets/standin --people 24 --clips 8
	$(RUN) -m reid.pretrain --config jobs/demo-pretrain.yaml --data $(DEMO_DATA)/people --run $(DEMO_RUNS)/pretrain
	$(DEMO_TEST) --weights $(DEMO_RUNS)/pretrain --json $(DEMO_RUNS)/camera-norm.json
	$(RUN) -m reid.adapt --config jobs/demo-adapt.yaml --root $(DEMO_DATA)/standin --init $(DEMO_RUNS)/pretrain --run $(DEMO_RUNS)/adapt
	$(DEMO_TEST) --weights $(DEMO_RUNS)/adapt --json $(DEMO_RUNS)/adapted.json
	$(RUN) -m reid.finetune --config jobs/demo-finetune.yaml --root $(DEMO_DATA)/standin --init $(DEMO_RUNS)/pretrain --run $(DEMO_RUNS)/finetune
	$(RUN) -m reid.report --pretrain $(DEMO_RUNS)/pretrain --camera-norm $(DEMO_RUNS)/camera-norm.json --adapted $(DEMO_RUNS)/adapted.json --finetune $(DEMO_RUNS)/finetune --sheets $(DEMO_RUNS)/sheets --out $(DEMO_RUNS)

clean-demo:
	rm -rf $(DEMO_DATA) $(DEMO_RUNS)
