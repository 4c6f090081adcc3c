#include <arpa/inet.h>
#include <ctype.h>
#include <curl/curl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mem.h"
#include "origin.h"

/* The parts of a URL that say where it leads; all libcurl's. */
struct place {
	CURLU *url;
	char *scheme, *host, *port;
};

static void
place_release(struct place *p)
{
	curl_free(p->scheme);
	curl_free(p->host);
	curl_free(p->port);
	curl_url_cleanup(p->url);
}

static bool
place_init(struct place *p, const char *url)
{
	*p = (struct place){.url = curl_url()};
	if (p->url != NULL && url != NULL &&
	    curl_url_set(p->url, CURLUPART_URL, url, 0) == CURLUE_OK &&
	    curl_url_get(p->url, CURLUPART_SCHEME, &p->scheme, 0) == CURLUE_OK &&
	    curl_url_get(p->url, CURLUPART_HOST, &p->host, 0) == CURLUE_OK &&
	    curl_url_get(p->url, CURLUPART_PORT, &p->port, CURLU_DEFAULT_PORT) ==
	        CURLUE_OK &&
	    (strcmp(p->scheme, "https") == 0 || strcmp(p->scheme, "http") == 0))
		return true;
	place_release(p);
	return false;
}

static bool
loopback(const char *host)
{
	struct in_addr v4;
	struct in6_addr v6;
	char inner[INET6_ADDRSTRLEN + 1];
	size_t len = strlen(host);

	if (strcasecmp(host, "localhost") == 0)
		return true;
	if (inet_pton(AF_INET, host, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	if (len < 3 || len > sizeof inner || host[0] != '[')
		return false;
	memcpy(inner, host + 1, len - 2);
	inner[len - 2] = '\0';
	return inet_pton(AF_INET6, inner, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

char *
origin_of(const char *url)
{
	struct place p;
	char *origin;

	if (!place_init(&p, url))
		return NULL;
	origin = mem_printf("%s://%s:%s", p.scheme, p.host, p.port);
	for (char *c = origin; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	place_release(&p);
	return origin;
}

bool
origin_same(const char *a, const char *b)
{
	char *x = origin_of(a), *y = origin_of(b);
	bool same = x != NULL && y != NULL && strcmp(x, y) == 0;

	free(x);
	free(y);
	return same;
}

bool
origin_is_loopback(const char *url)
{
	struct place p;
	bool is;

	if (!place_init(&p, url))
		return false;
	is = loopback(p.host);
	place_release(&p);
	return is;
}

int
origin_check(const char *url, const char *what, struct err *e)
{
	struct place p;
	char *user = NULL, *password = NULL;
	int r = 0;

	if (!place_init(&p, url))
		return err_set(e, CODE_UNSAFE_SECRET,
		    "%s is not an http or https URL; secrets are sent to https only",
		    what);
	if (curl_url_get(p.url, CURLUPART_USER, &user, 0) == CURLUE_OK ||
	    curl_url_get(p.url, CURLUPART_PASSWORD, &password, 0) == CURLUE_OK)
		r = err_set(e, CODE_UNSAFE_SECRET,
		    "%s holds a user name or password; take it out of the URL", what);
	else if (strcmp(p.scheme, "https") != 0 && !loopback(p.host))
		r = err_set(e, CODE_UNSAFE_SECRET,
		    "%s is plain http to '%s'; secrets are sent over https, or to "
		    "loopback",
		    what, p.host);
	curl_free(user);
	curl_free(password);
	place_release(&p);
	return r;
}

char *
origin_move(const char *url, const char *to)
{
	struct place from, dest;
	char *text = NULL, *moved = NULL;

	if (!place_init(&from, url))
		return NULL;
	if (!place_init(&dest, to)) {
		place_release(&from);
		return NULL;
	}
	if (curl_url_set(from.url, CURLUPART_SCHEME, dest.scheme, 0) == CURLUE_OK &&
	    curl_url_set(from.url, CURLUPART_HOST, dest.host, 0) == CURLUE_OK &&
	    curl_url_set(from.url, CURLUPART_PORT, dest.port, 0) == CURLUE_OK &&
	    curl_url_get(from.url, CURLUPART_URL, &text, 0) == CURLUE_OK)
		moved = mem_str(text);
	curl_free(text);
	place_release(&from);
	place_release(&dest);
	return moved;
}
