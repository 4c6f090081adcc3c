#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/similar.h"

enum { WORD_MAX = 40 }; /* longer words are compared with nothing */

static bool
same(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* The optimal string alignment distance: rows of the table for one letter of a after the
 * other. */
static size_t
count_mistakes(const char *a, size_t n, const char *b, size_t m)
{
	size_t rows[3][WORD_MAX + 1], *last = rows[0], *row = rows[1], *spare = rows[2];

	for (size_t j = 0; j <= m; j++)
		row[j] = j;
	for (size_t i = 1; i <= n; i++) {
		size_t *before = last;

		last = row;
		row = spare;
		spare = before;
		row[0] = i;
		for (size_t j = 1; j <= m; j++) {
			row[j] = least(last[j - 1] + !same(a[i - 1], b[j - 1]),
			    least(last[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) &&
			    same(a[i - 2], b[j - 1]))
				row[j] = least(row[j], before[j - 2] + 1);
		}
	}
	return row[m];
}

void
similar_try(struct similar *s, const char *known)
{
	size_t n = strcspn(s->word, "="), m = strlen(known), mistakes;

	if (n < 2 || n > WORD_MAX || m > WORD_MAX)
		return;
	if (s->below == 0)
		s->below = (n + 3) / 4 + 1;
	mistakes = n < m && strncasecmp(s->word, known, n) == 0
	               ? 1
	               : count_mistakes(s->word, n, known, m);
	if (mistakes >= s->below)
		return;
	s->below = mistakes > 0 ? mistakes : 1;
	snprintf(s->hint, sizeof s->hint, "; did you mean '%s'?", known);
}

void
similar_options(struct similar *s, const struct option *options)
{
	char name[WORD_MAX + 3];

	for (; options->name != NULL; options++) {
		snprintf(name, sizeof name, "--%s", options->name);
		similar_try(s, name);
	}
}
