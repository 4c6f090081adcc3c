/* Apart from url.c, so that a program without requests does not link libcurl. */
#include <ctype.h>
#include <string.h>

#include "http/url.h"

void
url_encode(struct buf *out, const char *s)
{
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;
		if (isalnum(c) || strchr("-._~", c) != NULL)
			buf_chr(out, (char)c);
		else
			buf_printf(out, "%%%02X", c);
	}
}

bool
url_is_whole(const char *url)
{
	size_t scheme = strspn(url, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	                            "0123456789+.-");
	const char *host = url + scheme + 3, *c = url;

	if (scheme == 0 || strncmp(url + scheme, "://", 3) != 0 || *host == '\0' ||
	    strchr("/\\?#:@", *host) != NULL)
		return false;
	while ((unsigned char)*c > ' ' && *c != 0x7f)
		c++;
	return *c == '\0';
}
