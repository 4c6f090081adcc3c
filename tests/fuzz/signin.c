/* Any request to the port of a sign-in: a code is taken only from a redirect that holds
 * our state, and the words of a refusal are one line. */
#include "../../tools/av-token/loopback.c"

#include "auth/oauth.h"

static int fuzz_token(
    const struct oauth_request *q, struct oauth_answer *a, struct err *e);
#define oauth_get_token fuzz_token
#include "../../tools/av-token/browser.c"

#include "json_parts.h"

static int
fuzz_token(const struct oauth_request *q, struct oauth_answer *a, struct err *e)
{
	(void)a;
	(void)e;
	need(q->code != NULL);
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf head = {0};
	struct oauth_request q = {0};
	struct oauth_answer a = {0};
	struct err e;
	char *query;

	buf_add(&head, "GET ", 4);
	buf_add(&head, (const char *)data, size);
	query = query_of(&head, "/callback");
	if (query != NULL && is_ours(query, "our-state")) {
		need(strstr(query, "state=") != NULL);
		if (exchange(&q, query, &a, &e) != 0)
			need(e.message[0] != '\0' &&
			     strpbrk(e.message, "\r\n\033") == NULL);
	}
	secret_free(query);
	buf_release(&head);
	return 0;
}
