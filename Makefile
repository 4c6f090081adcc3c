# avtools. The two commands: `make demo` and `make check`; `make help` lists the rest.
# CC, CFLAGS, CPPFLAGS, LDFLAGS, PREFIX, DESTDIR and PKG_CONFIG are the packager's.

CC         ?= cc
CFLAGS     ?= -O2 -g
PREFIX     ?= /usr/local
PKG_CONFIG ?= pkg-config
SAN        ?=
FAILPOINTS ?=
V          ?=

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo 0.1)

# A sanitized build (make SAN=1) and one that can be made to die anywhere (make FAILPOINTS=1, see
# lib/base/failpoint.h) keep their objects and their programs apart.
O    := build/$(notdir $(firstword $(CC)))$(if $(SAN),-san)$(if $(FAILPOINTS),-failpoints)
BIN  := $(if $(SAN)$(FAILPOINTS),$(O)/bin,bin)

BUILD_DEPS = gcc make pkg-config libcurl4-openssl-dev libjson-c-dev libmagic-dev libssl-dev \
	libsqlite3-dev libstb-dev libjpeg62-turbo-dev libwebp-dev libvips-dev zlib1g-dev libmicrohttpd-dev jq
CHECK_DEPS = clang libclang-rt-14-dev clang-format clang-tidy cppcheck bats libcmocka-dev \
	valgrind parallel strace gdb curl python3-jsonschema mandoc zsh fish imagemagick \
	libjpeg-turbo-progs webp ffmpeg libimage-exiftool-perl pngcrush optipng jpeginfo pngcheck
CHECK_DEPS += bsdextrautils file time procps python3 xz-utils nodejs openssl

PKGS = libcurl json-c libcrypto sqlite3 libjpeg libwebp libwebpdemux zlib libmicrohttpd
# Asked for once, when first needed: `make demo` installs pkg-config itself.
pkg_cflags = $(eval pkg_cflags := $$(shell $(PKG_CONFIG) --cflags $(PKGS)))$(pkg_cflags)
pkg_libs   = $(eval pkg_libs := $$(shell $(PKG_CONFIG) --libs $(PKGS)))$(pkg_libs)

WARN = -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror
ifneq ($(SAN),)
san = -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
endif
av_cppflags = -D_GNU_SOURCE -Ilib $(if $(FAILPOINTS),-DAV_FAILPOINTS) $(pkg_cflags) $(CPPFLAGS)
av_cflags   = -std=c11 $(WARN) -fstack-protector-strong -D_FORTIFY_SOURCE=2 -MMD -MP $(san) $(CFLAGS)
av_ldflags  = -Wl,--as-needed -Wl,-z,relro,-z,now $(san) $(LDFLAGS)
av_libs     = $(pkg_libs) -lmagic -lpthread -lm

Q = $(if $(V),,@printf '  %-7s %s\n' $(1) $(2);)

LIB_OBJS  := $(patsubst %.c,$(O)/%.o,$(wildcard lib/*/*.c)) $(O)/lib/provider/builtin.o
PROGRAMS  := $(patsubst tools/%.c,%,$(wildcard tools/av-*.c))
UNITS     := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/*.c))
EMBEDDED  := $(wildcard lib/providers/*.json) $(wildcard lib/schema/*.json)

.DELETE_ON_ERROR:
.SECONDARY:
.SECONDEXPANSION:
.PHONY: fuzz fuzz-brief fuzz-build all lib deps check-deps check demo help clean install uninstall units format

all: $(PROGRAMS:%=$(BIN)/%) ## the programs, in bin/
units: $(UNITS:%=$(O)/unit/%) ## the programs that test the library
lib: $(O)/libav.a ## the library alone

$(O)/%.o: %.c
	@mkdir -p $(@D)
	$(call Q,CC,$<)$(CC) $(av_cppflags) $(av_cflags) -c -o $@ $<

# The version stands in one file, so that a commit rebuilds no other.
$(O)/lib/base/version.o: av_cppflags += -DAV_VERSION='"$(VERSION)"'

$(O)/lib/provider/builtin.c: lib/provider/embed.sh $(EMBEDDED) lib/providers lib/schema
	@mkdir -p $(@D)
	$(call Q,EMBED,$@)sh lib/provider/embed.sh $(EMBEDDED) >$@

$(O)/lib/provider/builtin.o: $(O)/lib/provider/builtin.c
	$(call Q,CC,$<)$(CC) $(av_cppflags) $(av_cflags) -c -o $@ $<

# Made anew, so that a deleted source leaves it.
$(O)/libav.a: $(LIB_OBJS)
	@rm -f $@
	$(call Q,AR,$@)$(AR) rcs $@ $^

# One source per program; the further files of one that needs more stand in a folder of its name.
objs_of = $(patsubst %.c,$(O)/%.o,$(wildcard tools/$(1)/*.c tools/$(1)/*/*.c))

# The rooms of av-sandbox name each other by folder, as those of lib/ do.
$(O)/tools/av-sandbox.o $(O)/tools/av-sandbox/%.o $(O)/tests/generators/faces.o: av_cppflags += -Itools/av-sandbox

# The stb headers shift into the sign bit.
$(O)/tools/av-sandbox/picture/stb.o: av_cflags += -fno-sanitize=undefined

# The film that the sandbox holds is read by its assembler (.incbin).
$(O)/tools/av-sandbox/services/draw.o: tools/av-sandbox/services/clip.mp4

# Only av-fit works with libvips.
vips_cflags = $(eval vips_cflags := $$(shell $(PKG_CONFIG) --cflags vips | sed 's/-I/-isystem /g'))$(vips_cflags)
vips_libs   = $(eval vips_libs := $$(shell $(PKG_CONFIG) --libs vips))$(vips_libs)
$(O)/tools/av-fit/%.o: av_cflags += $(vips_cflags)
$(BIN)/av-fit: av_libs += $(vips_libs)

$(BIN)/av-%: $(O)/tools/av-%.o $$(call objs_of,av-$$*) $(O)/libav.a
	@mkdir -p $(@D)
	$(call Q,LINK,$@)$(CC) $(av_ldflags) -o $@ $(filter %.o,$^) $(O)/libav.a $(av_libs)

$(O)/unit/%: $(O)/tests/unit/%.o $(O)/libav.a
	@mkdir -p $(@D)
	$(call Q,LINK,$@)$(CC) $(av_ldflags) -o $@ $^ -lcmocka $(av_libs)

# Fuzzing: libFuzzer programs in a build of their own. fuzz-brief is part of the tests; fuzz runs
# each for FUZZ_SECONDS.
FUZZ_SECONDS ?= 600
FUZZERS := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*.c))
fuzz_san = -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all

$(O)/fuzz/%: $(O)/tests/fuzz/%.o $(O)/libav.a
	@mkdir -p $(@D)
	$(call Q,LINK,$@)$(CC) $(av_ldflags) -fsanitize=fuzzer -o $@ $^ $(av_libs)

fuzz-build:
	@$(MAKE) --no-print-directory CC=clang O=build/fuzz san='$(fuzz_san)' \
		$(FUZZERS:%=build/fuzz/fuzz/%)

fuzz-brief: fuzz-build
	sh tests/fuzz/run.sh build/fuzz/fuzz -runs=20000 -max_total_time=10

fuzz: fuzz-build ## each fuzzer for FUZZ_SECONDS
	sh tests/fuzz/run.sh build/fuzz/fuzz -max_total_time=$(FUZZ_SECONDS)

# Draws the photos of the demo and of the tests, with what the sandbox draws with.
FACES := $(O)/faces

$(FACES): $(O)/tests/generators/faces.o $(O)/tools/av-sandbox/picture/canvas.o $(O)/tools/av-sandbox/picture/stb.o \
		$(O)/libav.a
	$(call Q,LINK,$@)$(CC) $(av_ldflags) -o $@ $^ $(av_libs)

faces: $(FACES)

# install_missing PACKAGES: apt is touched only where one of them is not there.
define install_missing
@missing=$$(for p in $(1); do \
	dpkg-query -W -f '$${db:Status-Abbrev}' $$p 2>/dev/null | grep -q '^ii' || echo $$p; done); \
[ -n "$$missing" ] || exit 0; \
if [ -n "$(AV_NO_INSTALL)" ]; then echo "missing:" $$missing >&2; exit 1; fi; \
echo "installing:" $$missing; \
if [ "$$(id -u)" -eq 0 ]; then root=; else root=sudo; fi; \
$$root apt-get -qq update && \
	$$root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y install --no-install-recommends $$missing
endef

deps: ## installs what the build needs (AV_NO_INSTALL=1 only names it)
	$(call install_missing,$(BUILD_DEPS))

check-deps: deps ## the same for what the tests need
	$(call install_missing,$(CHECK_DEPS))

JOBS ?= $(shell nproc)

# The build is a make of its own, so that what was just installed is there when it is asked for.
demo: deps ## photos to avatars to pictures on the four services' contracts, on this machine alone
	$(call install_missing,curl)
	@$(MAKE) --no-print-directory -j$(JOBS) all faces
	@PATH="$(CURDIR)/$(BIN):$(CURDIR)/$(O):$$PATH" bash tests/demo.sh demo

check: check-deps ## all tests; the last line counts them
	@$(MAKE) --no-print-directory -j$(JOBS) all units faces
	@$(MAKE) --no-print-directory -j$(JOBS) SAN=1 all units faces
	@CC='$(CC)' JOBS='$(JOBS)' bash tests/run.sh $(CHECKS)

BENCH_DEPS = imagemagick libimage-exiftool-perl libvips-tools jpeginfo pngcheck python3-pil curl

bench: deps ## how fast it is, beside what else there is
	$(call install_missing,$(BENCH_DEPS))
	@$(MAKE) --no-print-directory -j$(JOBS) all
	@PATH="$(CURDIR)/$(BIN):$$PATH" bash tests/bench/pipe.sh
	@PATH="$(CURDIR)/$(BIN):$$PATH" bash tests/bench/upload.sh
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh tests/bench/photos.sh

# Seeds, numbers of photos and of kills can be set: see the files. More tests than processors, as
# most of their time they wait.
SOAK_JOBS ?= $(shell expr 3 '*' $(JOBS))

soak: check-deps ## an hour of faults, kills and deaths, counted on the service's side
	@$(MAKE) --no-print-directory -j$(JOBS) FAILPOINTS=1 all units
	@$(MAKE) --no-print-directory -j$(JOBS) all faces
	@JOBS='$(SOAK_JOBS)' tests/soak/run.sh $(O)

.PHONY: soak

C_SOURCES := $(wildcard lib/*/*.[ch] lib/*/*.def tools/*.c tools/*/*.[ch] tools/*/*/*.[ch] tests/generators/*.c tests/unit/*.[ch] tests/fuzz/*.[ch])
C_FILES   := $(filter %.c,$(C_SOURCES))
MANUALS   := $(wildcard tools/*.[1-8])

# Headers are manuals, so they keep to 80 columns.
HEADER_STYLE = --style='{BasedOnStyle: InheritParentConfig, ColumnLimit: 80}'

format: ## formats the C sources
	clang-format -i $(C_FILES)
	clang-format $(HEADER_STYLE) -i $(filter %.h,$(C_SOURCES))

lint: lint-format lint-cppcheck lint-tidy lint-manuals ## everything that reads the sources

lint-format:
	clang-format --dry-run -Werror $(C_FILES)
	clang-format $(HEADER_STYLE) --dry-run -Werror $(filter %.h,$(C_SOURCES))

lint-cppcheck:
	@mkdir -p build/cppcheck
	cppcheck --quiet --error-exitcode=1 --enable=warning,portability,performance --inline-suppr \
		--suppress=missingIncludeSystem --suppress=readdirCalled --suppress=ctunullpointer --suppress=nullPointerRedundantCheck --library=tests/lint/cppcheck.cfg --std=c11 -j$(JOBS) \
		--cppcheck-build-dir=build/cppcheck -D_GNU_SOURCE -Ilib -Itools -Itools/av-sandbox \
		$(C_FILES)

# A file that was found in order is looked at again when it, a header or the list of checks changes.
TIDY_FLAGS = -std=c11 -D_GNU_SOURCE -Ilib -Itools/av-sandbox $(pkg_cflags) $(vips_cflags)

build/tidy/%.ok: %.c .clang-tidy $(filter-out %.c,$(C_SOURCES))
	@mkdir -p $(@D)
	@clang-tidy --quiet $< -- $(TIDY_FLAGS) 2>/dev/null && touch $@

lint-tidy:
	@$(MAKE) --no-print-directory -k -j$(JOBS) \
		$(patsubst %.c,build/tidy/%.ok,$(filter-out tests/unit/%,$(C_FILES)))

lint-manuals:
	mandoc -Tlint -Wwarning $(MANUALS)

# GZIP_MAN=1 compresses the pages. One completion file serves all programs; bash and fish look for
# a file by the program's name.
bindir  = $(DESTDIR)$(PREFIX)/bin
sharedir = $(DESTDIR)$(PREFIX)/share
bashdir = $(sharedir)/bash-completion/completions
zshdir  = $(sharedir)/zsh/site-functions
fishdir = $(sharedir)/fish/vendor_completions.d

install: all ## programs, manuals and completions under DESTDIR and PREFIX
	install -d $(bindir) $(bashdir) $(zshdir) $(fishdir)
	install -m 755 $(PROGRAMS:%=$(BIN)/%) $(bindir)
	for page in $(MANUALS); do dir=$(sharedir)/man/man$${page##*.}; \
		install -d $$dir && install -m 644 $$page $$dir && \
		{ [ -z "$(GZIP_MAN)" ] || gzip -9nf $$dir/$${page##*/}; } || exit 1; done
	[ ! -e completions/_av ] || install -m 644 completions/_av $(zshdir)
	for p in $(PROGRAMS); do \
		[ ! -e completions/av.bash ] || install -m 644 completions/av.bash $(bashdir)/$$p; \
		[ ! -e completions/av.fish ] || install -m 644 completions/av.fish $(fishdir)/$$p.fish; done

uninstall: ## removes what install put there
	rm -f $(PROGRAMS:%=$(bindir)/%) $(PROGRAMS:%=$(bashdir)/%) $(PROGRAMS:%=$(fishdir)/%.fish) \
		$(zshdir)/_av
	for page in $(notdir $(MANUALS)); do \
		rm -f $(sharedir)/man/man$${page##*.}/$$page $(sharedir)/man/man$${page##*.}/$$page.gz; done

dist: ## the sources of the last commit, as build/avtools-VERSION.tar.gz
	@mkdir -p build
	git archive --prefix=avtools-$(VERSION)/ -o build/avtools-$(VERSION).tar.gz HEAD

clean: ## removes all that was made
	rm -rf build demo bin/av-*

help:
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' Makefile | expand -t 12

.PHONY: faces bench dist lint lint-format lint-cppcheck lint-tidy lint-manuals

-include $(shell find $(O) -name '*.d' 2>/dev/null)
