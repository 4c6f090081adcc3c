#include "service/slots.h"

void
slots_init(struct slots *slots, size_t max)
{
	*slots = (struct slots){.max = max};
	slots->last = &slots->first;
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

static struct slot_wait *
pop(struct slots *slots)
{
	struct slot_wait *w = slots->first;

	slots->first = w->next;
	if (slots->first == NULL)
		slots->last = &slots->first;
	w->waiting = false;
	return w;
}

void
slots_return(struct slots *slots)
{
	slots->taken--;
	while (slots_available(slots) && slots->first != NULL) {
		struct slot_wait *w = pop(slots);
		w->fn(w->arg);
	}
}

void
slots_wait(struct slots *slots, struct slot_wait *w, void (*fn)(void *arg), void *arg)
{
	*w = (struct slot_wait){.fn = fn, .arg = arg, .waiting = true};
	*slots->last = w;
	slots->last = &w->next;
}

void
slots_cancel(struct slots *slots, struct slot_wait *w)
{
	for (struct slot_wait **p = &slots->first; *p != NULL; p = &(*p)->next) {
		if (*p != w)
			continue;
		*p = w->next;
		if (slots->last == &w->next)
			slots->last = p;
		w->waiting = false;
		return;
	}
}
