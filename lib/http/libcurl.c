/*
 * libcurl's functions, for the linker. Each of them loads the library when it is first called,
 * and passes the call on. With the libraries that it needs it takes longer to load than all
 * else that a program does before it sends a request, and many runs send none.
 */
#include <curl/curl.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdarg.h>
#include <string.h>
#include <sysexits.h>

#include "base/err.h"

#define NAME "libcurl.so.4"

#undef curl_easy_getinfo
#undef curl_easy_setopt
#undef curl_multi_setopt

/* Result, name, parameters, arguments. VALUES return something. */
#define VALUES(F)                                                                        \
	F(CURLHcode, curl_easy_header,                                                   \
	    (CURL * easy, const char *name, size_t at, unsigned origin, int request,     \
	        struct curl_header **header),                                            \
	    (easy, name, at, origin, request, header))                                   \
	F(CURL *, curl_easy_init, (void), ())                                            \
	F(CURLcode, curl_easy_perform, (CURL * easy), (easy))                            \
	F(const char *, curl_easy_strerror, (CURLcode code), (code))                     \
	F(char *, curl_easy_unescape,                                                    \
	    (CURL * easy, const char *text, int len, int *out), (easy, text, len, out))  \
	F(time_t, curl_getdate, (const char *text, const time_t *unused),                \
	    (text, unused))                                                              \
	F(CURLcode, curl_global_init, (long flags), (flags))                             \
	F(CURLMcode, curl_multi_add_handle, (CURLM * multi, CURL * easy), (multi, easy)) \
	F(CURLMcode, curl_multi_assign, (CURLM * multi, curl_socket_t fd, void *p),      \
	    (multi, fd, p))                                                              \
	F(CURLMcode, curl_multi_cleanup, (CURLM * multi), (multi))                       \
	F(CURLMsg *, curl_multi_info_read, (CURLM * multi, int *left), (multi, left))    \
	F(CURLM *, curl_multi_init, (void), ())                                          \
	F(CURLMcode, curl_multi_remove_handle, (CURLM * multi, CURL * easy),             \
	    (multi, easy))                                                               \
	F(CURLMcode, curl_multi_socket_action,                                           \
	    (CURLM * multi, curl_socket_t fd, int events, int *running),                 \
	    (multi, fd, events, running))                                                \
	F(const char *, curl_multi_strerror, (CURLMcode code), (code))                   \
	F(struct curl_slist *, curl_slist_append,                                        \
	    (struct curl_slist * list, const char *text), (list, text))                  \
	F(CURLU *, curl_url, (void), ())                                                 \
	F(CURLUcode, curl_url_get,                                                       \
	    (CURLU * url, CURLUPart part, char **text, unsigned flags),                  \
	    (url, part, text, flags))                                                    \
	F(CURLUcode, curl_url_set,                                                       \
	    (CURLU * url, CURLUPart part, const char *text, unsigned flags),             \
	    (url, part, text, flags))                                                    \
	F(curl_version_info_data *, curl_version_info, (CURLversion age), (age))

#define VOIDS(F)                                                                         \
	F(void, curl_easy_cleanup, (CURL * easy), (easy))                                \
	F(void, curl_easy_reset, (CURL * easy), (easy))                                  \
	F(void, curl_free, (void *p), (p))                                               \
	F(void, curl_slist_free_all, (struct curl_slist * list), (list))                 \
	F(void, curl_url_cleanup, (CURLU * url), (url))

#define VARIADICS(F)                                                                     \
	F(CURLcode, curl_easy_getinfo, (CURL * easy, CURLINFO info, ...), )              \
	F(CURLcode, curl_easy_setopt, (CURL * easy, CURLoption option, ...), )           \
	F(CURLMcode, curl_multi_setopt, (CURLM * multi, CURLMoption option, ...), )

static struct {
#define MEMBER(result, name, parameters, arguments) result(*name) parameters;
	VALUES(MEMBER) VOIDS(MEMBER) VARIADICS(MEMBER)
} loaded;

static void
load(void)
{
	void *library = dlopen(NAME, RTLD_LAZY | RTLD_LOCAL), *symbol;

	if (library == NULL)
		die(EX_OSERR, "cannot load %s; on Debian: apt-get install libcurl4",
		    dlerror());
		/* ISO C has no conversion from an object's address to a function's. */
#define FIND(result, name, parameters, arguments)                                        \
	symbol = dlsym(library, #name);                                                  \
	if (symbol == NULL)                                                              \
		die(EX_OSERR, NAME " is too old: it has no " #name);                     \
	memcpy(&loaded.name, &symbol, sizeof symbol);
	VALUES(FIND) VOIDS(FIND) VARIADICS(FIND)
}

static void
need(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, load);
}

#define RETURN(result, name, parameters, arguments)                                      \
	result name parameters                                                           \
	{                                                                                \
		need();                                                                  \
		return loaded.name arguments;                                            \
	}
VALUES(RETURN)

#define CALL(result, name, parameters, arguments)                                        \
	result name parameters                                                           \
	{                                                                                \
		need();                                                                  \
		loaded.name arguments;                                                   \
	}
VOIDS(CALL)

/* An option's number tells the type of its value: each type has 10000 numbers. */
#define SET(name, handle, option)                                                        \
	va_list ap;                                                                      \
	int type = (int)option / 10000 * 10000;                                          \
                                                                                         \
	need();                                                                          \
	va_start(ap, option);                                                            \
	rc = type == CURLOPTTYPE_LONG ? loaded.name(handle, option, va_arg(ap, long))    \
	     : type == CURLOPTTYPE_OFF_T                                                 \
	         ? loaded.name(handle, option, va_arg(ap, curl_off_t))                   \
	     : type == CURLOPTTYPE_FUNCTIONPOINT                                         \
	         ? loaded.name(handle, option, va_arg(ap, void (*)(void)))               \
	         : loaded.name(handle, option, va_arg(ap, void *));                      \
	va_end(ap);

CURLcode
curl_easy_setopt(CURL *easy, CURLoption option, ...)
{
	CURLcode rc;

	SET(curl_easy_setopt, easy, option)
	return rc;
}

CURLMcode
curl_multi_setopt(CURLM *multi, CURLMoption option, ...)
{
	CURLMcode rc;

	SET(curl_multi_setopt, multi, option)
	return rc;
}

CURLcode
curl_easy_getinfo(CURL *easy, CURLINFO info, ...)
{
	CURLcode rc;
	va_list ap;

	need();
	va_start(ap, info);
	rc = loaded.curl_easy_getinfo(easy, info, va_arg(ap, void *));
	va_end(ap);
	return rc;
}
