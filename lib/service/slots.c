#include "service/slots.h"

void
places_init(struct places *places, size_t max)
{
	*places = (struct places){.max = max};
	places->last = &places->first;
}

bool
places_free(const struct places *places)
{
	return places->taken < places->max;
}

bool
places_take(struct places *places)
{
	if (!places_free(places))
		return false;
	places->taken++;
	return true;
}

static struct place_wait *
pop(struct places *places)
{
	struct place_wait *w = places->first;

	places->first = w->next;
	if (places->first == NULL)
		places->last = &places->first;
	w->waiting = false;
	return w;
}

void
places_give(struct places *places)
{
	places->taken--;
	while (places_free(places) && places->first != NULL) {
		struct place_wait *w = pop(places);
		w->fn(w->arg);
	}
}

void
places_wait(struct places *places, struct place_wait *w, void (*fn)(void *arg), void *arg)
{
	*w = (struct place_wait){.fn = fn, .arg = arg, .waiting = true};
	*places->last = w;
	places->last = &w->next;
}

void
places_leave(struct places *places, struct place_wait *w)
{
	for (struct place_wait **p = &places->first; *p != NULL; p = &(*p)->next) {
		if (*p != w)
			continue;
		*p = w->next;
		if (places->last == &w->next)
			places->last = p;
		w->waiting = false;
		return;
	}
}
