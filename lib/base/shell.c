#include <string.h>

#include "base/shell.h"

void
shell_word(struct buf *out, const char *word)
{
	static const char plain[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./,:=@%+-";

	if (*word != '\0' && word[strspn(word, plain)] == '\0') {
		buf_str(out, word);
		return;
	}
	buf_chr(out, '\'');
	for (; *word != '\0'; word++)
		if (*word == '\'')
			buf_str(out, "'\\''");
		else
			buf_chr(out, *word);
	buf_chr(out, '\'');
}
