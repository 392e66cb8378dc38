# cifarviz: `make run` opens the dashboard, `make test` runs every test.
# Both first make .venv, a virtual environment of their own, and keep it in step with the locks.
# PYTHON=… names the Python to make it from (3.11, 3.12 or 3.13).

VENV_PYTHON := .venv/bin/python
CODE := cifarviz scripts tests $(wildcard benchmarks/*.py benchmarks/*/*.py app.py pages/*.py)

.PHONY: help run test lint audit format screenshots bench bench-full soak lock package clean environment environment-dev

help:
	@echo "make run          open the dashboard on http://127.0.0.1:8501 (another port: PORT=…)"
	@echo "make test         every test; some need Chromium or nginx, which this installs if it can"
	@echo "make lint         style, formatting and types"
	@echo "make audit        known vulnerabilities of the locked packages, where they can be looked up"
	@echo "make format       mend what style and formatting can mend by themselves"
	@echo "make screenshots  pictures of every page, light and dark, into build/screenshots"
	@echo "make bench        the short benchmarks, and a table of all (about ten minutes)"
	@echo "make bench-full   all of them anew, into docs and README (about two hours)"
	@echo "make soak         kills, full disks, crowds and other faults, into docs (half an hour or more)"
	@echo "make lock         the locks anew, from the requirement files"
	@echo "make package      a wheel and a source archive, into dist"
	@echo "make clean        remove what the above made, but not .venv"

run: environment
	@$(VENV_PYTHON) -m cifarviz

# TESTS=… runs some of them: make test TESTS=tests/data
# Without it, all, a file a core at a time; those in a browser after the others.
WORKERS := -n $(shell nproc 2>/dev/null || echo 2) --maxprocesses 4 --dist loadfile

test: environment-dev
	@$(VENV_PYTHON) -m scripts.chromium --install
	@$(VENV_PYTHON) -m scripts.debian_packages
ifdef TESTS
	@$(VENV_PYTHON) -m pytest $(TESTS)
else
	@failed=no; \
	$(VENV_PYTHON) -m pytest $(WORKERS) --ignore tests/browser || failed=yes; \
	$(VENV_PYTHON) -m pytest $(WORKERS) tests/browser || failed=yes; \
	[ $$failed = no ]
endif

lint: environment-dev
	@$(VENV_PYTHON) -m ruff check .
	@$(VENV_PYTHON) -m ruff format --check .
	@$(VENV_PYTHON) -m mypy $(CODE)

audit: environment-dev
	@$(VENV_PYTHON) -m bandit --quiet --configfile pyproject.toml --recursive $(CODE:tests=)
	@$(VENV_PYTHON) -m scripts.audit requirements-dev.lock

format: environment-dev
	@$(VENV_PYTHON) -m ruff check --fix .
	@$(VENV_PYTHON) -m ruff format .

screenshots: environment-dev
	@$(VENV_PYTHON) -m scripts.chromium --install
	@$(VENV_PYTHON) -m scripts.screenshots

# Each with its number of rounds; the long ones are printed from benchmarks/results.
SHORT_BENCHMARKS := "bench_peers 1 --only cifar10-vgg" "bench_pages 3" "bench_watched 1" "bench_inside 10" \
	"bench_inside_views 5" "bench_predict 10" "bench_stop 8" "bench_first_step 1" "bench_memory 10" "bench_snapshots 2" "bench_maps 3" \
	"bench_learning_rate" "bench_runs_at_once cifar10-starter 1 1"
LONG_BENCHMARKS := "bench_peers --torch build/torch" "bench_fast --full" "bench_fast_ablation" \
	"bench_pages" "bench_watched" "bench_inside" "bench_inside_views" "bench_predict" "bench_stop" "bench_memory" "bench_first_step" \
	"bench_snapshots" "bench_maps" "bench_precision_accuracy" "bench_lab" "bench_lesson" "bench_fresh_machine" \
	"bench_learning_rate --train" "bench_runs_at_once" "bench_tune" "bench_map" "bench_label_doubts"

bench: environment-dev
	@$(VENV_PYTHON) -m scripts.chromium --install
	@failed=no; for one in $(SHORT_BENCHMARKS); do \
		echo "== $$one"; $(VENV_PYTHON) -m benchmarks.$$one || failed=yes; \
	done; $(VENV_PYTHON) -m benchmarks.table; [ $$failed = no ]

bench-full: environment-dev
	@$(VENV_PYTHON) -m scripts.chromium --install
	@failed=no; for one in $(LONG_BENCHMARKS); do \
		echo "== $$one"; $(VENV_PYTHON) -m benchmarks.$$one || failed=yes; \
	done; $(VENV_PYTHON) -m benchmarks.table --write; [ $$failed = no ]

# BARS=… runs some of them: make soak BARS="1 4"
soak: environment-dev
	@$(VENV_PYTHON) -m scripts.chromium --install
	@$(VENV_PYTHON) -m benchmarks.reliability.soak $(BARS) --write

clean:
	rm -rf build dist static .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find app.py pages cifarviz scripts tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

# Both agree, as the second begins with the first. What is in them stays where the requirements
# allow it: make lock UPGRADE=--upgrade takes the newest releases.
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" $(UPGRADE)

lock: environment-dev
	@PATH="$(CURDIR)/.venv/bin:$$PATH"; \
	$(LOCK) requirements.txt -o requirements.lock && \
	$(LOCK) requirements-dev.txt -c requirements.lock -o requirements-dev.lock

package: environment-dev
	@$(VENV_PYTHON) -m build --no-isolation

environment:
	@PYTHON="$(PYTHON)" sh scripts/setup_environment.sh requirements.lock

environment-dev:
	@PYTHON="$(PYTHON)" sh scripts/setup_environment.sh requirements.lock requirements-dev.lock
