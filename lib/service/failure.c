#include <stdlib.h>
#include <string.h>

#include "auth/secret.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "service/failure.h"
#include "json/json.h"

#define WORD_MAX 256 /* bytes of a code or a request id */

void
failure_release(struct failure *f)
{
	free(f->provider_code);
	free(f->provider_type);
	free(f->provider_param);
	free(f->request_id);
	json_object_put(f->problems);
	*f = (struct failure){0};
}

void
failure_set(struct failure *f, const struct err *e, const char *created)
{
	failure_release(f);
	f->err = *e;
	f->created = created;
}

/* A word of the service, bounded and safe to show, without the secret. */
static char *
word_of(const struct answer *a, const struct provider *p, const char *what,
    const char *secret)
{
	char *text = answer_error(a, p, what), shown[WORD_MAX + 1];

	if (text == NULL)
		return NULL;
	secret_hide(text, secret);
	utf8_show(shown, sizeof shown, text);
	free(text);
	return mem_str(shown);
}

void
failure_answered(struct failure *f, enum code code, const char *created,
    const struct answer *a, const struct provider *p, const char *secret)
{
	char *message = answer_error(a, p, "message");

	if (message != NULL)
		secret_hide(message, secret);
	failure_release(f);
	f->created = created;
	f->http_status = a->status;
	f->provider_code = word_of(a, p, "code", secret);
	f->provider_type = word_of(a, p, "type", secret);
	f->provider_param = word_of(a, p, "param", secret);
	f->request_id = word_of(a, p, "request_id", secret);
	err_set(&f->err, code, "%s (%d)%s%s", code_info(code)->text, a->status,
	    message != NULL ? ": " : "", message != NULL ? message : "");
	free(message);
}

void
failure_recode(struct failure *f, enum code code)
{
	const char *text = code_info(f->err.code)->text, *said = f->err.message;
	struct err e;

	if (strncmp(said, text, strlen(text)) == 0)
		said += strlen(text);
	err_set(&e, code, "%s%s", code_info(code)->text, said);
	f->err = e;
}

void
failure_copy(struct failure *to, const struct failure *from)
{
	*to = *from;
	to->provider_code = mem_str(from->provider_code);
	to->provider_type = mem_str(from->provider_type);
	to->provider_param = mem_str(from->provider_param);
	to->request_id = mem_str(from->request_id);
	json_object_get(to->problems);
}

struct json_object *
failure_put(const struct failure *f, struct rec *rec, const char *step)
{
	struct json_object *error = rec_fail(rec, step, &f->err);

	if (f->retryable)
		json_put_bool(error, "retryable", true);
	json_put_str(error, "created", f->created);
	json_put_str(error, "provider_code", f->provider_code);
	json_put_str(error, "provider_type", f->provider_type);
	json_put_str(error, "provider_param", f->provider_param);
	if (f->http_status != 0)
		json_put_int(error, "http_status", f->http_status);
	json_put_str(error, "request_id", f->request_id);
	json_put(error, "problems", json_object_get(f->problems));
	return error;
}
