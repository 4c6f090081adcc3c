/*
 * address: tells the addresses of public hosts from private and special ones.
 *
 * Special are all that IANA's registries of special-purpose addresses (RFC
 * 6890) do not call globally reachable, multicast, and addresses of tunnels:
 * loopback, link-local (such as 169.254.169.254 of many clouds), private
 * networks, carriers' networks, documentation.
 */
#ifndef AV_HTTP_ADDRESS_H
#define AV_HTTP_ADDRESS_H

#include <stdbool.h>

/* True for the address of a public host, and for text that is no address.
 * Takes "192.0.2.1", "2001:db8::1", "[2001:db8::1]" and "fe80::1%eth0". */
bool address_is_public(const char *text);

#endif
