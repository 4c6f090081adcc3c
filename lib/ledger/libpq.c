#include <dlfcn.h>
#include <string.h>

#include "ledger/libpq.h"

#define NAME "libpq.so.5"

const struct libpq *
libpq_load(struct err *e)
{
	static struct libpq loaded;
	static bool done;
	void *library, *symbol;

	if (done)
		return &loaded;
	library = dlopen(NAME, RTLD_NOW | RTLD_LOCAL);
	if (library == NULL) {
		err_set(e, CODE_STATE_UNUSABLE,
		    "a ledger in PostgreSQL needs its client library, " NAME
		    "; on Debian: apt-get install libpq5");
		return NULL;
	}
	/* ISO C has no conversion from an object's address to a function's. */
#define LOAD(name, result, parameters)                                                   \
	symbol = dlsym(library, #name);                                                  \
	if (symbol == NULL) {                                                            \
		err_set(e, CODE_STATE_UNUSABLE, NAME " is too old: it has no " #name);   \
		return NULL;                                                             \
	}                                                                                \
	memcpy(&loaded.name, &symbol, sizeof symbol);
	LIBPQ_FUNCTIONS(LOAD)
#undef LOAD
	done = true;
	return &loaded;
}
