/*
 * link: reads the value of a Link header (RFC 8288).
 */
#ifndef AV_HTTP_LINK_H
#define AV_HTTP_LINK_H

/* The target of the first link with this relation, such as "next"; NULL if
 * there is none. The caller frees it. */
char *link_target(const char *value, const char *relation);

#endif
