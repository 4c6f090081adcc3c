/* Reads any body as an answer to any operation of the built-in services; what it takes must be
 * text. The first three bytes choose service, operation and status. */
#include <curl/curl.h>

#include "json_parts.h"
#include "provider/answer.h"
#include "provider/builtin.h"

#define SERVICES_MAX 8

static size_t
load_all(struct provider **all)
{
	size_t n = 0;
	struct err e;

	for (const struct builtin_file *f = builtin_files;
	     f->path != NULL && n < SERVICES_MAX; f++)
		if (strncmp(f->path, "providers/", 10) == 0)
			need((all[n++] = provider_parse(f->data, f->len, f->path, &e)) !=
			     NULL);
	return n;
}

static void
take(const struct answer *a, const struct provider *p, const struct operation *op)
{
	struct json_object *taken;
	bool known;

	need((unsigned)answer_outcome(a, p, op) <= OUTCOME_REDIRECTED);
	taken = answer_taken(a, op, &known);
	need(json_object_is_type(taken, json_type_object));
	json_object_put(taken);
	need(answer_wait_ms(a, p, 1700000000) >= -1);
	free(answer_error(a, p, "code"));
	free(answer_error(a, p, "message"));
	free(answer_error(a, p, "request_id"));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct provider *all[SERVICES_MAX];
	static size_t n;
	static CURL *easy; /* has no headers */
	static const int statuses[] = {200, 201, 202, 204, 301, 400, 401, 402, 403, 404,
	    409, 423, 429, 500, 503, 504};
	const struct provider *p;
	struct http_response r;
	struct answer a;
	char *body;

	if (n == 0) {
		n = load_all(all);
		easy = curl_easy_init();
	}
	if (size < 3)
		return 0;
	need(n > 0);
	p = all[data[0] % n];
	need(p->n_operations > 0);
	body = malloc(size - 2);
	need(body != NULL);
	memcpy(body, data + 3, size - 3);
	body[size - 3] = '\0';
	r = (struct http_response){.fate = HTTP_ANSWERED,
	    .sent = true,
	    .status = statuses[data[2] % 16],
	    .body = body,
	    .len = size - 3,
	    .easy_ = easy};
	answer_init(&a, &r, &p->operations[data[1] % p->n_operations]);
	take(&a, p, &p->operations[data[1] % p->n_operations]);
	answer_release(&a);
	free(body);
	return 0;
}
