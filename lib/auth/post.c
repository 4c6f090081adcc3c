#include <string.h>

#include "auth/post.h"
#include "auth/secret.h"
#include "base/base64.h"
#include "base/clock.h"
#include "base/version.h"
#include "http/http.h"
#include "http/url.h"

enum { BODY_MAX = 65536, CONNECT_S = 15, TOTAL_S = 60 };

/* A post under way. */
struct sending {
	struct post *post;
	struct loop *loop;
	struct http *http;
	struct http_transfer *transfer;
	struct timer deadline;
	int result;
	struct err *e;
};

void
post_init(struct post *p, const char *url, const char *what)
{
	*p = (struct post){.url = url, .what = what, .retry_after_ms = -1};
	secret_buf_init(&p->form, BODY_MAX);
	secret_buf_init(&p->authorization, BODY_MAX / 4);
	secret_buf_init(&p->body, BODY_MAX);
}

void
post_release(struct post *p)
{
	secret_buf_release(&p->form);
	secret_buf_release(&p->authorization);
	secret_buf_release(&p->body);
}

void
post_param(struct buf *form, const char *name, const char *value)
{
	if (value == NULL)
		return;
	if (form->len > 0)
		buf_chr(form, '&');
	url_encode(form, name);
	buf_chr(form, '=');
	url_encode(form, value);
}

void
post_basic(struct post *p, const char *user, const char *password)
{
	struct buf *out = &p->authorization, plain;
	char *room;

	/* RFC 6749, section 2.3.1, encodes both before RFC 7617 does. */
	secret_buf_init(&plain, BODY_MAX / 8);
	url_encode(&plain, user);
	buf_chr(&plain, ':');
	url_encode(&plain, password);
	buf_str(out, "Basic ");
	room = buf_room(out, BASE64_LEN(plain.len));
	if (room != NULL)
		out->len += base64_of(room, plain.data, plain.len);
	out->full = out->full || plain.full;
	secret_buf_release(&plain);
}

static void
on_response(void *arg, const struct http_response *r)
{
	struct sending *s = arg;
	struct post *p = s->post;

	p->status = r->status;
	p->sent = r->sent;
	buf_add(&p->body, r->body, r->len);
	p->retry_after_ms = http_retry_after_ms(
	    r, http_header_of(r, "Retry-After"), clock_unix_ms() / 1000);
	if (r->too_large)
		err_set(s->e, CODE_BAD_ANSWER, "the %s answered with more than %d bytes",
		    p->what, BODY_MAX);
	else if (r->fate == HTTP_CANCELLED)
		err_set(s->e, CODE_NETWORK, "the %s did not answer within %d seconds",
		    p->what, TOTAL_S);
	else if (r->fate != HTTP_ANSWERED)
		err_set(s->e, r->untrusted ? CODE_UNTRUSTED : CODE_NETWORK,
		    "cannot reach the %s: %s", p->what, r->why);
	else if (http_is_redirect(r->status))
		err_set(s->e, CODE_REDIRECTED,
		    "the %s answered with a redirect (HTTP %d); a redirect is never "
		    "followed with secrets, so check the URL",
		    p->what, r->status);
	else
		s->result = 0;
	loop_stop(s->loop);
}

static void
on_deadline(void *arg)
{
	struct sending *s = arg;

	http_cancel(s->transfer);
}

int
post_send(struct post *p, struct err *e)
{
	const struct http_header headers[] = {
	    {"Accept", "application/json"},
	    {"Content-Type", "application/x-www-form-urlencoded"},
	    {"Authorization", p->authorization.data},
	};
	const struct http_piece form = {.bytes = p->form.data, .len = p->form.len};
	const struct http_request request = {.method = HTTP_POST,
	    .url = p->url,
	    .headers = headers,
	    .nheaders = p->authorization.len > 0 ? 3 : 2,
	    .pieces = &form,
	    .npieces = 1,
	    .paid = true,
	    .secret = true,
	    .max_body = BODY_MAX};
	const struct http_options options = {.user_agent = av_user_agent,
	    .connect_seconds = CONNECT_S,
	    .stall_seconds = TOTAL_S};
	struct sending s = {.post = p, .result = -1, .e = e};

	if (p->form.full || p->authorization.full)
		return err_set(e, CODE_NO_CREDENTIALS, "the credentials are too long");
	s.loop = loop_new();
	s.http = http_new(s.loop, &options);
	s.transfer = http_send(s.http, &request, on_response, &s);
	loop_at(s.loop, &s.deadline, loop_now(s.loop) + TOTAL_S * 1000, on_deadline, &s);
	loop_run(s.loop);
	http_free(s.http);
	loop_free(s.loop);
	return s.result;
}
