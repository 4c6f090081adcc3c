/*
 * libpq: PostgreSQL's client library, loaded when a ledger asks for it.
 *
 * Programs are not linked with it: it and what it needs take as long to load as
 * a program takes to start. libpq(7) explains the functions.
 */
#ifndef AV_LEDGER_LIBPQ_H
#define AV_LEDGER_LIBPQ_H

#include <libpq-fe.h>
#include <stdbool.h>

#include "base/err.h"

/* The functions that are used: name, result, parameters. */
#define LIBPQ_FUNCTIONS(F)                                                     \
	F(PQclear, void, (PGresult *))                                         \
	F(PQcmdTuples, char *, (PGresult *))                                   \
	F(PQconnectdbParams, PGconn *,                                         \
	    (const char *const *, const char *const *, int))                   \
	F(PQconninfoFree, void, (PQconninfoOption *))                          \
	F(PQconninfoParse, PQconninfoOption *, (const char *, char **))        \
	F(PQdb, char *, (const PGconn *))                                      \
	F(PQerrorMessage, char *, (const PGconn *))                            \
	F(PQexec, PGresult *, (PGconn *, const char *))                        \
	F(PQexecParams, PGresult *,                                            \
	    (PGconn *, const char *, int, const Oid *, const char *const *,    \
	        const int *, const int *, int))                                \
	F(PQexecPrepared, PGresult *,                                          \
	    (PGconn *, const char *, int, const char *const *, const int *,    \
	        const int *, int))                                             \
	F(PQfinish, void, (PGconn *))                                          \
	F(PQfreemem, void, (void *))                                           \
	F(PQgetResult, PGresult *, (PGconn *))                                 \
	F(PQgetisnull, int, (const PGresult *, int, int))                      \
	F(PQgetlength, int, (const PGresult *, int, int))                      \
	F(PQgetvalue, char *, (const PGresult *, int, int))                    \
	F(PQhost, char *, (const PGconn *))                                    \
	F(PQntuples, int, (const PGresult *))                                  \
	F(PQport, char *, (const PGconn *))                                    \
	F(PQprepare, PGresult *,                                               \
	    (PGconn *, const char *, const char *, int, const Oid *))          \
	F(PQresultErrorField, char *, (const PGresult *, int))                 \
	F(PQresultStatus, ExecStatusType, (const PGresult *))                  \
	F(PQsendQuery, int, (PGconn *, const char *))                          \
	F(PQsetNoticeProcessor, PQnoticeProcessor,                             \
	    (PGconn *, PQnoticeProcessor, void *))                             \
	F(PQstatus, ConnStatusType, (const PGconn *))                          \
	F(PQtransactionStatus, PGTransactionStatusType, (const PGconn *))

struct libpq {
#define LIBPQ_MEMBER(name, result, parameters) result(*name) parameters;
	LIBPQ_FUNCTIONS(LIBPQ_MEMBER)
#undef LIBPQ_MEMBER
};

/* Loads it once for the process. NULL with CODE_STATE_UNUSABLE if it is not
 * installed. */
const struct libpq *libpq_load(struct err *e);

#endif
