/* The ledger's file: an error comes first if it cannot be created, read, trusted or written. */
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/file.h"
#include "base/mem.h"
#include "ledger_case.h"

/* Replaces statfs(): a file system of any type. */
static long fs_type = 0xef53;

int
statfs(const char *path, struct statfs *fs)
{
	(void)path;
	memset(fs, 0, sizeof *fs);
	fs->f_type = fs_type;
	return 0;
}

static void
many_processes_create_it_at_once(void **state)
{
	pid_t pids[16];
	int go[2];

	(void)state;
	assert_int_equal(pipe(go), 0);
	for (int i = 0; i < 16; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			struct err e;
			char c;
			close(go[1]);
			(void)!read(go[0], &c, 1); /* until the other end closes */
			if (ledger_open(file, NULL, &e) == NULL)
				warn("%s", e.message);
			else
				_exit(0);
			_exit(1);
		}
	}
	close(go[0]);
	close(go[1]);
	for (int i = 0; i < 16; i++) {
		int status;
		waitpid(pids[i], &status, 0);
		assert_int_equal(status, 0);
	}
}

/* A ledger of version 1, which had no sent_name, or of version 2, which had no file and no
 * cost, is changed when it is opened. */
static void
older_file_is_changed(void **state)
{
	(void)state;
	ledger_free(open_ledger());
	for (int version = 2; version >= 1; version--) {
		execute("ALTER TABLE entry DROP COLUMN file");
		execute("ALTER TABLE entry DROP COLUMN unit");
		execute("ALTER TABLE entry DROP COLUMN amount");
		if (version == 1)
			execute("ALTER TABLE entry DROP COLUMN sent_name");
		execute(
		    version == 1 ? "PRAGMA user_version = 1" : "PRAGMA user_version = 2");
		ledger_free(open_ledger());
		execute(
		    "UPDATE entry SET sent_name = 'Ann', file = 'a', unit = 'u', amount = 1");
		ledger_free(open_ledger());
	}
	unlink(file);
}

static void
refused(const char *path, const char *why)
{
	struct err e = {0};
	struct ledger *l = ledger_open(path, NULL, &e);

	assert_null(l);
	assert_int_equal(e.code, CODE_STATE_UNUSABLE);
	if (strstr(e.message, why) == NULL)
		fail_msg("'%s' does not say '%s'", e.message, why);
}

static void
newer_foreign_and_damaged_files_are_refused(void **state)
{
	FILE *f;

	(void)state;
	execute("CREATE TABLE x (y)");
	refused(file, "another program");
	unlink(file);
	ledger_free(open_ledger());
	execute("PRAGMA user_version = 4");
	refused(file, "version 4");
	f = fopen(file, "w");
	fprintf(f, "%4096s", "this is not a database");
	fclose(f);
	refused(file, "damaged");
	refused("/nowhere/at/all/ledger.db", "No such file");
	refused(dir, "cannot open");
}

static void
without_a_home_directory_it_is_refused(void **state)
{
	char *home = mem_str(getenv("HOME")), *xdg = mem_str(getenv("XDG_STATE_HOME"));

	(void)state;
	unsetenv("HOME");
	unsetenv("XDG_STATE_HOME");
	refused(NULL, "HOME");
	setenv("XDG_STATE_HOME", dir, 1);
	struct err e;
	ledger_free(ledger_open(NULL, NULL, &e));
	char *path = mem_printf("%s/avtools/ledger.db", dir);
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	*strrchr(path, '/') = '\0';
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	free(path);
	if (home != NULL)
		setenv("HOME", home, 1);
	if (xdg != NULL)
		setenv("XDG_STATE_HOME", xdg, 1);
	else
		unsetenv("XDG_STATE_HOME");
	free(home);
	free(xdg);
}

static void
network_file_systems_are_known(void **state)
{
	(void)state;
	static const struct {
		long type;
		const char *name;
	} network[] = {{0x6969, "NFS"}, {(int)0xff534d42, "CIFS"},
	    {(int)0xfe534d42, "SMB"}, {0x65735546, "FUSE"}};
	/* ext, tmpfs, btrfs, overlay */
	static const long local[] = {0xef53, 0x01021994, (int)0x9123683e, 0x794c7630};

	for (size_t i = 0; i < sizeof network / sizeof *network; i++) {
		char *said = mem_printf("network file system (%s)", network[i].name);
		fs_type = network[i].type;
		refused(file, said);
		free(said);
	}
	for (size_t i = 0; i < sizeof local / sizeof *local; i++) {
		fs_type = local[i];
		ledger_free(open_ledger());
	}
	fs_type = 0xef53;
}

/* Otherwise a killed process of root would look alive to everyone else. */
static void
root_gives_its_lock_file_to_the_owner(void **state)
{
	char *live = mem_printf("%s-live", file), *own = mem_printf("%s/2", live);
	struct ledger *l;
	struct stat st;

	(void)state;
	if (geteuid() == 0) {
		ledger_free(open_ledger());
		assert_int_equal(chown(live, 65534, 65534), 0);
		l = open_ledger();
		assert_int_equal(stat(own, &st), 0);
		assert_int_equal(st.st_uid, 65534);
		ledger_free(l);
	}
	free(live);
	free(own);
}

static void
move(const char *from, const char *to)
{
	char *command = mem_printf("mv '%s' '%s'", from, to);

	assert_int_equal(system(command), 0);
	free(command);
}

/* The next process would create a new ledger, and each would miss what the other paid for. */
static void
a_moved_file_is_refused(void **state)
{
	struct ledger *l = open_ledger();
	char *away = mem_printf("%s.away", file);
	struct said s;

	(void)state;
	move(file, away);
	claim(l, "a", false, &s);
	assert_int_equal(s.verdict, LEDGER_ERROR);
	assert_non_null(strstr(s.message, "moved or deleted"));
	move(away, file);
	claim(l, "a", false, &s);
	assert_int_equal(s.verdict, LEDGER_YOURS);
	ledger_free(l);
	free(away);
}

/* A tool may have switched WAL mode off; only in WAL mode is one fsync enough for a commit. */
static void
put_back_into_wal_mode(void **state)
{
	sqlite3_stmt *st;
	sqlite3 *db;

	(void)state;
	ledger_free(open_ledger());
	execute("PRAGMA journal_mode = DELETE");
	ledger_free(open_ledger());
	assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
	sqlite3_prepare_v2(db, "PRAGMA journal_mode", -1, &st, NULL);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	assert_string_equal(sqlite3_column_text(st, 0), "wal");
	sqlite3_finalize(st);
	sqlite3_close(db);
}

/* No file may grow, as on a full disk. */
static void
set_limit(rlim_t bytes)
{
	struct rlimit lim;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &lim);
	lim.rlim_cur = bytes;
	setrlimit(RLIMIT_FSIZE, &lim);
}

static void
a_full_disk_stops_before_sending(void **state)
{
	struct ledger *l = open_ledger();
	struct said s;
	struct ledger_claim *c = claim(l, "made", false, &s);

	(void)state;
	settle(l, c, LEDGER_IS_MADE, "id");
	set_limit(4096);
	claim(l, "a", false, &s);
	assert_int_equal(s.verdict, LEDGER_ERROR);
	assert_non_null(strstr(s.message, "ledger"));
	claim(l, "made", false, &s);
	assert_int_equal(s.verdict, LEDGER_MADE);
	refused(file, "full");
	set_limit(RLIM_INFINITY);
	claim(l, "a", false, &s);
	assert_int_equal(s.verdict, LEDGER_YOURS);
	ledger_free(l);
}

/* An outcome that could not be written is written as soon as possible, at the latest at the end;
 * until then nothing new is begun. */
static void
a_full_disk_loses_no_outcome(void **state)
{
	struct ledger *l = open_ledger(), *m = open_ledger();
	struct ledger_claim *a = lost(l, "a"), *b = lost(l, "b");
	struct said s;

	(void)state;
	set_limit(4096);
	assert_int_equal(settle(l, a, LEDGER_IS_MADE, "1"), LEDGER_ERROR);
	claim(l, "c", false, &s);
	assert_int_equal(s.verdict, LEDGER_ERROR);
	set_limit(RLIM_INFINITY);
	claim(m, "a", false, &s);
	assert_int_equal(s.verdict, LEDGER_BUSY);
	/* Also for the same key. */
	claim(l, "a", false, &s);
	assert_int_equal(s.verdict, LEDGER_MADE);
	assert_string_equal(s.id, "1");
	set_limit(4096);
	assert_int_equal(settle(l, b, LEDGER_IS_MADE, "2"), LEDGER_ERROR);
	set_limit(RLIM_INFINITY);
	ledger_free(l);
	claim(m, "a", false, &s);
	assert_string_equal(s.id, "1");
	claim(m, "b", false, &s);
	assert_int_equal(s.verdict, LEDGER_MADE);
	assert_string_equal(s.id, "2");
	ledger_free(m);
	/* If the disk stays full, the entry is left by a dead owner. */
	l = open_ledger();
	a = lost(l, "d");
	set_limit(4096);
	settle(l, a, LEDGER_IS_MADE, "3");
	ledger_free(l);
	set_limit(RLIM_INFINITY);
	l = open_ledger();
	claim(l, "d", false, &s);
	assert_int_equal(s.verdict, LEDGER_UNKNOWN);
	ledger_free(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(many_processes_create_it_at_once),
	    TEST(older_file_is_changed),
	    TEST(newer_foreign_and_damaged_files_are_refused),
	    TEST(without_a_home_directory_it_is_refused),
	    TEST(network_file_systems_are_known),
	    TEST(root_gives_its_lock_file_to_the_owner),
	    TEST(a_moved_file_is_refused),
	    TEST(put_back_into_wal_mode),
	    TEST(a_full_disk_stops_before_sending),
	    TEST(a_full_disk_loses_no_outcome),
	};

	return cmocka_run_group_tests_name("ledger_file", tests, NULL, NULL);
}
