#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "auth/creds.h"
#include "auth/keep.h"
#include "auth/secret.h"
#include "auth/token.h"
#include "av-token/ensure.h"
#include "av-token/login.h"
#include "av-token/signin.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "program/opt.h"
#include "program/run.h"
#include "provider/load.h"
#include "json/json.h"

enum { MAX_OUTPUT = 131072 };

struct options {
	struct opt_common common;
	const char *grant, *header_file, *secret_command, *login;
	bool ensure, header, bearer, export, logout, no_ask;
	int64_t min_valid_ms, secret_fd;
};

#define AT(member) offsetof(struct options, member)

static const struct opt table[] = {
    {0, "ensure", NULL, "filter: get credentials for records, pass them on", OPT_FLAG,
        AT(ensure)},
    {0, "header", NULL, "print the header line that requests need", OPT_FLAG, AT(header)},
    {0, "bearer", NULL, "print only the token or the key", OPT_FLAG | OPT_RARE,
        AT(bearer)},
    {0, "export", NULL, "print a line for the shell's eval", OPT_FLAG, AT(export)},
    {0, "header-file", "FILE", "write the header line to FILE, for curl -H @FILE",
        OPT_STR | OPT_RARE, AT(header_file)},
    {0, "grant", "NAME", "get the token by this grant", OPT_STR | OPT_RARE, AT(grant)},
    {0, "min-valid", "TIME", "renew tokens valid for less than this (60s)",
        OPT_MS | OPT_RARE, AT(min_valid_ms)},
    {0, "secret-fd", "N", "read secrets from this file descriptor", OPT_INT | OPT_RARE,
        AT(secret_fd)},
    {0, "secret-command", "COMMAND", "read secrets from the output of a command",
        OPT_STR | OPT_RARE, AT(secret_command)},
    {0, "no-ask", NULL, "fail if a person would have to sign in", OPT_FLAG | OPT_RARE,
        AT(no_ask)},
    {0, "login", "NAME", "ask for the credentials, check them, keep them", OPT_STR,
        AT(login)},
    {0, "logout", NULL, "revoke and delete tokens; remove a kept key", OPT_FLAG,
        AT(logout)},
    OPT_COMMON(struct options),
    {0},
};

static const struct opt_usage usage = {
    .synopsis = "av-token -p NAME [options] | av-token --login NAME |\n"
                "       av-token --ensure [RECORD...]",
    .about =
        "Prints the credential of a service: an API key, or an OAuth token, which it\n"
        "gets, stores and renews in time. The other programs do the same themselves.",
    .examples =
        "  curl -H @<(av-token -p NAME --header) https://api.example.org/v1/things\n"
        "  eval \"$(av-token -p NAME --export)\"\n"
        "  av-token --login NAME\n"
        "  av-validate -p NAME *.jpg | av-token --ensure | av-upload\n",
};

/* Appends s, quoted as one word of the shell. */
static void
add_word(struct buf *b, const char *s)
{
	buf_chr(b, '\'');
	for (; *s != '\0'; s++)
		if (*s == '\'')
			buf_str(b, "'\\''");
		else
			buf_chr(b, *s);
	buf_chr(b, '\'');
}

/* The line for programs leaves an API key out, since it does not expire. */
static void
add_json(
    struct buf *b, const struct creds *c, const struct auth *auth, const struct token *t)
{
	buf_chr(b, '{');
	secret_json_add(b, "provider", c->provider);
	if (auth->kind == AUTH_OAUTH)
		secret_json_add(b, "access_token", t->access_token);
	secret_json_add(b, "token_type", t->token_type != NULL ? t->token_type : "none");
	if (t->expires_at != 0)
		buf_printf(b, ",\"expires_at\":%" PRId64, t->expires_at);
	secret_json_add(b, "scope", t->scope);
	buf_str(b, "}");
}

static void
format(struct buf *b, const struct options *o, const struct creds *c,
    const struct auth *auth, const struct token *t)
{
	const char *secret = t->access_token != NULL ? t->access_token : "";

	if (o->header || o->header_file != NULL)
		token_header(auth, t, b);
	else if (o->bearer)
		buf_str(b, secret);
	else if (o->export) {
		buf_printf(b, "export %s=",
		    c->name[auth->kind == AUTH_OAUTH ? CRED_ACCESS_TOKEN : auth->cred]);
		add_word(b, secret);
	} else
		add_json(b, c, auth, t);
	buf_chr(b, '\n');
}

/* Replaces a file with one that only its owner can read. */
static void
write_file(const char *path, const struct buf *b)
{
	char *temp = mem_printf("%s.%d", path, (int)getpid());

	if (!file_replace(path, temp, 0600, b->data, b->len))
		die(EX_CANTCREAT, "cannot write '%s':", path);
	free(temp);
}

static void
print(const struct options *o, const struct creds *c, const struct auth *auth,
    const struct token *t)
{
	struct buf b;

	secret_buf_init(&b, MAX_OUTPUT);
	format(&b, o, c, auth, t);
	if (o->header_file != NULL)
		write_file(o->header_file, &b);
	else if (!file_write_all(STDOUT_FILENO, b.data, b.len) ||
	         close(STDOUT_FILENO) != 0)
		die(EX_IOERR, "cannot write to standard output:");
	secret_buf_release(&b);
}

static int
sign_in(const struct oauth_request *q, struct oauth_answer *a, struct err *e)
{
	return oauth_is(q->grant, "authorization_code") ? signin_browser(q, a, e)
	                                                : signin_device(q, a, e);
}

/* Forgets the tokens, or the API key that is kept. */
static int
forget(const struct token_want *want, struct err *e)
{
	const struct creds *c = want->creds;
	enum cred which = want->auth->cred;
	const char *no_key[CRED_COUNT] = {0};
	int r;

	if (want->auth->kind != AUTH_KEY)
		return token_logout(want, e);
	no_key[which] = "";
	r = keep_values(c, no_key, e);
	if (r == 1)
		say("removed the key from the credentials file; revoke it at the service too");
	if (r >= 0 && c->value[which] != NULL && c->source[which] != CRED_FROM_FILE)
		warn("%s from %s is still set", c->used[which], c->place[which]);
	return r;
}

/* Gets and prints a provider's credential, or forgets it. */
static void
get_or_forget(const struct options *o, struct provider *p)
{
	struct auth auth;
	struct creds creds;
	struct token t = {0};
	struct err e;
	struct creds_from from = {.fd = o->secret_fd > 0 ? (int)o->secret_fd : -1,
	    .command = o->secret_command,
	    .aliases = json_at(p->def, "/aliases")};

	auth_init(&auth, json_at(p->def, "/auth"));
	from.oauth = auth.kind == AUTH_OAUTH;
	if (creds_load(&creds, p->name, &from, &e) != 0)
		err_die(&e);
	auth_choose(&auth, &creds);
	const struct token_want want = {.auth = &auth,
	    .creds = &creds,
	    .grant = o->grant,
	    .min_valid = o->min_valid_ms > 0 ? o->min_valid_ms / 1000 : TOKEN_MIN_VALID,
	    .sign_in = o->no_ask ? NULL : sign_in};
	if (o->logout) {
		if (forget(&want, &e) < 0)
			err_die(&e);
	} else {
		if (token_get(&want, &t, &e) != 0)
			err_die(&e);
		print(o, &creds, &auth, &t);
	}
	token_release(&t);
	creds_release(&creds);
	auth_release(&auth);
}

static void
check_usage(const struct options *o, const char *operand)
{
	if (operand != NULL)
		opt_misuse(&usage,
		    "operands are taken only with --ensure; name the provider: av-token -p NAME");
	if (o->header + o->bearer + o->export + (o->header_file != NULL) + o->logout +
	        (o->login != NULL) >
	    1)
		opt_misuse(&usage,
		    "only one of --header, --bearer, --export, --header-file, --login and "
		    "--logout can be given; leave out the others");
	if (o->common.provider == NULL && o->login == NULL)
		opt_misuse(&usage,
		    "no provider is given; try av-token -p NAME; av-provider list shows all names");
}

int
main(int argc, char *argv[])
{
	struct options o = {0};
	int first = opt_parse(argc, argv, &usage, table, &o);
	struct provider *p;
	struct err e;

	opt_common_finish(&o.common, &usage, argv, first);
	if (o.ensure)
		run_exit(ensure(&o.common, &usage, argv + first));
	check_usage(&o, argv[first]);
	if (o.common.bad_config.code != CODE_NONE)
		err_die(&o.common.bad_config);
	if (o.login != NULL) {
		login(o.login, o.grant, o.no_ask ? NULL : sign_in);
		return EX_OK;
	}
	p = provider_load(o.common.provider, &e);
	if (p == NULL)
		err_die(&e);
	get_or_forget(&o, p);
	provider_free(p);
	for (size_t i = 0; i < o.common.providers.n; i++)
		free((void *)(uintptr_t)o.common.providers.v[i]);
	strings_release(&o.common.providers);
	return EX_OK;
}
