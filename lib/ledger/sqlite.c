#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "ledger/claims.h"
#include "ledger/sqlite.h"
#include "ledger/sqlite_engine.h"
#include "os/pipeline.h"

#define APPLICATION 0x61764c67 /* "avLg" */
#define VERSION     3

/* The longest wait for another process's commit: some thousands of commits. */
#define BUSY_MS 120000

#define TURN_MS 2
#define SHOW_MS 1000 /* before a wait is shown, and then again */
#define TELL_MS 5000 /* before a message tells it */

static const char schema[] =
    "CREATE TABLE process (last INTEGER NOT NULL);"
    "INSERT INTO process VALUES (0);"
    "CREATE TABLE entry ("
    " n INTEGER PRIMARY KEY,"
    " key BLOB NOT NULL,"
    " state INTEGER NOT NULL,"
    " owner INTEGER NOT NULL," /* a process's number; 0: none */
    " first_at INTEGER NOT NULL, at INTEGER NOT NULL, settled_at INTEGER NOT NULL,"
    " clock_offset INTEGER NOT NULL,"
    " tag TEXT NOT NULL, id TEXT, data TEXT,"
    " operation TEXT NOT NULL, provider TEXT NOT NULL, base TEXT NOT NULL,"
    " account TEXT NOT NULL, subject TEXT NOT NULL, name TEXT, options TEXT NOT NULL,"
    " sent_name TEXT, file TEXT, unit TEXT, amount REAL);"
    "CREATE INDEX entry_key ON entry (key);"
    "CREATE INDEX entry_id ON entry (id) WHERE id IS NOT NULL;"
    "CREATE INDEX entry_intended ON entry (owner) WHERE state = 1;"
    "CREATE INDEX entry_unknown ON entry (n) WHERE state = 3;"
    "PRAGMA application_id = 0x61764c67;"
    "PRAGMA user_version = 3;";

/* What each later version added to the one before. */
static const char *const additions[VERSION] = {
    [1] = "ALTER TABLE entry ADD COLUMN sent_name TEXT;"
          "PRAGMA user_version = 2;",
    [2] = "ALTER TABLE entry ADD COLUMN file TEXT;"
          "ALTER TABLE entry ADD COLUMN unit TEXT;"
          "ALTER TABLE entry ADD COLUMN amount REAL;"
          "PRAGMA user_version = 3;",
};

static int
execute(struct sqlite *s, const char *text, struct err *e)
{
	return sqlite3_exec(s->sql, text, NULL, NULL, NULL) == SQLITE_OK
	           ? 0
	           : sqlite_error(s, e);
}

/* Reads the one number that a statement returns. */
static int
number(struct sqlite *s, const char *text, int64_t *n, struct err *e)
{
	struct db_stmt *st = db_prepare(&s->db, text, e);
	int rc = db_step(st, e);

	if (rc > 0)
		*n = db_int(st, 0);
	else if (rc == 0)
		sqlite_error(s, e);
	db_finish(st);
	return rc > 0 ? 0 : -1;
}

/* The process that writes the ledger, as /proc/locks tells: it has the byte 120 of the
 * -shm file locked. The file is not opened, since closing it would drop our own locks. 0:
 * nobody, or nobody that can be seen. */
static int
writer(const char *file)
{
	char *shm = mem_printf("%s-shm", file), line[256];
	FILE *locks = fopen("/proc/locks", "re");
	struct stat st;
	int pid, found = 0;

	if (stat(shm, &st) != 0)
		st.st_ino = 0;
	while (locks != NULL && found == 0 && fgets(line, sizeof line, locks) != NULL) {
		unsigned long long inode, at;

		if (sscanf(line, "%*d: POSIX ADVISORY WRITE %d %*x:%*x:%llu %llu", &pid,
		        &inode, &at) == 3 &&
		    inode == st.st_ino && at == 120 && pid != getpid())
			found = pid;
	}
	if (locks != NULL)
		fclose(locks);
	free(shm);
	return found;
}

/* Tells what is waited for: in the progress after a second, once on stderr after five. */
static void
tell_wait(const struct sqlite *s, int ms)
{
	char name[32] = "another process";
	int pid;

	if (ms % SHOW_MS >= TURN_MS)
		return;
	pid = writer(s->db.name);
	if (pid != 0)
		snprintf(name, sizeof name, "process %d", pid);
	pipeline_wait(clock_unix_ms() + 2 * SHOW_MS, "ledger locked by %s", name);
	if (ms / SHOW_MS == TELL_MS / SHOW_MS)
		warn("ledger '%s': %s has it locked; waiting", s->db.name, name);
}

/* SQLite's own busy handler sleeps up to 100 ms, the time of dozens of commits. */
static int
wait_for_others(void *arg, int count)
{
	struct sqlite *s = arg;

	usleep(count < 10 ? 500 : TURN_MS * 1000);
	if (count * TURN_MS >= SHOW_MS)
		tell_wait(s, count * TURN_MS);
	return count < BUSY_MS / TURN_MS;
}

/* Makes the file if it is missing, 0600 (SQLite gives its mode to the files beside it), and
 * finds a name for it that is the same for all processes. */
static int
make_file(struct sqlite *s, const char *file, struct err *e)
{
	int fd = open(file, O_RDWR | O_CLOEXEC);
	bool made = false;

	if (fd < 0 && errno == ENOENT) {
		fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		made = true;
	}
	if (fd >= 0)
		s->db.name = realpath(file, NULL);
	if (s->db.name == NULL)
		err_set(e, CODE_STATE_UNUSABLE, "cannot open the ledger '%s':", file);
	/* close(2) drops the process's locks on a file; SQLite has none yet. */
	if (fd >= 0)
		close(fd);
	if (s->db.name == NULL || file_check_local(s->db.name, e) < 0)
		return -1;
	if (made && !file_sync_name(s->db.name))
		return err_set(e, CODE_STATE_UNUSABLE,
		    "cannot sync the directory of '%s':", s->db.name);
	return 0;
}

static int
connect_db(struct sqlite *s, struct err *e)
{
	int rc;

	/* Its statistics take a lock for each allocation. Fails once SQLite is in use. */
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	rc = sqlite3_open_v2(
	    s->db.name, &s->sql, SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX, NULL);

	mem_checked(s->sql);
	if (rc != SQLITE_OK)
		return sqlite_error(s, e);
	sqlite3_busy_handler(s->sql, wait_for_others, s);
	sqlite3_db_config(s->sql, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	return 0;
}

/* The version of the ledger, 0 if the file is empty, -1 if it is neither. */
static int
identify(struct sqlite *s, struct err *e)
{
	int64_t application, version, tables;

	/* One snapshot for all three: another process may be making the tables. */
	if (execute(s, "SAVEPOINT look", e) < 0 ||
	    number(s, "PRAGMA application_id", &application, e) < 0 ||
	    number(s, "PRAGMA user_version", &version, e) < 0 ||
	    number(s, "SELECT count(*) FROM sqlite_schema", &tables, e) < 0 ||
	    execute(s, "RELEASE look", e) < 0)
		return -1;
	if (application == 0 && version == 0 && tables == 0)
		return 0;
	if (application != APPLICATION)
		return err_set(e, CODE_STATE_UNUSABLE,
		    "'%s' is a database of another program, not a ledger", s->db.name);
	if (version > VERSION)
		return err_set(e, CODE_STATE_UNUSABLE,
		    "ledger '%s' has version %d, and this program knows up to %d; use a newer "
		    "avtools",
		    s->db.name, (int)version, VERSION);
	return (int)version;
}

/* As identify, and switches the file to WAL. SQLite does not call the busy handler when
 * another process changes the mode at the same time, so this waits by itself. */
static int
identify_in_wal(struct sqlite *s, struct err *e)
{
	for (int count = 0;; count++) {
		int known = identify(s, e);

		if (known < 0 || execute(s, "PRAGMA journal_mode = WAL", e) == 0)
			return known;
		if (sqlite3_errcode(s->sql) != SQLITE_BUSY || !wait_for_others(s, count))
			return -1;
	}
}

/* Makes the tables, or changes those of an older version. Several processes may try at
 * once. */
static int
prepare(struct sqlite *s, struct err *e)
{
	int known = identify_in_wal(s, e);

	if (known < 0 || execute(s, "PRAGMA synchronous = FULL", e) < 0)
		return -1;
	if (known == VERSION)
		return 0;
	if (db_begin(&s->db, e) < 0)
		return -1;
	known = identify(s, e);
	if (known == 0 && execute(s, schema, e) < 0)
		known = -1;
	while (known > 0 && known < VERSION)
		known = execute(s, additions[known], e) < 0 ? -1 : known + 1;
	if (known < 0 || db_commit(&s->db, e) < 0) {
		db_rollback(&s->db);
		return -1;
	}
	return 0;
}

/* Takes a number that no process had, and makes this process's file. The transaction keeps
 * other processes from judging that file before it is locked. */
static int
join(struct sqlite *s, struct err *e)
{
	char *dir = mem_printf("%s-live", s->db.name);
	bool taken = true;

	/* A number is taken if the ledger is an old copy that was restored. */
	while (s->live == NULL && taken)
		if (execute(s, "UPDATE process SET last = last + 1", e) < 0 ||
		    number(s, "SELECT last FROM process", &s->db.number, e) < 0)
			taken = false;
		else
			s->live = liveness_open(dir, s->db.number, &taken, e);
	free(dir);
	return s->live != NULL ? 0 : -1;
}

/* Joins the processes of this ledger and settles what the dead ones left. The commit also
 * proves that a commit is possible. */
static int
enter(struct sqlite *s, struct err *e)
{
	int64_t *dead = NULL;
	int rc = -1;

	if (db_begin(&s->db, e) < 0)
		return -1;
	if (join(s, e) < 0)
		goto out;
	dead = liveness_dead(s->live);
	if (claims_recover(&s->db, e) < 0 || db_commit(&s->db, e) < 0)
		goto out;
	for (size_t i = 0; dead[i] != 0; i++)
		liveness_remove(s->live, dead[i]);
	rc = 0;
out:
	free(dead);
	db_rollback(&s->db);
	return rc;
}

struct db *
sqlite_open(const char *file, struct err *e)
{
	struct sqlite *s = mem_new(1, sizeof *s);

	s->db.engine = &sqlite_engine;
	if (file == NULL) {
		s->db.name = mem_str(":memory:");
		s->db.number = 1; /* the only process */
	}
	if ((file == NULL || make_file(s, file, e) == 0) && connect_db(s, e) == 0 &&
	    prepare(s, e) == 0 && (file == NULL || enter(s, e) == 0))
		return &s->db;
	db_close(&s->db);
	return NULL;
}
