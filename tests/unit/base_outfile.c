/* Output files: complete or absent, never replacing a file of somebody else, also on file systems
 * that lack a call; and the names given out in a run. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/hashset.h"
#include "base/mem.h"
#include "base/outfile.h"

/* Replace the C library's calls, to act as a file system that lacks them, and note in which order
 * they come: f for a file that is synced, d for a directory, r for a rename. */

static int rename_errno, link_errno, unlink_errno, write_out_errno;
static ino_t unsyncable; /* syncing it fails with EIO */
static char order[256];

static void
note_call(char call)
{
	size_t n = strlen(order);

	if (n + 1 < sizeof order)
		order[n] = call;
}

int
fsync(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -1;
	note_call(S_ISDIR(st.st_mode) ? 'd' : 'f');
	if (st.st_ino == unsyncable) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_fsync, fd);
}

int
sync_file_range(int fd, off_t from, off_t len, unsigned int flags)
{
	(void)fd;
	(void)from;
	(void)len;
	(void)flags;
	errno = write_out_errno;
	return write_out_errno != 0 ? -1 : 0;
}

int
renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned int flags)
{
	note_call('r');
	if (flags != 0 && rename_errno != 0) {
		errno = rename_errno;
		return -1;
	}
	return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
}

int
link(const char *from, const char *to)
{
	if (link_errno != 0) {
		errno = link_errno;
		return -1;
	}
	return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int
unlink(const char *path)
{
	if (unlink_errno != 0) {
		errno = unlink_errno;
		return -1;
	}
	return unlinkat(AT_FDCWD, path, 0);
}

static char folder[] = "/tmp/target.XXXXXX";

static int
open_folder(void **unused)
{
	(void)unused;
	return mkdtemp(folder) != NULL ? chdir(folder) : -1;
}

static int
close_folder(void **unused)
{
	(void)unused;
	return chdir("/") == 0 ? rmdir(folder) : -1;
}

static int
anew(void **unused)
{
	DIR *dir = opendir(".");
	struct dirent *entry;

	(void)unused;
	rename_errno = link_errno = unlink_errno = write_out_errno = 0;
	unsyncable = 0;
	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			assert_int_equal(remove(entry->d_name), 0);
	closedir(dir);
	return 0;
}

static void
put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void
assert_holds(const char *path, const char *text)
{
	char got[64] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_true(read(fd, got, sizeof got - 1) >= 0);
	close(fd);
	assert_string_equal(got, text);
}

static bool
is_there(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static ino_t
inode_of(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return st.st_ino;
}

/* Writes a text to "ann"; CODE_NONE or the error. Either way no .part file remains. */
static enum code
keep(const char *text, bool force)
{
	char sha256[SHA256_HEX];
	struct err e = {.code = CODE_NONE};
	struct outfile t;

	if (outfile_open(&t, "ann", &e) < 0)
		return e.code;
	assert_true(is_there(".ann.part"));
	assert_true(outfile_write(&t, 0, text, strlen(text)));
	if (outfile_commit(&t, "ann", force, sha256, &e) < 0)
		assert_int_not_equal(e.code, CODE_NONE);
	outfile_close(&t);
	assert_false(is_there(".ann.part"));
	return e.code;
}

static void
keeps(void)
{
	ino_t first;

	assert_int_equal(keep("mine", false), CODE_NONE);
	assert_holds("ann", "mine");
	first = inode_of("ann");
	/* The same bytes are no conflict; the existing file stays. */
	assert_int_equal(keep("mine", false), CODE_NONE);
	assert_true(inode_of("ann") == first);
	assert_int_equal(keep("other", false), CODE_TARGET_TAKEN);
	assert_int_equal(keep("mine and more", false), CODE_TARGET_TAKEN);
	assert_int_equal(keep("min", false), CODE_TARGET_TAKEN);
	assert_int_equal(keep("", false), CODE_TARGET_TAKEN);
	assert_holds("ann", "mine");
	assert_int_equal(keep("forced", true), CODE_NONE);
	assert_holds("ann", "forced");
}

static void
never_replaces_another_file(void **unused)
{
	(void)unused;
	keeps();
}

static void
never_replaces_another_file_without_noreplace(void **unused)
{
	(void)unused;
	rename_errno = EINVAL;
	keeps();
}

static void
refuses_without_an_atomic_call(void **unused)
{
	static const int errors[] = {EPERM, EOPNOTSUPP, ENOSYS, EMLINK};

	(void)unused;
	rename_errno = EINVAL;
	for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
		link_errno = errors[i];
		assert_int_equal(keep("mine", false), CODE_TARGET_UNWRITABLE);
		assert_false(is_there("ann"));
		put("ann", "theirs");
		assert_int_not_equal(keep("mine", false), CODE_NONE);
		assert_holds("ann", "theirs");
		assert_int_equal(keep("mine", true), CODE_NONE);
		assert_holds("ann", "mine");
		assert_int_equal(unlink("ann"), 0);
	}
}

static void
other_errors_replace_nothing(void **unused)
{
	static const int errors[] = {EIO, ENOSPC, EACCES, EROFS, EDQUOT};

	(void)unused;
	for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
		put("ann", "theirs");
		rename_errno = errors[i];
		assert_int_equal(keep("mine", false),
		    err_passes(errors[i]) ? CODE_MACHINE_FAILED : CODE_TARGET_UNWRITABLE);
		assert_holds("ann", "theirs");
	}
}

static void
links_and_fifos_are_not_the_same_file(void **unused)
{
	(void)unused;
	put("theirs", "mine");
	assert_int_equal(symlink("theirs", "ann"), 0);
	assert_int_equal(keep("mine", false), CODE_TARGET_TAKEN);
	assert_holds("theirs", "mine");
	assert_int_equal(unlink("ann"), 0);
	assert_int_equal(mkfifo("ann", 0600), 0);
	assert_int_equal(keep("", false), CODE_TARGET_TAKEN);
}

/* A killed process may leave a .part that is a hard link to the finished file. */
static void
leftover_parts_are_not_written_to(void **unused)
{
	(void)unused;
	put(".ann.part", "whole");
	assert_int_equal(link(".ann.part", "ann"), 0);
	assert_int_equal(keep("other", false), CODE_TARGET_TAKEN);
	assert_holds("ann", "whole");
	put(".ann.part", "half of something longer");
	assert_int_equal(keep("new", true), CODE_NONE);
	assert_holds("ann", "new");
	/* A symbolic link in its place is not followed. */
	put("theirs", "precious");
	assert_int_equal(symlink("theirs", ".ann.part"), 0);
	assert_int_equal(keep("new", true), CODE_TARGET_UNWRITABLE);
	assert_holds("theirs", "precious");
}

static void
a_part_that_stays_is_an_error(void **unused)
{
	struct outfile t;
	struct err e;

	(void)unused;
	put(".ann.part", "left");
	unlink_errno = EPERM;
	assert_int_equal(outfile_open(&t, "ann", &e), -1);
	assert_int_equal(e.code, CODE_TARGET_UNWRITABLE);
}

static void
one_writer_for_a_name(void **unused)
{
	char sha256[SHA256_HEX];
	struct outfile first, second;
	struct err e;

	(void)unused;
	assert_int_equal(outfile_open(&first, "ann", &e), 0);
	assert_true(outfile_write(&first, 0, "first", 5));
	assert_int_equal(outfile_open(&second, "ann", &e), -1);
	assert_int_equal(e.code, CODE_TARGET_TAKEN);
	assert_int_equal(outfile_commit(&first, "ann", false, sha256, &e), 0);
	outfile_close(&first);
	assert_holds("ann", "first");
	assert_false(is_there(".ann.part"));
}

/* Several files at once. */

enum { FILES = 4 };

struct many {
	struct outfile parts[FILES];
	struct outfile_final finals[FILES];
	struct outfile_finals list;
};

/* Writes a.1, a.2, b/1 and b/2, each with its path, up to the commit. */
static void
write_many(struct many *m)
{
	static const char *const paths[FILES] = {"a.1", "b/1", "a.2", "b/2"};
	struct err e;

	STAILQ_INIT(&m->list);
	for (size_t i = 0; i < FILES; i++) {
		assert_int_equal(outfile_open(&m->parts[i], paths[i], &e), 0);
		assert_true(outfile_write(&m->parts[i], 0, paths[i], strlen(paths[i])));
		m->finals[i] =
		    (struct outfile_final){.part = &m->parts[i], .path = paths[i]};
		STAILQ_INSERT_TAIL(&m->list, &m->finals[i], next);
	}
}

/* Commits all, and checks that file i ends with codes[i]: CODE_NONE, and it holds its bytes.
 * No part file may be left. Removes the files of folder b for the next test. */
static void
commit_many(struct many *m, const enum code codes[FILES])
{
	char part[64];

	memset(order, 0, sizeof order);
	outfile_commit_all(&m->list);
	for (size_t i = 0; i < FILES; i++) {
		const char *path = m->finals[i].path, *slash = strrchr(path, '/');

		assert_int_equal(m->finals[i].err.code, codes[i]);
		if (codes[i] == CODE_NONE)
			assert_holds(path, path);
		outfile_close(&m->parts[i]);
		snprintf(part, sizeof part, "%s.%s.part", slash != NULL ? "b/" : "",
		    slash != NULL ? slash + 1 : path);
		assert_false(is_there(part));
		if (slash != NULL)
			(void)unlink(path);
	}
}

static void
many_are_synced_before_they_are_named(void **unused)
{
	static const enum code none[FILES] = {CODE_NONE};
	struct many m;

	(void)unused;
	write_many(&m);
	for (size_t i = 0; i < FILES; i++)
		outfile_write_out(&m.parts[i]);
	commit_many(&m, none);
	/* once for each of the two directories */
	assert_string_equal(order, "ffffrrrrdd");
	for (size_t i = 0; i < FILES; i++)
		assert_int_equal(strlen(m.finals[i].sha256), SHA256_HEX - 1);
}

static void
one_of_many_fails_alone(void **unused)
{
	static const enum code taken[FILES] = {CODE_NONE, CODE_NONE, CODE_TARGET_TAKEN},
	                       failed[FILES] = {CODE_NONE, CODE_MACHINE_FAILED};
	struct many m;

	(void)unused;
	put("a.2", "theirs");
	write_many(&m);
	commit_many(&m, taken);
	assert_holds("a.2", "theirs");
	assert_int_equal(anew(NULL), 0);
	write_many(&m);
	unsyncable = inode_of("b/.1.part");
	commit_many(&m, failed);
	assert_string_equal(order, "ffffrrrdd");
	assert_false(is_there("b/1"));
}

static void
a_directory_that_is_not_synced_fails_all_its_files(void **unused)
{
	static const enum code failed[FILES] = {
	    CODE_NONE, CODE_MACHINE_FAILED, CODE_NONE, CODE_MACHINE_FAILED};
	struct many m;

	(void)unused;
	write_many(&m);
	unsyncable = inode_of("b");
	commit_many(&m, failed);
}

/* The kernel tells a failure of the disk once: fsync may not know it any more. */
static void
a_failed_write_out_is_told_by_the_commit(void **unused)
{
	static const enum code none[FILES] = {CODE_NONE},
	                       failed[FILES] = {CODE_NONE, CODE_MACHINE_FAILED};
	struct many m;

	(void)unused;
	write_many(&m);
	write_out_errno = EIO;
	outfile_write_out(&m.parts[1]);
	commit_many(&m, failed);
	assert_int_equal(anew(NULL), 0);
	write_many(&m);
	write_out_errno = ENOSYS;
	outfile_write_out(&m.parts[1]);
	commit_many(&m, none);
}

/* In each round exactly one process gets the name, with its own text. */
enum { PROCESSES = 4, ROUNDS = 150 };

static int
compete(int number)
{
	for (int i = 0; i < ROUNDS; i++) {
		char path[32], text[32], sha256[SHA256_HEX];
		struct outfile t;
		struct err e;

		snprintf(path, sizeof path, "r%d", i);
		snprintf(text, sizeof text, "%d", number);
		if (outfile_open(&t, path, &e) < 0) {
			if (e.code != CODE_TARGET_TAKEN)
				return 1;
			continue;
		}
		if (!outfile_write(&t, 0, text, strlen(text)))
			return 1;
		if (outfile_commit(&t, path, false, sha256, &e) == 0) {
			snprintf(path, sizeof path, "won%d.%d", i, number);
			close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
		} else if (e.code != CODE_TARGET_TAKEN) {
			return 1;
		}
		outfile_close(&t);
	}
	return 0;
}

static void
run_competitors(void)
{
	pid_t pids[PROCESSES];

	for (int i = 0; i < PROCESSES; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] == 0)
			_exit(compete(i));
	}
	for (int i = 0; i < PROCESSES; i++) {
		int status;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	for (int i = 0; i < ROUNDS; i++) {
		char path[32], text[32];
		int winners = 0;

		for (int k = 0; k < PROCESSES; k++) {
			snprintf(path, sizeof path, "won%d.%d", i, k);
			if (!is_there(path))
				continue;
			winners++;
			snprintf(path, sizeof path, "r%d", i);
			snprintf(text, sizeof text, "%d", k);
			assert_holds(path, text);
		}
		assert_int_equal(winners, 1);
		snprintf(path, sizeof path, ".r%d.part", i);
		assert_false(is_there(path));
	}
}

static void
processes_compete(void **unused)
{
	(void)unused;
	run_competitors();
	assert_int_equal(anew(NULL), 0);
	rename_errno = EINVAL;
	run_competitors();
}

/* The names given out in a run. */

static bool
take(struct hashset *names, unsigned i)
{
	char path[64];

	snprintf(path, sizeof path, "out/renderings/photo-%07u.loom.pose-hi._", i);
	return hashset_add_str(names, path);
}

static void
a_name_is_given_out_once(void **unused)
{
	struct hashset names = {0};

	(void)unused;
	assert_true(hashset_add_str(&names, ""));
	assert_false(hashset_add_str(&names, ""));
	for (unsigned i = 0; i < 5000; i++)
		assert_true(take(&names, i));
	for (unsigned i = 0; i < 5000; i++)
		assert_false(take(&names, i));
	hashset_release(&names);
	assert_true(take(&names, 1));
	hashset_release(&names);
}

static size_t
in_use(void)
{
	struct mallinfo2 all = mallinfo2();

	return all.uordblks + all.hblkhd;
}

static void
a_million_names_take_little_memory(void **unused)
{
	struct hashset names = {0};
	size_t before = in_use(), each;

	(void)unused;
	for (unsigned i = 0; i < 1000000; i++)
		assert_true(take(&names, i));
	each = (in_use() - before) / 1000000;
	print_message("# %zu bytes a name\n", each);
	/* mallinfo2() is of no use with a sanitizer's allocator. */
	assert_true(each <= 48);
	assert_false(take(&names, 0));
	assert_false(take(&names, 999999));
	hashset_release(&names);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(never_replaces_another_file, NULL, anew),
	    cmocka_unit_test_setup_teardown(
	        never_replaces_another_file_without_noreplace, NULL, anew),
	    cmocka_unit_test_setup_teardown(refuses_without_an_atomic_call, NULL, anew),
	    cmocka_unit_test_setup_teardown(other_errors_replace_nothing, NULL, anew),
	    cmocka_unit_test_setup_teardown(
	        links_and_fifos_are_not_the_same_file, NULL, anew),
	    cmocka_unit_test_setup_teardown(
	        leftover_parts_are_not_written_to, NULL, anew),
	    cmocka_unit_test_setup_teardown(a_part_that_stays_is_an_error, NULL, anew),
	    cmocka_unit_test_setup_teardown(one_writer_for_a_name, NULL, anew),
	    cmocka_unit_test_setup_teardown(
	        many_are_synced_before_they_are_named, NULL, anew),
	    cmocka_unit_test_setup_teardown(one_of_many_fails_alone, NULL, anew),
	    cmocka_unit_test_setup_teardown(
	        a_directory_that_is_not_synced_fails_all_its_files, NULL, anew),
	    cmocka_unit_test_setup_teardown(
	        a_failed_write_out_is_told_by_the_commit, NULL, anew),
	    cmocka_unit_test_setup_teardown(processes_compete, NULL, anew),
	    cmocka_unit_test(a_name_is_given_out_once),
	    cmocka_unit_test(a_million_names_take_little_memory),
	};

	return cmocka_run_group_tests(tests, open_folder, close_folder);
}
