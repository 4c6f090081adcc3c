/*
 * late: defines functions of a shared library, for the linker. The first call
 * of one of them loads the library, and each passes its call on. So a library
 * that few runs need costs the others nothing. A file late_NAME.c lists what
 * the project calls of a library, and has nothing else in it:
 *
 *   #define VALUES(F) F(int, z_add, (int a, int b), (a, b))
 *   #define VOIDS(F) F(void, z_free, (void *p), (p))
 *   LATE(VALUES, VOIDS, "libz.so.1", "zlib1g")
 *
 * A process that will not be able to open files calls one of the functions
 * before. Without the library the process ends. With PORTABLE=1 the files are
 * left out, and the libraries are linked.
 */
#ifndef AV_BASE_LATE_H
#define AV_BASE_LATE_H

#include <pthread.h>

/* For LATE. Loads the library of a Debian package; ends the process if it is
 * missing. */
void *late_open(const char *library, const char *package);

/* For LATE. Sets *function, a pointer to a function. */
void late_find(void *handle, const char *name, void *function);

#define LATE_MEMBER(result, name, parameters, arguments)                       \
	result(*name) parameters;
#define LATE_FIND(result, name, parameters, arguments)                         \
	late_find(handle, #name, &late.name);
#define LATE_RETURN(result, name, parameters, arguments)                       \
	result name parameters                                                 \
	{                                                                      \
		pthread_once(&late_once, late_load);                           \
		return late.name arguments;                                    \
	}
#define LATE_CALL(result, name, parameters, arguments)                         \
	result name parameters                                                 \
	{                                                                      \
		pthread_once(&late_once, late_load);                           \
		late.name arguments;                                           \
	}

#define LATE(VALUES, VOIDS, library, package)                                  \
	static struct {                                                        \
		VALUES(LATE_MEMBER) VOIDS(LATE_MEMBER)                         \
	} late;                                                                \
	static pthread_once_t late_once = PTHREAD_ONCE_INIT;                   \
                                                                               \
	static void late_load(void)                                            \
	{                                                                      \
		void *handle = late_open(library, package);                    \
                                                                               \
		VALUES(LATE_FIND) VOIDS(LATE_FIND)                             \
	}                                                                      \
	VALUES(LATE_RETURN) VOIDS(LATE_CALL)

#endif
