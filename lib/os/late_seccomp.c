#include <seccomp.h>

#include "base/late.h"

#define VALUES(F)                                                                        \
	F(scmp_filter_ctx, seccomp_init, (uint32_t action), (action))                    \
	F(int, seccomp_attr_set,                                                         \
	    (scmp_filter_ctx filter, enum scmp_filter_attr attribute, uint32_t value),   \
	    (filter, attribute, value))                                                  \
	F(int, seccomp_rule_add_array,                                                   \
	    (scmp_filter_ctx filter, uint32_t action, int call, unsigned n,              \
	        const struct scmp_arg_cmp *arguments),                                   \
	    (filter, action, call, n, arguments))                                        \
	F(int, seccomp_load, (const scmp_filter_ctx filter), (filter))                   \
	F(const struct scmp_version *, seccomp_version, (void), ())

#define VOIDS(F) F(void, seccomp_release, (scmp_filter_ctx filter), (filter))

LATE(VALUES, VOIDS, "libseccomp.so.2", "libseccomp2")
