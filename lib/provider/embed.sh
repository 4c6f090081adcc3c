#!/bin/sh
# Prints a C source that contains each named file as bytes; see builtin.h.
set -eu

printf '#include <string.h>\n\n#include "provider/builtin.h"\n\n'
i=0 table=
for file; do
  printf 'static const char bytes_%d[] = {\n' "$i"
  od -An -v -tx1 "$file" | sed 's/ \(..\)/(char)0x\1,/g'
  printf '0};\n'
  table="$table\t{\"${file#lib/}\", bytes_$i, sizeof bytes_$i - 1},\n"
  i=$((i + 1))
done
printf 'const struct builtin_file builtin_files[] = {\n%b\t{0, 0, 0},\n};\n' "$table"
cat <<'END'

const struct builtin_file *
builtin_find(const char *dir, const char *name)
{
	size_t n = strlen(dir);

	for (const struct builtin_file *f = builtin_files; f->path != NULL; f++)
		if (strncmp(f->path, dir, n) == 0 && f->path[n] == '/' &&
		    strncmp(f->path + n + 1, name, strlen(name)) == 0 &&
		    strcmp(f->path + n + 1 + strlen(name), ".json") == 0)
			return f;
	return NULL;
}
END
