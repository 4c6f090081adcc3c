#include <fcntl.h>
#include <microhttpd.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "core/trace.h"

static int trace = -1;

int
trace_open(struct err *e)
{
	if (opts.trace == NULL)
		return 0;
	trace = open(opts.trace, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	return trace >= 0
	           ? 0
	           : err_set(e, CODE_TARGET_UNWRITABLE, "cannot open '%s':", opts.trace);
}

void
trace_close(void)
{
	if (trace >= 0)
		close(trace);
	trace = -1;
}

static enum MHD_Result
add_name(void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
	(void)kind;
	(void)value;
	json_object_array_add(cls, json_object_new_string(name));
	return MHD_YES;
}

void
trace_request(struct req *r)
{
	struct json_object *o, *names;
	struct buf b = {0};
	char when[TIME_SIZE];
	size_t path = strcspn(r->url, "?");

	if (trace < 0)
		return;
	o = json_object_new_object();
	names = json_object_new_array();
	time_iso(wall_ms(), true, when);
	json_object_object_add(o, "time", json_object_new_string(when));
	json_object_object_add(o, "service",
	    r->service != NULL ? json_object_new_string(service_names[r->service->no])
	    : r->media         ? json_object_new_string("media")
	                       : NULL);
	json_object_object_add(o, "method", json_object_new_string(r->method));
	json_object_object_add(o, "path", json_object_new_string_len(r->url, (int)path));
	json_object_object_add(o, "query",
	    r->url[path] == '?' ? json_object_new_string(r->url + path + 1) : NULL);
	json_object_object_add(
	    o, "body_bytes", json_object_new_int64((int64_t)r->body.len));
	json_object_object_add(o, "status", json_object_new_int((int)r->answer.status));
	MHD_get_connection_values(r->conn, MHD_HEADER_KIND, add_name, names);
	json_object_object_add(o, "headers", names);
	json_object_object_add(
	    o, "fault", r->fault_struck ? json_object_new_string(r->fault->spec) : NULL);
	buf_str(&b, json_object_to_json_string_ext(
	                o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	buf_chr(&b, '\n');
	if (write(trace, b.data, b.len) != (ssize_t)b.len)
		die(EX_IOERR, "cannot write '%s':", opts.trace);
	buf_release(&b);
	json_object_put(o);
}
