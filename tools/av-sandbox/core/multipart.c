#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "core/multipart.h"

/* The text after the next semicolon outside of quotes, or NULL. */
static const char *
next_parameter(const char *s)
{
	bool quoted = false;

	for (; *s != '\0'; s++) {
		if (quoted && *s == '\\' && s[1] != '\0')
			s++;
		else if (*s == '"')
			quoted = !quoted;
		else if (*s == ';' && !quoted)
			return s + 1;
	}
	return NULL;
}

/* The value of a parameter ("; name=value", quoted or not), or NULL. */
static char *
parameter(const char *s, const char *name)
{
	size_t len = strlen(name);

	while ((s = next_parameter(s)) != NULL) {
		s += strspn(s, " \t");
		if (strncasecmp(s, name, len) != 0 || s[len] != '=')
			continue;
		s += len + 1;
		if (*s != '"')
			return mem_strn(s, strcspn(s, "; \t\r\n"));
		char *out = mem_str(s + 1), *to = out;
		for (const char *from = s + 1; *from != '"' && *from != '\0'; from++) {
			if (*from == '\\' && (from[1] == '"' || from[1] == '\\'))
				from++;
			*to++ = *from;
		}
		*to = '\0';
		return out;
	}
	return NULL;
}

/* Reads one header line of a part. Returns NULL, or what is wrong. */
static const char *
read_header(struct sb_part *p, const char *line)
{
	static const char disposition[] = "Content-Disposition:",
	                  type[] = "Content-Type:";

	if (strncasecmp(line, disposition, sizeof disposition - 1) == 0) {
		const char *value = line + sizeof disposition - 1;

		value += strspn(value, " \t");
		if (strncasecmp(value, "form-data", 9) != 0)
			return "a part is not form-data";
		free(p->name);
		free(p->filename);
		p->name = parameter(value, "name");
		p->filename = parameter(value, "filename");
	} else if (strncasecmp(line, type, sizeof type - 1) == 0) {
		free(p->type);
		p->type = mem_str(
		    line + sizeof type - 1 + strspn(line + sizeof type - 1, " \t"));
	}
	return NULL;
}

/* Reads the part between s and end: header lines, an empty line, data. */
static const char *
read_part(struct sb_part *p, const char *s, const char *end)
{
	for (;;) {
		const char *stop = memmem(s, (size_t)(end - s), "\r\n", 2), *wrong;
		char *line;

		if (stop == NULL)
			return "the headers of a part have no end";
		if (stop == s)
			break;
		line = mem_strn(s, (size_t)(stop - s));
		wrong = read_header(p, line);
		free(line);
		if (wrong != NULL)
			return wrong;
		s = stop + 2;
	}
	p->data = s + 2;
	p->len = (size_t)(end - p->data);
	return p->name != NULL ? NULL : "a part has no name";
}

static const char *
read_all(struct sb_parts *p, const char *mark, const struct buf *body)
{
	size_t len = strlen(mark); /* CR LF -- boundary */
	const char *s = body->data, *end = body->data + body->len;

	/* No line break comes before the first boundary. */
	if (body->len < len || memcmp(s, mark + 2, len - 2) != 0)
		return "the body does not begin with the boundary";
	s += len - 2;
	for (;;) {
		const char *next, *wrong;

		if (end - s >= 2 && memcmp(s, "--", 2) == 0)
			return end - s <= 4 ? NULL : "bytes follow the last boundary";
		if (end - s < 2 || memcmp(s, "\r\n", 2) != 0)
			return "no line break follows a boundary";
		s += 2;
		next = memmem(s, (size_t)(end - s), mark, len);
		if (next == NULL)
			return "the last boundary is missing";
		if (p->n == MAX_PARTS)
			return "too many parts";
		wrong = read_part(&p->at[p->n++], s, next);
		if (wrong != NULL)
			return wrong;
		s = next + len;
	}
}

const char *
multipart_read(struct sb_parts *p, const char *content_type, const struct buf *body)
{
	char *boundary = parameter(content_type, "boundary");
	const char *wrong = "the content type has no boundary";

	*p = (struct sb_parts){.n = 0};
	if (boundary != NULL && *boundary != '\0' && strlen(boundary) <= 70) {
		char *mark = mem_printf("\r\n--%s", boundary);

		wrong = body->len > 0 ? read_all(p, mark, body) : "the body is empty";
		free(mark);
	}
	free(boundary);
	return wrong;
}

void
multipart_release(struct sb_parts *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->at[i].name);
		free(p->at[i].filename);
		free(p->at[i].type);
	}
	p->n = 0;
}
