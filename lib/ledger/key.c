#include <ctype.h>
#include <math.h>
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

/* Parses JSON text. Text that is not JSON becomes a string. */
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

/* The canonical text of v. Frees v. */
static char *
canonical(json_object *v)
{
	struct buf b = {0};

	write_value(&b, v);
	json_object_put(v);
	return buf_take(&b);
}

char *
ledger_key_canonical(const char *json)
{
	return canonical(parse(json));
}

char *
ledger_key_options(const struct ledger_option *options, size_t n)
{
	json_object *all = json_new_object();

	for (size_t i = 0; i < n; i++)
		json_object_object_add(all, options[i].name, parse(options[i].json));
	return canonical(all);
}

/* Removes the port from a URL if it is empty or the default of the scheme. end: of the URL's
 * authority. */
static void
drop_default_port(char *url, char *end)
{
	unsigned long standard = strncmp(url, "https:", 6) == 0 ? 443 : 80;
	char *port = end;

	while (isdigit((unsigned char)port[-1]))
		port--;
	if (port[-1] == ':' && (port == end || strtoul(port, NULL, 10) == standard))
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
	drop_default_port(url, end);
	return url;
}

/* Appends "LENGTH:TEXT,", so that different lists of parts are different bytes. */
static void
write_netstring(struct buf *b, const char *s)
{
	char digits[24], *p = digits + sizeof digits - 1;
	size_t len = s != NULL ? strlen(s) : 0, rest = len;

	if (s == NULL) {
		buf_chr(b, '-');
		return;
	}
	*p = ':';
	do
		*--p = (char)('0' + rest % 10);
	while ((rest /= 10) > 0);
	buf_add(b, p, (size_t)(digits + sizeof digits - p));
	buf_add(b, s, len);
	buf_chr(b, ',');
}

void
ledger_key_hash(const struct ledger_key *key, const char *options, unsigned char *hash)
{
	char *base = ledger_key_base(key->base);
	const char *parts[] = {"avtools-key-1", key->operation, key->provider, base,
	    key->account, key->subject, key->name, options};
	struct sha256 sha;
	struct buf b = {0};

	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
		write_netstring(&b, parts[i]);
	sha256_init(&sha);
	sha256_add(&sha, b.data, b.len);
	sha256_sum(&sha, hash);
	buf_release(&b);
	free(base);
}
