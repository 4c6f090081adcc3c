#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "services/services.h"

enum fate
fate_of(const struct sb_item *it, const char *name, const char *filename)
{
	const char *texts[] = {name, filename};

	for (int i = 0; i < 2; i++) {
		if (texts[i] == NULL)
			continue;
		if (opts.refuse_match != NULL &&
		    strstr(texts[i], opts.refuse_match) != NULL)
			return FATE_REFUSED;
		if (opts.fail_match != NULL && strstr(texts[i], opts.fail_match) != NULL)
			return FATE_FAILED;
	}
	if (chance(mix_str(mix(opts.seed, 99), it->id)) < opts.fail_rate)
		return FATE_FAILED;
	return FATE_READY;
}

/* Characters that forms and headers have to encode are among them on purpose. */
char *
secret_of(const char *variable)
{
	unsigned long long n = mix_str(mix(opts.seed, 42), variable);

	if (strcmp(variable, "LOOM_USERNAME") == 0)
		return mem_printf("user+%llx@example.test", n);
	if (strcmp(variable, "LOOM_PASSWORD") == 0)
		return mem_printf("p@ss &%%2B=%llx", n);
	if (strcmp(variable, "AVTR1_API_KEY") == 0)
		return mem_printf("sk_live_%016llx", n);
	return mem_printf("%.4s_%016llx", variable, n);
}
