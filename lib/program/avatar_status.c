#include <string.h>

#include "base/mem.h"
#include "program/avatar_status.h"
#include "json/json.h"

/* Copies the members of an answer that stand in a record. */
static void
copy_shown(struct json_object *into, struct json_object *taken)
{
	static const char *const shown[] = {
	    "status", "provider_status", "created_at", "preview_url"};

	for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
		struct json_object *value = NULL;
		if (json_object_object_get_ex(taken, shown[i], &value))
			json_put(into, shown[i], json_object_get(value));
	}
}

static bool
has_failed(struct json_object *taken)
{
	const char *status = json_str(taken, "/status");

	return status != NULL && strcmp(status, "failed") == 0;
}

/* what: "avatar" or "rendering". */
static void
set_failure(
    struct failure *f, enum code code, const char *what, struct json_object *taken)
{
	const char *reason = json_str(taken, "/reason");
	const char *word = json_str(taken, "/provider_status");
	struct err e;

	if (reason != NULL)
		err_set(&e, code, "the service could not make the %s: %s", what, reason);
	else
		err_set(&e, code, "the service could not make the %s (%s)", what,
		    word != NULL ? word : "failed");
	failure_set(f, &e, "yes");
}

/* Marks the entry of this operation and id in the ledger. */
static void
mark(struct ledger *ledger, struct account *a, const char *operation, const char *id,
    enum ledger_fate fate)
{
	struct ledger_key key = {.operation = operation,
	    .provider = a->provider->name,
	    .base = a->base_url,
	    .account = a->label};

	if (ledger != NULL && id != NULL)
		ledger_retire(ledger, &key, id, fate, NULL, NULL);
}

static void
mark_avatar(struct session *s, struct account *a, struct rec *rec, enum ledger_fate fate)
{
	mark(session_ledger(s), a, "create", json_str(rec_get(rec, "avatar"), "/id"),
	    fate);
}

void
status_mark_rendering(struct ledger *ledger, struct account *a, const struct kind *kind,
    const char *id, enum ledger_fate fate)
{
	if (kind->starts == 0)
		mark(ledger, a, "create", id, fate);
	for (size_t i = 0; i < kind->starts; i++)
		mark(ledger, a, kind->start[i]->name, id, fate);
}

void
status_put_avatar(struct session *s, struct account *a, struct rec *rec,
    const struct call_result *result, struct failure *f)
{
	if (result->failure != NULL) {
		failure_copy(f, result->failure);
		if (f->err.code == CODE_AVATAR_GONE)
			mark_avatar(s, a, rec, LEDGER_GONE);
		return;
	}
	copy_shown(rec_edit(rec, "avatar"), result->taken);
	if (!has_failed(result->taken))
		return;
	set_failure(f, CODE_AVATAR_FAILED, "avatar", result->taken);
	mark_avatar(s, a, rec, LEDGER_FAILED);
}

/* An entry of `renderings`, to be changed in place. */
static struct json_object *
rendering_entry(struct rec *rec, int index)
{
	struct json_object *all = json_copy(rec_get(rec, "renderings"));

	rec_set(rec, "renderings", all);
	return json_object_array_get_idx(all, (size_t)index);
}

void
status_put_rendering(struct session *s, struct account *a, struct rec *rec, int index,
    const struct call_result *result, struct failure *f)
{
	struct json_object *entry = rendering_entry(rec, index);
	const char *name = json_str(entry, "/kind"), *id = json_str(entry, "/id");
	const struct kind *kind = name != NULL ? provider_kind(a->provider, name) : NULL;

	if (result->failure != NULL) {
		failure_copy(f, result->failure);
		if (f->err.code == CODE_AVATAR_GONE && kind != NULL)
			status_mark_rendering(
			    session_ledger(s), a, kind, id, LEDGER_GONE);
		return;
	}
	copy_shown(entry, result->taken);
	if (!has_failed(result->taken))
		return;
	set_failure(f, CODE_RENDERING_FAILED, "rendering", result->taken);
	if (kind != NULL)
		status_mark_rendering(session_ledger(s), a, kind, id, LEDGER_FAILED);
}
