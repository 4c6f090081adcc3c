#include <json-c/json_pointer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/utf8.h"
#include "http/url.h"
#include "provider/options.h"
#include "provider/request.h"
#include "provider/template.h"
#include "json/json.h"

/* A list without pages contains everything ever made: 100,000 entries of 1 kB. */
#define LIST_MAX ((size_t)100 << 20)

static enum http_method
method_of(const char *word)
{
	static const char *const words[] = {[HTTP_GET] = "GET",
	    [HTTP_HEAD] = "HEAD",
	    [HTTP_POST] = "POST",
	    [HTTP_PUT] = "PUT",
	    [HTTP_PATCH] = "PATCH",
	    [HTTP_DELETE] = "DELETE"};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcmp(words[i], word) == 0)
			return (enum http_method)i;
	return HTTP_GET;
}

/* Appends name=value&... from a filled template; containers are written as JSON. */
static void
add_pairs(struct buf *out, const char *first, struct json_object *template,
    struct json_object *vars)
{
	struct json_object *filled = template_fill(template, vars);

	if (filled == NULL)
		return;
	json_object_object_foreach(filled, name, value)
	{
		buf_str(out, first);
		url_encode(out, name);
		buf_chr(out, '=');
		url_encode(out,
		    json_object_is_type(value, json_type_string)
		        ? json_object_get_string(value)
		        : json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN));
		first = "&";
	}
	json_object_put(filled);
}

void
request_header(struct request *r, const char *name, const char *value)
{
	r->headers = mem_resize(r->headers, (r->http.nheaders + 1) * sizeof *r->headers);
	r->headers[r->http.nheaders++] = (struct http_header){name, value};
	r->http.headers = r->headers;
}

static int
fill_headers(struct request *r, const struct operation *op,
    const struct request_values *v, struct err *e)
{
	r->headers_json = template_fill(json_at(op->def, "/headers"), v->vars);
	if (r->headers_json == NULL)
		return 0;
	json_object_object_foreach(r->headers_json, name, value)
	{
		const char *text = json_object_get_string(value);

		if (strpbrk(text, "\r\n") != NULL)
			return err_set(e, CODE_OPTION_INVALID,
			    "the value of the header %s has more than one line", name);
		request_header(r, name, text);
	}
	return 0;
}

/* The option's file that a template sends, or NULL. */
static struct option_file *
file_of(struct request *r, const char *template)
{
	for (size_t i = 0; i < r->nfiles; i++) {
		size_t len = strlen(r->files[i].name);

		if (strncmp(template, "{options.", 9) == 0 &&
		    strncmp(template + 9, r->files[i].name, len) == 0 &&
		    strcmp(template + 9 + len, "}") == 0)
			return &r->files[i];
	}
	return NULL;
}

static void
fill_multipart(struct request *r, struct json_object *template,
    const struct request_values *v, struct json_object *vars)
{
	r->parts = mem_new((size_t)json_object_object_length(template), sizeof *r->parts);
	r->parts_json = template_fill(template, vars);
	json_object_object_foreach(template, name, t)
	{
		struct http_part *part = &r->parts[r->http.nparts];
		struct json_object *value = json_member(r->parts_json, name);
		struct option_file *file = file_of(r, json_object_get_string(t));

		if (file != NULL)
			*part = (struct http_part){.name = name,
			    .filename = file->filename,
			    .type = json_str(file->facts, "/type"),
			    .value.source = option_file_source(file)};
		else if (v->photo != NULL &&
		         strcmp(json_object_get_string(t), "{file}") == 0)
			*part = (struct http_part){.name = name,
			    .filename = v->photo->filename,
			    .type = v->photo->type,
			    .value.source = v->photo->source};
		else if (value != NULL)
			*part = (struct http_part){.name = name,
			    .value.bytes = json_object_get_string(value),
			    .value.len = strlen(json_object_get_string(value))};
		else
			continue;
		r->http.nparts++;
	}
	r->http.parts = r->parts;
}

/* Sets the tag where the description says, unless its object is full. */
static bool
put_tag(struct json_object *body, struct json_object *rule, const char *tag)
{
	const char *at = json_str(rule, "/at");
	char *parent = mem_strn(at, (size_t)(strrchr(at, '/') - at));
	struct json_object *into = json_at(body, parent);
	int64_t max = json_int(rule, "/max_members", INT64_MAX);

	if (into == NULL) {
		into = json_new_object();
		if (json_pointer_set(&body, parent, into) != 0)
			abort();
	}
	free(parent);
	if (json_object_object_length(into) >= max)
		return false;
	json_put_str(into, strrchr(at, '/') + 1, tag);
	return true;
}

static void
add_piece(struct request *r, struct http_piece piece)
{
	r->pieces = mem_resize(r->pieces, (r->http.npieces + 1) * sizeof *r->pieces);
	r->pieces[r->http.npieces++] = piece;
	r->http.pieces = r->pieces;
}

/* Sets the forms that a file has within a text: the marker with the file's number stands
 * for its bytes while the text is written. */
static void
put_marker(
    const struct request *r, char number, struct json_object *file, const char *type)
{
	char *base64 = mem_printf("%s%c", r->marker, number),
	     *data_uri = mem_printf("data:%s;base64,%s", type, base64);

	json_put_str(file, "base64", base64);
	json_put_str(file, "data_uri", data_uri);
	free(base64);
	free(data_uri);
}

/* Number 0 is the photo, and from 1 on come the files of options. */
static void
put_markers(
    struct request *r, const struct request_photo *photo, struct json_object *vars)
{
	struct json_object *file, *options;
	unsigned char random[16];

	if (photo == NULL && r->nfiles == 0)
		return;
	random_fill(random, sizeof random);
	hex_of(r->marker, random, sizeof random);
	if (photo != NULL) {
		file = json_new_object();
		put_marker(r, '0', file, photo->type);
		json_put(vars, "file", file);
	}
	if (r->nfiles == 0)
		return;
	options = json_copy(json_member(vars, "options"));
	for (size_t i = 0; i < r->nfiles; i++)
		put_marker(r, (char)('1' + i), json_member(options, r->files[i].name),
		    json_str(r->files[i].facts, "/type"));
	json_put(vars, "options", options);
}

/* Makes pieces of the text, with files in the places of their markers. */
static void
fill_pieces(struct request *r, const struct request_photo *photo)
{
	const char *from = r->text.data, *cut;
	size_t len = strlen(r->marker);

	while (len > 0 && (cut = strstr(from, r->marker)) != NULL) {
		size_t number = (size_t)(cut[len] - '0');

		add_piece(
		    r, (struct http_piece){.bytes = from, .len = (size_t)(cut - from)});
		add_piece(r, (struct http_piece){.base64 = true,
		                 .source = number == 0 ? photo->source
		                                       : option_file_source(
		                                             &r->files[number - 1])});
		from = cut + len + 1;
	}
	add_piece(r, (struct http_piece){.bytes = from, .len = strlen(from)});
}

static void
fill_json(struct request *r, struct json_object *template, const struct operation *op,
    const struct request_values *v, struct json_object *vars)
{
	struct json_object *tag = json_at(op->def, "/lookup/tag"), *body;

	put_markers(r, v->photo, vars);
	body = template_fill(template, vars);
	if (body == NULL && (tag == NULL || v->tag == NULL))
		return; /* an optional body without members */
	if (body == NULL)
		body = json_new_object();
	if (tag != NULL && v->tag != NULL) {
		struct json_object *shared = body; /* contains values of the record */
		body = json_copy(shared);
		json_object_put(shared);
		r->tagged = put_tag(body, tag, v->tag);
	}
	json_write(&r->text, body);
	json_object_put(body);
	fill_pieces(r, v->photo);
	request_header(r, "Content-Type", "application/json");
}

/* The bytes of the photo, or of an option's file, are the whole body. */
static void
fill_raw(struct request *r, const char *template, const struct request_photo *photo)
{
	struct option_file *file = file_of(r, template);

	if (file != NULL)
		add_piece(r, (struct http_piece){.source = option_file_source(file)});
	else if (photo != NULL && strcmp(template, "{file}") == 0)
		add_piece(r, (struct http_piece){.source = photo->source});
	else
		return;
	request_header(r, "Content-Type",
	    file != NULL ? json_str(file->facts, "/type") : photo->type);
}

/* The variant whose source is the photo's; NULL if there is none. */
static struct json_object *
body_for(const struct operation *op, const char *source)
{
	struct json_object *bodies = json_at(op->def, "/bodies");

	for (size_t i = 0; i < json_len(bodies); i++) {
		struct json_object *body = json_item(bodies, i);
		const char *wanted = json_str(body, "/source");
		if (wanted == NULL || strcmp(wanted, "none") == 0 ||
		    strcmp(wanted, source) == 0)
			return body;
	}
	return NULL;
}

/* A photo that is in a file and on the web goes as the service takes it, as a file first. */
static struct json_object *
choose_body(const struct operation *op, struct json_object *vars,
    const struct request_photo *photo)
{
	bool url = json_str(vars, "/url") != NULL;
	struct json_object *body = body_for(op, photo != NULL ? "file"
	                                        : url         ? "url"
	                                                      : "none");

	return body == NULL && photo != NULL && url ? body_for(op, "url") : body;
}

bool
request_has_body(const struct operation *op, struct json_object *vars,
    const struct request_photo *photo)
{
	return json_at(op->def, "/bodies") == NULL ||
	       choose_body(op, vars, photo) != NULL;
}

static int
fill_body(struct request *r, const struct operation *op, const struct request_values *v,
    struct err *e)
{
	struct json_object *body, *template, *vars;
	const char *source;
	bool by_url;

	if (json_at(op->def, "/bodies") == NULL)
		return 0;
	body = choose_body(op, v->vars, v->photo);
	if (body == NULL && v->photo != NULL)
		return err_set(
		    e, CODE_FILE_REFUSED, "the provider accepts a URL, not a file");
	if (body == NULL)
		return err_set(
		    e, CODE_URL_REFUSED, "the provider accepts a file, not a URL");
	source = json_str(body, "/source");
	by_url = v->photo == NULL || (source != NULL && strcmp(source, "url") == 0);
	vars = json_new_object();
	json_object_object_foreach(v->vars, name, value)
	{
		if (by_url || strcmp(name, "url") != 0)
			json_put(vars, name, json_object_get(value));
	}
	if ((template = json_at(body, "/multipart")) != NULL)
		fill_multipart(r, template, v, vars);
	else if ((template = json_at(body, "/json")) != NULL)
		fill_json(r, template, op, v, vars);
	else if (json_has(body, "/raw"))
		fill_raw(r, json_str(body, "/raw"), v->photo);
	else if ((template = json_at(body, "/form")) != NULL) {
		buf_str(&r->text, "");
		add_pairs(&r->text, "", template, vars);
		add_piece(
		    r, (struct http_piece){.bytes = r->text.data, .len = r->text.len});
		request_header(r, "Content-Type", "application/x-www-form-urlencoded");
	}
	json_object_put(vars);
	return 0;
}

/* Sets the URL. False if it needs an id, or a whole URL, that is absent. */
static bool
fill_url(struct request *r, const struct operation *op, const struct request_values *v)
{
	struct json_object *path, *filled;
	bool whole;

	if (v->url != NULL) {
		buf_str(&r->url, v->url);
	} else if (operation_is_elsewhere(op)) {
		path = json_object_new_string(op->path);
		filled = template_fill(path, v->vars);
		whole = json_str(filled, "") != NULL;
		buf_str(&r->url, whole ? json_str(filled, "") : "");
		json_object_put(path);
		json_object_put(filled);
		return whole;
	} else {
		buf_str(&r->url, v->base_url);
		if (!template_path(&r->url, op->path, v->vars))
			return false;
		add_pairs(&r->url, "?", json_at(op->def, "/query"), v->vars);
	}
	return true;
}

/* Notes the files among the options, which stay in vars. */
static int
find_files(struct request *r, const struct operation *op, const struct request_values *v,
    struct err *e)
{
	struct json_object *options = json_member(v->vars, "options");

	if (options == NULL)
		return 0;
	if (option_file_resolve(op, v->vars, e) < 0)
		return -1;
	r->files = mem_new((size_t)json_object_object_length(options), sizeof *r->files);
	json_object_object_foreach(options, name, facts)
	{
		if (options_file(op, name) == NULL)
			continue;
		option_file_init(&r->files[r->nfiles++], name, facts);
	}
	return 0;
}

int
request_init(struct request *r, const struct operation *op,
    const struct request_values *v, struct err *e)
{
	*r = (struct request){.http = {.method = method_of(op->method),
	                          .paid = !op->repeatable,
	                          .max_body = op->pages ? LIST_MAX : 0}};
	if (find_files(r, op, v, e) < 0)
		goto fail;
	if (!fill_url(r, op, v)) {
		err_set(e, CODE_NO_AVATAR,
		    "the record has no id, which the path %s needs", op->path);
		goto fail;
	}
	r->http.url = r->url.data;
	if (fill_headers(r, op, v, e) == 0 && fill_body(r, op, v, e) == 0)
		return 0;
fail:
	request_release(r);
	return -1;
}

void
request_release(struct request *r)
{
	buf_release(&r->url);
	buf_release(&r->text);
	json_object_put(r->parts_json);
	json_object_put(r->headers_json);
	free(r->headers);
	free(r->parts);
	free(r->pieces);
	for (size_t i = 0; i < r->nfiles; i++)
		option_file_release(&r->files[i]);
	free(r->files);
	*r = (struct request){0};
}

const struct err *
request_broken(const struct request *r, const struct request_photo *photo)
{
	if (photo != NULL && photo->broken.code != CODE_NONE)
		return &photo->broken;
	for (size_t i = 0; i < r->nfiles; i++)
		if (r->files[i].broken.code != CODE_NONE)
			return &r->files[i].broken;
	return NULL;
}

struct json_object *
request_vars(struct rec *rec, const struct operation *op, struct json_object *options)
{
	static const char *const members[] = {"name", "url", "avatar", "item", "image"};
	struct json_object *vars = json_new_object();

	for (size_t i = 0; rec != NULL && i < sizeof members / sizeof *members; i++)
		json_put(vars, members[i], json_object_get(rec_get(rec, members[i])));
	if (json_object_get_string_len(json_member(vars, "name")) == 0)
		json_object_object_del(vars, "name"); /* left to the service */
	json_put(vars, "options", options_for(op, options));
	return vars;
}

void
request_vars_rendering(struct json_object *vars, const char *kind, const char *value,
    struct json_object *rendering)
{
	struct json_object *kinds = json_new_object();

	json_put_str(kinds, kind, value);
	json_put(vars, "kind", kinds);
	json_put(vars, "rendering", json_object_get(rendering));
}

void
request_vars_mark_name(
    struct json_object *vars, const struct provider *p, const char *mark)
{
	const char *name = json_str(vars, "/name");
	size_t max = p->name_max > 0 ? (size_t)p->name_max : SIZE_MAX;
	size_t more = 1 + strlen(mark), len = 0;
	char *marked;

	if (name == NULL || max <= more)
		return;
	for (size_t n = 0; n < max - more && name[len] != '\0'; n++)
		len += utf8_char(name + len, strlen(name + len));
	marked = mem_printf("%.*s %s", (int)len, name, mark);
	json_put_str(vars, "name", marked);
	free(marked);
}
