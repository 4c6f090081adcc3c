#include <ctype.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/hex.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "provider/event.h"
#include "json/json.h"

#define MAX_AGE_S 300

/* A base64 text of a SHA-256 has 44 characters. */
#define MAX_PROOF SHA256_HEX

int
event_read(const struct provider *p, struct json_object *body, struct event *event,
    struct err *e)
{
	struct json_object *events = json_member(p->def, "events"), *about;
	char *id;

	*event = (struct event){.name = json_str(body, json_str(events, "/name"))};
	if (event->name == NULL)
		return err_set(e, CODE_BAD_ANSWER, "the event has no name");
	about = json_member(json_member(events, "kinds"), event->name);
	if (about == NULL)
		return err_set(e, CODE_BAD_ANSWER,
		    "the description of %s knows no event '%s'", p->title, event->name);
	event->of = json_str(about, "/of");
	event->kind = json_str(about, "/kind");
	id = json_text(body, json_str(about, "/id"));
	if (id == NULL || !provider_is_id(p, id)) {
		free(id);
		return err_set(e, CODE_BAD_ANSWER,
		    "the event '%s' has no id that %s makes", event->name, p->title);
	}
	event->id = id;
	return 0;
}

bool
event_is_signed(const struct provider *p)
{
	return json_has(p->def, "/events/signature");
}

/* Writes the signature of a body as the service does. */
static void
sign(struct json_object *how, const char *secret, const char *time, const void *body,
    size_t len, char proof[MAX_PROOF])
{
	unsigned char sum[EVP_MAX_MD_SIZE] = {0};
	unsigned int n = 0;
	struct buf text = {0};

	if (time != NULL)
		buf_printf(&text, "%s.", time);
	buf_add(&text, body, len);
	HMAC(EVP_sha256(), secret, (int)strlen(secret), (unsigned char *)text.data,
	    text.len, sum, &n);
	buf_release(&text);
	if (strcmp(json_str(how, "/encoding"), "base64") == 0) {
		EVP_EncodeBlock((unsigned char *)proof, sum, SHA256_BYTES);
		return;
	}
	hex_of(proof, sum, SHA256_BYTES);
}

/* Checks when the event was sent: *time becomes the header, or NULL if the service sends
 * none. */
static int
check_time(struct json_object *how, event_header *header, void *arg, int64_t now,
    const char **time, struct err *e)
{
	const char *name = json_str(how, "/timestamp/header");
	double age, most = json_num(how, "/timestamp/max_age_s", MAX_AGE_S);
	char *end;

	*time = NULL;
	if (name == NULL)
		return 0;
	*time = header(arg, name);
	if (*time == NULL)
		return err_set(e, CODE_BAD_ANSWER, "the event has no header %s", name);
	age = (double)now - (double)strtoll(*time, &end, 10);
	if (end == *time || *end != '\0' || age > most || age < -most)
		return err_set(
		    e, CODE_BAD_ANSWER, "%s of the event is not the present time", name);
	return 0;
}

int
event_verify(const struct provider *p, const char *secret, event_header *header,
    void *arg, const void *body, size_t len, int64_t now, struct err *e)
{
	struct json_object *how = json_at(p->def, "/events/signature");
	const char *name = json_str(how, "/header"), *prefix = json_str(how, "/prefix");
	const char *got = header(arg, name), *time;
	char wanted[MAX_PROOF],
	    given[MAX_PROOF + 1] = ""; /* so that a longer text differs */
	size_t n;

	if (got == NULL)
		return err_set(e, CODE_BAD_ANSWER, "the event has no header %s", name);
	if (check_time(how, header, arg, now, &time, e) < 0)
		return -1;
	sign(how, secret, json_flag(how, "/timestamp/signed", false) ? time : NULL, body,
	    len, wanted);
	n = prefix != NULL ? strlen(prefix) : 0;
	if (n == 0 || strncmp(got, prefix, n) == 0)
		strncpy(given, got + n, sizeof given - 1);
	for (char *c = given;
	     strcmp(json_str(how, "/encoding"), "hex") == 0 && *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	n = strlen(wanted);
	if (CRYPTO_memcmp(given, wanted, n) != 0 || given[n] != '\0')
		return err_set(e, CODE_BAD_ANSWER,
		    "the signature of the event is not that of its body");
	return 0;
}

struct json_object *
event_names(const struct provider *p)
{
	struct json_object *names = json_new_array();

	json_object_object_foreach(json_at(p->def, "/events/kinds"), name, about)
	{
		(void)about;
		json_append(names, json_new_string(name));
	}
	return names;
}
