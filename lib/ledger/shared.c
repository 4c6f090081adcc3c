#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "ledger/postgres_engine.h"
#include "ledger/shared.h"

#define NOW  "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint * 1000"
#define LIVE "(SELECT n FROM process WHERE lease > clock_timestamp())"

static struct postgres *
of(struct ledger *l)
{
	return (struct postgres *)ledger_db(l);
}

/* Runs statements in one round trip, and returns the result of number `which`; the caller
 * clears it. NULL if one of them failed. The caller has own_lock. */
static PGresult *
script(struct postgres *p, const char *text, int which)
{
	PGresult *found = NULL, *r;
	bool failed = p->own == NULL || p->pq->PQstatus(p->own) != CONNECTION_OK ||
	              !p->pq->PQsendQuery(p->own, text);

	for (int i = 0; !failed && (r = p->pq->PQgetResult(p->own)) != NULL; i++) {
		ExecStatusType status = p->pq->PQresultStatus(r);

		failed = status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK;
		if (i == which)
			found = r;
		else
			p->pq->PQclear(r);
	}
	if (!failed)
		return found;
	p->pq->PQclear(found);
	if (p->own != NULL && p->pq->PQstatus(p->own) == CONNECTION_OK) {
		while ((r = p->pq->PQgetResult(p->own)) != NULL)
			p->pq->PQclear(r);
		if (p->pq->PQtransactionStatus(p->own) != PQTRANS_IDLE)
			p->pq->PQclear(p->pq->PQexec(p->own, "ROLLBACK"));
	}
	pthread_cond_signal(&p->wake);
	return NULL;
}

/* As script, with the lock, and frees the text. */
static PGresult *
query(struct postgres *p, char *text, int which)
{
	PGresult *r = NULL;

	if (postgres_lock_own(p)) {
		r = script(p, text, which);
		pthread_mutex_unlock(&p->own_lock);
	}
	free(text);
	return r;
}

/* How many rows it returned or changed; -1 if it failed. */
static int
rows(struct postgres *p, char *text, int which)
{
	PGresult *r = query(p, text, which);
	int n = r != NULL ? atoi(p->pq->PQcmdTuples(r)) : -1;

	p->pq->PQclear(r);
	return n;
}

static int64_t
number(struct postgres *p, const PGresult *r, int column)
{
	return strtoll(p->pq->PQgetvalue(r, 0, column), NULL, 10);
}

static bool
read_pace(struct postgres *p, PGresult *r, struct shared_pace *s)
{
	bool there = r != NULL;

	*s = (struct shared_pace){0};
	if (there && p->pq->PQntuples(r) == 1)
		*s = (struct shared_pace){.jobs = (uint32_t)number(p, r, 0),
		    .next = number(p, r, 1),
		    .pause = number(p, r, 2),
		    .halved = number(p, r, 3),
		    .now = number(p, r, 4)};
	p->pq->PQclear(r);
	return there && s->now != 0;
}

bool
shared_pace_look(struct ledger *l, const char *key, struct shared_pace *s)
{
	struct postgres *p = of(l);
	char *text = mem_printf("SELECT coalesce(max(jobs), 0), coalesce(max(next), 0),"
	                        " coalesce(max(pause), 0), coalesce(max(halved), 0), " NOW
	                        " FROM pace WHERE key = '%s'",
	    key);

	return read_pace(p, query(p, text, 0), s);
}

bool
shared_pace_begin(struct ledger *l, const char *key, struct shared_pace *s)
{
	struct postgres *p = of(l);
	char *text =
	    mem_printf("BEGIN; SET LOCAL synchronous_commit = off;"
	               "INSERT INTO pace (key) VALUES ('%s') ON CONFLICT DO NOTHING;"
	               "SELECT jobs, next, pause, halved, " NOW
	               " FROM pace WHERE key = '%s' FOR UPDATE",
	        key, key);
	PGresult *r = NULL;

	if (postgres_lock_own(p)) {
		r = script(p, text, 3);
		if (r == NULL)
			pthread_mutex_unlock(&p->own_lock);
	}
	free(text);
	return read_pace(p, r, s);
}

void
shared_pace_end(struct ledger *l, const char *key, const struct shared_pace *s)
{
	struct postgres *p = of(l);
	char *text = mem_printf("UPDATE pace SET jobs = %u, next = %lld, pause = %lld,"
	                        " halved = %lld WHERE key = '%s'; COMMIT",
	    (unsigned)s->jobs, (long long)s->next, (long long)s->pause,
	    (long long)s->halved, key);

	p->pq->PQclear(script(p, text, 0));
	pthread_mutex_unlock(&p->own_lock);
	free(text);
}

/* A slot of ours that is there was left while the database was out of reach. */
bool
shared_slot_take(struct ledger *l, const char *key, uint32_t slot, uint32_t most,
    struct shared_pace *s)
{
	struct postgres *p = of(l);
	char *text = mem_printf(
	    "BEGIN; SET LOCAL synchronous_commit = off;"
	    "SELECT 1 FROM pace WHERE key = '%s' FOR UPDATE;"
	    "WITH allowed AS (SELECT coalesce(max(jobs), 0) AS jobs,"
	    " coalesce(max(pause), 0) AS pause FROM pace WHERE key = '%s')"
	    "INSERT INTO slot (key, owner, n) SELECT '%s', %lld, %u FROM allowed"
	    " WHERE pause <= " NOW
	    " AND (SELECT count(*) FROM slot WHERE key = '%s' AND owner IN " LIVE
	    ") < least(nullif(jobs, 0), %u)"
	    " ON CONFLICT (key, owner, n) DO UPDATE SET n = excluded.n"
	    " RETURNING (SELECT jobs FROM allowed), 0, 0, 0, " NOW "; COMMIT",
	    key, key, key, (long long)p->db.number, (unsigned)slot, key, (unsigned)most);

	return read_pace(p, query(p, text, 3), s);
}

void
shared_slot_leave(struct ledger *l, const char *key, uint32_t slot)
{
	struct postgres *p = of(l);

	rows(p,
	    mem_printf("BEGIN; SET LOCAL synchronous_commit = off; DELETE FROM slot"
	               " WHERE key = '%s' AND owner = %lld AND n = %u; COMMIT",
	        key, (long long)p->db.number, (unsigned)slot),
	    2);
}

uint32_t
shared_slots(struct ledger *l, const char *key)
{
	int n = rows(of(l),
	    mem_printf("SELECT 1 FROM slot WHERE key = '%s' AND owner IN " LIVE, key), 0);

	return n > 0 ? (uint32_t)n : 0;
}

bool
shared_turn_take(struct ledger *l, const char *key)
{
	struct postgres *p = of(l);
	long long me = (long long)p->db.number;

	if (rows(p,
	        mem_printf("INSERT INTO turn (key, owner) VALUES ('%s', %lld)"
	                   " ON CONFLICT (key) DO UPDATE SET owner = %lld"
	                   " WHERE turn.owner = %lld OR turn.owner NOT IN " LIVE,
	            key, me, me, me),
	        0) == 1)
		return true;
	rows(p,
	    mem_printf(
	        "UPDATE turn SET wanted = clock_timestamp() WHERE key = '%s'", key),
	    0);
	return false;
}

/* A process that waits asks again all the time. */
bool
shared_turn_give(struct ledger *l, const char *key)
{
	struct postgres *p = of(l);

	return rows(p,
	           mem_printf(
	               "UPDATE turn SET owner = 0 WHERE key = '%s' AND owner = %lld;"
	               "SELECT 1 FROM turn WHERE key = '%s' AND"
	               " wanted > clock_timestamp() - interval '2 s'",
	               key, (long long)p->db.number, key),
	           1) == 1;
}
