#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/sha256.h"
#include "provider/signature.h"
#include "json/json.h"

#define MAX_AGE_S 300

#define ED25519_KEY   32
#define ED25519_PROOF 64
#define PROOF_MAX     ED25519_PROOF

/* What stands before a public key in DER, as in a PEM file. */
static const unsigned char der_head[] = {
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};

/* An event, while its signature is checked. */
struct event_bytes {
	signature_header *header;
	void *arg;
	const char *time; /* or NULL */
	const void *body;
	size_t len;
};

static struct json_object *
rule(const struct provider *p)
{
	return json_at(p->def, "/events/signature");
}

static bool
is_ed25519(const struct provider *p)
{
	return strcmp(json_str(rule(p), "/algorithm"), "ed25519") == 0;
}

/* Reads hexadecimal digits: the number of bytes, or 0 if they are none or too many. */
static size_t
from_hex(const char *text, unsigned char *to, size_t max)
{
	size_t n = strlen(text) / 2;

	if (strlen(text) % 2 != 0 || n > max ||
	    text[strspn(text, "0123456789abcdefABCDEF")] != '\0')
		return 0;
	for (size_t i = 0; i < n; i++) {
		char digits[3] = {text[2 * i], text[2 * i + 1], '\0'};

		to[i] = (unsigned char)strtoul(digits, NULL, 16);
	}
	return n;
}

/* The same of base64. */
static size_t
from_base64(const char *text, unsigned char *to, size_t max)
{
	unsigned char bytes[96];
	size_t len = strlen(text), end = len;
	int n;

	while (end > 0 && len - end < 2 && text[end - 1] == '=')
		end--;
	if (len % 4 != 0 || len / 4 * 3 > sizeof bytes)
		return 0;
	n = EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)len);
	if (n < 0 || (size_t)n - (len - end) > max)
		return 0;
	memcpy(to, bytes, (size_t)n - (len - end));
	return (size_t)n - (len - end);
}

/* Reads a public key: in hexadecimal digits or base64, alone or as the line of a PEM file. */
static EVP_PKEY *
public_key(const char *secret)
{
	unsigned char bytes[sizeof der_head + ED25519_KEY];
	const unsigned char *key = bytes;
	size_t n = from_hex(secret, bytes, ED25519_KEY);

	if (n == 0)
		n = from_base64(secret, bytes, sizeof bytes);
	if (n == sizeof bytes && memcmp(bytes, der_head, sizeof der_head) == 0) {
		key += sizeof der_head;
		n = ED25519_KEY;
	}
	return n == ED25519_KEY
	           ? EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, n)
	           : NULL;
}

int
signature_check_secret(const struct provider *p, const char *secret, struct err *e)
{
	EVP_PKEY *key;

	if (!is_ed25519(p))
		return 0;
	key = public_key(secret);
	EVP_PKEY_free(key);
	return key != NULL
	           ? 0
	           : err_set(e, CODE_BAD_CONFIG,
	                 "the public key of %s is not an Ed25519 key, in base64 or "
	                 "in hexadecimal digits",
	                 p->title);
}

/* Appends what a name in `signed` stands for. False: it did not come with the event. */
static bool
add_named(struct buf *to, const char *name, const struct event_bytes *event)
{
	static const char header[] = "header.";
	struct sha256 sum;
	char digits[SHA256_HEX];
	const char *value = NULL;

	if (strcmp(name, "body") == 0)
		return buf_add(to, event->body, event->len);
	if (strcmp(name, "body.sha256") == 0) {
		sha256_init(&sum);
		sha256_add(&sum, event->body, event->len);
		sha256_hex(&sum, digits);
		value = digits;
	} else if (strcmp(name, "timestamp") == 0) {
		value = event->time;
	} else if (strncmp(name, header, strlen(header)) == 0) {
		value = event->header(event->arg, name + strlen(header));
	}
	return value != NULL && buf_str(to, value);
}

/* Fills in `signed`. False: name holds what did not come. */
static bool
add_signed(
    struct buf *to, const char *text, const struct event_bytes *event, char name[64])
{
	while (*text != '\0') {
		const char *open = strchr(text, '{');
		const char *close = open != NULL ? strchr(open, '}') : NULL;
		size_t len;

		if (close == NULL)
			return buf_str(to, text);
		len = (size_t)(close - open) - 1;
		if (len > 63)
			len = 63;
		memcpy(name, open + 1, len);
		name[len] = '\0';
		if (!buf_add(to, text, (size_t)(open - text)) ||
		    !add_named(to, name, event))
			return false;
		text = close + 1;
	}
	return true;
}

static const char *
signed_text(const struct provider *p)
{
	const char *text = json_str(rule(p), "/signed");

	return text != NULL ? text : "{body}";
}

/* Reads when the event was sent: *time becomes the header, or NULL if the service sends
 * none. */
static int
check_time(struct json_object *how, struct event_bytes *event, int64_t now, struct err *e)
{
	const char *name = json_str(how, "/timestamp/header");
	double age, most = json_num(how, "/timestamp/max_age_s", MAX_AGE_S);
	char *end;

	if (name == NULL)
		return 0;
	event->time = event->header(event->arg, name);
	if (event->time == NULL)
		return err_set(e, CODE_BAD_ANSWER, "the event has no header %s", name);
	age = (double)now - (double)strtoll(event->time, &end, 10);
	if (end == event->time || *end != '\0' || age > most || age < -most)
		return err_set(
		    e, CODE_BAD_ANSWER, "%s of the event is not the present time", name);
	return 0;
}

/* Is proof the signature of the text? */
static bool
is_hmac(
    const char *secret, const struct buf *text, const unsigned char *proof, size_t len)
{
	unsigned char sum[EVP_MAX_MD_SIZE] = {0};
	unsigned int n = 0;

	HMAC(EVP_sha256(), secret, (int)strlen(secret), (unsigned char *)text->data,
	    text->len, sum, &n);
	return len == SHA256_BYTES && CRYPTO_memcmp(proof, sum, SHA256_BYTES) == 0;
}

static bool
is_signed_with(
    const char *secret, const struct buf *text, const unsigned char *proof, size_t len)
{
	EVP_PKEY *key = public_key(secret);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool is = key != NULL && context != NULL &&
	          EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1 &&
	          EVP_DigestVerify(
	              context, proof, len, (unsigned char *)text->data, text->len) == 1;

	EVP_MD_CTX_free(context);
	EVP_PKEY_free(key);
	return is;
}

int
signature_verify(const struct provider *p, const char *secret, signature_header *header,
    void *arg, const void *body, size_t len, int64_t now, struct err *e)
{
	struct json_object *how = rule(p);
	struct event_bytes event = {
	    .header = header, .arg = arg, .body = body, .len = len};
	const char *name = json_str(how, "/header"), *prefix = json_str(how, "/prefix");
	const char *got = header(arg, name);
	bool hex = strcmp(json_str(how, "/encoding"), "hex") == 0, is = false;
	unsigned char proof[PROOF_MAX];
	char missing[64];
	struct buf text = {0};
	size_t n = prefix != NULL ? strlen(prefix) : 0;

	if (got == NULL)
		return err_set(e, CODE_BAD_ANSWER, "the event has no header %s", name);
	if (check_time(how, &event, now, e) < 0)
		return -1;
	if (!add_signed(&text, signed_text(p), &event, missing)) {
		buf_release(&text);
		return err_set(e, CODE_BAD_ANSWER, "the event has no %s", missing);
	}
	if (n == 0 || strncmp(got, prefix, n) == 0) {
		n = hex ? from_hex(got + n, proof, sizeof proof)
		        : from_base64(got + n, proof, sizeof proof);
		is = is_ed25519(p) ? is_signed_with(secret, &text, proof, n)
		                   : is_hmac(secret, &text, proof, n);
	}
	buf_release(&text);
	return is ? 0
	          : err_set(e, CODE_BAD_ANSWER,
	                "the signature of the event is not that of its body");
}
