#include <arpa/inet.h>
#include <ctype.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "http/address.h"
#include "http/url.h"

/* The origin of a URL, and the user in it. */
struct parts {
	CURLU *url;
	char *scheme, *host, *port, *user, *password;
};

static void
parts_release(struct parts *p)
{
	curl_free(p->scheme);
	curl_free(p->host);
	curl_free(p->port);
	curl_free(p->user);
	curl_free(p->password);
	curl_url_cleanup(p->url);
}

static bool
parts_init(struct parts *p, const char *url)
{
	*p = (struct parts){.url = curl_url()};
	if (p->url == NULL || url == NULL ||
	    curl_url_set(p->url, CURLUPART_URL, url, 0) != CURLUE_OK ||
	    curl_url_get(p->url, CURLUPART_SCHEME, &p->scheme, 0) != CURLUE_OK ||
	    curl_url_get(p->url, CURLUPART_HOST, &p->host, 0) != CURLUE_OK ||
	    curl_url_get(p->url, CURLUPART_PORT, &p->port, CURLU_DEFAULT_PORT) !=
	        CURLUE_OK)
		return false;
	/* Usually absent. */
	(void)curl_url_get(p->url, CURLUPART_USER, &p->user, 0);
	(void)curl_url_get(p->url, CURLUPART_PASSWORD, &p->password, 0);
	return true;
}

static bool
is_loopback(const char *host)
{
	struct in_addr v4;

	if (strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0)
		return true;
	return inet_pton(AF_INET, host, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127;
}

/* True for a URL that is canonical as it stands, up to a slash at its end, as those of
 * descriptions are; host gets its host. It needs no libcurl, which takes long to load.
 * False: libcurl can tell. */
static bool
read_simple(const char *url, char host[80])
{
	bool tls = strncmp(url, "https://", 8) == 0;
	const char *p, *label;
	struct in_addr v4;
	size_t len;

	if (!tls && strncmp(url, "http://", 7) != 0)
		return false;
	p = url + (tls ? 8 : 7);
	len = strspn(p, "abcdefghijklmnopqrstuvwxyz0123456789.-");
	if (len == 0 || len >= 80)
		return false;
	memcpy(host, p, len);
	host[len] = '\0';
	label = strrchr(host, '.');
	label = label != NULL ? label + 1 : host;
	/* Addresses have other notations. */
	if (!isalpha((unsigned char)*label) && inet_pton(AF_INET, host, &v4) != 1)
		return false;
	p += len;
	if (*p == ':') {
		char *end;
		unsigned long port = strtoul(p + 1, &end, 10);

		if (p[1] < '1' || p[1] > '9' || port > 65535 || port == (tls ? 443 : 80))
			return false;
		p = end;
	}
	if (*p != '/' && *p != '\0')
		return false;
	for (; *p != '\0'; p++)
		if ((*p == '/' && p[1] == '.') ||
		    (!isalnum((unsigned char)*p) && strchr("/-._~", *p) == NULL))
			return false;
	return true;
}

/* Says what is missing in text that is no URL, such as "localhost:8080/v1". Text with an
 * `@` is not shown: it may hold a password. */
static void
refuse_text(const char *text, struct err *e)
{
	CURLU *url = curl_url();
	char *host = NULL;

	if (text != NULL && strstr(text, "://") == NULL && strchr(text, '@') == NULL &&
	    curl_url_set(url, CURLUPART_URL, text, CURLU_DEFAULT_SCHEME) == CURLUE_OK &&
	    curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK)
		err_set(e, CODE_URL_REFUSED, "the URL has no scheme; write %s://%.*s",
		    is_loopback(host) ? "http" : "https", (int)strcspn(text, "?#"), text);
	else
		err_set(e, CODE_URL_REFUSED, "not a URL");
	curl_free(host);
	curl_url_cleanup(url);
}

int
url_check(const char *url, struct err *e)
{
	struct parts p;
	char host[80];
	int rc = -1;

	if (url != NULL && read_simple(url, host) &&
	    (strncmp(url, "https:", 6) == 0 || is_loopback(host)))
		return 0;
	if (!parts_init(&p, url))
		refuse_text(url, e);
	else if (p.user != NULL || p.password != NULL)
		err_set(e, CODE_URL_REFUSED,
		    "the URL of %s holds a user name or password; put credentials into the environment or the credentials file",
		    p.host);
	else if (strcmp(p.scheme, "http") == 0 && !is_loopback(p.host))
		err_set(e, CODE_URL_REFUSED,
		    "plain http to %s would be readable by others; use https", p.host);
	else if (strcmp(p.scheme, "http") != 0 && strcmp(p.scheme, "https") != 0)
		err_set(e, CODE_URL_REFUSED, "%s: is not supported; use https", p.scheme);
	else
		rc = 0;
	parts_release(&p);
	return rc;
}

bool
url_may_be_public(const char *url)
{
	struct parts p;
	bool may = parts_init(&p, url) && address_is_public(p.host);

	parts_release(&p);
	return may;
}

/* Decodes the escapes of unreserved characters in place, and writes the digits of the
 * others in upper case. */
static void
mend_escapes(char *s)
{
	char *to = s;

	for (; *s != '\0'; s++) {
		char digits[3] = {0};

		*to++ = *s;
		if (*s != '%' || !isxdigit((unsigned char)s[1]) ||
		    !isxdigit((unsigned char)s[2]))
			continue;
		digits[0] = (char)toupper((unsigned char)*++s);
		digits[1] = (char)toupper((unsigned char)*++s);
		to[-1] = (char)strtol(digits, NULL, 16);
		if (isalnum((unsigned char)to[-1]) ||
		    (to[-1] != '\0' && strchr("-._~", to[-1]) != NULL))
			continue;
		to[-1] = '%';
		*to++ = digits[0];
		*to++ = digits[1];
	}
	*to = '\0';
}

/* As url_canonical, but for slashes at the end. */
static char *
canonical(const char *url)
{
	char *copy = mem_str(url), *text = NULL, *host = NULL;
	CURLU *parsed = curl_url();

	mend_escapes(copy); /* first, so that %2e becomes a dot segment */
	if (curl_url_set(parsed, CURLUPART_URL, copy, 0) == CURLUE_OK &&
	    curl_url_get(parsed, CURLUPART_HOST, &host, 0) == CURLUE_OK) {
		for (char *c = host; *c != '\0'; c++)
			*c = (char)tolower((unsigned char)*c);
		if (curl_url_set(parsed, CURLUPART_HOST, host, 0) == CURLUE_OK &&
		    curl_url_get(parsed, CURLUPART_URL, &text, CURLU_NO_DEFAULT_PORT) ==
		        CURLUE_OK) {
			free(copy);
			copy = mem_str(text);
		}
	}
	curl_free(host);
	curl_free(text);
	curl_url_cleanup(parsed);
	return copy;
}

char *
url_canonical(const char *url)
{
	char host[80], *copy = read_simple(url, host) ? mem_str(url) : canonical(url);
	size_t len = strlen(copy);

	while (len > 0 && copy[len - 1] == '/')
		copy[--len] = '\0';
	return copy;
}

char *
url_origin(const char *url)
{
	CURLU *parsed = curl_url();
	char *text = NULL, *copy = NULL;

	if (url != NULL && curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK &&
	    curl_url_set(parsed, CURLUPART_USER, NULL, 0) == CURLUE_OK &&
	    curl_url_set(parsed, CURLUPART_PASSWORD, NULL, 0) == CURLUE_OK &&
	    curl_url_set(parsed, CURLUPART_PATH, NULL, 0) == CURLUE_OK &&
	    curl_url_set(parsed, CURLUPART_QUERY, NULL, 0) == CURLUE_OK &&
	    curl_url_set(parsed, CURLUPART_FRAGMENT, NULL, 0) == CURLUE_OK &&
	    curl_url_get(parsed, CURLUPART_URL, &text, 0) == CURLUE_OK)
		copy = url_canonical(text);
	curl_free(text);
	curl_url_cleanup(parsed);
	return copy;
}

bool
url_same_origin(const char *a, const char *b)
{
	struct parts p, q;
	bool p_ok = parts_init(&p, a), q_ok = parts_init(&q, b), same;

	same = p_ok && q_ok && strcmp(p.scheme, q.scheme) == 0 &&
	       strcasecmp(p.host, q.host) == 0 && strcmp(p.port, q.port) == 0;
	parts_release(&p);
	parts_release(&q);
	return same;
}

/* The text without blanks at its ends; those within, and other bytes that no URL has, are
 * percent-encoded. */
static char *
mend_blanks(const char *text)
{
	struct buf out = {0};
	size_t len = strlen(text);

	while (len > 0 && (unsigned char)text[len - 1] <= ' ')
		len--;
	for (; len > 0 && (unsigned char)*text <= ' '; text++)
		len--;
	buf_add(&out, "", 0);
	for (; len > 0; text++, len--)
		if ((unsigned char)*text <= ' ' || (unsigned char)*text >= 0x7f)
			buf_printf(&out, "%%%02X", (unsigned char)*text);
		else
			buf_chr(&out, *text);
	return buf_take(&out);
}

char *
url_resolve(const char *base, const char *ref)
{
	CURLU *url = curl_url();
	char *text = NULL, *copy = NULL, *mended = ref != NULL ? mend_blanks(ref) : NULL;

	if (url != NULL && base != NULL && mended != NULL &&
	    curl_url_set(url, CURLUPART_URL, base, 0) == CURLUE_OK &&
	    curl_url_set(url, CURLUPART_URL, mended, 0) == CURLUE_OK &&
	    curl_url_get(url, CURLUPART_URL, &text, 0) == CURLUE_OK)
		copy = mem_str(text);
	free(mended);
	curl_free(text);
	curl_url_cleanup(url);
	return copy;
}
