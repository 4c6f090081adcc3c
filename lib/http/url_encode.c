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
