#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "provider/load.h"

struct providers_entry {
	char *name;
	struct provider *provider;
	struct providers_entry *next;
};

struct provider *
providers_get(struct providers *set, const char *name, struct err *e)
{
	struct providers_entry *entry;
	struct provider *p;

	for (entry = set->first; entry != NULL; entry = entry->next)
		if (strcmp(entry->name, name) == 0)
			return entry->provider;
	p = provider_load(name, e);
	if (p == NULL)
		return NULL;
	entry = mem_new(1, sizeof *entry);
	*entry = (struct providers_entry){mem_str(name), p, set->first};
	set->first = entry;
	return p;
}

int
providers_load(struct providers *set, const char *names, struct err *e)
{
	char *copy = mem_str(names), *rest = copy, *name;
	int result = 0;

	while (result == 0 && rest != NULL && (name = strsep(&rest, ",")) != NULL)
		if (*name != '\0' && providers_get(set, name, e) == NULL)
			result = -1;
	free(copy);
	return result;
}

void
providers_release(struct providers *set)
{
	struct providers_entry *entry;

	while ((entry = set->first) != NULL) {
		set->first = entry->next;
		provider_free(entry->provider);
		free(entry->name);
		free(entry);
	}
}
