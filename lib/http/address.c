#include <arpa/inet.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "http/address.h"

#define NET(a, b, c, bits)                                                               \
	{                                                                                \
		(uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8, bits     \
	}

static bool
is_public_v4(uint32_t address)
{
	static const struct {
		uint32_t net;
		int bits;
	} special[] = {NET(0, 0, 0, 8), NET(10, 0, 0, 8), NET(100, 64, 0, 10),
	    NET(127, 0, 0, 8), NET(169, 254, 0, 16), NET(172, 16, 0, 12),
	    NET(192, 0, 0, 24), NET(192, 0, 2, 24), NET(192, 88, 99, 24),
	    NET(192, 168, 0, 16), NET(198, 18, 0, 15), NET(198, 51, 100, 24),
	    NET(203, 0, 113, 24), NET(224, 0, 0, 3)};

	for (size_t i = 0; i < sizeof special / sizeof *special; i++)
		if ((address ^ special[i].net) >> (32 - special[i].bits) == 0)
			return false;
	return true;
}

/* The IPv4 address within an IPv6 address, at that byte. */
static bool
holds_public_v4(const struct in6_addr *address, size_t at)
{
	uint32_t v4;

	memcpy(&v4, address->s6_addr + at, sizeof v4);
	return is_public_v4(ntohl(v4));
}

static bool
is_public_v6(const struct in6_addr *address)
{
	static const uint8_t nat64[12] = {0, 0x64, 0xff, 0x9b};
	const uint8_t *b = address->s6_addr;

	if (IN6_IS_ADDR_V4MAPPED(address) || memcmp(b, nat64, sizeof nat64) == 0)
		return holds_public_v4(address, 12);
	if (b[0] == 0x20 && b[1] == 0x02) /* 6to4: the address of the tunnel's end */
		return false;
	if (b[0] == 0x20 && b[1] == 0x01 && (b[2] < 2 || (b[2] == 0x0d && b[3] == 0xb8)))
		return false; /* protocol assignments, Teredo; documentation */
	if (b[0] == 0x3f && b[1] == 0xff && b[2] < 0x10) /* documentation */
		return false;
	return b[0] >> 5 == 1; /* 2000::/3 is what was given to hosts */
}

bool
address_is_public(const char *text)
{
	char bare[INET6_ADDRSTRLEN + 1];
	struct in6_addr v6;
	struct in_addr v4;

	if (inet_pton(AF_INET, text, &v4) == 1)
		return is_public_v4(ntohl(v4.s_addr));
	text += *text == '[';
	snprintf(bare, sizeof bare, "%.*s", (int)strcspn(text, "]%"), text);
	return inet_pton(AF_INET6, bare, &v6) != 1 || is_public_v6(&v6);
}
