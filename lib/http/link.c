#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "http/link.h"

static const char blanks[] = " \t";

/* True if one of the words, which blanks separate, is this relation. */
static bool
has_relation(const char *words, size_t len, const char *relation)
{
	const char *end = words + len;

	while (words < end) {
		size_t n = strcspn(words, blanks);

		if (n > (size_t)(end - words))
			n = (size_t)(end - words);
		if (n == strlen(relation) && strncasecmp(words, relation, n) == 0)
			return true;
		words += n;
		words += words < end ? strspn(words, blanks) : 0;
	}
	return false;
}

/* Returns the end of a parameter's value: of a quoted text, or of a token. */
static const char *
end_of_value(const char *at)
{
	if (*at != '"')
		return at + strcspn(at, ";, \t");
	for (at++; *at != '\0' && *at != '"'; at++)
		if (*at == '\\' && at[1] != '\0')
			at++;
	return *at == '"' ? at + 1 : at;
}

/* Reads the parameters after a target, up to the comma before the next link. *fits: the
 * first `rel` of them has the relation. */
static const char *
read_parameters(const char *at, const char *relation, bool *fits)
{
	bool seen = false;

	*fits = false;
	while (*(at += strspn(at, "; \t")) != '\0' && *at != ',') {
		size_t n = strcspn(at, "=;, \t");
		bool rel = n == 3 && strncasecmp(at, "rel", 3) == 0 && !seen;
		const char *value, *end;

		at += n;
		at += strspn(at, blanks);
		if (*at != '=')
			continue;
		at++;
		value = at + strspn(at, blanks);
		at = end = end_of_value(value);
		seen = seen || rel;
		if (rel && *value == '"')
			*fits = has_relation(value + 1,
			    (size_t)(end - value) -
			        (end[-1] == '"' && end > value + 1 ? 2 : 1),
			    relation);
		else if (rel)
			*fits = has_relation(value, (size_t)(end - value), relation);
	}
	return at;
}

char *
link_target(const char *value, const char *relation)
{
	const char *at = value;
	bool fits;

	while (*(at += strspn(at, ", \t")) == '<') {
		const char *target = at + 1, *end = strchr(target, '>');

		if (end == NULL)
			return NULL;
		at = read_parameters(end + 1, relation, &fits);
		if (fits)
			return mem_strn(target, (size_t)(end - target));
	}
	return NULL;
}
