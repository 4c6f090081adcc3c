#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <termios.h>
#include <unistd.h>

#include "auth/keep.h"
#include "auth/secret.h"
#include "base/mem.h"
#include "base/similar.h"
#include "login.h"
#include "provider/load.h"
#include "service/probe.h"
#include "json/json.h"

enum { LINE_MAX_BYTES = 16384 };

/* What is asked for: all that a person enters. The token URL and the scopes stay those of
 * the environment. */
static const enum cred asked_for[] = {
    CRED_API_KEY, CRED_CLIENT_ID, CRED_CLIENT_SECRET, CRED_USERNAME, CRED_PASSWORD};

static volatile sig_atomic_t signalled;

static void
on_signal(int number)
{
	signalled = number;
}

/* Reads up to the end of the line or of the input, as far as a signal lets it. b->full: the
 * line is too long. */
static void
read_line(struct buf *b)
{
	char c = 0;

	secret_buf_init(b, LINE_MAX_BYTES);
	while (signalled == 0 && !b->full) {
		ssize_t n = read(STDIN_FILENO, &c, 1);
		if (n == 0 || (n < 0 && errno != EINTR) || (n > 0 && c == '\n'))
			break;
		if (n > 0)
			(void)buf_chr(b, c);
	}
}

/* The same on a terminal: shows what to enter, and hides a secret. The terminal is left as
 * it was, also by Ctrl-C. */
static void
read_terminal(struct buf *b, const char *name, bool hide)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	enum { N = sizeof signals / sizeof *signals };
	struct sigaction act = {.sa_handler = on_signal}, before[N];
	struct termios shown, hidden;

	if (tcgetattr(STDIN_FILENO, &shown) != 0)
		die(EX_OSERR, "cannot read the terminal's settings:");
	for (int i = 0; i < N; i++)
		sigaction(signals[i], &act, &before[i]);
	hidden = shown;
	hidden.c_cc[VSUSP] = _POSIX_VDISABLE; /* no shell sees a terminal without echo */
	if (hide)
		hidden.c_lflag &= ~(tcflag_t)ECHO;
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
	fprintf(
	    stderr, "%s: ", name); /* now, since the line before drops what was typed */
	read_line(b);
	tcsetattr(STDIN_FILENO, TCSADRAIN, &shown);
	for (int i = 0; i < N; i++)
		sigaction(signals[i], &before[i], NULL);
	if (hide || signalled != 0)
		fputc('\n', stderr);
	if (signalled != 0) {
		raise(signalled);
		_exit(128 + signalled); /* it is ignored: what was read is not whole */
	}
}

/* Asks for a value, which is freed with the credentials. */
static char *
ask(const struct creds *c, enum cred which)
{
	bool hide = which != CRED_CLIENT_ID && which != CRED_USERNAME;
	const char *name = c->name[which];
	struct buf b;
	char *value, *text;
	size_t len;

	if (isatty(STDIN_FILENO))
		read_terminal(&b, name, hide);
	else
		read_line(&b);
	if (b.full)
		die(EX_DATAERR, "%s is longer than %d bytes; nothing was kept", name,
		    LINE_MAX_BYTES);
	text = b.data + strspn(b.data, " \t\r");
	len = strlen(text);
	while (len > 0 && strchr(" \t\r", text[len - 1]) != NULL)
		len--;
	if (len == 0)
		die(EX_DATAERR, "%s was not entered; nothing was kept", name);
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			die(EX_DATAERR,
			    "%s has a control character in it; nothing was kept", name);
	value = mem_strn(text, len);
	secret_buf_release(&b);
	return value;
}

/* Ends the program without anything kept. */
_Noreturn static void
refuse(struct err *e)
{
	char reason[sizeof e->message];

	memcpy(reason, e->message, sizeof reason);
	err_set(e, e->code, "%.480s; nothing was kept", reason);
	err_die(e);
}

/* The grant to ask for: that of the name, or the first one that gets a token. */
static const struct oauth_grant *
find_grant(const struct auth *auth, const char *name)
{
	struct similar similar = {.word = name != NULL ? name : ""};

	for (size_t i = 0; i < auth->oauth->grant_count; i++) {
		const struct oauth_grant *g = &auth->oauth->grants[i];

		similar_try(&similar, g->name);
		if (name != NULL
		        ? oauth_is(g, name)
		        : !oauth_is(g, "refresh_token") && !oauth_is(g, "implicit"))
			return g;
	}
	die(EX_CONFIG, "the service has no grant %s%s",
	    name != NULL ? name : "that can be used here", similar.hint);
}

/* Asks for what the credentials lack. */
static void
ask_all(struct creds *c, const struct auth *auth, const struct oauth_grant *grant)
{
	enum cred which = auth->cred;

	if (auth->kind == AUTH_KEY && which == CRED_PASSWORD)
		c->value[CRED_USERNAME] = ask(c, CRED_USERNAME);
	if (auth->kind == AUTH_KEY)
		c->value[which] = ask(c, which);
	while (grant != NULL && (which = oauth_missing(grant, c)) != CRED_COUNT)
		c->value[which] = ask(c, which);
}

/* Asks the service whether it accepts them. A token is forgotten again if it does not. */
static void
check(const struct provider *p, const struct token_want *want)
{
	const struct account_options options = {.given = want->creds->value};
	struct probe probe = {.provider = p->name};
	struct token t = {0};
	struct err e, ignored;

	if (want->auth->kind == AUTH_OAUTH && token_get(want, &t, &e) != 0)
		refuse(&e);
	token_release(&t);
	probe_all(&probe, 1, &options);
	if (probe.err.code == CODE_NONE)
		say("%s accepts it (%s)", p->title, probe.asked);
	else if (probe.err.code == CODE_NOT_OFFERED ||
	         probe.err.code == CODE_ACCOUNT_BLOCKED)
		warn("%s", probe.err.message);
	else {
		(void)token_logout(want, &ignored);
		refuse(&probe.err);
	}
	probe_release(&probe);
}

static void
load(struct creds *c, const struct provider *p, const struct auth *auth)
{
	const struct creds_from from = {.fd = -1,
	    .aliases = json_at(p->def, "/aliases"),
	    .oauth = auth->kind == AUTH_OAUTH};
	struct err e;

	if (creds_load(c, p->name, &from, &e) != 0)
		err_die(&e);
}

/* Keeps what was entered, and warns of what comes before it. */
static void
keep(const struct provider *p, const struct auth *auth, const struct creds *entered)
{
	const char *values[CRED_COUNT] = {0};
	char *path = creds_file();
	struct creds now;
	struct err e;

	for (size_t i = 0; i < sizeof asked_for / sizeof *asked_for; i++)
		values[asked_for[i]] = entered->value[asked_for[i]];
	if (keep_values(entered, values, &e) < 0)
		err_die(&e);
	say("kept in %s, which only you can read", path);
	load(&now, p, auth);
	for (enum cred i = 0; i < CRED_COUNT; i++)
		if (values[i] != NULL && now.source[i] != CRED_FROM_FILE)
			warn("%s from %s comes before it; unset it", now.used[i],
			    now.place[i]);
	creds_release(&now);
	free(path);
}

void
login(const char *name, const char *grant_name, token_sign_in *sign_in)
{
	struct err e;
	struct provider *p = provider_load(name, &e);
	const struct oauth_grant *grant = NULL;
	const char *keys;
	struct auth auth;
	struct creds creds;

	if (p == NULL)
		err_die(&e);
	auth_init(&auth, json_at(p->def, "/auth"));
	load(&creds, p, &auth);
	if (auth.kind == AUTH_OAUTH)
		grant = find_grant(&auth, grant_name);
	if (auth.kind == AUTH_OAUTH && creds.value[CRED_ACCESS_TOKEN] != NULL)
		die(EX_CONFIG, "%s from %s is used as it is; unset it to log in",
		    creds.used[CRED_ACCESS_TOKEN], creds.place[CRED_ACCESS_TOKEN]);
	for (size_t i = 0; i < sizeof asked_for / sizeof *asked_for; i++) {
		secret_free(creds.value[asked_for[i]]);
		creds.value[asked_for[i]] = NULL;
	}
	keys = json_str(p->def, "/auth/keys");
	if (keys != NULL && isatty(STDIN_FILENO))
		say("A key of %s is made here: %s.", p->title, keys);
	ask_all(&creds, &auth, grant);
	check(p, &(struct token_want){.auth = &auth,
	             .creds = &creds,
	             .grant = grant_name,
	             .min_valid = TOKEN_MIN_VALID,
	             .afresh = true,
	             .sign_in = sign_in});
	keep(p, &auth, &creds);
	creds_release(&creds);
	auth_release(&auth);
	provider_free(p);
}
