/*
 * job: makes one rendering of one avatar, from the first request to the file.
 *
 *	start operations -> poll until ready -> get the URL -> download -> done
 *
 * It continues from the state of its entry in `renderings`.
 */
#ifndef AV_RENDER_JOB_H
#define AV_RENDER_JOB_H

#include "base/hashset.h"
#include "service/download.h"
#include "service/order.h"
#include "json/rec.h"

/* What all jobs of the program share. */
struct render_context {
	struct engine *engine;
	struct paid_context *paid;
	struct poller poller;
	struct filetype *filetypes;
	struct hashset targets;
	const char *template; /* of file names */
	bool ask;             /* stop once it is requested */
	bool force;
	uint64_t max_bytes; /* of a file; 0: by its kind */
	int64_t timeout_ms;
};

struct job {
	struct render_context *context;
	struct account *account;
	const struct kind *kind;
	const char *value; /* of KIND=VALUE, or NULL */
	struct rec *rec;
	struct json_object *options; /* borrowed */
	struct json_object *entry; /* of `renderings`; borrowed, changed here */
	/* Called once, at the end, never from within job_start. */
	void (*fn)(struct job *job);
	void *arg;
	/* The job of the same rendering that it waits for, or NULL. */
	struct job *leader;
	/* Called with what a paid operation cost, or NULL. */
	void (*charge)(struct job *job, const struct paid_charge *charge);
	struct json_object *plan; /* what a dry run would request; borrowed */
	struct failure failure;   /* code CODE_NONE if it succeeded */
	/* job's own */
	size_t step; /* start operations that are done */
	struct call *call;
	struct order *order;
	struct download *download;
	struct poll poll;
	bool polling, resolved_again;
	char *kind_name, *name_id;
	int64_t deadline;
};

/* Begins; the struct, zeroed and filled in, belongs to the caller. */
void job_start(struct job *job);

/* Ends it soon, with `interrupted`; fn may be called from within. */
void job_stop(struct job *job, bool hard);

/* Frees what is its own. */
void job_release(struct job *job);

/* The id that names the files of an entry: the rendering's own if the record
 * came from a list of renderings, of which one avatar has many; else the
 * avatar's. */
const char *job_name_id(struct rec *rec, struct json_object *entry);

/* Before job_start: takes the id and state over from an entry of the same
 * rendering, of which this job fetches another file. */
void job_adopt(struct job *job, struct json_object *relative);

/* Whether there is nothing more to do for an entry. */
bool job_is_done(
    const struct render_context *context, struct json_object *entry);

#endif
