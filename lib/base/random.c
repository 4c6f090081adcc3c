#include <sys/random.h>
#include <sys/types.h>
#include <sysexits.h>

#include "base/err.h"
#include "base/random.h"

void
random_fill(void *bytes, size_t len)
{
	if (getrandom(bytes, len, 0) != (ssize_t)len)
		die(EX_OSERR, "the system gives no random numbers:");
}
