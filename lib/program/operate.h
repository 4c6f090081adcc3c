/*
 * operate: carries out one operation of a service for a record.
 *
 * An operation that is not repeatable goes through the ledger, with the id of
 * what it acts on (or the account) and the options as what is asked for: asked
 * twice, it is done once.
 */
#ifndef AV_PROGRAM_OPERATE_H
#define AV_PROGRAM_OPERATE_H

#include "base/strings.h"
#include "program/session.h"
#include "provider/provider.h"
#include "service/call.h"

struct operate {
	struct session *session;
	const struct strings *given; /* -O */
	bool dry_run;                /* send nothing; set the record's `plan` */
	void *arg;                   /* the program's own */
	/* Called with the result of what was sent; ends the item. */
	void (*done)(struct operate *self, struct item *item, struct account *a,
	    const struct operation *op, const struct call_result *result);
};

/* The options of the record and of -O. -1: an option that the operation does
 * not take or a value that it does not allow, or the record has no id of what
 * the operation acts on. The caller owns *options. */
int operate_options(struct rec *rec, const struct provider *p,
    const struct operation *op, const struct strings *given,
    struct json_object **options, struct err *e);

/* Begins. Sets the item's state and stop. */
void operate_start(struct operate *self, struct item *item, struct account *a,
    const struct operation *op);

/* The first provider of -p; NULL: there is none, or it is unusable. */
const struct provider *operate_provider(struct session *s);

/* What the run is to read: the operands, or one empty record for an operation
 * that needs no record, so that stdin is not read. op: as the provider of -p
 * has it, which also says what ids are of; NULL: unknown. Ends the program if
 * there are operands that the operation has no use for. */
char **operate_operands(struct session *s, const struct opt_usage *usage,
    const struct operation *op, char **operands);

/* The same for the operation of this name. A name that `find` does not know for
 * the provider of -p is a mistake of the command line: it ends the program. */
typedef const struct operation *operate_find(
    const struct provider *p, const char *name, struct err *e);
char **operate_operands_of(struct session *s, const struct opt_usage *usage,
    operate_find *find, const char *name, char **operands);

#endif
