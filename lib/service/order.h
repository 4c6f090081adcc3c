/*
 * order: carries out a paid operation, with the steps that its description puts
 * before it and after it.
 *
 *	claim -> it was made before ----------------------+
 *	  |                                               |
 *	  +--> before -> send -> settle -> it is made ----+-> after -> done
 *
 * Each step is another operation of the description. It has a ledger entry of
 * its own, also if it is repeatable: what it made is used again by a later try,
 * by another process and by another order, until it expires. Its key has the
 * photo if it sends it, the id of what it acts on, its options, and the ids
 * that the steps before it returned.
 *
 * What a step took from its answer is {steps.NAME.MEMBER} in the templates of
 * what follows; the steps after it do not see those before it. With `wait`, a
 * step is done when that operation says that it is ready, and what that one
 * took is there too. A step is left out if the record lacks an option that it
 * requires, or has no photo that one of its bodies sends.
 *
 * If a step before it fails, nothing was ordered, and the result has the step's
 * failure. If a step after it fails, another run does it: the result has the
 * failure, with created "yes". A failure that no run can mend is a warning.
 */
#ifndef AV_SERVICE_ORDER_H
#define AV_SERVICE_ORDER_H

#include "service/paid.h"
#include "service/poll.h"

struct order;

/* As paid_start, whose spec and result it has, but without `prepare`. poller
 * asks about steps that wait. In a dry run the plan has entries of the steps as
 * well, in `steps`. */
struct order *order_start(struct paid_context *context, struct poller *poller,
    const struct paid_spec *spec, call_fn *fn, void *arg);

/* As paid_stop. */
void order_stop(struct order *o, bool hard);

#endif
