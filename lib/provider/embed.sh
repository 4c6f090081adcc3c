#!/bin/sh
# Prints a C source that holds each named file as bytes; builtin.h says what it defines.
set -eu

printf '#include "provider/builtin.h"\n\n'
i=0
for file; do
  printf 'static const char bytes_%d[] = {\n' "$i"
  od -An -v -tx1 "$file" | sed 's/ \(..\)/(char)0x\1,/g'
  printf '0};\n'
  i=$((i + 1))
done
printf 'const struct builtin_file builtin_files[] = {\n'
i=0
for file; do
  printf '\t{"%s", bytes_%d, sizeof bytes_%d - 1},\n' "${file#lib/}" "$i" "$i"
  i=$((i + 1))
done
printf '\t{0, 0, 0},\n};\n'
