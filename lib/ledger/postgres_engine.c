#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/mem.h"
#include "ledger/postgres_engine.h"
#include "os/pipeline.h"

#define PARAMETERS_MAX 22
#define LIVING_MS      500    /* how long the list of living processes holds */
#define WAIT_MS        600000 /* for a database that is away */
#define RETRY_MS       1000
#define TELL_MS        5000

#define IN_THE_FUTURE "22023" /* SQLSTATE of pg_xact_status for a number not given yet */

struct pg_stmt {
	struct db_stmt stmt;
	char *text;
	char name[16];               /* "" if it is not kept */
	unsigned prepared;           /* on which connection; 0: on none */
	int n;                       /* parameters that are bound */
	char *owned[PARAMETERS_MAX]; /* texts of numbers and bytes */
	const char *values[PARAMETERS_MAX];
	PGresult *rows; /* NULL: it has not run */
	int row;
	struct buf bytes; /* of the last column_blob */
};

static const char insert_text[] =
    "INSERT INTO entry (n, key, state, owner, first_at, at, settled_at, clock_offset, tag,"
    " id, data, operation, provider, base, account, subject, name, options, sent_name,"
    " file, unit, amount)"
    " VALUES (coalesce(nullif(CAST(? AS BIGINT), 0), nextval('entry_n')), ?, ?, ?, ?, ?, ?,"
    " ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (n) DO UPDATE SET (key, state, owner, first_at, at, settled_at,"
    " clock_offset, tag, id, data, operation, provider, base, account, subject, name,"
    " options, sent_name, file, unit, amount) = (excluded.key, excluded.state,"
    " excluded.owner, excluded.first_at, excluded.at, excluded.settled_at,"
    " excluded.clock_offset, excluded.tag, excluded.id, excluded.data,"
    " excluded.operation, excluded.provider, excluded.base, excluded.account,"
    " excluded.subject, excluded.name, excluded.options, excluded.sent_name,"
    " excluded.file, excluded.unit, excluded.amount) RETURNING n";

static const char *const checks[] = {
    "SELECT 'entry ' || n || ' has the state ' || state FROM entry"
    " WHERE state NOT BETWEEN 1 AND 6 LIMIT 1",
    "SELECT 'entry ' || n || ' has the state ' || state FROM entry"
    " WHERE state NOT BETWEEN 1 AND 6",
    "SELECT 'entry ' || n || ' has a damaged key' FROM entry WHERE length(key) <> 32",
    "SELECT 'entry ' || n || ' is made without an id' FROM entry"
    " WHERE state IN (2, 5, 6) AND id IS NULL",
    "SELECT 'key ' || encode(key, 'hex') || ' is intended ' || count(*) || ' times'"
    " FROM entry WHERE state = 1 GROUP BY key HAVING count(*) > 1",
    NULL,
};

static struct postgres *
of(struct db *db)
{
	return (struct postgres *)db;
}

static struct pg_stmt *
own(struct db_stmt *st)
{
	return (struct pg_stmt *)st;
}

int
postgres_error(struct postgres *p, PGconn *conn, struct err *e)
{
	const char *said = conn != NULL ? p->pq->PQerrorMessage(conn) : "";
	size_t len = strlen(said);

	while (len > 0 && isspace((unsigned char)said[len - 1]))
		len--;
	return err_set(e, CODE_STATE_UNUSABLE, "ledger '%s': %.*s", p->db.name, (int)len,
	    len > 0 ? said : "no connection");
}

PGresult *
postgres_run(struct postgres *p, PGconn *conn, const char *text, struct err *e)
{
	PGresult *r = p->pq->PQexec(conn, text);
	ExecStatusType status = p->pq->PQresultStatus(r);

	if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
		return r;
	postgres_error(p, conn, e);
	p->pq->PQclear(r);
	return NULL;
}

/* The text with PostgreSQL's form of parameters. The caller frees it. */
static char *
numbered(const char *text)
{
	struct buf b = {0};
	int n = 0;

	for (; *text != '\0'; text++) {
		if (*text != '?')
			buf_chr(&b, *text);
		else if (isdigit((unsigned char)text[1]))
			buf_chr(&b, '$');
		else
			buf_printf(&b, "$%d", ++n);
	}
	return b.data;
}

static struct db_stmt *
prepare(struct db *db, const char *text, bool kept, struct err *e)
{
	static unsigned count;
	struct pg_stmt *st = mem_new(1, sizeof *st);

	(void)e;
	st->stmt.db = db;
	st->text = numbered(text);
	if (kept)
		snprintf(st->name, sizeof st->name, "s%u", ++count);
	return &st->stmt;
}

static void
reset(struct db_stmt *stmt)
{
	struct pg_stmt *st = own(stmt);

	of(stmt->db)->pq->PQclear(st->rows);
	st->rows = NULL;
	for (int i = 0; i < st->n; i++) {
		free(st->owned[i]);
		st->owned[i] = NULL;
		st->values[i] = NULL;
	}
	st->n = 0;
}

static void
finish(struct db_stmt *stmt)
{
	struct pg_stmt *st = own(stmt);

	reset(stmt);
	buf_release(&st->bytes);
	free(st->text);
	free(st);
}

/* Binds a text; owned: it is freed with the statement's run. */
static void
bind(struct db_stmt *stmt, int i, const char *text, char *owned)
{
	struct pg_stmt *st = own(stmt);

	if (st->rows != NULL)
		reset(stmt);
	free(st->owned[i - 1]);
	st->owned[i - 1] = owned;
	st->values[i - 1] = text;
	if (i > st->n)
		st->n = i;
}

static void
bind_int(struct db_stmt *st, int i, int64_t value)
{
	char *text = mem_printf("%lld", (long long)value);

	bind(st, i, text, text);
}

static void
bind_real(struct db_stmt *st, int i, double value)
{
	char *text = mem_printf("%.17g", value);

	bind(st, i, text, text);
}

static void
bind_text(struct db_stmt *st, int i, const char *text)
{
	bind(st, i, text, NULL);
}

static void
bind_blob(struct db_stmt *st, int i, const void *bytes, size_t len)
{
	char *text = mem_new(1, 2 * len + 3);

	memcpy(text, "\\x", 2);
	hex_of(text + 2, bytes, len);
	bind(st, i, text, text);
}

/* Runs the statement. */
static PGresult *
execute(struct pg_stmt *st)
{
	struct postgres *p = of(st->stmt.db);
	PGresult *r;

	if (st->name[0] == '\0')
		return p->pq->PQexecParams(
		    p->work, st->text, st->n, NULL, st->values, NULL, NULL, 0);
	if (st->prepared != p->connections) {
		r = p->pq->PQprepare(p->work, st->name, st->text, 0, NULL);
		if (p->pq->PQresultStatus(r) != PGRES_COMMAND_OK)
			return r;
		p->pq->PQclear(r);
		st->prepared = p->connections;
	}
	return p->pq->PQexecPrepared(p->work, st->name, st->n, st->values, NULL, NULL, 0);
}

static int
step(struct db_stmt *stmt, struct err *e)
{
	struct pg_stmt *st = own(stmt);
	struct postgres *p = of(stmt->db);
	ExecStatusType status;

	if (st->rows != NULL) {
		st->row++;
	} else {
		pthread_mutex_lock(&p->lock);
		st->rows = execute(st);
		st->row = 0;
		status = p->pq->PQresultStatus(st->rows);
		if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
			postgres_error(p, p->work, e);
			pthread_mutex_unlock(&p->lock);
			reset(stmt);
			return -1;
		}
		pthread_mutex_unlock(&p->lock);
	}
	if (st->row < p->pq->PQntuples(st->rows))
		return 1;
	reset(stmt);
	return 0;
}

static const char *
column_text(struct db_stmt *stmt, int i)
{
	struct pg_stmt *st = own(stmt);
	const struct libpq *pq = of(stmt->db)->pq;

	return pq->PQgetisnull(st->rows, st->row, i)
	           ? NULL
	           : pq->PQgetvalue(st->rows, st->row, i);
}

static int64_t
column_int(struct db_stmt *st, int i)
{
	const char *text = column_text(st, i);

	if (text == NULL)
		return 0;
	return text[0] == 't' ? 1 : strtoll(text, NULL, 10);
}

static double
column_real(struct db_stmt *st, int i)
{
	const char *text = column_text(st, i);

	return text != NULL ? strtod(text, NULL) : 0;
}

static int
digit(char c)
{
	return c <= '9' ? c - '0' : c - 'a' + 10;
}

static const void *
column_blob(struct db_stmt *stmt, int i, size_t *len)
{
	struct buf *b = &own(stmt)->bytes;
	const char *hex = column_text(stmt, i);

	buf_clear(b);
	*len = 0;
	if (hex == NULL || strncmp(hex, "\\x", 2) != 0)
		return "";
	for (hex += 2; hex[0] != '\0' && hex[1] != '\0'; hex += 2)
		buf_chr(b, (char)(digit(hex[0]) << 4 | digit(hex[1])));
	*len = b->len;
	return b->len > 0 ? b->data : "";
}

/* Connects if there is no connection. */
static int
reach(struct postgres *p, struct err *e)
{
	if (p->work != NULL && p->pq->PQstatus(p->work) == CONNECTION_OK)
		return 0;
	if (p->work != NULL)
		p->pq->PQfinish(p->work);
	p->work = postgres_connect(p, e);
	p->connections++;
	return p->work != NULL ? 0 : -1;
}

/* Takes over the processes that live, and the transaction's number, which follows an x. */
static void
read_living(struct postgres *p, PGresult *r)
{
	int n = p->pq->PQntuples(r);

	free(p->living);
	p->living = mem_new((size_t)n + 1, sizeof *p->living);
	p->n_living = 0;
	p->living_at = clock_boot_ns() / 1000000;
	for (int i = 0; i < n; i++) {
		const char *text = p->pq->PQgetvalue(r, i, 0);

		if (text[0] == 'x')
			snprintf(p->transaction, sizeof p->transaction, "%s", text + 1);
		else
			p->living[p->n_living++] = strtoll(text, NULL, 10);
	}
}

#define LIVING "SELECT n::text FROM process WHERE lease > clock_timestamp()"

static int
begin(struct db *db, struct err *e)
{
	struct postgres *p = of(db);
	PGresult *r;

	pthread_mutex_lock(&p->lock);
	p->transaction[0] = '\0';
	r = reach(p, e) < 0
	        ? NULL
	        : postgres_run(p, p->work,
	              "BEGIN; SELECT pg_advisory_xact_lock(" POSTGRES_TURN "); " LIVING
	              " UNION ALL SELECT 'x' || pg_current_xact_id()",
	              e);
	if (r == NULL) {
		pthread_mutex_unlock(&p->lock);
		return -1;
	}
	read_living(p, r);
	p->pq->PQclear(r);
	return 0;
}

/* Asks what became of the transaction whose commit had no response: 1 committed, 0 not, -1
 * not known. A server that was restarted may not have heard of its number. */
static int
asked(struct postgres *p, struct err *e)
{
	char *text;
	PGresult *r;
	const char *state;
	int rc = -1;

	if (reach(p, e) < 0)
		return -1;
	text = mem_printf("SELECT pg_xact_status('%s'::xid8)", p->transaction);
	r = p->pq->PQexec(p->work, text);
	free(text);
	state = p->pq->PQresultErrorField(r, PG_DIAG_SQLSTATE);
	if (p->pq->PQresultStatus(r) == PGRES_TUPLES_OK && p->pq->PQntuples(r) == 1) {
		const char *status = p->pq->PQgetvalue(r, 0, 0);
		rc = strcmp(status, "committed") == 0 ? 1
		     : strcmp(status, "aborted") == 0 ? 0
		                                      : -1;
	} else if (state != NULL && strcmp(state, IN_THE_FUTURE) == 0) {
		rc = 0;
	}
	p->pq->PQclear(r);
	return rc;
}

/* Waits before another try to reach a database that is away since `since`. False: it has been
 * away for too long. */
static bool
wait_for_it(struct postgres *p, int64_t since)
{
	int64_t away = clock_monotonic_ms() - since;

	if (away > WAIT_MS || p->closing)
		return false;
	if (away > TELL_MS && away < TELL_MS + RETRY_MS)
		warn(
		    "ledger '%s' is out of reach; nothing new is sent until it is there again",
		    p->db.name);
	pipeline_wait(clock_unix_ms() + 2 * RETRY_MS, "the ledger is out of reach");
	clock_sleep_ms(RETRY_MS);
	return true;
}

static int
end(struct postgres *p, int rc)
{
	p->transaction[0] = '\0';
	pthread_mutex_unlock(&p->lock);
	return rc;
}

static int
commit(struct db *db, struct err *e)
{
	struct postgres *p = of(db);
	PGresult *r = postgres_run(p, p->work, "COMMIT", e);
	int64_t since = clock_monotonic_ms();
	int made = -1;

	if (r != NULL) {
		p->pq->PQclear(r);
		return end(p, 0);
	}
	if (p->pq->PQstatus(p->work) == CONNECTION_OK)
		return -1; /* the server refused it; db_rollback follows */
	while ((made = asked(p, e)) < 0 && wait_for_it(p, since))
		;
	if (made == 1)
		return end(p, 0);
	return -1;
}

static void
rollback(struct db *db)
{
	struct postgres *p = of(db);
	struct err ignored;

	if (p->transaction[0] == '\0')
		return;
	if (p->work != NULL && p->pq->PQstatus(p->work) == CONNECTION_OK)
		p->pq->PQclear(postgres_run(p, p->work, "ROLLBACK", &ignored));
	end(p, 0);
}

/* After a failure: true if the connection was lost, and there is another one. */
static bool
again(struct db *db, struct err *e)
{
	struct postgres *p = of(db);
	int64_t since = clock_monotonic_ms();
	bool lost, there;

	pthread_mutex_lock(&p->lock);
	lost = p->work == NULL || p->pq->PQstatus(p->work) != CONNECTION_OK;
	there = false;
	while (lost && !(there = reach(p, e) == 0) && wait_for_it(p, since))
		;
	pthread_mutex_unlock(&p->lock);
	return there;
}

static void
lock(struct db *db)
{
	pthread_mutex_lock(&of(db)->lock);
}

static void
unlock(struct db *db)
{
	pthread_mutex_unlock(&of(db)->lock);
}

static bool
alive(struct db *db, int64_t owner)
{
	struct postgres *p = of(db);
	int64_t now = clock_boot_ns() / 1000000;
	bool lives = owner == db->number;
	struct err ignored;
	PGresult *r;

	pthread_mutex_lock(&p->lock);
	if (p->transaction[0] == '\0' && now - p->living_at > LIVING_MS &&
	    (r = postgres_run(p, p->work, LIVING, &ignored)) != NULL) {
		read_living(p, r);
		p->pq->PQclear(r);
	}
	for (size_t i = 0; i < p->n_living; i++)
		lives = lives || p->living[i] == owner;
	pthread_mutex_unlock(&p->lock);
	return lives;
}

static bool
unsent(struct db *db, int64_t owner, int64_t n)
{
	struct postgres *p = of(db);
	char *text = mem_printf(
	    "SELECT 1 FROM entry WHERE n = %lld AND owner = %lld AND sent_at <> at",
	    (long long)n, (long long)owner);
	struct err ignored;
	PGresult *r;
	bool proved;

	pthread_mutex_lock(&p->lock);
	r = postgres_run(p, p->work, text, &ignored);
	proved = r != NULL && p->pq->PQntuples(r) == 1;
	p->pq->PQclear(r);
	pthread_mutex_unlock(&p->lock);
	free(text);
	return proved;
}

/* What is sent stands in the entry itself. */
static int
mark_take(struct db *db, struct err *e)
{
	(void)db;
	(void)e;
	return 0;
}

static void
mark_free(struct db *db, int mark)
{
	(void)db;
	(void)mark;
}

const struct db_engine postgres_engine = {.insert = insert_text,
    .checks = checks,
    .close = postgres_close,
    .prepare = prepare,
    .finish = finish,
    .bind_int = bind_int,
    .bind_real = bind_real,
    .bind_text = bind_text,
    .bind_blob = bind_blob,
    .step = step,
    .reset = reset,
    .column_int = column_int,
    .column_real = column_real,
    .column_text = column_text,
    .column_blob = column_blob,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .again = again,
    .lock = lock,
    .unlock = unlock,
    .alive = alive,
    .unsent = unsent,
    .mark_take = mark_take,
    .mark_free = mark_free,
    .sending = postgres_sending,
    .may_send = postgres_may_send};
