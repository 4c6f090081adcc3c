/* Any answer of a token URL: it ends in a token that fits in a header, or in an error
 * with words. The first two bytes choose status and grant. */
#include "auth/post.h"
#include "base/clock.h"

/* oauth.c, with an answer of ours in place of the network. */
static int fuzz_send(struct post *p, struct err *e);
#define post_send          fuzz_send
#define clock_sleep_ms(ms) ((void)(ms))
#include "auth/oauth.c"

#include "json_parts.h"

static const uint8_t *body;
static size_t body_size;
static int status;

static int
fuzz_send(struct post *p, struct err *e)
{
	(void)e;
	p->status = status;
	p->sent = true;
	buf_add(&p->body, (const char *)body, body_size);
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int statuses[] = {200, 200, 200, 400, 401, 403, 429, 500};
	struct oauth oauth = {.token_url = "https://example.org/token"};
	struct oauth_urls urls = {
	    .token = "https://example.org/token", .device = "https://example.org/device"};
	struct oauth_grant grant = {.name = "password", .type = "password"};
	struct creds creds;
	struct oauth_request q = {
	    .oauth = &oauth, .urls = &urls, .grant = &grant, .creds = &creds};
	struct oauth_answer a;
	struct oauth_device d;
	struct err e = {.code = CODE_NONE};

	if (size < 2)
		return 0;
	status = statuses[data[0] % 8];
	if (data[1] & 1)
		q.refresh_token = "refresh";
	if (data[1] & 2)
		q.code = "code";
	body = data + 2;
	body_size = size - 2;
	creds_load(&creds, "fuzz", NULL, &e);
	if (oauth_get_token(&q, &a, &e) == 0)
		need(a.token.access_token[0] != '\0' &&
		     strpbrk(a.token.access_token, " \r\n") == NULL &&
		     a.token.lifetime != 0);
	else
		need(e.message[0] != '\0');
	oauth_answer_release(&a);
	if (oauth_device_start(&q, &d, &e) == 0)
		need(d.device_code != NULL && d.user_code != NULL && d.interval >= 0);
	oauth_device_release(&d);
	creds_release(&creds);
	return 0;
}
