#include <string.h>

#include "program/reach.h"
#include "provider/target.h"

/* True if the operation's response is a file that av-render writes. */
static bool
is_file(const struct provider *p, const struct operation *op)
{
	for (size_t i = 0; i < p->n_kinds; i++)
		if (p->kinds[i].result == op && p->kinds[i].url == NULL)
			return true;
	return false;
}

const char *
reach_program(const struct provider *p, const struct operation *op)
{
	if (strcmp(op->name, "create") == 0)
		return "av-upload";
	if (target_is_list(op))
		return "av-list";
	if (target_kind(p, op) != NULL || is_file(p, op))
		return "av-render";
	return strcmp(op->method, "DELETE") == 0 ? "av-delete" : "av-call";
}
