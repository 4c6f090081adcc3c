#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "core/origin.h"
#include "services/services.h"

const struct service *const api_services[] = {
    &loom_service, &anam_service, &avtr1_service, &argil_service, &oauth_service, NULL};

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

/* Some contain characters that forms and headers have to encode. */
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

bool
bears_secret(const struct req *r, const char *variable)
{
	const char *got = req_header(r, "Authorization");
	char *key = secret_of(variable);
	bool ok = got != NULL && strncasecmp(got, "Bearer ", 7) == 0 &&
	          strcmp(got + 7, key) == 0;

	free(key);
	return ok;
}

static void
take_text(struct json_object *o, const char *name, char *text)
{
	obj_text(o, name, text);
	free(text);
}

struct json_object *
services_env(void)
{
	static const struct {
		const char *variable;
		const struct service *service;
	} urls[] = {{"LOOM_API_URL", &loom_service}, {"ANAM_API_URL", &anam_service},
	    {"AVTR1_API_URL", &avtr1_service}, {"ARGIL_API_URL", &argil_service}};
	static const char *const secrets[] = {"LOOM_CLIENT_ID", "LOOM_CLIENT_SECRET",
	    "LOOM_USERNAME", "LOOM_PASSWORD", "ANAM_API_KEY", "AVTR1_API_KEY",
	    "ARGIL_API_KEY"};
	struct json_object *o = json_object_new_object();

	for (size_t i = 0; i < sizeof urls / sizeof *urls; i++)
		take_text(o, urls[i].variable,
		    mem_printf("%s%s", origin_api(), urls[i].service->base));
	take_text(o, "LOOM_TOKEN_URL", mem_printf("%s/oauth/token", origin_api()));
	for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++)
		take_text(o, secrets[i], secret_of(secrets[i]));
	return o;
}
