/*
 * provider_case: JSON in C strings, with ' for ".
 */
#ifndef AV_PROVIDER_CASE_H
#define AV_PROVIDER_CASE_H

#include <string.h>

#include "base/mem.h"
#include "provider/provider.h"
#include "json/json.h"

/* The text with double quotes. The caller frees it. */
static inline char *
quoted(const char *text)
{
	char *copy = mem_str(text);

	for (char *at = copy; (at = strchr(at, '\'')) != NULL;)
		*at = '"';
	return copy;
}

static inline struct json_object *
parsed(const char *text)
{
	char *json = quoted(text);
	struct err e = {0};
	struct json_object *o = json_parse(json, strlen(json), &e);

	if (o == NULL)
		fail_msg("%s: %s", text, e.message);
	free(json);
	return o;
}

/* The description of the provider acme. */
static inline struct provider *
described(const char *text)
{
	char *json = quoted(text);
	struct err e = {0};
	struct provider *p =
	    provider_parse(json, strlen(json), "acme.json", &e);

	if (p == NULL)
		fail_msg("%s", e.message);
	free(json);
	return p;
}

#endif
