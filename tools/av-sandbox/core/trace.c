#include <fcntl.h>
#include <microhttpd.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "core/object.h"
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
	size_t path = strcspn(r->url, "?");

	if (trace < 0)
		return;
	o = json_object_new_object();
	names = json_object_new_array();
	obj_time(o, "time", r->at, true);
	obj_text(o, "service", r->service != NULL ? r->service->name : NULL);
	obj_text(o, "method", r->method);
	json_object_object_add(o, "path", json_object_new_string_len(r->url, (int)path));
	obj_text(o, "query", r->url[path] == '?' ? r->url + path + 1 : NULL);
	obj_int(o, "body_bytes", (int64_t)r->body.len);
	obj_int(o, "status", r->answer.status);
	MHD_get_connection_values(r->conn, MHD_HEADER_KIND, add_name, names);
	json_object_object_add(o, "headers", names);
	obj_text(o, "fault", r->fault_hit ? r->fault->spec : NULL);
	obj_write(&b, o);
	buf_chr(&b, '\n');
	if (write(trace, b.data, b.len) != (ssize_t)b.len)
		die(EX_IOERR, "cannot write '%s':", opts.trace);
	buf_release(&b);
}
