/*
 * fault: places at which a test can end the process as if by kill -9.
 *
 * In a build with -DAV_FAULTS (make FAULTS=1), AV_FAULT=POINT:N ends the process with SIGKILL
 * the Nth time it comes to fault("POINT"). In every other build a fault() is nothing at all.
 */
#ifndef AV_BASE_FAILPOINT_H
#define AV_BASE_FAILPOINT_H

#ifdef AV_FAULTS
void fault(const char *point);
#else
#define fault(point) ((void)0)
#endif

#endif
