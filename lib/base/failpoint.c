#include "base/failpoint.h"

#ifdef AV_FAILPOINTS
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

void
failpoint(const char *point)
{
	static atomic_long passed;
	const char *wanted = getenv("AV_FAILPOINT");
	size_t len = strlen(point);

	if (wanted == NULL || strncmp(wanted, point, len) != 0 || wanted[len] != ':')
		return;
	if (atomic_fetch_add(&passed, 1) + 1 == strtol(wanted + len + 1, NULL, 10))
		raise(SIGKILL);
}
#else
typedef int failpoint_unused; /* ISO C forbids an empty source file */
#endif
