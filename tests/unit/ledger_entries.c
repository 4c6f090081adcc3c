/* Entries changed by hand while processes work on them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "ledger/entries.h"
#include "ledger/key.h"

static char dir[64], file[96];
static struct ledger *ours, *theirs; /* each appears to the other as a living process */

static int
setup(void **state)
{
	struct err e;

	(void)state;
	snprintf(dir, sizeof dir, "/tmp/av-book-XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(file, sizeof file, "%s/ledger.db", dir);
	ours = ledger_open(file, NULL, &e);
	theirs = ledger_open(file, NULL, &e);
	return ours != NULL && theirs != NULL ? 0 : -1;
}

static int
teardown(void **state)
{
	char *command = mem_printf("rm -rf %s", dir);
	int rc;

	(void)state;
	ledger_free(ours);
	ledger_free(theirs);
	rc = system(command);
	free(command);
	return rc;
}

static void
keep_answer(void *arg, const struct ledger_answer *a)
{
	*(enum ledger_verdict *)arg = a->verdict;
}

static struct ledger_claim *
claim(struct ledger *l, enum ledger_verdict *verdict)
{
	struct ledger_ask ask = {.key = {.operation = "create",
	                             .provider = "p",
	                             .base = "https://api.example/v1",
	                             .account = "default",
	                             .subject = "a"}};
	struct ledger_claim *c = ledger_claim(l, &ask, keep_answer, verdict);

	ledger_flush(l);
	return c;
}

/* Copies the only entry of a ledger. */
struct stored_token {
	struct ledger_entry entry;
	char key[65], tag[25];
};

static bool
keep(void *arg, const struct ledger_entry *entry)
{
	struct stored_token *k = arg;

	k->entry = (struct ledger_entry){.key = k->key,
	    .tag = k->tag,
	    .at = entry->at,
	    .busy = entry->busy,
	    .operation = "create",
	    .provider = "p",
	    .base = "https://api.example/v1",
	    .account = "default",
	    .subject = "a",
	    .options = "{}"};
	snprintf(k->key, sizeof k->key, "%s", entry->key);
	snprintf(k->tag, sizeof k->tag, "%s", entry->tag);
	return true;
}

static struct stored_token
the_entry(struct ledger *l)
{
	struct ledger_filter all = {0};
	struct stored_token k = {0};
	struct err e;

	assert_int_equal(ledger_each(l, &all, keep, &k, &e), 0);
	return k;
}

static int
import(const char *state, const char *id, struct err *e)
{
	struct stored_token k = the_entry(ours);

	k.entry.key = k.key;
	k.entry.tag = k.tag;
	k.entry.state = state;
	k.entry.id = id;
	return ledger_import(ours, &k.entry, e);
}

/* An entry in flight belongs to its owner; import and settle leave it alone. */
static void
an_entry_in_flight_is_left_alone(void **state)
{
	enum ledger_verdict verdict;
	struct ledger_claim *c = claim(theirs, &verdict);
	struct stored_token k = the_entry(ours);
	struct err e;

	(void)state;
	assert_int_equal(verdict, LEDGER_YOURS);
	assert_true(ledger_sending(c));
	assert_true(k.entry.busy);
	assert_int_equal(import("not_made", NULL, &e), -1);
	assert_int_equal(e.code, CODE_NOT_IN_LEDGER);
	assert_int_equal(import("made", "other", &e), -1);
	assert_int_equal(import("unknown", NULL, &e), 0);
	assert_int_equal(ledger_forget(ours, k.key, &e), -1);
	assert_int_equal(ledger_settle_unknown(ours, k.key, NULL, &e), -1);
	claim(ours, &verdict);
	assert_int_equal(verdict, LEDGER_BUSY);
	ledger_settle(c, LEDGER_IS_MADE, "id", NULL, keep_answer, &verdict);
	ledger_flush(theirs);
	assert_int_equal(verdict, LEDGER_MADE);
	assert_int_equal(import("gone", "id", &e), 1);
	claim(ours, &verdict);
	assert_int_equal(verdict, LEDGER_YOURS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
	        an_entry_in_flight_is_left_alone, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
