#include <nettle/base64.h>

#include "base/base64.h"

size_t
base64_of(char *to, const void *bytes, size_t n)
{
	size_t len = BASE64_LEN(n);

	base64_encode_raw(to, n, bytes);
	to[len] = '\0';
	return len;
}
