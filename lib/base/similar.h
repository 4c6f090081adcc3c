/*
 * similar: the known word that a mistyped word probably means.
 *
 *	struct similar s = {.word = "NAEM"};
 *	similar_try(&s, "NAME");                each known word
 *	"unknown provider 'NAEM'%s", s.hint     "; did you mean 'NAME'?"
 */
#ifndef AV_BASE_SIMILAR_H
#define AV_BASE_SIMILAR_H

#include <getopt.h>
#include <stddef.h>

struct similar {
	const char *word; /* up to its '=', if it has one; borrowed */
	size_t below;     /* only fewer mistakes count now; 0: not set */
	char hint[64];    /* "" while no known word is similar */
};

/* Compares one known word. A letter that is missing, added, wrong or swapped
 * with its neighbour is a mistake, and so is an end that is left out. */
void similar_try(struct similar *s, const char *known);

/* Compares "--NAME" of each row, up to the one without a name. */
void similar_options(struct similar *s, const struct option *options);

#endif
