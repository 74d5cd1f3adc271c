# `make run` serves Session Admin, `make test` tests it: both make their environment first.

PYTHON ?= python3
PORT ?= 8000
DEMO ?= 1

python := .venv/bin/python
install := $(python) -m pip install --quiet --disable-pip-version-check
# A stamp is named for what it was made from, so that nothing is installed, and no network needed, until that changes.
made := .venv/made-$(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2> /dev/null)
run := .venv/run-$(shell cat requirements.txt | cksum | tr ' ' -)
dev := .venv/dev-$(shell cat requirements.txt requirements-dev.txt | cksum | tr ' ' -)

.PHONY: run test soak check lint types templates deployment bench bench-terminate bench-search bench-records bench-sign-in

run: $(run)
	@exec $(python) -m sessionadmin.run --port "$(PORT)" $(if $(filter 0,$(DEMO)),--empty)

test: $(dev)
	@exec $(python) -m tests.run

# By hand: takes hours.
soak: $(dev)
	exec $(python) -m tests.soak

check: lint types templates deployment

lint: $(dev)
	$(python) -m ruff check .
	$(python) -m ruff format --check .

types: $(dev)
	$(python) -m mypy

templates: $(dev)
	find templates sessions_ui examples -name '*.html' -exec .venv/bin/djade --check --target-version 5.2 {} +

# Asks the settings of production, on a database of its own and without what `make run` left in var/.
deployment: $(dev)
	@folder=$$(mktemp -d); trap 'rm -rf "$$folder"' EXIT; \
		export PRODUCTION=1 ALLOWED_HOSTS=console.example DATABASE_URL="sqlite:///$$folder/db.sqlite3" && \
		export DEMO_PASSWORD_FILE="$$folder/demo_password" && \
		export PUBLIC_URL=https://console.example EMAIL_URL=smtp+tls://mail.example:587 && \
		export SECRET_KEY="$$($(python) -c 'import secrets; print(secrets.token_urlsafe(64))')" && set -x && \
		$(python) manage.py migrate --verbosity 0 && \
		$(python) manage.py makemigrations --check --dry-run && \
		$(python) manage.py check --deploy --database default --fail-level WARNING

bench: $(dev)
	exec $(python) -m bench.request

bench-terminate: $(dev)
	exec $(python) -m bench.terminate

bench-search: $(dev)
	exec $(python) -m bench.search

bench-records: $(dev)
	exec $(python) -m bench.search --records

bench-sign-in: $(dev)
	exec $(python) -m bench.sign_in

# Without python3-venv, python3 leaves an environment without pip behind, which looks like a whole one.
$(made):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'Python 3.11 or newer is needed: make PYTHON=/path/to/it'; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2> /dev/null || \
		{ echo 'Python lacks its venv module: apt-get install python3-venv'; exit 1; }
	@echo 'Making the environment in .venv ...'
	@$(PYTHON) -m venv --clear .venv
	@touch $@

$(run): $(made)
	@echo 'Installing what Session Admin needs ...'
	@$(install) -r requirements.txt
	@touch $@

$(dev): $(made)
	@echo 'Installing what Session Admin and its tests need ...'
	@$(install) -r requirements-dev.txt
	@touch $@ $(run)
