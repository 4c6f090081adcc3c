/* Any URL or path from a record, and any template: a URL's subject is the URL or has less
 * in its query; a path stays in the template's folder. The text before the first NUL is
 * the template. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/outname.h"
#include "http/url.h"

static void
need(bool holds)
{
	if (!holds)
		abort();
}

static void
check_subject(const char *url)
{
	char *subject = url_subject(url, false), *exact = url_subject(url, true);
	size_t len = strlen(subject), before = strcspn(url, "?#");

	need(len <= strlen(url) && strncmp(subject, url, before) == 0);
	need((len == strlen(url)) == (strcmp(subject, url) == 0));
	need(strncmp(exact, subject, len) == 0);
	need((strcmp(exact, subject) == 0) == (strcmp(subject, url) == 0));
	free(subject);
	free(exact);
}

/* "out/" and then no part that leads elsewhere. */
static void
check_inside(const char *path)
{
	need(strncmp(path, "out/", 4) == 0);
	for (const char *part = path; part != NULL; part = strchr(part, '/')) {
		part += *part == '/';
		need(*part != '\0' && *part != '/' && *part != '.');
	}
}

static void
check_path(const char *template, const struct outname *name)
{
	struct hashset taken = {0};
	struct buf path = {0};
	struct err e;
	const char *bad;
	char *own = outname_template(template, OUTNAME_USUAL, &bad);

	outname_path("out/{dir}/{stem}-{source_ext}", name, &path);
	check_inside(path.data);
	for (int n = 0; own != NULL && n < 2; n++) {
		buf_clear(&path);
		need(outname_take(&taken, own, name, &path, &e) == -n);
	}
	buf_release(&path);
	hashset_release(&taken);
	free(own);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *template = mem_strn((const char *)data, size), *text;
	size_t len = strlen(template);

	text = len < size ? mem_strn((const char *)data + len + 1, size - len - 1)
	                  : mem_str(template);
	check_subject(text);
	check_path(template, &(struct outname){.file = text, .name = text, .id = "1"});
	check_path(template, &(struct outname){.url = text, .kind = text, .id = "1"});
	free(template);
	free(text);
	return 0;
}
