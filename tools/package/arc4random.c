/* Random numbers for C libraries before glibc 2.36; only in programs that are built to be portable. */
#include <stdint.h>
#include <stdlib.h>
#include <sys/random.h>

void
arc4random_buf(void *buf, size_t len)
{
	unsigned char *at = buf;

	while (len > 0) {
		/* Up to 256 bytes come whole. */
		size_t want = len < 256 ? len : 256;
		if (getrandom(at, want, 0) != (ssize_t)want)
			continue;
		at += want;
		len -= want;
	}
}

uint32_t
arc4random(void)
{
	uint32_t number;

	arc4random_buf(&number, sizeof number);
	return number;
}
