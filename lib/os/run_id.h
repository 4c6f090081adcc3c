/*
 * run_id: a short name of this run, the same for all programs of one pipe.
 *
 * It is AV_RUN if that is set. Otherwise it is a hash of what the programs of a
 * pipe share without talking to each other: the boot of the machine, the
 * session with its leader's start time, and the process group. A shell gives
 * each pipe a process group of its own if it has job control; a script without
 * it is one run as a whole.
 */
#ifndef AV_OS_RUN_ID_H
#define AV_OS_RUN_ID_H

/* The longest AV_RUN, in bytes. Other values, and characters other than
 * letters, digits, '.', '_' and '-', count as unset. */
#define RUN_ID_MAX 64

/* Found at the first call. Not for several threads. */
const char *run_id(void);

#endif
