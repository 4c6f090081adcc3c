/*
 * shell: text as a word of a shell's command line.
 */
#ifndef AV_BASE_SHELL_H
#define AV_BASE_SHELL_H

#include "base/buf.h"

/* Appends the word, in quotes unless all of its characters are plain. A shell
 * reads it back as it was, also if it has blanks, quotes or line feeds. */
void shell_word(struct buf *out, const char *word);

#endif
