/* Any token file: there is no token in it, or one that is written and read back the same.
 */
#include "auth/token_file.h"
#include "home.h"

static bool
same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct token_file file;
	static const char *const parts[] = {"fuzz", "https://example.org", NULL};
	struct stored_token a = {0}, b = {0};
	struct clock_stamp now;
	struct err e;

	if (file.path == NULL) {
		fuzz_home();
		need(token_file_open(&file, parts, 3, &e) == 0);
		need(token_file_lock(&file, &e) == 1);
	}
	fuzz_file(file.path, data, size);
	if (token_file_read(&file, &a, &e) == 1) {
		clock_stamp_now(&now);
		need(stored_token_left(&a, &now) >= 0);
		need(token_file_write(&file, &a, &e) == 0);
		need(token_file_read(&file, &b, &e) == 1);
		need(same(a.access_token, b.access_token) &&
		     same(a.refresh_token, b.refresh_token) && same(a.scope, b.scope) &&
		     a.lifetime == b.lifetime && a.in_doubt == b.in_doubt);
		stored_token_release(&b);
	}
	stored_token_release(&a);
	return 0;
}
