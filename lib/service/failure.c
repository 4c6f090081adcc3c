#include <stdlib.h>
#include <string.h>

#include "auth/secret.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "service/failure.h"
#include "json/json.h"

#define WORDS_MAX 400 /* bytes; an error's message has 511 */

void
failure_release(struct failure *f)
{
	free(f->provider_code);
	free(f->request_id);
	*f = (struct failure){0};
}

void
failure_set(struct failure *f, const struct err *e, const char *created)
{
	failure_release(f);
	f->err = *e;
	f->created = created;
}

/* The service's words without the secret, on one line. */
static char *
cleaned(char *text, const char *secret)
{
	if (text != NULL) {
		secret_hide(text, secret);
		utf8_line(text, WORDS_MAX);
	}
	return text;
}

void
failure_answered(struct failure *f, enum code code, const char *created,
    const struct answer *a, const struct provider *p, const char *secret)
{
	char *message = cleaned(answer_error(a, p, "message"), secret);

	failure_release(f);
	f->created = created;
	f->http_status = a->status;
	f->provider_code = cleaned(answer_error(a, p, "code"), secret);
	f->request_id = cleaned(answer_error(a, p, "request_id"), secret);
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
	to->request_id = mem_str(from->request_id);
}

struct json_object *
failure_put(const struct failure *f, struct rec *rec, const char *step)
{
	struct json_object *error = rec_fail(rec, step, &f->err);

	if (f->retryable)
		json_put_bool(error, "retryable", true);
	json_put_str(error, "created", f->created);
	json_put_str(error, "provider_code", f->provider_code);
	if (f->http_status != 0)
		json_put_int(error, "http_status", f->http_status);
	json_put_str(error, "request_id", f->request_id);
	return error;
}
