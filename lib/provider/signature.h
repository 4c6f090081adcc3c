/*
 * signature: proof that an event is from the service.
 *
 * The description's `events.signature` says which header has it, what is signed
 * and how. The secret is the key of an HMAC, or the public key of an Ed25519
 * signature.
 */
#ifndef AV_PROVIDER_SIGNATURE_H
#define AV_PROVIDER_SIGNATURE_H

#include <stddef.h>
#include <stdint.h>

#include "provider/provider.h"

/* The headers that came with an event. */
typedef const char *signature_header(void *arg, const char *name);

/* Checks the signature of a body; that of an HMAC in a time that does not
 * depend on what it should be. now: in seconds since 1970. -1 and
 * bad_answer. */
int signature_verify(const struct provider *p, const char *secret,
    signature_header *header, void *arg, const void *body, size_t len,
    int64_t now, struct err *e);

/* -1 and bad_config if the secret is no key for this signature. */
int signature_check_secret(
    const struct provider *p, const char *secret, struct err *e);

#endif
