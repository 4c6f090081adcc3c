/*
 * version: the version, for -V and the User-Agent of requests.
 */
#ifndef AV_BASE_VERSION_H
#define AV_BASE_VERSION_H

/* Set at build time from git, such as "1.0" or "1.0-3-gabcdef0". */
extern const char *const av_version;

/* "avtools/VERSION" */
extern const char *const av_user_agent;

#endif
