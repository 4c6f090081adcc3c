/*
 * libcurl's functions, as base/late.h defines them, but for those with a variable argument. With
 * the libraries that it needs it takes longer to load than all else that a program does before it
 * sends a request, and many runs send none.
 */
#include <curl/curl.h>
#include <stdarg.h>

#include "base/late.h"

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
	VALUES(LATE_MEMBER) VOIDS(LATE_MEMBER) VARIADICS(LATE_MEMBER)
} late;
static pthread_once_t late_once = PTHREAD_ONCE_INIT;

static void
late_load(void)
{
	void *handle = late_open("libcurl.so.4", "libcurl4");

	VALUES(LATE_FIND) VOIDS(LATE_FIND) VARIADICS(LATE_FIND)
}

VALUES(LATE_RETURN)
VOIDS(LATE_CALL)

/* An option's number tells the type of its value: each type has 10000 numbers. */
#define SET(name, handle, option)                                                        \
	va_list ap;                                                                      \
	int type = (int)option / 10000 * 10000;                                          \
                                                                                         \
	pthread_once(&late_once, late_load);                                             \
	va_start(ap, option);                                                            \
	rc = type == CURLOPTTYPE_LONG ? late.name(handle, option, va_arg(ap, long))      \
	     : type == CURLOPTTYPE_OFF_T                                                 \
	         ? late.name(handle, option, va_arg(ap, curl_off_t))                     \
	     : type == CURLOPTTYPE_FUNCTIONPOINT                                         \
	         ? late.name(handle, option, va_arg(ap, void (*)(void)))                 \
	         : late.name(handle, option, va_arg(ap, void *));                        \
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

	pthread_once(&late_once, late_load);
	va_start(ap, info);
	rc = late.curl_easy_getinfo(easy, info, va_arg(ap, void *));
	va_end(ap);
	return rc;
}
