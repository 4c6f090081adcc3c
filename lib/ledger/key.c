#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "ledger/key.h"
#include "json/json.h"

static void write_value(struct buf *b, json_object *v);

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void
write_object(struct buf *b, json_object *v)
{
	size_t n = 0, count = (size_t)json_object_object_length(v);
	const char **names = mem_new(count, sizeof *names);

	json_object_object_foreach(v, name, member)
	{
		(void)member;
		names[n++] = name;
	}
	qsort(names, n, sizeof *names, by_name);
	buf_chr(b, '{');
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_chr(b, ',');
		json_write_str(b, names[i], strlen(names[i]));
		buf_chr(b, ':');
		write_value(b, json_object_object_get(v, names[i]));
	}
	buf_chr(b, '}');
	free(names);
}

static void
write_array(struct buf *b, json_object *v)
{
	buf_chr(b, '[');
	for (size_t i = 0; i < json_object_array_length(v); i++) {
		if (i > 0)
			buf_chr(b, ',');
		write_value(b, json_object_array_get_idx(v, i));
	}
	buf_chr(b, ']');
}

static void
write_double(struct buf *b, json_object *v)
{
	const char *text = json_object_to_json_string_ext(v, JSON_C_TO_STRING_PLAIN);
	double d = json_object_get_double(v);

	if (fabs(d) < 9007199254740992.0 && d == rint(d))
		buf_printf(b, "%lld", (long long)d);
	else if (text[strspn(text, "-0123456789")] == '\0')
		buf_str(b, text); /* an integer beyond 64 bits has kept its digits */
	else
		buf_printf(b, "%.17g", d);
}

static void
write_value(struct buf *b, json_object *v)
{
	switch (json_object_get_type(v)) {
	case json_type_object:
		write_object(b, v);
		break;
	case json_type_array:
		write_array(b, v);
		break;
	case json_type_string:
		json_write_str(
		    b, json_object_get_string(v), (size_t)json_object_get_string_len(v));
		break;
	case json_type_double:
		write_double(b, v);
		break;
	default: /* an integer, true, false, null */
		buf_str(b, json_object_to_json_string_ext(v, JSON_C_TO_STRING_PLAIN));
	}
}

/* The value that the whole text is, or a string of it. */
static json_object *
parse(const char *json)
{
	static const char blank[] = " \t\r\n";
	const char *word = json + strspn(json, blank);
	struct err ignored;
	json_object *v = json_parse(json, strlen(json), &ignored);

	if (v != NULL ||
	    (strncmp(word, "null", 4) == 0 && word[4 + strspn(word + 4, blank)] == '\0'))
		return v;
	return json_new_string(json);
}

char *
ledger_key_canonical(const char *json)
{
	json_object *v = parse(json);
	struct buf b = {0};

	write_value(&b, v);
	json_object_put(v);
	return buf_take(&b);
}

char *
ledger_key_options(const struct ledger_option *options, size_t n)
{
	json_object *all = json_object_new_object();
	struct buf b = {0};

	for (size_t i = 0; i < n; i++)
		json_object_object_add(all, options[i].name, parse(options[i].json));
	write_value(&b, all);
	json_object_put(all);
	return buf_take(&b);
}

/* Takes the port out of a URL whose authority ends at `end`, where its scheme says as much. */
static void
drop_own_port(char *url, char *end)
{
	unsigned long own = strncmp(url, "https:", 6) == 0 ? 443 : 80;
	char *port = end;

	while (isdigit((unsigned char)port[-1]))
		port--;
	if (port[-1] == ':' && (port == end || strtoul(port, NULL, 10) == own))
		memmove(port - 1, end, strlen(end) + 1);
}

char *
ledger_key_base(const char *base)
{
	size_t len = strlen(base);
	char *url, *end;

	while (len > 0 && base[len - 1] == '/')
		len--;
	url = mem_strn(base, len);
	if ((end = strstr(url, "://")) == NULL)
		return url;
	end += 3;
	end += strcspn(end, "/?#");
	for (char *p = url; p < end; p++)
		*p = (char)tolower((unsigned char)*p);
	drop_own_port(url, end);
	return url;
}

/* "LENGTH:TEXT,", so that no two lists of parts are the same bytes. */
static void
netstring(struct sha256 *sha, const char *s)
{
	char digits[24];
	int n;

	if (s == NULL) {
		sha256_add(sha, "-", 1);
		return;
	}
	n = snprintf(digits, sizeof digits, "%zu:", strlen(s));
	sha256_add(sha, digits, (size_t)n);
	sha256_add(sha, s, strlen(s));
	sha256_add(sha, ",", 1);
}

void
ledger_key_hash(const struct ledger_key *key, const char *options, unsigned char *hash)
{
	char *base = ledger_key_base(key->base);
	const char *parts[] = {"avtools-key-1", key->operation, key->provider, base,
	    key->account, key->subject, key->name, options};
	struct sha256 sha;

	sha256_init(&sha);
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
		netstring(&sha, parts[i]);
	sha256_sum(&sha, hash);
	free(base);
}
