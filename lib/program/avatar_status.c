#include <string.h>

#include "http/data_url.h"
#include "program/avatar_status.h"
#include "json/json.h"

/* Copies the members of an answer that stand in a record. */
static void
copy_shown(struct json_object *into, struct json_object *taken)
{
	static const char *const shown[] = {"status", "provider_status", "final_status",
	    "progress", "created_at", "expires_at", "preview_url"};

	json_object_object_del(into, "progress"); /* else it is an old one */
	for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
		struct json_object *value = NULL;
		/* A record is no place for a picture. */
		if (json_object_object_get_ex(taken, shown[i], &value) &&
		    !data_url_is(json_object_get_string(value)))
			json_put(into, shown[i], json_object_get(value));
	}
}

/* Sets *f if the call failed, or if what it asked for (an "avatar" or a "rendering") has
 * failed. True: that has failed or is gone, and *fate says which. */
static bool
is_lost(const struct call_result *result, enum code code, const char *what,
    struct failure *f, enum ledger_fate *fate)
{
	const char *status = json_str(result->taken, "/status");
	const char *reason = json_str(result->taken, "/reason");
	const char *word = json_str(result->taken, "/provider_status");
	struct err e;

	*fate = result->failure != NULL ? LEDGER_GONE : LEDGER_FAILED;
	if (result->failure != NULL) {
		failure_copy(f, result->failure);
		return f->err.code == CODE_AVATAR_GONE;
	}
	if (status == NULL || strcmp(status, "failed") != 0)
		return false;
	if (reason != NULL)
		err_set(&e, code, "the service could not make the %s: %s", what, reason);
	else
		err_set(&e, code, "the service could not make the %s (%s)", what,
		    word != NULL ? word : "failed");
	failure_set(f, &e, "yes");
	return true;
}

void
status_mark(struct ledger *ledger, struct account *a, const char *operation,
    const char *id, enum ledger_fate fate)
{
	struct ledger_key key = {.operation = operation,
	    .provider = a->provider->name,
	    .base = a->base_url,
	    .account = a->label};

	if (ledger != NULL && id != NULL)
		ledger_retire(ledger, &key, id, fate, NULL, NULL);
}

void
status_mark_rendering(struct ledger *ledger, struct account *a, const struct kind *kind,
    const char *id, enum ledger_fate fate)
{
	if (kind->starts == 0)
		status_mark(ledger, a, "create", id, fate);
	for (size_t i = 0; i < kind->starts; i++)
		status_mark(ledger, a, kind->start[i]->name, id, fate);
}

void
status_put_avatar(struct session *s, struct account *a, struct rec *rec,
    const struct call_result *result, struct failure *f)
{
	enum ledger_fate fate;

	if (result->failure == NULL)
		copy_shown(rec_edit(rec, "avatar"), result->taken);
	if (is_lost(result, CODE_AVATAR_FAILED, "avatar", f, &fate))
		status_mark(session_ledger(s), a, "create",
		    json_str(rec_get(rec, "avatar"), "/id"), fate);
}

void
status_put_rendering(struct session *s, struct account *a, struct rec *rec, int index,
    const struct call_result *result, struct failure *f)
{
	struct json_object *all = json_copy(rec_get(rec, "renderings"));
	struct json_object *entry = json_object_array_get_idx(all, (size_t)index);
	const char *name = json_str(entry, "/kind");
	const struct kind *kind = name != NULL ? provider_kind(a->provider, name) : NULL;
	enum ledger_fate fate;

	rec_set(rec, "renderings", all);
	if (result->failure == NULL)
		copy_shown(entry, result->taken);
	if (is_lost(result, CODE_RENDERING_FAILED, "rendering", f, &fate) && kind != NULL)
		status_mark_rendering(
		    session_ledger(s), a, kind, json_str(entry, "/id"), fate);
}
