/*
 * events: reads the records of av-listen while av-poll waits, for --events.
 *
 * The file may be a pipe or fifo, a file that grows, or stdin ("-"). When the
 * last writer of a fifo ends, the next one is awaited. Only the provider and
 * the ids of a record count, and only as hints (service/hints.h). An empty line
 * says that av-listen listens from now on.
 */
#ifndef AV_POLL_EVENTS_H
#define AV_POLL_EVENTS_H

#include "base/clock.h"
#include "os/lines.h"
#include "service/poll.h"

struct events {
	struct poller *poller;
	const char *file;
	struct lines lines;
	int changes; /* inotify's descriptor for a file that grows; else -1 */
	bool warned; /* of a line that is no record */
	/* When av-listen, which still runs, began to listen; "": unknown. */
	char since[CLOCK_TEXT];
};

/* Begins to read, and makes the poller expect hints. -1: input_unreadable. */
int events_open(struct events *events, const char *file, struct poller *poller,
    struct err *e);
void events_close(struct events *events);

#endif
