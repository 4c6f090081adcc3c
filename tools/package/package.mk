# package.mk: what leaves the tree: installed files, archives, Debian packages, an image. The Makefile
# of the top folder includes it. tools/package/README.md has more for packagers.

.PHONY: install uninstall html dist deb tarball image

P := tools/package

# GZIP_MAN=1 compresses the pages. The completions of all programs are one file for each shell;
# bash and fish look for it under the name of the program.
bindir   = $(DESTDIR)$(PREFIX)/bin
sharedir = $(DESTDIR)$(PREFIX)/share
docdir   = $(sharedir)/doc/avtools
bashdir  = $(sharedir)/bash-completion/completions
zshdir   = $(sharedir)/zsh/site-functions
fishdir  = $(sharedir)/fish/vendor_completions.d

# Photos to try the sandbox with. Argil refuses the shape of the last one.
SAMPLES = ann.jpg=1280x720 ben.jpg=1920x1080 cleo.jpg=720x1280 dan.jpg=1440x900

install: all faces ## installs programs, manuals, completions and examples under DESTDIR and PREFIX
	install -d $(bindir) $(bashdir) $(zshdir) $(fishdir) $(docdir)/examples/photos \
		$(docdir)/examples/engines
	install -m 755 $(PROGRAMS:%=$(BIN)/%) $(bindir)
	for page in $(MANUALS); do dir=$(sharedir)/man/man$${page##*.}; \
		install -d $$dir && install -m 644 $$page $$dir && \
		{ [ -z "$(GZIP_MAN)" ] || gzip -9nf $$dir/$${page##*/}; } || exit 1; done
	install -m 644 completions/_av $(zshdir)
	for p in $(PROGRAMS); do \
		install -m 644 completions/av.bash $(bashdir)/$$p && \
		install -m 644 completions/av.fish $(fishdir)/$$p.fish || exit 1; done
	install -m 644 README.md $(P)/NEWS $(docdir)
	install -m 644 $(wildcard $(P)/systemd/*) $(P)/crontab $(docdir)/examples
	install -m 644 $(wildcard $(P)/engines/*) $(docdir)/examples/engines
	$(FACES) $(SAMPLES:%=$(docdir)/examples/photos/%)

# Folders that only this package fills go too, if nothing else is in them.
uninstall: ## removes what install installed
	rm -f $(PROGRAMS:%=$(bindir)/%) $(PROGRAMS:%=$(bashdir)/%) $(PROGRAMS:%=$(fishdir)/%.fish) \
		$(zshdir)/_av
	for page in $(notdir $(MANUALS)); do \
		rm -f $(sharedir)/man/man$${page##*.}/$$page $(sharedir)/man/man$${page##*.}/$$page.gz; done
	rm -rf $(docdir)
	for dir in $(sharedir)/man/man[1-8] \
		$(foreach d,$(bashdir) $(fishdir) $(zshdir),$(d) $(dir $(d))); do \
		rmdir $$dir 2>/dev/null || true; done

html: ## renders the manual in build/html, beginning with index.html
	$(call install_missing,mandoc)
	mkdir -p build/html
	for page in $(MANUALS); do \
		mandoc -T html -O style=manual.css,man=%N.%S.html,toc $$page \
			>build/html/$${page##*/}.html || exit 1; done
	cp $(P)/manual.css build/html
	cp build/html/av.7.html build/html/index.html

# The commit's time stands for the time of all files, so each run makes the same archive.
source = avtools-$(patsubst %+dirty,%,$(patsubst %.dirty,%,$(VERSION)))

dist: ## packs the last commit as build/avtools-VERSION.tar.gz
	@mkdir -p build
	git archive --prefix=$(source)/ -o build/$(source).tar.gz HEAD \
		--add-virtual-file=$(source)/.version:$(source:avtools-%=%)

# lay_out DIR: copies the tree as it is, without what was built, and with the version.
define lay_out
rm -rf $(1)
mkdir -p $(1)
tar -c --exclude=./.git --exclude=./build --exclude=./demo --exclude='./bin/av-*' \
	--exclude=node_modules . | tar -x -C $(1)
echo '$(VERSION)' >$(1)/.version
endef

# The packages are built in build/deb and left in build/.
DEB_DEPS   = build-essential debhelper
maintainer = $(shell sed -n 's/^Maintainer: //p' $(P)/debian/control)

deb: ## builds Debian packages in build/
	$(call install_missing,$(DEB_DEPS) $(BUILD_DEPS))
	rm -rf build/avtools_* build/avtools-fit_*
	$(call lay_out,build/deb)
	cp -r $(P)/debian build/deb
	awk -v VERSION='$(VERSION)' -v MAINTAINER='$(maintainer)' -f $(P)/changelog.awk $(P)/NEWS \
		>build/deb/debian/changelog
	cd build/deb && env -u MAKEFLAGS -u MAKELEVEL \
		DEB_BUILD_OPTIONS="noautodbgsym parallel=$(JOBS) $$DEB_BUILD_OPTIONS" \
		dpkg-buildpackage -b -us -uc

# PORTABLE=1 links all libraries statically but the C library and GnuTLS: Debian has no static p11-kit,
# which GnuTLS needs. lib/*/late_*.c are left out, and so is av-fit, whose libvips needs a hundred
# libraries. Symbols of static libraries stay inside the program, because libcurl, which it loads, brings
# a libcrypto of its own.
ifdef PORTABLE
compiled = $(patsubst tools/%.c,$(BIN)/%,$(wildcard tools/av-*.c))
$(compiled): av_ldflags += -Wl,--exclude-libs,ALL -Wl,--gc-sections -s
$(compiled): av_libs = -Wl,-Bstatic -ljson-c -lsqlite3 -ljpeg -lwebpdemux \
	-lwebp -lbrotlidec -lbrotlicommon -lseccomp -lmicrohttpd -lnettle -lcrypto -ldeflate -lz \
	-Wl,-Bdynamic -lgnutls -lpthread -lm
$(compiled): $(O)/tools/package/arc4random.o
endif

portable = avtools-$(VERSION)-linux-$(shell uname -m)
released = $(shell sed -n '1s/.*(\(.*\))/\1/p' $(P)/NEWS)

tarball: ## packs programs for other distributions in build/
	rm -rf build/avtools-*-linux-*
	@$(MAKE) --no-print-directory PORTABLE=1 PREFIX= DESTDIR=build/$(portable) install
	cp LICENSE build/$(portable)
	sed 's/VERSION/$(VERSION)/' $(P)/README.portable >build/$(portable)/README
	tar -c --sort=name --owner=0 --group=0 --numeric-owner --mtime='$(released) UTC' \
		-C build $(portable) | gzip -9n >build/$(portable).tar.gz

# A Debian like this one, with the packages in build/ and libpq. Its user is 1000. IMAGE_PACKAGES=avtools
# leaves out av-fit with libvips, which are half of it; IMAGE_FLAGS go to mmdebstrap. A tag has no +.
IMAGE_PACKAGES ?= avtools avtools-fit
debian_sources  = apt-get indextargets --format 'deb $$(REPO_URI) $$(CODENAME) main' \
	'Created-By: Packages' 'Origin: Debian' 'Component: main'

image: export SOURCE_DATE_EPOCH = $(shell date -ud '$(released)' +%s)
image: deb ## packs the Debian packages as a container image in build/
	$(call install_missing,mmdebstrap)
	$(debian_sources) | mmdebstrap --variant=minbase --include=ca-certificates,libpq5 \
		--dpkgopt='path-exclude=/usr/share/locale/*' \
		--customize-hook='cp $(IMAGE_PACKAGES:%=build/%_*.deb) "$$1/tmp"' \
		--customize-hook='chroot "$$1" sh -c "apt-get install -y --no-install-recommends /tmp/*.deb"' \
		--customize-hook='rm "$$1"/tmp/*.deb' \
		--customize-hook='chroot "$$1" useradd --uid 1000 --create-home avtools' \
		--customize-hook='install -d -o 1000 -g 1000 "$$1/state" "$$1/work"' \
		$(IMAGE_FLAGS) >build/image.tar
	$(P)/image.sh build/image.tar avtools:$(subst +,-,$(VERSION)) >build/avtools-image.tar
	rm build/image.tar
