/*
 * failpoint: places at which a test can end the process as if by kill -9.
 *
 * In a build with -DAV_FAULTS (make FAILPOINTS=1), AV_FAILPOINT=POINT:N ends the process with SIGKILL
 * the Nth time it comes to failpoint("POINT"). In every other build a failpoint() is nothing at all.
 */
#ifndef AV_BASE_FAILPOINT_H
#define AV_BASE_FAILPOINT_H

#ifdef AV_FAILPOINTS
void failpoint(const char *point);
#else
#define failpoint(point) ((void)0)
#endif

#endif
