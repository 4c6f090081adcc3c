/*
 * libmagic's functions, for the linker. Each of them loads the library when it is first called,
 * and passes the call on. The library needs two more, and most photos are of a type that is
 * known without it. Where it is missing, the functions fail as they do without a database.
 */
#include <dlfcn.h>
#include <magic.h>
#include <pthread.h>
#include <string.h>

#define NAME "libmagic.so.1"

/* Result, name, parameters, arguments, result without the library. */
#define VALUES(F)                                                                        \
	F(const char *, magic_buffer, (magic_t magic, const void *data, size_t len),     \
	    (magic, data, len), NULL)                                                    \
	F(const char *, magic_getpath, (const char *path, int action), (path, action),   \
	    NULL)                                                                        \
	F(int, magic_load_buffers,                                                       \
	    (magic_t magic, void **buffers, size_t *sizes, size_t n),                    \
	    (magic, buffers, sizes, n), -1)                                              \
	F(magic_t, magic_open, (int flags), (flags), NULL)                               \
	F(int, magic_version, (void), (), 0)

#define VOIDS(F) F(void, magic_close, (magic_t magic), (magic), )

static struct {
#define MEMBER(result, name, parameters, arguments, missing) result(*name) parameters;
	VALUES(MEMBER) VOIDS(MEMBER)
} loaded;

static void
load(void)
{
	void *library = dlopen(NAME, RTLD_LAZY | RTLD_LOCAL), *symbol;

	if (library == NULL)
		return;
		/* ISO C has no conversion from an object's address to a function's. */
#define FIND(result, name, parameters, arguments, missing)                               \
	symbol = dlsym(library, #name);                                                  \
	memcpy(&loaded.name, &symbol, sizeof symbol);
	VALUES(FIND) VOIDS(FIND)
}

static void
need(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, load);
}

#define RETURN(result, name, parameters, arguments, missing)                             \
	result name parameters                                                           \
	{                                                                                \
		need();                                                                  \
		return loaded.name != NULL ? loaded.name arguments : missing;            \
	}
VALUES(RETURN)

void
magic_close(magic_t magic)
{
	need();
	if (loaded.magic_close != NULL)
		loaded.magic_close(magic);
}
