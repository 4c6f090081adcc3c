#include "service/slots.h"

void
slots_init(struct slots *places, size_t max)
{
	*places = (struct slots){.max = max};
	places->last = &places->first;
}

bool
slots_available(const struct slots *places)
{
	return places->taken < places->max;
}

bool
slots_take(struct slots *places)
{
	if (!slots_available(places))
		return false;
	places->taken++;
	return true;
}

static struct slot_wait *
pop(struct slots *places)
{
	struct slot_wait *w = places->first;

	places->first = w->next;
	if (places->first == NULL)
		places->last = &places->first;
	w->waiting = false;
	return w;
}

void
slots_return(struct slots *places)
{
	places->taken--;
	while (slots_available(places) && places->first != NULL) {
		struct slot_wait *w = pop(places);
		w->fn(w->arg);
	}
}

void
slots_wait(struct slots *places, struct slot_wait *w, void (*fn)(void *arg), void *arg)
{
	*w = (struct slot_wait){.fn = fn, .arg = arg, .waiting = true};
	*places->last = w;
	places->last = &w->next;
}

void
slots_cancel(struct slots *places, struct slot_wait *w)
{
	for (struct slot_wait **p = &places->first; *p != NULL; p = &(*p)->next) {
		if (*p != w)
			continue;
		*p = w->next;
		if (places->last == &w->next)
			places->last = p;
		w->waiting = false;
		return;
	}
}
