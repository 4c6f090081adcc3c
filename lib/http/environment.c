#include <curl/curl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "http/environment.h"

/* A variable that is set and not empty. */
static const char *
variable(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && *value != '\0' ? value : NULL;
}

const char *
environment_proxy(void)
{
	static const char *const names[] = {
	    "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (variable(names[i]) != NULL)
			return names[i];
	return NULL;
}

/* True if an entry of no_proxy is the host or a domain that it is in. */
static bool
is_exempt(const char *host)
{
	const char *list = variable("no_proxy");
	size_t len = strlen(host), n;

	if (list == NULL)
		list = variable("NO_PROXY");
	for (; list != NULL && *list != '\0'; list += n) {
		list += strspn(list, ", .");
		n = strcspn(list, ", ");
		if (n == 1 && *list == '*')
			return true;
		if (n > 0 && n <= len && strncasecmp(host + len - n, list, n) == 0 &&
		    (n == len || host[len - n - 1] == '.'))
			return true;
	}
	return false;
}

/* A part of a URL, for the caller to free; NULL if it has none. */
static char *
part_of(const char *text, CURLUPart part)
{
	CURLU *url = curl_url();
	char *found = NULL, *copy = NULL;

	if (curl_url_set(url, CURLUPART_URL, text,
	        CURLU_GUESS_SCHEME | CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
	    (part != CURLUPART_URL ||
	        (curl_url_set(url, CURLUPART_USER, NULL, 0) == CURLUE_OK &&
	            curl_url_set(url, CURLUPART_PASSWORD, NULL, 0) == CURLUE_OK)) &&
	    curl_url_get(url, part, &found, 0) == CURLUE_OK)
		copy = mem_str(found);
	curl_free(found);
	curl_url_cleanup(url);
	return copy;
}

const char *
environment_proxy_of(const char *url)
{
	const char *name = environment_proxy();
	char *host = name != NULL && strncasecmp(url, "https:", 6) == 0
	                 ? part_of(url, CURLUPART_HOST)
	                 : NULL;

	if (host == NULL || is_exempt(host))
		name = NULL;
	free(host);
	return name;
}

long
environment_proxy_port(void)
{
	const char *name = environment_proxy(),
	           *proxy = name != NULL ? getenv(name) : NULL;
	char *host = proxy != NULL ? part_of(proxy, CURLUPART_HOST) : NULL;
	char *port = proxy != NULL ? part_of(proxy, CURLUPART_PORT) : NULL;
	long number = 0;

	if (host != NULL)
		number = port != NULL                           ? strtol(port, NULL, 10)
		         : strncasecmp(proxy, "https:", 6) == 0 ? 443
		                                                : 1080;
	free(host);
	free(port);
	return number;
}

char *
environment_proxy_shown(void)
{
	const char *name = environment_proxy();

	char *shown = name != NULL ? part_of(getenv(name), CURLUPART_URL) : NULL;
	size_t len = shown != NULL ? strlen(shown) : 0;

	if (len > 0 && shown[len - 1] == '/')
		shown[len - 1] = '\0';
	return shown;
}

const char *
environment_authorities(const char **name)
{
	static const char *const names[] = {"CURL_CA_BUNDLE", "SSL_CERT_FILE"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (variable(names[i]) != NULL) {
			*name = names[i];
			return getenv(names[i]);
		}
	*name = NULL;
	return curl_version_info(CURLVERSION_NOW)->cainfo;
}
