# checks.mk: what looks at the programs and the sources: tests, lint, fuzzers, benchmarks, soak.
# The Makefile of the top folder includes it.

.PHONY: check check-deps engine-deps package-deps package-check units faces format fuzz fuzz-build fuzz-brief bench soak \
	lint lint-format lint-layers lint-cppcheck lint-tidy lint-tidy-brief lint-manuals lint-tests

CHECK_DEPS = clang libclang-rt-14-dev clang-format clang-tidy cppcheck bats libcmocka-dev \
	valgrind parallel strace gdb curl tmux bsdutils python3-jsonschema mandoc zsh fish imagemagick \
	libjpeg-turbo-progs libvips-tools webp ffmpeg libimage-exiftool-perl pngcrush optipng jpeginfo pngcheck libpng-dev \
	bsdextrautils file time procps postgresql python3 python3-yaml xz-utils nodejs openssl chromium
# These start servers where they are installed, so only those who ask for them get them.
ENGINE_DEPS = openssh-server parallel slurmctld slurmd slurm-client munge snakemake iproute2 iptables mmdebstrap \
	podman crun
BENCH_DEPS = imagemagick jpeginfo pngcheck python3 python3-pil curl jq time postgresql

# install_npm DIR,NAMES: npm asks the registry that it is configured for. Without a package the tests
# that need it are skipped.
define install_npm
@cd $(1) || exit; \
[ node_modules/.package-lock.json -nt package-lock.json ] && exit; \
if [ -n "$(AV_NO_INSTALL)" ]; then echo "missing: $(2), from npm" >&2; exit; fi; \
echo "installing: $(2), from npm"; \
npm ci --ignore-scripts --no-audit --no-fund --fetch-retries=1 || \
	echo "npm cannot install $(2): tests are skipped. Is the registry reachable?" >&2
endef

check-deps: deps ## installs what the tests need
	$(call install_missing,$(CHECK_DEPS) $(shell command -v npm >/dev/null || echo npm))
	$(call install_npm,tests/servers/oidc,oidc-provider)
	$(call install_npm,tests/browser,axe-core and playwright-core)

engine-deps: ## installs sshd, Slurm, Snakemake and podman, for the tests of many machines
	$(call install_missing,$(ENGINE_DEPS))
	$(call install_npm,tests/soak/kubernetes,kubernetes-models)

check: check-deps ## runs all tests; names the skipped ones; the last line counts
	@$(MAKE) --no-print-directory -j$(JOBS) WERROR=1 all units faces
	@$(MAKE) --no-print-directory -j$(JOBS) WERROR=1 SAN=1 all units faces
	@CC='$(CC)' JOBS='$(JOBS)' PACKAGE='$(PACKAGE)' bash tests/run.sh $(CHECKS)

# If a package cannot be installed, the tests are skipped and say which.
package-deps: deps
	-$(call install_missing,$(DEB_DEPS) bats debootstrap lintian)

package-check: package-deps ## builds packages and uses them in a clean chroot (as root, 4 minutes)
	@CC='$(CC)' JOBS='$(JOBS)' bash tests/run.sh package

# Unit tests.

UNITS := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/*.c))

units: $(UNITS:%=$(O)/unit/%) $(O)/inject.so $(O)/record.so ## builds the programs that test the library

$(O)/unit/%: $(O)/tests/unit/%.o $(O)/libavtools.a
	@mkdir -p $(@D)
	$(call Q,LINK,$@)$(CC) $(av_ldflags) -o $@ $^ -lcmocka $(av_libs)

# Preload libraries that tests/torture runs the programs with.
$(O)/%.so: tests/torture/%.c
	@mkdir -p $(@D)
	$(call Q,LINK,$@)$(CC) -D_GNU_SOURCE -std=c11 $(WARN) -O2 -g -fno-builtin -fPIC -shared -o $@ $<

# Draws the photos of the demo and of the tests with the sandbox's own code.
FACES := $(O)/faces

$(FACES): $(O)/tests/generators/faces.o $(O)/tools/av-sandbox/picture/canvas.o \
		$(O)/tools/av-sandbox/picture/stb.o $(O)/libavtools.a
	$(call Q,LINK,$@)$(CC) $(av_ldflags) -o $@ $^ $(av_libs)

faces: $(FACES)

# Fuzzers: libFuzzer programs in a build of their own. `check` runs fuzz-brief; `fuzz` runs each
# fuzzer for FUZZ_SECONDS.

FUZZ_SECONDS ?= 600
FUZZERS := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*.c))
fuzz_san = -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all

$(O)/tests/fuzz/%.o: av_cppflags += -Itools/av-sandbox

$(O)/fuzz/%: $(O)/tests/fuzz/%.o $(O)/libavtools.a
	@mkdir -p $(@D)
	$(call Q,LINK,$@)$(CC) $(av_ldflags) -fsanitize=fuzzer -o $@ $^ $(av_libs)

$(O)/fuzz/oracle: av_libs += $(shell $(PKG_CONFIG) --libs libpng)

fuzz-build:
	@$(MAKE) --no-print-directory CC=clang O=build/fuzz san='$(fuzz_san)' \
		$(FUZZERS:%=build/fuzz/fuzz/%)

fuzz-brief: fuzz-build
	sh tests/fuzz/run.sh build/fuzz/fuzz -runs=10000 -max_total_time=5

fuzz: fuzz-build ## runs each fuzzer for FUZZ_SECONDS
	sh tests/fuzz/run.sh build/fuzz/fuzz -max_total_time=$(FUZZ_SECONDS)

# Long runs.

# tests/bench/bench.py has the variables, such as BASE=REV. Without a package, what needs it is skipped.
bench: deps ## measures speed beside other programs, in build/bench
	-$(call install_missing,$(BENCH_DEPS))
	@$(MAKE) --no-print-directory -j$(JOBS) all
	@PATH="$(CURDIR)/$(BIN):$$PATH" COMMIT='$(VERSION)' python3 tests/bench/bench.py build/bench

# The soak tests mostly wait, so more of them run than there are processors. The files in
# tests/soak name the variables for seeds and for the numbers of photos and kills.
SOAK_JOBS ?= $(shell expr 3 '*' $(JOBS))

soak: check-deps engine-deps ## an hour of faults, kills and crashes, counted on the service's side
	@$(MAKE) --no-print-directory -j$(JOBS) FAILPOINTS=1 all units
	@$(MAKE) --no-print-directory -j$(JOBS) SAN=thread all units
	@$(MAKE) --no-print-directory -j$(JOBS) all units faces
	@JOBS='$(SOAK_JOBS)' tests/soak/run.sh $(O)

# Sources: their form and what tools find in them.

C_SOURCES := $(wildcard lib/*/*.[ch] tools/*.c tools/*/*.[ch] tools/*/*/*.[ch] \
	tests/generators/*.c tests/unit/*.[ch] tests/fuzz/*.[ch] tests/torture/*.[ch])
C_FILES   := $(filter %.c,$(C_SOURCES))
H_FILES   := $(filter %.h,$(C_SOURCES))

# Headers are manuals, so they keep to 80 columns.
HEADER_STYLE = --style='{BasedOnStyle: InheritParentConfig, ColumnLimit: 80}'

format: ## formats the C sources
	clang-format -i $(C_FILES)
	clang-format $(HEADER_STYLE) -i $(H_FILES)

lint: lint-format lint-layers lint-cppcheck lint-tidy lint-manuals lint-tests ## all checks of the sources

lint-format:
	clang-format --dry-run -Werror $(C_FILES)
	clang-format $(HEADER_STYLE) --dry-run -Werror $(H_FILES)

lint-layers:
	python3 tests/lint/layers.py

lint-cppcheck:
	@mkdir -p build/cppcheck
	cppcheck --quiet --error-exitcode=1 --enable=warning,portability,performance --inline-suppr \
		--suppress=missingIncludeSystem --suppress=readdirCalled --suppress=ctunullpointer \
		--suppress=nullPointerRedundantCheck --library=tests/lint/cppcheck.cfg --std=c11 \
		-j$(JOBS) --cppcheck-build-dir=build/cppcheck -D_GNU_SOURCE -Ilib -Itools \
		-Itools/av-sandbox $(C_FILES)

# clang-tidy is slow: a file without a finding is checked again only when the file, a header or
# the list of checks changes. `make check` runs lint-tidy-brief: its analyzer gives up earlier on long
# functions, and it takes a fifth of the time.
TIDY_FLAGS = -std=c11 -D_GNU_SOURCE -Ilib -Itools/av-sandbox $(pkg_cflags) $(vips_cflags)
TIDY_BRIEF = -Xclang -analyzer-config -Xclang max-nodes=10000
TIDY_NEEDS = .clang-tidy $(H_FILES) $(wildcard lib/*/*.def)
TIDY_FILES = $(filter-out tests/unit/%,$(C_FILES))

define tidy
@mkdir -p $(@D)
@clang-tidy --quiet $< -- $(TIDY_FLAGS) $(1) 2>/dev/null && touch $@
endef

build/tidy/%.ok: %.c $(TIDY_NEEDS)
	$(call tidy)

build/tidy-brief/%.ok: %.c $(TIDY_NEEDS)
	$(call tidy,$(TIDY_BRIEF))

lint-tidy lint-tidy-brief:
	@$(MAKE) --no-print-directory -k -j$(JOBS) $(TIDY_FILES:%.c=build/$(@:lint-%=%)/%.ok)

lint-manuals:
	mandoc -Tlint -Wwarning $(MANUALS)

# A test goes on after a failed `! command`, and after a failed first part of `a && b`. `run !` also
# passes if grep cannot read its file.
lint-tests:
	@! grep -nE '^\s*! [^-]|^\s*\[.*\]\]? && \[[^|]*$$|run ! grep' $(wildcard tests/*/*.bats tests/*/*.bash) || \
		{ echo 'these cannot fail: use run -1 grep, or a line for each condition' >&2; exit 1; }
