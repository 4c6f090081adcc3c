/*
 * av-validate: says everything that the service would refuse, before anything is spent.
 */
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "json.h"
#include "judge.h"
#include "mem.h"
#include "run.h"

struct options {
	struct opt_common common;
	struct opt_list given;
	int64_t jobs, max_pixels;
	bool quick, decode;
};

static const struct opt table[] = {
    OPT_COMMON(struct options),
    {'O', "option", "KEY=VALUE", "option of the provider, for records that do not set it",
        OPT_LIST, offsetof(struct options, given)},
    {0, "quick", NULL, "read the header alone: type, size, shape", OPT_FLAG,
        offsetof(struct options, quick)},
    {0, "max-pixels", "N", "refuse pictures with more pixels (100000000)", OPT_INT,
        offsetof(struct options, max_pixels)},
    {0},
};

static const struct opt_usage usage = {
    .synopsis = "av-validate [options] [PHOTO|RECORD...]",
    .about =
        "Judges photos by what a provider takes: type, bytes, pixels, shape, name, options,\n"
        "damage. Reads paths or records, writes records; those that would be refused carry\n"
        "`error` with every finding in error.problems.",
    .examples =
        "  av-validate -p anam photos/*.jpg >records.jsonl\n"
        "  find photos -name '*.jpg' -print0 | av-validate -0 -p argil,loom | av-upload\n"
        "  av-validate -p argil *.jpg | jq -r 'select(.error) | .file, .error.problems[].message'\n",
};

/* Descriptions that were loaded, by the name they were asked for. */
struct loaded {
	char *name;
	struct provider *provider;
	struct loaded *next;
};

struct validate_tool {
	struct judge judge;
	struct loaded *loaded;
};

static bool
skip(void *self, struct rec *rec)
{
	(void)self;
	return rec_has(rec, "avatar");
}

/* The record's provider; NULL without an error where it names none. */
static int
find_provider(
    struct validate_tool *self, const char *name, struct provider **p, struct err *e)
{
	struct loaded *l;

	*p = NULL;
	if (name == NULL)
		return 0;
	for (l = self->loaded; l != NULL; l = l->next)
		if (strcmp(l->name, name) == 0) {
			*p = l->provider;
			return 0;
		}
	*p = provider_load(name, e);
	if (*p == NULL)
		return -1;
	l = mem_new(1, sizeof *l);
	*l = (struct loaded){.name = mem_str(name), .provider = *p, .next = self->loaded};
	self->loaded = l;
	return 0;
}

static void
begin(void *arg, struct item *item)
{
	struct validate_tool *self = arg;
	struct provider *p;
	struct err e;

	if (find_provider(self, rec_str(item->rec, "provider"), &p, &e) < 0) {
		run_fail(item, &e);
		return;
	}
	rec_remove(item->rec, "image");
	judge_record(&self->judge, p, item->rec, "validate");
	run_done(item);
}

static void
check_named(struct validate_tool *self, const char *names)
{
	char *copy = mem_str(names), *rest = copy, *name;
	struct provider *p;
	struct err e;

	while (rest != NULL && (name = strsep(&rest, ",")) != NULL)
		if (*name != '\0' && find_provider(self, name, &p, &e) < 0)
			die(EX_CONFIG, "%s", e.message);
	free(copy);
}

static void
release(struct validate_tool *self)
{
	while (self->loaded != NULL) {
		struct loaded *l = self->loaded;
		self->loaded = l->next;
		provider_free(l->provider);
		free(l->name);
		free(l);
	}
	filetype_free(self->judge.types);
}

int
main(int argc, char *argv[])
{
	static const struct run_calls calls = {.skip = skip, .begin = begin};
	struct options o = {.max_pixels = PHOTO_MAX_PIXELS};
	struct validate_tool self = {0};
	int first = opt_parse(argc, argv, &usage, table, &o), status;
	struct loop *loop = loop_new();
	struct run *run;

	opt_common_finish(&o.common);
	self.judge.photo =
	    (struct photo_options){.depth = o.quick ? PHOTO_QUICK : PHOTO_READ,
	        .max_pixels = (uint64_t)o.max_pixels};
	self.judge.given = &o.given;
	self.judge.types = filetype_new();
	check_named(&self, o.common.provider);
	run = run_new(loop,
	    &(struct run_options){.step = "validate",
	        .provider = o.common.provider,
	        .bare = RUN_BARE_PHOTO,
	        .window = 1,
	        .keep_order = o.common.keep_order,
	        .nul = o.common.nul,
	        .retry_failed = o.common.retry_failed,
	        .exit_zero = o.common.exit_zero},
	    &calls, &self);
	status = run_records(run, argv + first);
	run_free(run);
	loop_free(loop);
	release(&self);
	opt_list_release(&o.given);
	run_exit(status);
}
