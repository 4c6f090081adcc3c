/* Real, odd and damaged pictures of tests/generators/odd-photos.sh have exactly the
 * findings that it lists; and the names under which photos are sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "photo_case.h"

#define ROWS_MIN 60

static void
describe(const struct photo *photo, char *out, size_t size)
{
	size_t len = 0;

	snprintf(out, size, "-");
	for (unsigned i = 0; i < photo->findings.n && len < size; i++) {
		const struct finding *f = &photo->findings.list[i];
		len +=
		    (size_t)snprintf(out + len, size - len, "%s%s:%s", i > 0 ? " " : "",
		        code_info(f->code)->name, severity_name(f->severity));
	}
}

static bool
check(struct photo_case *c, const char *dir, const char *name, const char *want)
{
	static const struct photo_options deep = {.depth = PHOTO_DECODE,
	    .max_pixels = PHOTO_MAX_PIXELS,
	    .at_once = PHOTO_AT_ONCE};
	char path[512], got[512];
	struct photo photo;
	struct err e;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	if (photo_case_check(c, path, &deep, &photo, &e) != 0)
		snprintf(got, sizeof got, "%s", code_info(e.code)->name);
	else
		describe(&photo, got, sizeof got);
	if (strcmp(got, want) == 0)
		return true;
	print_error("%s: '%s' instead of '%s'%s%s\n", name, got, want,
	    photo.findings.n > 0 ? ": " : "",
	    photo.findings.n > 0 ? photo.findings.list[0].message : "");
	return false;
}

static void
test_odd(void **state)
{
	char dir[] = "/tmp/avtools-odd-XXXXXX", command[256], line[512];
	struct photo_pool_options options = {.workers = 1};
	struct photo_case c;
	unsigned rows = 0, wrong = 0;
	FILE *list;

	(void)state;
	photo_case_init(&c, &options);
	assert_non_null(mkdtemp(dir));
	snprintf(command, sizeof command, "sh tests/generators/odd-photos.sh %s 2>%s/log",
	    dir, dir);
	list = popen(command, "r");
	assert_non_null(list);
	while (fgets(line, sizeof line, list) != NULL) {
		char *tab = strchr(line, '\t');
		assert_non_null(tab);
		*tab = '\0';
		line[strcspn(line, "\n")] = '\0';
		tab[1 + strcspn(tab + 1, "\n")] = '\0';
		wrong += !check(&c, dir, line, tab + 1);
		rows++;
	}
	if (pclose(list) != 0)
		fail_msg("odd-photos.sh failed; see %s/log", dir);
	photo_case_release(&c);
	print_message("%u pictures, %u wrong\n", rows, wrong);
	assert_true(rows >= ROWS_MIN);
	assert_int_equal(wrong, 0);
	snprintf(command, sizeof command, "rm -r %s", dir);
	assert_int_equal(system(command), 0);
}

static void
test_names(void **state)
{
	static const char *const names[][3] = {
	    {"photo.png", "image/jpeg", "photo.jpg"},
	    {"a.b/photo.JPG", "image/jpeg", "photo.JPG"},
	    {"/x/photo.jfif", "image/jpeg", "photo.jfif"},
	    {"IMG_1.HEIC", "image/jpeg", "IMG_1.jpg"},
	    {"photo.jpeg", "image/png", "photo.png"},
	    {"photo.webp.jpg", "image/webp", "photo.webp.webp"},
	    {"photo", "image/png", "photo.png"},
	    {"photo.v2", "image/jpeg", "photo.v2.jpg"},
	    {"photo.jpg_large", "image/jpeg", "photo.jpg_large.jpg"},
	    {"a.png/photo", "image/jpeg", "photo.jpg"},
	    {".png", "image/jpeg", ".jpg"},
	    {"photo.", "image/jpeg", "photo..jpg"},
	    {"photo.xyz", "image/x-unknown", "photo.xyz"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char *name = photo_name(names[i][0], names[i][1]);

		assert_string_equal(name, names[i][2]);
		free(name);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_odd), cmocka_unit_test(test_names)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
