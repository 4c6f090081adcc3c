/* Any pace file, as it is and with boot and checksum made right: waits are bounded by the
 * longest pause, and a slot can be taken and given back. */
#include <glob.h>

#include "service/pace.h"
#include "service/pace_store.c"

#include "home.h"

#define LONGEST_MS ((int64_t)24 * 3600 * 1000)

static struct pace *
open_pace(void)
{
	static const struct pace_limits limits = {.rate = 10, .burst = 3, .jobs = 4};

	return pace_open("fuzz", "https://example.org", "default", &limits);
}

/* Where the file is; found after its first use. */
static const char *
path_of_file(void)
{
	static char path[400];
	glob_t found;
	struct pace *p;

	if (path[0] == '\0') {
		fuzz_home();
		p = open_pace();
		pace_reserve(p);
		pace_free(p);
		snprintf(path, sizeof path, "%s/avtools/pace/*", fuzz_home());
		if (glob(path, 0, NULL, &found) != 0) {
			snprintf(path, sizeof path, "%s/avtools/pace*", fuzz_home());
			need(glob(path, 0, NULL, &found) == 0);
		}
		need(found.gl_pathc == 1);
		snprintf(path, sizeof path, "%s", found.gl_pathv[0]);
		globfree(&found);
	}
	return path;
}

static void
use(const void *data, size_t size)
{
	struct pace *p;
	int64_t ms;
	int slot;

	fuzz_file(path_of_file(), data, size);
	p = open_pace();
	ms = pace_reserve(p);
	need(ms >= 0 && ms <= LONGEST_MS + 1000);
	pace_paused(p);
	slot = pace_enter(p);
	need(slot < PACE_JOBS);
	if (slot >= 0) {
		pace_crowded(p, slot);
		pace_leave(p, slot);
	}
	pace_pause(p, 5);
	need(pace_reserve(p) >= 0);
	pace_free(p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct contents s = {0};

	use(data, size);
	memcpy(&s, data, size < sizeof s ? size : sizeof s);
	memset(s.boot, 0, sizeof s.boot);
	clock_boot_id(s.boot);
	s.sum = checksum(&s);
	use(&s, sizeof s);
	return 0;
}
