#include <stdlib.h>

#include "base/mem.h"
#include "base/strings.h"

void
strings_add(struct strings *list, const char *value)
{
	list->v = mem_resize(list->v, (list->n + 1) * sizeof *list->v);
	list->v[list->n++] = value;
}

void
strings_release(struct strings *list)
{
	free(list->v);
	*list = (struct strings){0};
}
