/*
 * postgres_engine: statements and transactions of ledger/db.h in PostgreSQL.
 * Private to ledger/postgres.c, which connects, and keeps the lease.
 */
#ifndef AV_LEDGER_POSTGRES_ENGINE_H
#define AV_LEDGER_POSTGRES_ENGINE_H

#include <pthread.h>

#include "ledger/db.h"
#include "ledger/libpq.h"

struct postgres {
	struct db db;
	const struct libpq *pq;
	char *conninfo;
	/* For statements and transactions. */
	PGconn *work;
	unsigned connections; /* how many there were; prepared statements end */
	pthread_mutex_t lock; /* recursive; over the members above and below */
	char transaction[24]; /* its number, once it has begun; or "" */
	int64_t *living;      /* processes, as of living_at */
	size_t n_living;
	int64_t living_at;
	/* For the lease and for what is sent. */
	PGconn *own;
	pthread_mutex_t own_lock; /* over the members from `own` on */
	pthread_cond_t wake;
	pthread_t renewer;
	bool renews;
	_Atomic bool closing;
	int64_t lease_ms;
	_Atomic int64_t leased_until; /* ms of clock_boot_ns; 0: not at all */
	_Atomic unsigned lease;       /* its number */
};

extern const struct db_engine postgres_engine;

/* Connects; the tables are found by their names alone. NULL with *e set. */
PGconn *postgres_connect(struct postgres *p, struct err *e);

/* Sets *e from what the server or the library said last. Returns -1. */
int postgres_error(struct postgres *p, PGconn *conn, struct err *e);

/* Runs a text without parameters. NULL with *e set; else the caller clears the
 * result. */
PGresult *postgres_run(
    struct postgres *p, PGconn *conn, const char *text, struct err *e);

/* Locks own_lock, unless it takes long, since the loop must go on. */
bool postgres_lock_own(struct postgres *p);

/* As db_engine.sending and db_engine.close. */
int postgres_sending(struct db *db, int mark, int64_t n, unsigned *lease);
bool postgres_may_send(struct db *db, unsigned lease);
void postgres_close(struct db *db);

/* Keeps transactions of all processes, and what they send, apart. */
#define POSTGRES_TURN "1635142759" /* "avLg" */

#endif
