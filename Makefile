# avtools. The two commands: `make demo` and `make check`; `make help` lists the rest.
# CC, CFLAGS, CPPFLAGS, LDFLAGS, PREFIX, DESTDIR and PKG_CONFIG are the packager's.

CC         ?= cc
CFLAGS     ?= -O2 -g
PREFIX     ?= /usr/local
PKG_CONFIG ?= pkg-config
SAN        ?=
FAULTS     ?=
V          ?=

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo 0.1)

# A sanitized build (make SAN=1) and one that can be made to die anywhere (make FAULTS=1, see
# lib/fault.h) keep their objects and their programs apart.
O    := build/$(notdir $(firstword $(CC)))$(if $(SAN),-san)$(if $(FAULTS),-faults)
BIN  := $(if $(SAN)$(FAULTS),$(O)/bin,bin)

BUILD_DEPS = gcc make pkg-config libcurl4-openssl-dev libjson-c-dev libmagic-dev libssl-dev \
	libsqlite3-dev libstb-dev libjpeg62-turbo-dev libwebp-dev libvips-dev zlib1g-dev libmicrohttpd-dev jq
CHECK_DEPS = clang libclang-rt-14-dev clang-format clang-tidy cppcheck bats libcmocka-dev \
	valgrind parallel strace gdb curl python3-jsonschema mandoc zsh fish imagemagick \
	libjpeg-turbo-progs webp ffmpeg libimage-exiftool-perl pngcrush optipng jpeginfo pngcheck

PKGS = libcurl json-c libcrypto sqlite3 libjpeg libwebp libwebpdemux zlib libmicrohttpd
# Asked for once, when first needed: `make demo` installs pkg-config itself.
pkg_cflags = $(eval pkg_cflags := $$(shell $(PKG_CONFIG) --cflags $(PKGS)))$(pkg_cflags)
pkg_libs   = $(eval pkg_libs := $$(shell $(PKG_CONFIG) --libs $(PKGS)))$(pkg_libs)

WARN = -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror
ifneq ($(SAN),)
san = -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
endif
av_cppflags = -D_GNU_SOURCE -DAV_VERSION='"$(VERSION)"' -Ilib $(if $(FAULTS),-DAV_FAULTS) $(pkg_cflags) $(CPPFLAGS)
av_cflags   = -std=c11 $(WARN) -fstack-protector-strong -D_FORTIFY_SOURCE=2 -MMD -MP $(san) $(CFLAGS)
av_ldflags  = -Wl,--as-needed -Wl,-z,relro,-z,now $(san) $(LDFLAGS)
av_libs     = $(pkg_libs) -lmagic -lpthread -lm

Q = $(if $(V),,@printf '  %-7s %s\n' $(1) $(2);)

LIB_OBJS  := $(patsubst %.c,$(O)/%.o,$(wildcard lib/*.c)) $(O)/lib/embedded.o
PROGRAMS  := $(patsubst tools/%.c,%,$(wildcard tools/av-*.c))
UNITS     := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/*.c))
EMBEDDED  := $(wildcard lib/providers/*.json) $(wildcard lib/schema/*.json)

.DELETE_ON_ERROR:
.SECONDARY:
.SECONDEXPANSION:
.PHONY: fuzz fuzz-brief fuzz-build all lib deps check-deps check demo help clean install uninstall units format

all: $(PROGRAMS:%=$(BIN)/%)
units: $(UNITS:%=$(O)/unit/%)
lib: $(O)/libav.a

$(O)/%.o: %.c
	@mkdir -p $(@D)
	$(call Q,CC,$<)$(CC) $(av_cppflags) $(av_cflags) -c -o $@ $<

# make would else build the folder lib/schema from lib/schema.c.
lib/providers lib/schema: ;

$(O)/lib/embedded.c: lib/embed.sh $(EMBEDDED) lib/providers lib/schema
	@mkdir -p $(@D)
	$(call Q,EMBED,$@)sh lib/embed.sh $(EMBEDDED) >$@

$(O)/lib/embedded.o: $(O)/lib/embedded.c
	$(call Q,CC,$<)$(CC) $(av_cppflags) $(av_cflags) -c -o $@ $<

# Made anew, so that a deleted source leaves it.
$(O)/libav.a: $(LIB_OBJS)
	@rm -f $@
	$(call Q,AR,$@)$(AR) rcs $@ $^

# One source per program; the further files of one that needs more stand in a folder of its name.
objs_of = $(patsubst %.c,$(O)/%.o,$(wildcard tools/$(1)/*.c))

# The stb headers shift into the sign bit.
$(O)/tools/av-sandbox/stb.o: av_cflags += -fno-sanitize=undefined

# The film that the sandbox holds is read by its assembler (.incbin).
$(O)/tools/av-sandbox/draw.o: tools/av-sandbox/clip.mp4

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
	sh tests/fuzz/run.sh build/fuzz/fuzz -runs=20000

fuzz: fuzz-build
	sh tests/fuzz/run.sh build/fuzz/fuzz -max_total_time=$(FUZZ_SECONDS)

-include $(shell find $(O) -name '*.d' 2>/dev/null)
