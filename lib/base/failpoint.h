/*
 * failpoint: places where a test build can end the process, as by kill -9.
 *
 * In a build with -DAV_FAILPOINTS (make FAILPOINTS=1), AV_FAILPOINT=POINT:N in
 * the environment ends the process with SIGKILL when it reaches
 * failpoint("POINT") for the Nth time. In other builds failpoint() is empty.
 */
#ifndef AV_BASE_FAILPOINT_H
#define AV_BASE_FAILPOINT_H

#ifdef AV_FAILPOINTS
void failpoint(const char *point);
#else
#define failpoint(point) ((void)0)
#endif

#endif
