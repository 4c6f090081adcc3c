#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "ledger/claims.h"
#include "ledger/postgres.h"
#include "ledger/postgres_engine.h"

#define VERSION 1

/* A process that is silent for so long is dead, unless the ledger was made with another
 * lease. It renews its lease three times as often, and sends nothing in the last sixth. */
#define LEASE_S 60

#define SCHEMA                                                                             \
	"CREATE SCHEMA avtools;"                                                           \
	"SET search_path = avtools;"                                                       \
	"CREATE TABLE version (version INTEGER NOT NULL, lease_s INTEGER NOT NULL);"       \
	"INSERT INTO version VALUES (1, %d);"                                              \
	"CREATE TABLE process (n BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"         \
	" host TEXT NOT NULL, lease TIMESTAMPTZ NOT NULL);"                                \
	"CREATE TABLE pace (key TEXT PRIMARY KEY, jobs BIGINT NOT NULL DEFAULT 0,"         \
	" next BIGINT NOT NULL DEFAULT 0, pause BIGINT NOT NULL DEFAULT 0,"                \
	" halved BIGINT NOT NULL DEFAULT 0);"                                              \
	"CREATE TABLE slot (key TEXT NOT NULL,"                                            \
	" owner BIGINT NOT NULL REFERENCES process ON DELETE CASCADE,"                     \
	" n INTEGER NOT NULL, PRIMARY KEY (key, owner, n));"                               \
	"CREATE TABLE turn (key TEXT PRIMARY KEY, owner BIGINT NOT NULL,"                  \
	" wanted TIMESTAMPTZ);"                                                            \
	"CREATE SEQUENCE entry_n;"                                                         \
	"CREATE TABLE entry ("                                                             \
	" n BIGINT PRIMARY KEY,"                                                           \
	" key BYTEA NOT NULL,"                                                             \
	" state INTEGER NOT NULL,"                                                         \
	" owner BIGINT NOT NULL,"                                                          \
	" first_at BIGINT NOT NULL, at BIGINT NOT NULL, settled_at BIGINT NOT NULL,"       \
	" sent_at BIGINT NOT NULL DEFAULT 0,"                                              \
	" clock_offset BIGINT NOT NULL,"                                                   \
	" tag TEXT NOT NULL, id TEXT, data TEXT,"                                          \
	" operation TEXT NOT NULL, provider TEXT NOT NULL, base TEXT NOT NULL,"            \
	" account TEXT NOT NULL, subject TEXT NOT NULL, name TEXT, options TEXT NOT NULL," \
	" sent_name TEXT, file TEXT, unit TEXT, amount DOUBLE PRECISION);"                 \
	"ALTER SEQUENCE entry_n OWNED BY entry.n;"                                         \
	"CREATE INDEX entry_key ON entry (key);"                                           \
	"CREATE INDEX entry_id ON entry (id) WHERE id IS NOT NULL;"                        \
	"CREATE INDEX entry_intended ON entry (owner) WHERE state = 1;"                    \
	"CREATE INDEX entry_unknown ON entry (n) WHERE state = 3;"

bool
postgres_is(const char *name)
{
	return strncmp(name, "postgresql://", 13) == 0 ||
	       strncmp(name, "postgres://", 11) == 0 || strncmp(name, "service=", 8) == 0;
}

static void
no_notice(void *arg, const char *message)
{
	(void)arg;
	(void)message;
}

PGconn *
postgres_connect(struct postgres *p, struct err *e)
{
	/* What the string says comes last, and counts. */
	static const char *const keywords[] = {"application_name", "connect_timeout",
	    "tcp_user_timeout", "keepalives_idle", "target_session_attrs",
	    "client_encoding", "dbname", NULL};
	const char *values[] = {
	    "avtools", "10", "10000", "10", "read-write", "UTF8", p->conninfo, NULL};
	PGconn *conn = p->pq->PQconnectdbParams(keywords, values, 1);
	PGresult *r;

	if (conn == NULL || p->pq->PQstatus(conn) != CONNECTION_OK) {
		postgres_error(p, conn, e);
		p->pq->PQfinish(conn);
		return NULL;
	}
	p->pq->PQsetNoticeProcessor(conn, no_notice, NULL);
	/* A host that is cut off in a transaction must not stop the others. What is committed
	 * has to survive. */
	r = postgres_run(p, conn,
	    "SET search_path = avtools; SET idle_in_transaction_session_timeout = '15s';"
	    "SELECT set_config('synchronous_commit', 'on', false)"
	    " WHERE current_setting('synchronous_commit') IN ('off', 'local')",
	    e);
	if (r != NULL) {
		p->pq->PQclear(r);
		return conn;
	}
	p->pq->PQfinish(conn);
	return NULL;
}

/* Reads the connection string: a name for messages, and that it has no password. */
static int
parse(struct postgres *p, const char *name, struct err *e)
{
	PQconninfoOption *options;
	char *why = NULL;
	bool secret = false;

	p->conninfo = mem_str(name);
	p->db.name = mem_str("PostgreSQL");
	options = p->pq->PQconninfoParse(name, &why);
	if (options == NULL) {
		err_set(e, CODE_STATE_UNUSABLE,
		    "the ledger's connection string cannot be read: %s",
		    why != NULL ? why : "");
		p->pq->PQfreemem(why);
		return -1;
	}
	for (PQconninfoOption *o = options; o->keyword != NULL; o++)
		secret = secret || ((strcmp(o->keyword, "password") == 0 ||
		                        strcmp(o->keyword, "sslpassword") == 0) &&
		                       o->val != NULL);
	p->pq->PQconninfoFree(options);
	if (secret)
		return err_set(e, CODE_UNSAFE_SECRET,
		    "the ledger's connection string has a password, which others can see; put it into ~/.pgpass");
	free(p->db.name);
	p->db.name = mem_str(name);
	return 0;
}

/* The version of the tables, 0 if there are none, or -1. */
static int
version_of(struct postgres *p, struct err *e)
{
	PGresult *r =
	    postgres_run(p, p->work, "SELECT to_regclass('avtools.version')", e);
	int version = 0;

	if (r == NULL)
		return -1;
	if (p->pq->PQgetisnull(r, 0, 0)) {
		p->pq->PQclear(r);
		return 0;
	}
	p->pq->PQclear(r);
	r = postgres_run(p, p->work, "SELECT version, lease_s FROM avtools.version", e);
	if (r == NULL)
		return -1;
	if (p->pq->PQntuples(r) == 1) {
		version = atoi(p->pq->PQgetvalue(r, 0, 0));
		p->lease_ms = 1000 * strtoll(p->pq->PQgetvalue(r, 0, 1), NULL, 10);
		p->db.line_seconds = (unsigned)(p->lease_ms / 3000);
	}
	p->pq->PQclear(r);
	if (version > VERSION)
		return err_set(e, CODE_STATE_UNUSABLE,
		    "ledger '%s' has version %d, and this program knows up to %d; use a newer "
		    "avtools",
		    p->db.name, version, VERSION);
	return version;
}

/* Extends the lease, if `where` holds. */
static bool
extend(struct postgres *p, const char *where)
{
	char *text = mem_printf("UPDATE process SET lease = clock_timestamp()"
	                        " + interval '%lld ms' WHERE n = %lld%s",
	    (long long)p->lease_ms, (long long)p->db.number, where);
	struct err ignored;
	PGresult *r = p->own != NULL ? postgres_run(p, p->own, text, &ignored) : NULL;
	bool done = r != NULL && strcmp(p->pq->PQcmdTuples(r), "1") == 0;

	p->pq->PQclear(r);
	free(text);
	return done;
}

/* Renews the lease; the caller has own_lock. If it was over, by the database's clock, others may
 * have taken what was noted under it: this is another lease. */
static bool
renew(struct postgres *p)
{
	int64_t now = clock_boot_ns() / 1000000;
	struct err ignored;
	bool done;

	if (p->own != NULL && p->pq->PQstatus(p->own) != CONNECTION_OK) {
		p->pq->PQfinish(p->own);
		p->own = NULL;
	}
	if (p->own == NULL)
		p->own = postgres_connect(p, &ignored);
	done = extend(p, " AND lease > clock_timestamp()");
	if (!done && (done = extend(p, "")))
		p->lease++;
	if (done)
		p->leased_until = now + p->lease_ms;
	return done;
}

static void *
keep_lease(void *arg)
{
	struct postgres *p = arg;
	struct timespec until;

	pthread_mutex_lock(&p->own_lock);
	while (!p->closing) {
		bool renewed = renew(p);

		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec += renewed ? p->lease_ms / 3000 : 1;
		if (!p->closing)
			pthread_cond_timedwait(&p->wake, &p->own_lock, &until);
	}
	pthread_mutex_unlock(&p->own_lock);
	return NULL;
}

/* A renewal counts the lease before it extends it, so this reads them the other way round. */
bool
postgres_may_send(struct db *db, unsigned lease)
{
	struct postgres *p = (struct postgres *)db;
	int64_t until = p->leased_until;

	return clock_boot_ns() / 1000000 < until - p->lease_ms / 6 && lease == p->lease;
}

bool
postgres_lock_own(struct postgres *p)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += 200000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	return pthread_mutex_timedlock(&p->own_lock, &until) == 0;
}

/* Notes that entry n is sent: the number of rows, or -1 without a connection. The lease may
 * be judged over, and the entry taken, only in a transaction, which has the turn. */
static int
note_sending(struct postgres *p, int64_t n)
{
	char *text = mem_printf(
	    "WITH turn AS MATERIALIZED (SELECT pg_advisory_xact_lock_shared(" POSTGRES_TURN
	    ")) UPDATE entry SET sent_at = at FROM turn WHERE n = %lld AND owner = %lld"
	    " AND EXISTS (SELECT 1 FROM process p WHERE p.n = %lld AND"
	    " p.lease > clock_timestamp())",
	    (long long)n, (long long)p->db.number, (long long)p->db.number);
	struct err ignored;
	PGresult *r = NULL;
	int rows = -1;

	if (p->own != NULL && p->pq->PQstatus(p->own) == CONNECTION_OK)
		r = postgres_run(p, p->own, text, &ignored);
	if (r != NULL)
		rows = atoi(p->pq->PQcmdTuples(r));
	p->pq->PQclear(r);
	free(text);
	return rows;
}

int
postgres_sending(struct db *db, int mark, int64_t n, unsigned *lease)
{
	struct postgres *p = (struct postgres *)db;
	int noted;

	(void)mark;
	if (!postgres_lock_own(p))
		return -1;
	*lease = p->lease;
	noted = note_sending(p, n);
	if (noted == 0 && !postgres_may_send(db, *lease) && renew(p)) {
		*lease = p->lease; /* it was frozen, and perhaps nobody took the entry */
		noted = note_sending(p, n);
	}
	if (noted < 0)
		pthread_cond_signal(&p->wake);
	pthread_mutex_unlock(&p->own_lock);
	return noted > 0 && !postgres_may_send(db, *lease) ? -1 : noted;
}

void
postgres_close(struct db *db)
{
	struct postgres *p = (struct postgres *)db;
	struct err ignored;
	char *text;

	if (p->renews) {
		pthread_mutex_lock(&p->own_lock);
		p->closing = true;
		pthread_cond_signal(&p->wake);
		pthread_mutex_unlock(&p->own_lock);
		pthread_join(p->renewer, NULL);
	}
	/* What is open is free for others at once. */
	if (p->db.number != 0 && p->work != NULL) {
		text = mem_printf(
		    "DELETE FROM process WHERE n = %lld", (long long)p->db.number);
		p->pq->PQclear(postgres_run(p, p->work, text, &ignored));
		free(text);
	}
	p->pq->PQfinish(p->own);
	p->pq->PQfinish(p->work);
	pthread_cond_destroy(&p->wake);
	pthread_mutex_destroy(&p->own_lock);
	pthread_mutex_destroy(&p->lock);
	free(p->living);
	free(p->conninfo);
	free(p->db.name);
	free(p);
}

static struct postgres *
reach(const char *name, struct err *e)
{
	const struct libpq *pq = libpq_load(e);
	struct postgres *p;
	pthread_mutexattr_t recursive;
	pthread_condattr_t monotonic;

	if (pq == NULL)
		return NULL;
	p = mem_new(1, sizeof *p);
	p->db.engine = &postgres_engine;
	p->pq = pq;
	pthread_mutexattr_init(&recursive);
	pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&p->lock, &recursive);
	pthread_mutexattr_destroy(&recursive);
	pthread_mutex_init(&p->own_lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&p->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	if (parse(p, name, e) == 0 && (p->work = postgres_connect(p, e)) != NULL) {
		p->connections = 1;
		return p;
	}
	db_close(&p->db);
	return NULL;
}

/* Registers the process. */
static int
join(struct postgres *p, struct err *e)
{
	PGresult *r = postgres_run(p, p->work,
	    "INSERT INTO process (host, lease) SELECT"
	    " coalesce(host(inet_client_addr()), 'local'),"
	    " clock_timestamp() + lease_s * interval '1 s' FROM version RETURNING n",
	    e);

	if (r == NULL)
		return -1;
	p->db.number = strtoll(p->pq->PQgetvalue(r, 0, 0), NULL, 10);
	p->pq->PQclear(r);
	pthread_mutex_lock(&p->own_lock);
	if (!renew(p)) {
		pthread_mutex_unlock(&p->own_lock);
		return err_set(e, CODE_STATE_UNUSABLE,
		    "ledger '%s': the lease of this process cannot be renewed",
		    p->db.name);
	}
	pthread_mutex_unlock(&p->own_lock);
	if (pthread_create(&p->renewer, NULL, keep_lease, p) != 0)
		return err_set(e, CODE_MACHINE_FAILED, "cannot begin a thread");
	p->renews = true;
	return 0;
}

/* Settles what dead processes left, and forgets those that are long gone. */
static int
recover(struct postgres *p, struct err *e)
{
	PGresult *r;

	if (db_begin(&p->db, e) < 0)
		return -1;
	r = postgres_run(p, p->work,
	    "DELETE FROM process WHERE lease < clock_timestamp() - interval '1 day'", e);
	p->pq->PQclear(r);
	if (r == NULL || claims_recover(&p->db, e) < 0 || db_commit(&p->db, e) < 0) {
		db_rollback(&p->db);
		return -1;
	}
	return 0;
}

struct db *
postgres_open(const char *name, struct err *e)
{
	struct postgres *p = reach(name, e);
	int version;

	if (p == NULL)
		return NULL;
	version = version_of(p, e);
	if (version >= 0 && version < VERSION)
		version = err_set(e, CODE_STATE_UNUSABLE,
		    "the database has no ledger of version %d; make it: av-ledger init --ledger '%s'",
		    VERSION, name);
	if (version > 0 && join(p, e) == 0 && recover(p, e) == 0)
		return &p->db;
	db_close(&p->db);
	return NULL;
}

int
postgres_init(const char *name, int *lease_s, struct err *e)
{
	struct postgres *p = reach(name, e);
	int version, rc = -1;

	if (p == NULL)
		return -1;
	if (*lease_s == 0)
		*lease_s = LEASE_S;
	version = version_of(p, e);
	if (version == 0) {
		char *text = mem_printf(SCHEMA, *lease_s);
		PGresult *r = postgres_run(p, p->work, text, e);

		if (r != NULL)
			rc = 1;
		p->pq->PQclear(r);
		free(text);
	} else if (version > 0) {
		*lease_s = (int)(p->lease_ms / 1000);
		rc = 0;
	}
	db_close(&p->db);
	return rc;
}
