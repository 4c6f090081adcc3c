#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/buf.h"
#include "base/hex.h"
#include "base/mem.h"
#include "http/body.h"

enum { RAW_SIZE = 48 * 1024 }; /* becomes 64 KiB as base64; a multiple of 3 */

/* Reads exactly len bytes of a source. */
static bool
source_read(const struct http_source *s, uint64_t offset, char *buf, size_t len)
{
	while (len > 0) {
		ssize_t n = s->read(s->arg, offset, buf, len);

		if (n <= 0 || (size_t)n > len)
			return false;
		buf += n;
		len -= (size_t)n;
		offset += (uint64_t)n;
	}
	return true;
}

/* Reads up to size bytes of the source as base64. A group of four that does not fit goes
 * to carry and is handed out from there, so that the source is read strictly forward. */
static ssize_t
read_base64(struct http_cursor *c, char *buf, size_t size)
{
	const struct http_source *s = &c->piece.source;
	unsigned char raw[RAW_SIZE];
	size_t within = (size_t)(c->offset % 4);
	uint64_t at = c->offset / 4 * 3;
	/* base64_of adds a NUL. */
	size_t groups = (size - 1) / 4, want = groups == 0 ? 3 : groups * 3;

	if (within == 0) {
		if (want > sizeof raw)
			want = sizeof raw;
		if (want > s->size - at)
			want = (size_t)(s->size - at);
		if (!source_read(s, at, (char *)raw, want))
			return -1;
		if (groups > 0)
			return (ssize_t)base64_of(buf, raw, want);
		base64_of(c->carry, raw, want);
	}
	if (size > 4 - within)
		size = 4 - within;
	memcpy(buf, c->carry + within, size);
	return (ssize_t)size;
}

/* Reads the next bytes of the current piece; 0 at its end, -1 if its source fails. */
static ssize_t
read_piece(struct http_body *b, char *buf, size_t size)
{
	struct http_cursor *c = &b->cursors[b->current];
	uint64_t left = c->length - c->offset;
	ssize_t n;

	if (size > left)
		size = (size_t)left;
	if (size == 0)
		return 0;
	if (b->may_send != NULL && !b->may_send(b->may_send_arg)) {
		b->failed = true;
		return -1;
	}
	if (c->piece.bytes != NULL) {
		memcpy(buf, c->piece.bytes + c->offset, size);
		n = (ssize_t)size;
	} else if (c->piece.base64)
		n = read_base64(c, buf, size);
	else
		n = c->piece.source.read(c->piece.source.arg, c->offset, buf, size);
	if (n <= 0 || (size_t)n > size) {
		b->failed = true;
		return -1;
	}
	c->offset += (uint64_t)n;
	b->handed += (uint64_t)n;
	b->whole = b->whole || b->handed >= b->length;
	return n;
}

/* libcurl's callbacks. */

static size_t
read_pieces(char *buf, size_t one, size_t size, void *arg)
{
	struct http_body *b = arg;
	size_t n = 0;

	size *= one;
	while (n < size && b->current < b->n) {
		ssize_t got = read_piece(b, buf + n, size - n);

		if (got < 0)
			return CURL_READFUNC_ABORT;
		if (got == 0)
			b->current++;
		n += (size_t)got;
	}
	return n;
}

static bool
rewind_pieces(struct http_body *b)
{
	if (b->once && b->handed > 0)
		return false;
	for (size_t i = 0; i < b->n; i++)
		b->cursors[i].offset = 0;
	b->handed = b->current = 0;
	return true;
}

static int
seek_pieces(void *arg, curl_off_t offset, int origin)
{
	if (offset != 0 || origin != SEEK_SET)
		return CURL_SEEKFUNC_FAIL;
	return rewind_pieces(arg) ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL;
}

static void
add_cursor(struct http_body *b, const struct http_piece *p)
{
	uint64_t size = p->source.size;
	uint64_t length = p->bytes != NULL ? p->len
	                  : p->base64      ? (size + 2) / 3 * 4
	                                   : size;

	b->cursors[b->n++] = (struct http_cursor){.piece = *p, .length = length};
	b->length += length;
}

static void
add_line(struct http_body *b, char *line)
{
	struct http_piece piece = {.bytes = line, .len = strlen(line)};

	add_cursor(b, &piece);
	b->cursors[b->n - 1].line = line;
}

/* Encodes what would end the quoted text, or change what follows, as browsers encode quotes
 * and line ends. */
static void
add_quoted(struct buf *out, const char *s)
{
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;

		if (c < 0x20 || c == 0x7f || c == '"' || c == '\\')
			buf_printf(out, "%%%02X", c);
		else
			buf_chr(out, *s);
	}
}

/* The lines before a part's value. */
static char *
part_head(const struct http_part *part, const char *boundary, bool first)
{
	struct buf out = {0};

	buf_str(&out, first ? "--" : "\r\n--");
	buf_str(&out, boundary);
	buf_str(&out, "\r\nContent-Disposition: form-data; name=\"");
	add_quoted(&out, part->name);
	if (part->filename != NULL) {
		buf_str(&out, "\"; filename=\"");
		add_quoted(&out, part->filename);
	}
	buf_str(&out, "\"\r\n");
	if (part->type != NULL) {
		buf_str(&out, "Content-Type: ");
		buf_str(&out, part->type);
		buf_str(&out, "\r\n");
	}
	buf_str(&out, "\r\n");
	return buf_take(&out);
}

static void
init_multipart(struct http_body *b, const struct http_request *request)
{
	size_t n = request->nparts;
	unsigned char random[16];
	char boundary[24 + 2 * sizeof random + 1] = "------------------------";

	arc4random_buf(random, sizeof random);
	hex_of(boundary + 24, random, sizeof random);
	b->type = mem_printf("multipart/form-data; boundary=%s", boundary);
	b->cursors = mem_new(2 * n + 1, sizeof *b->cursors);
	for (size_t i = 0; i < n; i++) {
		const struct http_part *part = &request->parts[i];

		add_line(b, part_head(part, boundary, i == 0));
		add_cursor(b, &part->value);
	}
	add_line(b, mem_printf("\r\n--%s--\r\n", boundary));
}

void
http_body_init(struct http_body *b, const struct http_request *request)
{
	*b = (struct http_body){.once = request->paid,
	    .may_send = request->may_send,
	    .may_send_arg = request->may_send_arg};
	if (request->nparts > 0) {
		init_multipart(b, request);
		return;
	}
	if (request->npieces > 0)
		b->cursors = mem_new(request->npieces, sizeof *b->cursors);
	for (size_t i = 0; i < request->npieces; i++)
		add_cursor(b, &request->pieces[i]);
}

CURLcode
http_body_attach(struct http_body *b, CURL *easy)
{
	CURLcode rc = CURLE_OK;

	SET(easy, CURLOPT_POST, 1L);
	SET(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)b->length);
	if (b->length == 0)
		return SET(easy, CURLOPT_POSTFIELDS, "");
	SET(easy, CURLOPT_READFUNCTION, read_pieces);
	SET(easy, CURLOPT_READDATA, b);
	SET(easy, CURLOPT_SEEKFUNCTION, seek_pieces);
	return SET(easy, CURLOPT_SEEKDATA, b);
}

bool
http_body_begin(struct http_body *b, bool begun)
{
	if (begun && b->once && (b->length == 0 || b->handed > 0))
		return false;
	/* libcurl rewinds only if it thinks that bytes were sent. Bytes that it took and
	 * could not send would be missing from the second attempt. */
	return rewind_pieces(b);
}

void
http_body_release(struct http_body *b)
{
	for (size_t i = 0; i < b->n; i++)
		free(b->cursors[i].line);
	free(b->type);
	free(b->cursors);
	*b = (struct http_body){0};
}
