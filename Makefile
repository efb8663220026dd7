# wend: make help lists what can be made. Meson and ninja do the work; this file gives them names.
PREFIX ?= /usr/local
BUILD ?= build
PYTHON = /usr/bin/python3.11
MESON_FLAGS ?=

all: $(BUILD)/build.ninja ## build build/wend and the links in build/compat
	@ninja -C $(BUILD)
	@tools/links.sh $(BUILD)

$(BUILD)/build.ninja:
	@tools/packages.sh build
	@meson setup $(BUILD) $(MESON_FLAGS) >/dev/null

run: all ## serve a real Django site (admin, static files, SQLite) on http://127.0.0.1:8000
	@tools/run_example.sh

check: ## unit tests, end-to-end tests against real peers, 5 s of each fuzz target (under 10 minutes)
	@tools/packages.sh test
	@$(PYTHON) tools/check.py

check-all: ## check, and the slow rest
	@tools/packages.sh test
	@$(PYTHON) tools/check.py --all

check-asan: ## unit and end-to-end tests with the address and undefined behaviour sanitizers
	@tools/packages.sh test
	@$(PYTHON) tools/check.py --asan

fuzz: ## each fuzz target for SECONDS (60)
	@tools/packages.sh test
	@$(PYTHON) tools/check.py --fuzz $(or $(SECONDS),60)

bench: all ## what a request costs, beside nginx, h2o, lighttpd, uWSGI and granian
	@tools/packages.sh bench
	@$(PYTHON) bench/run.py

lint: $(BUILD)/build.ninja ## clang-tidy over src/, and who includes whom
	@tools/packages.sh lint
	@tools/include_rule.py
	@run-clang-tidy -quiet -p $(BUILD) 'src/.*\.c$$' 2>/dev/null | grep -E 'warning|error' | sort -u || true

format: ## clang-format over src/
	@tools/packages.sh lint
	@find src -name '*.[ch]' | xargs clang-format -i

install: all ## install below DESTDIR and PREFIX, with man pages and a systemd unit
	@tools/install.sh "$(DESTDIR)" "$(PREFIX)" "$(BUILD)"

clean: ## remove every build folder
	rm -rf build build-asan build-fuzz

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | while IFS="$$(printf '\t')" read -r name text; do printf '  make %-12s %s\n' "$$name" "$$text"; done

.PHONY: all run check check-all check-asan fuzz bench lint format install clean help
