#!/usr/bin/env bats
# The process dies at every failpoint of a paid request and of writing a file (lib/base/failpoint.h;
# make FAILPOINTS=1), at its Nth passage; then the same command runs again: each photo is made once,
# few outcomes of Loom are unknown, and no file is partial.

load ../programs/helper
load common

@test "death between intent, send, answer, commit and write" {
	local point n bin=${AV_FAILPOINTS_BIN-$TESTS/../build/cc-failpoints/bin} died=0
	[ -x "$bin/av-upload" ] || skip "no programs of make FAILPOINTS=1"
	make_shots 12
	set_lags 0.5
	for point in commit-before commit commit-after send header answer write written; do
		for n in 1 2 3 7 20; do
			rm -rf journal state
			mkdir state
			box --seed "$n" --state journal --list-lag 200
			status=0
			AV_FAILPOINT=$point:$n "$bin/av-upload" -q -j 4 --exit-zero --unique-names <all >died 2>said || status=$?
			[ "$status" -eq 137 ] && died=$((died + 1))
			upload --unique-names
			check_outcomes loom >counts || { echo "$point:$n"; cat counts; return 1; }
			[ "$(stat '.loom.creates')" -ge 8 ]
			# Every id written before the death is still the record's.
			{ jq -r '.avatar.id // empty' died 2>/dev/null || true; } | sort >before
			jq -r '.avatar.id // empty' out | sort >after
			is "$(comm -23 before after)" ''
			end_box
		done
	done
	log_counts all <<<"$died deaths"
	[ "$died" -ge 30 ]
}

# build_shim: builds shim.so, which acts as a file system without RENAME_NOREPLACE
build_shim() {
	cat >shim.c <<-'END'
		#include <errno.h>
		#include <unistd.h>
		#include <sys/syscall.h>
		int renameat2(int fd, const char *from, int to_fd, const char *to, unsigned flags) {
			if (flags != 0) { errno = EINVAL; return -1; }
			return syscall(SYS_renameat2, fd, from, to_fd, to, flags);
		}
	END
	"${CC:-cc}" -D_GNU_SOURCE -shared -fPIC -o shim.so shim.c
}

@test "death while a file is named" {
	local point n shim bin=${AV_FAILPOINTS_BIN-$TESTS/../build/cc-failpoints/bin} died=0
	[ -x "$bin/av-render" ] || skip "no programs of make FAILPOINTS=1"
	photos 6 1280x720
	box
	limit 60 av-upload -p anam photos/* | limit 60 av-poll --interval 0.05s -k >ready.jsonl
	build_shim
	av-render -q -o whole <ready.jsonl >/dev/null
	for shim in "" "$PWD/shim.so"; do
		for point in part keep ${shim:+linked} kept; do
			for n in 1 2 5; do
				rm -rf out
				status=0
				AV_FAILPOINT=$point:$n LD_PRELOAD=$shim "$bin/av-render" -q -j 2 -o out \
					<ready.jsonl >/dev/null || status=$?
				is "$status" 137
				died=$((died + 1))
				for file in out/*; do
					[ ! -e "$file" ] || cmp "$file" "whole/${file#*/}"
				done
				LD_PRELOAD=$shim av-render -q -o out <ready.jsonl >done
				is "$(codes done)" "6 ready"
				diff -r whole out
			done
		done
	done
	echo "# $died deaths" >&3
}

@test "death while many files go to the disk together" {
	local point n bin=${AV_FAILPOINTS_BIN-$TESTS/../build/cc-failpoints/bin} died=0
	[ -x "$bin/av-fetch" ] || skip "no programs of make FAILPOINTS=1"
	photos 40 640x480
	jq -Rnc '[inputs | {("GET /" + .): [{file: .}]}] | add' <<<"$(printf '%s\n' photos/*)" >script
	serve_script
	printf "$url/%s\n" photos/* >urls
	for point in part keep kept; do
		for n in 1 2 5 20 40; do
			rm -rf out
			status=0
			AV_FAILPOINT=$point:$n "$bin/av-fetch" -q -j 40 --allow-private -o out <urls >died || status=$?
			is "$status" 137
			# What is there is whole, and what a record tells of is there.
			for file in out/*; do
				[ ! -e "$file" ] || cmp "$file" "photos/$(basename "${file%%.*}").jpg"
			done
			{ jq -r .file died 2>/dev/null || true; } | while read -r file; do [ -e "$file" ]; done
			av-fetch -q -j 40 --allow-private -o out <urls >done
			is "$(codes done)" "40 none"
			is "$(find out -type f | wc -l)" 40
			died=$((died + 1))
		done
	done
	echo "# $died deaths" >&3
}
