# A small face on Meson. `make help` lists what there is.

BUILD = build
PREFIX = /usr/local
DESTDIR =
MESON_FLAGS = $(if $(CI),-Dwerror=true)
PYTHON = /usr/bin/python3.11
SOURCES = $(shell find src tests/fuzz bench -name '*.c' ! -name rawloop.c -o -name '*.h')

.NOTPARALLEL:

all: $(BUILD)/build.ninja ## build/wend, build/wend-python3.11 and build/compat/{nginx,uwsgi,gunicorn}
	@ninja -C $(BUILD)
	@tools/links.sh $(BUILD)

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | while IFS="$$(printf '\t')" read -r name text; do \
	    printf '  make %-12s %s\n' "$$name" "$$text"; done

run: packages-run all $(BUILD)/venv/.ready ## serve the example Django site on http://127.0.0.1:8000
	@tools/run_example.sh $(BUILD)

check: packages-test all $(BUILD)/venv/.ready ## the tests: unit, end to end, 5 s of each fuzz target
	@tools/check.py --build $(BUILD) --again 3

check-all: packages-test packages-cross all $(BUILD)/venv/.ready ## the slow tests too, 60 s of each fuzz target
	@tools/check.py --build $(BUILD) --parts rule,unit,cross,e2e,fuzz --slow --fuzz-seconds 60

check-asan: packages-test $(BUILD)/venv/.ready build-asan/build.ninja ## unit and end-to-end tests under ASan and UBSan
	@ninja -C build-asan
	@tools/links.sh build-asan
	@tools/check.py --build build-asan --parts unit,e2e

# What .ci/run does after `make check`: all but the browser and what compares us with real peers.
check-asan-short: packages-test $(BUILD)/venv/.ready build-asan/build.ninja
	@ninja -C build-asan
	@tools/links.sh build-asan
	@tools/check.py --build build-asan --parts unit,e2e -k "not chromium and not peers and not vs_nginx and not app_commands" --again 3

check-tsan: packages-test build-tsan/build.ninja ## the unit tests under TSan: fibers, offloading, queues, lending, zones
	@ninja -C build-tsan
	@tools/check.py --build build-tsan --parts unit

fuzz: packages-test ## 60 s of each fuzz target
	@tools/check.py --parts fuzz --fuzz-seconds 60

bench: packages-build packages-bench all ## what a request costs, ours and theirs, in one run
	@$(PYTHON) bench/run.py

lint: packages-build packages-lint $(BUILD)/build.ninja ## clang-tidy and the include rule; FILES="a.c b.c" for some only
	@tools/include_rule.py
	@ninja -C $(BUILD) --quiet
	@tools/lint.py --build $(BUILD) $(FILES)

format: packages-lint ## clang-format, in place
	@clang-format -i $(SOURCES)

install: all ## into $(DESTDIR)$(PREFIX): programs, man pages, systemd unit, logrotate file
	@BUILD=$(BUILD) DESTDIR=$(DESTDIR) PREFIX=$(PREFIX) tools/install.sh

clean: ## forget everything that was built
	rm -rf build build-asan build-tsan build-fuzz build-aarch64

packages-build:
	@tools/packages.sh build

packages-run:
	@tools/packages.sh build run

packages-test:
	@tools/packages.sh build test

packages-bench:
	@tools/packages.sh bench

packages-lint:
	@tools/packages.sh lint

packages-cross:
	@tools/packages.sh cross

$(BUILD)/build.ninja:
	@command -v meson >/dev/null || { echo "meson is missing; 'tools/packages.sh build' installs what a build needs" >&2; exit 1; }
	@meson setup $(BUILD) $(MESON_FLAGS) >/dev/null || { meson setup $(BUILD) $(MESON_FLAGS); exit 1; }

# A sanitized wend-python3.11 needs the real libc allocator hooks, so the rest is as in a build.
build-asan/build.ninja:
	@meson setup build-asan -Db_sanitize=address,undefined -Db_lundef=false -Dslow_checks=true \
	    -Dc_args=-fsanitize-undefined-trap-on-error $(MESON_FLAGS) >/dev/null

# It knows no fences (-Wtsan): zone/'s are between processes, and argued there.
build-tsan/build.ninja:
	@meson setup build-tsan -Db_sanitize=thread -Db_lundef=false -Dc_args=-Wno-tsan $(MESON_FLAGS) >/dev/null

# Another Python 3.11 may come first on PATH, and wend contains Debian's.
$(BUILD)/venv/.ready: tests/requirements.txt | $(BUILD)/build.ninja
	@echo "Making $(BUILD)/venv with what tests/requirements.txt lists"
	@$(PYTHON) -m venv $(BUILD)/venv
	@$(BUILD)/venv/bin/pip install --quiet --disable-pip-version-check -r tests/requirements.txt
	@touch $@

.PHONY: all help run check check-all check-asan check-asan-short check-tsan fuzz bench lint format install clean \
	packages-build packages-run packages-test packages-bench packages-lint packages-cross
