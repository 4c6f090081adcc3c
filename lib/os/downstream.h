/*
 * downstream: who reads what this process writes, as far as /proc tells.
 *
 * The programs of a pipe are found by the pipes that join them: the process
 * whose stdin is the pipe that another one writes. Programs of others, such as
 * jq, are passed on the way. Only this process group counts.
 */
#ifndef AV_OS_DOWNSTREAM_H
#define AV_OS_DOWNSTREAM_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

struct downstream {
	pid_t next;    /* the nearest av program; 0: there is none */
	int programs;  /* how many av programs follow */
	bool terminal; /* a program of others, at the end, writes to `term` */
	/* Nobody reads it, or a shell does, perhaps one that is about to become
	 * another program: look again in some milliseconds. */
	bool unclear;
};

/* out: fstat of the pipe that is written. term: st_rdev of the terminal. */
void downstream_find(struct downstream *d, const struct stat *out, dev_t term);

/* True if this av program of our process group lives. */
bool downstream_lives(pid_t pid);

#endif
