#include "service/slots.h"

void
slots_init(struct slots *slots, size_t max)
{
	*slots = (struct slots){.max = max};
	TAILQ_INIT(&slots->waiting);
}

bool
slots_available(const struct slots *slots)
{
	return slots->taken < slots->max;
}

bool
slots_take(struct slots *slots)
{
	if (!slots_available(slots))
		return false;
	slots->taken++;
	return true;
}

void
slots_return(struct slots *slots)
{
	struct slot_wait *w;

	slots->taken--;
	while (slots_available(slots) && (w = TAILQ_FIRST(&slots->waiting)) != NULL) {
		TAILQ_REMOVE(&slots->waiting, w, entry);
		w->fn(w->arg);
	}
}

void
slots_wait(struct slots *slots, struct slot_wait *w, void (*fn)(void *arg), void *arg)
{
	*w = (struct slot_wait){.fn = fn, .arg = arg};
	TAILQ_INSERT_TAIL(&slots->waiting, w, entry);
}

void
slots_cancel(struct slots *slots, struct slot_wait *w)
{
	TAILQ_REMOVE(&slots->waiting, w, entry);
}
