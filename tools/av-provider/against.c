/* check --against: a service's answers compared with its description. */
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/err.h"
#include "base/mem.h"
#include "provider/load.h"
#include "tool.h"

/* Calls fn with each line of JSON that a program printed. */
static void
each_line(struct buf *out, const char *program,
    void (*fn)(struct print *p, struct json_object *line), struct print *p)
{
	char *rest = out->data, *line;
	struct json_object *o;
	struct err e;

	while ((line = strsep(&rest, "\n")) != NULL) {
		if (*line == '\0')
			continue;
		o = json_parse(line, strlen(line), &e);
		if (o == NULL)
			die(EX_SOFTWARE, "%s printed no JSON: %s", program, e.message);
		fn(p, o);
		json_object_put(o);
	}
}

static void
put_result(struct print *p, struct json_object *line)
{
	struct json_object *list = json_member(line, "differences");
	const char *why = json_str(line, "/why");
	struct buf text = {0};

	if (p->o->json) {
		put_line(p, json_object_get(line));
		return;
	}
	buf_str(&text, why != NULL    ? why
	               : list == NULL ? json_str(line, "/compared")
	                              : "");
	for (size_t i = 0; i < json_len(list); i++)
		buf_printf(&text, "%s%s", i > 0 ? "; " : "", json_item_str(list, i));
	buf_printf(&p->out, "%-9s  %-18s  %s\n", json_str(line, "/result"),
	    json_str(line, "/operation"), text.data);
	buf_release(&text);
}

/* Prints a line of av-doctor. That create was not tried is no news if it was. */
static void
put_answer(struct print *p, struct json_object *line)
{
	if (json_str(line, "/operation") == NULL)
		warn("%s", json_str(line, "/message")); /* the service cannot be asked */
	else if (p->o->create == NULL ||
	         strcmp(json_str(line, "/operation"), "create") != 0)
		put_result(p, line);
}

/* The members that create takes, and that the new avatar lacks. Others may come later. */
static struct json_object *
missing(const struct operation *create, struct json_object *avatar)
{
	static const char *const names[] = {"id", "provider_status", "created_at"};
	struct json_object *list = json_new_array();

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct json_object *take =
		    json_member(json_at(create->def, "/answer/take"), names[i]);
		char *text = mem_printf("there is nothing as %s", names[i]);

		if (take != NULL && json_member(avatar, names[i]) == NULL)
			json_append(list, json_new_string(text));
		free(text);
	}
	return list;
}

/* Compares the record that av-upload printed for the create with the description. */
static void
put_created(struct print *p, struct json_object *record)
{
	struct json_object *o = json_new_object(), *list;
	struct json_object *error = json_member(record, "error"),
	                   *avatar = json_member(record, "avatar");
	const char *code = json_str(error, "/code"), *word;
	const struct operation *create = provider_operation(p->provider, "create");
	bool sent = error == NULL || json_int(error, "/http_status", 0) != 0 ||
	            strcmp(code, "outcome_unknown") == 0;

	list = error == NULL ? missing(create, avatar) : json_new_array();
	word = json_str(avatar, "/provider_status");
	if (word != NULL && create->states != NULL &&
	    json_member(create->states, word) == NULL) {
		char *text = mem_printf("state '%s' is not among the states '%s'", word,
		    json_str(create->def, "/answer/states"));
		json_append(list, json_new_string(text));
		free(text);
	}
	if (error != NULL && sent)
		json_append(list, json_new_string(json_str(error, "/message")));
	json_put_str(o, "operation", "create");
	json_put_str(o, "result",
	    !sent                ? "not tried"
	    : json_len(list) > 0 ? "differs"
	                         : "ok");
	if (json_len(list) > 0)
		json_put(o, "differences", json_object_get(list));
	if (sent)
		json_put_str(o, "compared", "1 response");
	else
		json_put_str(o, "why", json_str(error, "/message"));
	json_put_str(o, "avatar_id", json_str(avatar, "/id"));
	if (json_len(list) > 0)
		p->status = EX_DATAERR;
	put_result(p, o);
	json_object_put(list);
	json_object_put(o);
}

static void
make(struct print *p, char *name)
{
	char *photo = *p->o->create == '{' ? mem_printf("./%s", p->o->create)
	                                   : mem_str(p->o->create);
	char *url = mem_str(p->o->against);
	char *const argv[] = {"av-upload", "-q", "-p", name, "-u", url, "--again",
	    "--max-creates", "1", "--", photo, NULL};
	struct buf out = {0};

	warn("makes one avatar of '%s' at %s, which may cost money; the ledger notes it",
	    photo, url);
	(void)run_beside(argv, &out);
	each_line(&out, argv[0], put_created, p);
	buf_release(&out);
	free(photo);
	free(url);
}

void
check_against(struct print *p, char **operands)
{
	struct buf out = {0};
	char *url = mem_str(p->o->against);
	struct provider *provider;
	struct err e;
	int status;

	if (url == NULL)
		opt_misuse(
		    &usage, "--create needs a service; write check --against URL NAME");
	if (operands[0] == NULL || operands[1] != NULL)
		opt_misuse(&usage, "check --against URL takes the name of one provider");
	provider = provider_load(operands[0], &e);
	if (provider == NULL)
		die(EX_CONFIG, "%s", e.message);
	p->provider = provider;
	if (p->o->create != NULL)
		make(p, operands[0]);
	char *const argv[] = {
	    "av-doctor", "--answers", "--json", "-p", operands[0], "-u", url, NULL};
	status = run_beside(argv, &out);
	each_line(&out, argv[0], put_answer, p);
	if (status > p->status)
		p->status = status;
	buf_release(&out);
	provider_free(provider);
	free(url);
}
