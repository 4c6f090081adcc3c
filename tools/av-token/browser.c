#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/secret.h"
#include "base/base64.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/sha256.h"
#include "loopback.h"
#include "signin.h"

enum { WAIT_S = 600, RANDOM_BYTES = 32 };

/* Base64url without padding (RFC 4648, section 5). The caller ends it with
 * secret_free. */
static char *
base64url(const unsigned char *data, size_t len)
{
	char *out = mem_new(BASE64_LEN(len) + 1, 1);
	size_t n = base64_of(out, data, len);

	while (n > 0 && out[n - 1] == '=')
		out[--n] = '\0';
	for (char *s = out; *s != '\0'; s++)
		*s = (char)(*s == '+' ? '-' : *s == '/' ? '_' : *s);
	return out;
}

static char *
random_text(void)
{
	unsigned char bytes[RANDOM_BYTES];
	char *text;

	random_fill(bytes, sizeof bytes);
	text = base64url(bytes, sizeof bytes);
	explicit_bzero(bytes, sizeof bytes);
	return text;
}

/* RFC 7636, section 4.2. */
static char *
challenge_of(const char *verifier)
{
	struct sha256 hash;
	unsigned char sum[SHA256_BYTES];

	sha256_init(&hash);
	sha256_add(&hash, verifier, strlen(verifier));
	sha256_sum(&hash, sum);
	return base64url(sum, sizeof sum);
}

/* Writes a page that leads on to the URL. On a command line other users would see state,
 * challenge and port, and could send us the code of their own account. Returns the file's
 * path, which the caller ends with remove_page; NULL: *e is set. */
static char *
write_page(const char *provider, const char *url, struct err *e)
{
	char *name = mem_printf("sign-in.%s.html", provider);
	char *path = file_state_path(name, e), *temp;
	struct buf address = {0}, page = {0};

	free(name);
	if (path == NULL)
		return NULL;
	for (const char *p = url; *p != '\0'; p++)
		if (strchr("&<>\"'", *p) != NULL)
			buf_printf(&address, "&#%d;", *p);
		else
			buf_chr(&address, *p);
	buf_printf(&page,
	    "<!DOCTYPE html>\n<meta charset=\"utf-8\">\n"
	    "<meta name=\"referrer\" content=\"no-referrer\">\n"
	    "<meta http-equiv=\"refresh\" content=\"0; url=%s\">\n"
	    "<a href=\"%s\">Sign in</a>\n",
	    address.data, address.data);
	temp = mem_printf("%s.%d", path, (int)getpid());
	if (!file_replace(path, temp, 0600, page.data, page.len)) {
		err_set(e, CODE_STATE_UNUSABLE, "cannot write '%s':", path);
		free(path);
		path = NULL;
	}
	free(temp);
	buf_release(&address);
	buf_release(&page);
	return path;
}

static void
remove_page(char *path)
{
	if (path != NULL)
		(void)unlink(path);
	free(path);
}

/* Opens a file in the browser. */
static void
open_browser(const struct creds *c, char *path)
{
	char *argv[] = {"xdg-open", path, NULL}, **env;
	posix_spawn_file_actions_t actions;
	pid_t pid;

	if (posix_spawn_file_actions_init(&actions) != 0)
		return;
	env = creds_child_env(c);
	posix_spawn_file_actions_addopen(
	    &actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
	if (posix_spawnp(&pid, argv[0], &actions, NULL, argv, env) != 0)
		note("cannot open the browser: xdg-open is not installed");
	posix_spawn_file_actions_destroy(&actions);
	free(env);
}

/* Prints the URL, and opens it if there is a display. Returns the page that leads to it,
 * or NULL. */
static char *
show(const struct creds *c, const char *url)
{
	char *path;
	struct err e;

	say("Sign in with a browser on this machine at");
	say("%s", url);
	if (getenv("DISPLAY") == NULL && getenv("WAYLAND_DISPLAY") == NULL &&
	    getenv("BROWSER") == NULL)
		return NULL;
	path = write_page(c->provider, url, &e);
	if (path != NULL)
		open_browser(c, path);
	else
		note("cannot open the browser: %s", e.message);
	return path;
}

/* A parameter of a query, decoded; NULL if it is absent. The caller ends it
 * with secret_free. */
static char *
parameter(const char *query, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = query; *p != '\0'; p += strspn(p, "&")) {
		size_t part = strcspn(p, "&");
		if (part > len && strncmp(p, name, len) == 0 && p[len] == '=') {
			char *raw = mem_strn(p + len + 1, part - len - 1);
			char *plain, *copy;
			for (char *s = raw; *s != '\0'; s++)
				if (*s == '+')
					*s = ' ';
			plain = curl_easy_unescape(NULL, raw, 0, NULL);
			copy = mem_str(plain);
			curl_free(plain);
			secret_free(raw);
			return copy;
		}
		p += part;
	}
	return NULL;
}

/* True if the query holds our state: the redirect belongs to this sign-in. */
static bool
is_ours(const char *query, void *arg)
{
	const char *state = arg;
	char *got = parameter(query, "state");
	bool ours = got != NULL && secret_same(got, state);

	secret_free(got);
	return ours;
}

static int
refused(const char *query, const char *error, struct err *e)
{
	char *text = parameter(query, "error_description");

	err_set(e, CODE_TOKEN_REFUSED, "the sign-in was refused: %s%s%s%s", error,
	    text != NULL ? " (" : "", text != NULL ? text : "", text != NULL ? ")" : "");
	free(text);
	return -1;
}

/* Exchanges the code in the query for a token. */
static int
exchange(
    struct oauth_request *q, const char *query, struct oauth_answer *a, struct err *e)
{
	char *error = parameter(query, "error");
	char *code = parameter(query, "code");
	int r;

	q->code = code;
	if (error != NULL)
		r = refused(query, error, e);
	else if (code == NULL)
		r = err_set(e, CODE_BAD_ANSWER, "the browser came back without a code");
	else
		r = oauth_get_token(q, a, e);
	free(error);
	secret_free(code);
	return r;
}

int
signin_browser(const struct oauth_request *request, struct oauth_answer *a, struct err *e)
{
	struct oauth_request q = *request;
	struct loopback listener;
	char *state, *verifier, *challenge, *url, *query, *page;
	int r = -1;

	if (q.urls->authorize == NULL)
		return err_set(e, CODE_NO_CREDENTIALS,
		    "the provider file has no authorize_url, which the grant "
		    "authorization_code needs");
	if (loopback_open(&listener, q.oauth->redirect_uri, e) != 0)
		return -1;
	state = random_text();
	verifier = random_text();
	challenge = challenge_of(verifier);
	q.redirect_uri = listener.uri;
	q.code_verifier = verifier;
	url = oauth_authorize_url(&q, state, challenge);
	page = show(q.creds, url);
	query = loopback_wait(&listener, WAIT_S, is_ours, state, e);
	if (query != NULL)
		r = exchange(&q, query, a, e);
	remove_page(page);
	loopback_close(&listener);
	secret_free(state);
	secret_free(verifier);
	secret_free(challenge);
	secret_free(query);
	free(url);
	return r;
}
