/*
 * job: one rendering of one avatar, from the first request to the file on disk.
 *
 *	start operations -> (asked for) -> state until ready -> address -> download -> kept
 *
 * It goes on from wherever its entry in `renderings` says that it stands.
 */
#ifndef AV_RENDER_JOB_H
#define AV_RENDER_JOB_H

#include "service/download.h"
#include "service/paid.h"
#include "service/poll.h"
#include "json/rec.h"

/* What all jobs of the program share. */
struct render_context {
	struct engine *engine;
	struct paid_context *paid;
	struct poller poller;
	struct filetype *filetypes;
	struct outfile_names targets;
	const char *template; /* of file names */
	bool ask;             /* stop when it is asked for */
	bool force;
	int64_t timeout_ms;
};

struct job {
	struct render_context *context;
	struct account *account;
	const struct kind *kind;
	const char *value; /* of KIND=VALUE, or NULL */
	struct rec *rec;
	struct json_object *options; /* borrowed */
	struct json_object
	    *entry; /* of `renderings`, borrowed; changed as the job goes on */
	const char *stem;
	void (*fn)(struct job
	        *job); /* called once, when it is over, not from within job_start */
	void *arg;
	struct json_object *plan; /* of a dry run: what would be asked for; borrowed */
	struct failure failure;   /* why it failed; code CODE_NONE: it did not */
	/* job's own */
	size_t step; /* start operations that are done */
	struct call *call;
	struct paid *paid;
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

/* Whether there is nothing more to do for an entry. */
bool job_is_done(const struct render_context *context, struct json_object *entry);

#endif
