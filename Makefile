# avtools. `make demo` shows the programs at work, `make check` runs the tests, `make help` lists
# all targets. Those for tests are in tests/checks.mk, those for packages in tools/package/package.mk.
# CC, CFLAGS, CPPFLAGS, LDFLAGS, PREFIX, DESTDIR and PKG_CONFIG are left to the packager.

CC         ?= cc
CFLAGS     ?= -O2 -g
PREFIX     ?= /usr/local
PKG_CONFIG ?= pkg-config
JOBS       ?= $(shell nproc)

VERSION := $(shell sh tools/package/version.sh)

# WERROR=1 makes warnings errors, for those who change the sources. SAN=1 builds with sanitizers,
# SAN=thread with ThreadSanitizer, FAILPOINTS=1 with places to crash at (lib/base/failpoint.h),
# PORTABLE=1 for make tarball. Each of these has its own folder for objects and programs.
O    := build/$(notdir $(firstword $(CC)))$(if $(SAN),$(if $(filter thread,$(SAN)),-tsan,-san))$(if $(FAILPOINTS),-failpoints)$(if $(PORTABLE),-portable)
BIN  := $(if $(SAN)$(FAILPOINTS)$(PORTABLE),$(O)/bin,bin)

# The Debian packages have the same list.
BUILD_DEPS = gcc make $(shell sed -n '/^Build-Depends:/,/^[^ B]/s/^ \([a-z].*[a-z]\),$$/\1/p' $(P)/debian/control)
PKGS = json-c nettle libcrypto sqlite3 libjpeg libwebp libwebpdemux libdeflate zlib libbrotlidec libmicrohttpd libseccomp
# Loaded late, not linked: libcurl, libpq and libmagic (lib/http/libcurl.c, lib/ledger/libpq.c,
# lib/photo/libmagic.c), and those of LATE. Asked for once, when first needed: `make demo` installs
# pkg-config itself.
LATE = $(wildcard lib/*/late_*.c)
pkg_cflags = $(eval pkg_cflags := $$(shell $(PKG_CONFIG) --cflags $(PKGS) libcurl libpq))$(pkg_cflags)
pkg_libs   = $(eval pkg_libs := $$(shell $(PKG_CONFIG) --libs $(PKGS)))$(pkg_libs)

WARN = -Wall -Wextra -Wpedantic -Wshadow -Wconversion $(if $(WERROR),-Werror)
ifeq ($(SAN),thread)
san = -fsanitize=thread -fno-omit-frame-pointer
else ifneq ($(SAN),)
san = -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
endif
av_cppflags = -D_GNU_SOURCE -Ilib $(if $(FAILPOINTS),-DAV_FAILPOINTS) $(pkg_cflags) $(CPPFLAGS)
av_cflags   = -std=c11 $(WARN) -fstack-protector-strong -D_FORTIFY_SOURCE=2 -MMD -MP $(san) $(CFLAGS)
av_ldflags  = -Wl,--as-needed -Wl,-z,relro,-z,now $(san) $(LDFLAGS)
av_libs     = $(pkg_libs) -lpthread -lm

Q = $(if $(V),,@printf '  %-7s %s\n' $(1) $(2);)

LIB_OBJS  := $(patsubst %.c,$(O)/%.o,$(filter-out $(if $(PORTABLE),$(LATE)),$(wildcard lib/*/*.c))) \
	$(O)/lib/provider/builtin.o
SCRIPTS   := $(patsubst tools/%.sh,%,$(wildcard tools/av-*.sh))
PROGRAMS  := $(patsubst tools/%.c,%,$(wildcard tools/av-*.c)) $(SCRIPTS)
MANUALS   := $(wildcard tools/*.[1-8])
EMBEDDED  := $(wildcard lib/providers/*.json) $(wildcard lib/schema/*.json)

# PORTABLE=1 is for make tarball (tools/package/package.mk).
PROGRAMS := $(filter-out $(if $(PORTABLE),av-fit),$(PROGRAMS))

.DELETE_ON_ERROR:
.SECONDARY:
.SECONDEXPANSION:
.PHONY: all lib deps demo clean help FORCE

all: $(PROGRAMS:%=$(BIN)/%) ## builds the programs, in bin/
lib: $(O)/libavtools.a ## builds the library

$(O)/%.o: %.c
	@mkdir -p $(@D)
	$(call Q,CC,$<)$(CC) $(av_cppflags) $(av_cflags) -c -o $@ $<

# Only this file holds the version, so a new commit recompiles nothing else.
$(O)/version: FORCE
	@mkdir -p $(@D)
	@echo '$(VERSION)' | cmp -s - $@ || echo '$(VERSION)' >$@
FORCE:

$(O)/lib/base/version.o: $(O)/version
$(O)/lib/base/version.o: av_cppflags += -DAV_VERSION='"$(VERSION)"'

$(O)/lib/provider/builtin.o: lib/provider/embed.sh $(EMBEDDED) lib/providers lib/schema
	@mkdir -p $(@D)
	$(call Q,EMBED,$@)sh lib/provider/embed.sh $(EMBEDDED) >$(@:.o=.c)
	@$(CC) $(av_cppflags) $(av_cflags) -c -o $@ $(@:.o=.c)

# Removed first, so that the object of a deleted source is not kept.
$(O)/libavtools.a: $(LIB_OBJS)
	@rm -f $@
	$(call Q,AR,$@)$(AR) rcs $@ $^

# A program is tools/NAME.c and, if it needs more files, the folder tools/NAME.
objs_of = $(patsubst %.c,$(O)/%.o,$(wildcard tools/$(1)/*.c tools/$(1)/*/*.c))

# Includes name the folders of av-sandbox, as they name those of lib/.
$(O)/tools/av-sandbox.o $(O)/tools/av-sandbox/%.o $(O)/tests/generators/faces.o: \
	av_cppflags += -Itools/av-sandbox

# The stb headers shift into the sign bit.
$(O)/tools/av-sandbox/picture/stb.o $(O)/lib/photo/stb.o $(O)/tools/av-fit/bmp.o: av_cflags += -fno-sanitize=undefined

# The assembler includes the film (.incbin).
$(O)/tools/av-sandbox/services/draw.o: tools/av-sandbox/services/clip.mp4

# Only av-fit uses libvips.
vips_cflags = $(eval vips_cflags := $$(shell $(PKG_CONFIG) --cflags vips | sed 's/-I/-isystem /g'))$(vips_cflags)
vips_libs   = $(eval vips_libs := $$(shell $(PKG_CONFIG) --libs vips))$(vips_libs)
$(O)/tools/av-fit/%.o: av_cflags += $(vips_cflags)
$(BIN)/av-fit: av_libs += $(vips_libs)

$(BIN)/av-%: $(O)/tools/av-%.o $$(call objs_of,av-$$*) $(O)/libavtools.a
	@mkdir -p $(@D)
	$(call Q,LINK,$@)$(CC) $(av_ldflags) -o $@ $(filter %.o,$^) $(O)/libavtools.a $(av_libs)

# A script is tools/NAME.sh in one file: a line "@@ FILE" stands for a file's text. The table of error
# codes is read from the one in C.
$(O)/codes.json: lib/base/codes.def
	@mkdir -p $(@D)
	@{ echo '#define CODE(name, upper, retryable, says, tip) , #name: {"text": says, "hint": tip}'; \
		cat $<; } | $(CC) -E -P -x c - | sed '1s/,/{/; $$s/$$/}/' | jq -c . >$@
	@test -s $@

$(SCRIPTS:%=$(BIN)/%): $(BIN)/%: tools/%.sh $(O)/codes.json $(wildcard $(SCRIPTS:%=tools/%/*))
	@mkdir -p $(@D)
	$(call Q,EMBED,$@)awk -v version='$(VERSION)' -v dir='$(O)' 'function put(line) { gsub(/@VERSION@/, version, line); print line } \
		$$1 != "@@" { put($$0); next } \
		{ file = $$2 ~ /\// ? $$2 : dir "/" $$2; while ((got = getline line <file) > 0) put(line); \
			if (got < 0) { print "cannot read " file >"/dev/stderr"; exit 1 } close(file) }' $< >$@
	@chmod +x $@

# install_missing PACKAGES: runs apt-get only if a package is missing.
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

deps: ## installs what the build needs (AV_NO_INSTALL=1 only lists it)
	$(call install_missing,$(BUILD_DEPS))

# The build is a second make, because pkg-config may have been installed just now.
demo: deps ## runs photos, also bad ones, through all programs and four services, all on this machine
	$(call install_missing,curl)
	@$(MAKE) --no-print-directory -j$(JOBS) all faces
	@PATH="$(CURDIR)/$(BIN):$(CURDIR)/$(O):$$PATH" bash tests/demo.sh demo

clean: ## removes everything that was built
	rm -rf build demo bin/av-*

help:
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' Makefile tests/checks.mk $(P)/package.mk | \
		 expand -t 16

include tests/checks.mk tools/package/package.mk
-include $(shell find $(O) -name '*.d' 2>/dev/null)
