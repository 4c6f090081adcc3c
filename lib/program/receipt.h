/*
 * receipt: what came of the records of a pipe, and what to do about those that
 * failed.
 *
 *	✔ 180 of 200 ready in 44 s · 360 credits (argil) · 0 paid twice
 *	  ✘ 20 x the service does not accept pictures of this shape
 *	      av-fit -o fitted <done.jsonl | av-validate | av-upload | av-poll
 *
 * It counts the records that the last program of the pipe wrote, so it says the
 * same as a report on its output. The commands are the hints of codes.def, with
 * the options and the file of this pipe.
 */
#ifndef AV_PROGRAM_RECEIPT_H
#define AV_PROGRAM_RECEIPT_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "os/pipeline.h"
#include "program/block.h"
#include "json/rec.h"

/* Counts a record that is written. before: it had failed before it came. */
void receipt_count(struct seat *seat, struct rec *rec, bool before);

/* Counts what other programs of this run did for the record, and what that
 * cost, from its `steps`: those programs may take no part in the progress. */
void receipt_count_costs(struct seat *seat, struct rec *rec);

/* True if there is more to tell than that one record went well. */
bool receipt_has_news(const struct seat *lines, size_t n);

/* How long the pipe ran, in ms. */
int64_t receipt_time(const struct seat *lines, size_t n);

/* Appends the receipt of a pipe (pipeline_leave), as lines. */
void receipt_write(struct buf *out, const struct seat *lines, size_t n,
    const struct style *style);

/* The same as JSON; owned by the caller. */
struct json_object *receipt_json(const struct seat *lines, size_t n);

/* Appends a line on what failed, where nobody asked for a receipt: how many,
 * why and what to do. subject: what failed, if it was one, or NULL. A reason
 * that was the last message of this program is not told again. */
void receipt_complain(
    struct buf *out, const struct seat *seat, const char *subject);

#endif
