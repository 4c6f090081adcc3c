#include <dlfcn.h>
#include <string.h>
#include <sysexits.h>

#include "base/err.h"
#include "base/late.h"

void *
late_open(const char *library, const char *package)
{
	void *handle = dlopen(library, RTLD_LAZY | RTLD_LOCAL);

	if (handle == NULL)
		die(EX_OSERR, "cannot load %s; on Debian: apt-get install %s", dlerror(),
		    package);
	return handle;
}

void
late_find(void *handle, const char *name, void *function)
{
	void *symbol = dlsym(handle, name);

	if (symbol == NULL)
		die(EX_OSERR, "%s; install a newer version", dlerror());
	/* ISO C has no conversion from an object's address to a function's. */
	memcpy(function, &symbol, sizeof symbol);
}
