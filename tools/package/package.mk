# package.mk: what leaves the tree: installed files, archives, Debian packages, an image. The Makefile
# of the top folder includes it. tools/package/README has more for packagers.

.PHONY: install uninstall dist

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
	install -d $(bindir) $(bashdir) $(zshdir) $(fishdir) $(docdir)/examples/photos
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

# The commit's time stands for the time of all files, so each run makes the same archive.
source = avtools-$(patsubst %+dirty,%,$(patsubst %.dirty,%,$(VERSION)))

dist: ## packs the last commit as build/avtools-VERSION.tar.gz
	@mkdir -p build
	git archive --prefix=$(source)/ -o build/$(source).tar.gz HEAD \
		--add-virtual-file=$(source)/.version:$(source:avtools-%=%)
