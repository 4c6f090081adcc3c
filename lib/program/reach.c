#include <string.h>

#include "program/reach.h"
#include "provider/target.h"

const char *
reach_program(const struct provider *p, const struct operation *op)
{
	if (target_is_photo(op))
		return "av-upload";
	if (target_is_list(op))
		return "av-list";
	if (target_kind(p, op) != NULL)
		return "av-render";
	return strcmp(op->method, "DELETE") == 0 ? "av-delete" : "av-call";
}
