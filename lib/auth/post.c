#include <curl/curl.h>
#include <string.h>

#include "auth/post.h"
#include "auth/secret.h"
#include "base/version.h"
#include "http/http.h"
#include "http/url.h"

enum { MAX_ANSWER = 65536, CONNECT_S = 15, TOTAL_S = 60 };

static size_t
on_body(char *data, size_t size, size_t n, void *arg)
{
	struct post *p = arg;

	return buf_add(&p->body, data, size * n) ? size * n : 0;
}

static bool
set_options(CURL *curl, struct post *p, struct curl_slist *headers, char *why)
{
	bool plain = strncasecmp(p->url, "http:", 5) == 0;
	CURLcode r = CURLE_OK;

#define SET(option, value)                                                               \
	if (r == CURLE_OK)                                                               \
	r = curl_easy_setopt(curl, option, value)
	SET(CURLOPT_URL, p->url);
	SET(CURLOPT_PROTOCOLS_STR, plain ? "http" : "https");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S);
	SET(CURLOPT_TIMEOUT, (long)TOTAL_S);
	SET(CURLOPT_USERAGENT, av_user_agent);
	SET(CURLOPT_HTTPHEADER, headers);
	SET(CURLOPT_POSTFIELDS, p->form->data);
	SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)p->form->len);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, p);
	SET(CURLOPT_ERRORBUFFER, why);
	if (plain) /* a proxy would see the secrets */
		SET(CURLOPT_PROXY, "");
	if (p->user != NULL) {
		SET(CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
		SET(CURLOPT_USERNAME, p->user);
		SET(CURLOPT_PASSWORD, p->password);
	}
#undef SET
	return r == CURLE_OK;
}

static int
judge(struct post *p, CURL *curl, CURLcode r, const char *why, struct err *e)
{
	long request = 0;
	curl_off_t wait = 0;

	curl_easy_getinfo(curl, CURLINFO_REQUEST_SIZE, &request);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &p->status);
	if (curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &wait) == CURLE_OK)
		p->retry_after = wait;
	p->sent = request > 0;
	if (p->body.full)
		return err_set(e, CODE_BAD_ANSWER,
		    "the %s answered with more than %d bytes", p->what, MAX_ANSWER);
	if (r != CURLE_OK)
		return err_set(e, CODE_NETWORK, "cannot reach the %s: %s", p->what,
		    why[0] != '\0' ? why : curl_easy_strerror(r));
	if (p->status >= 300 && p->status < 400)
		return err_set(e, CODE_REDIRECTED,
		    "the %s answered with a redirect (HTTP %ld), which is never followed "
		    "with secrets; is it right?",
		    p->what, p->status);
	return 0;
}

int
post_url_ok(const char *url, const char *what, struct err *e)
{
	if (url_check(url, e) == 0)
		return 0;
	e->code = CODE_UNSAFE_SECRET;
	return err_prefix(e, "%s: ", what);
}

int
post_send(struct post *p, struct err *e)
{
	char why[CURL_ERROR_SIZE] = "";
	struct curl_slist *headers = NULL;
	CURL *curl = NULL;
	int r = -1;

	p->status = 0;
	p->retry_after = 0;
	p->sent = false;
	secret_buf_release(&p->body);
	if (post_url_ok(p->url, p->what, e) != 0)
		return -1;
	secret_buf_init(&p->body, MAX_ANSWER);
	headers = curl_slist_append(NULL, "Accept: application/json");
	curl = curl_easy_init();
	if (curl == NULL || headers == NULL || !set_options(curl, p, headers, why))
		err_set(e, CODE_NETWORK, "libcurl cannot be set up for the %s", p->what);
	else
		r = judge(p, curl, curl_easy_perform(curl), why, e);
	curl_easy_cleanup(curl);
	curl_slist_free_all(headers);
	return r;
}

void
post_release(struct post *p)
{
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
