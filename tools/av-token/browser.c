#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "auth/secret.h"
#include "base/mem.h"
#include "loopback.h"
#include "signin.h"

enum { WAIT_S = 600, RANDOM_BYTES = 32 };

/* Base64url without padding (RFC 4648, 5). The caller ends it with secret_free. */
static char *
base64url(const unsigned char *data, size_t len)
{
	char *out = mem_new(len * 4 / 3 + 5, 1);
	int n = EVP_EncodeBlock((unsigned char *)out, data, (int)len);

	while (n > 0 && out[n - 1] == '=')
		out[--n] = '\0';
	for (char *s = out; *s != '\0'; s++)
		*s = (char)(*s == '+' ? '-' : *s == '/' ? '_' : *s);
	return out;
}

static char *
random_text(struct err *e)
{
	unsigned char bytes[RANDOM_BYTES];
	char *text = NULL;

	if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
		err_set(e, CODE_UNSAFE_SECRET, "the system has no random numbers:");
	else
		text = base64url(bytes, sizeof bytes);
	explicit_bzero(bytes, sizeof bytes);
	return text;
}

/* RFC 7636, 4.2. */
static char *
challenge_of(const char *verifier, struct err *e)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len;

	if (EVP_Digest(verifier, strlen(verifier), digest, &len, EVP_sha256(), NULL) == 1)
		return base64url(digest, len);
	err_set(e, CODE_UNSAFE_SECRET, "libcrypto has no SHA-256");
	return NULL;
}

/* Shows the URL, and opens it where there is a display. The URL holds no secret: state and
 * challenge are of use to nobody without the verifier and our port. */
static void
show(const struct creds *c, const char *url)
{
	char *argv[] = {"xdg-open", mem_str(url), NULL};
	posix_spawn_file_actions_t actions;
	pid_t pid;

	fprintf(stderr, "Sign in with a browser on this machine at\n%s\n", url);
	if ((getenv("DISPLAY") != NULL || getenv("WAYLAND_DISPLAY") != NULL ||
	        getenv("BROWSER") != NULL) &&
	    posix_spawn_file_actions_init(&actions) == 0) {
		char **env = creds_child_env(c);
		posix_spawn_file_actions_addopen(
		    &actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
		posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
		if (posix_spawnp(&pid, argv[0], &actions, NULL, argv, env) != 0)
			note("there is no xdg-open to open the browser with");
		posix_spawn_file_actions_destroy(&actions);
		free(env);
	}
	free(argv[1]);
}

/* One parameter of a query, decoded; NULL where it is absent. */
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

/* Judges where the browser came back with. Anything without our state is somebody else's. */
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
said_no(const char *query, const char *error, struct err *e)
{
	char *text = parameter(query, "error_description");

	for (char *s = text; s != NULL && *s != '\0'; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = ' ';
	err_set(e, CODE_TOKEN_REFUSED, "the sign-in was refused: %.60s%s%.200s%s", error,
	    text != NULL ? " (" : "", text != NULL ? text : "", text != NULL ? ")" : "");
	free(text);
	return -1;
}

static int
exchange(struct oauth_ask *k, const char *query, struct oauth_answer *a, struct err *e)
{
	char *error = parameter(query, "error");
	char *code = parameter(query, "code");
	int r;

	k->code = code;
	if (error != NULL)
		r = said_no(query, error, e);
	else if (code == NULL)
		r = err_set(e, CODE_BAD_ANSWER, "the browser came back without a code");
	else
		r = oauth_ask(k, a, e);
	free(error);
	secret_free(code);
	return r;
}

int
signin_browser(const struct oauth_ask *ask, struct oauth_answer *a, struct err *e)
{
	struct oauth_ask k = *ask;
	struct loopback listener;
	char *state = NULL, *verifier = NULL, *challenge = NULL, *url = NULL,
	     *query = NULL;
	int r = -1;

	if (k.urls->authorize == NULL)
		return err_set(e, CODE_NO_CREDENTIALS,
		    "the provider file has no authorize URL for the grant "
		    "authorization_code");
	if (loopback_open(&listener, k.oauth->redirect_uri, e) != 0)
		return -1;
	if ((state = random_text(e)) == NULL || (verifier = random_text(e)) == NULL ||
	    (challenge = challenge_of(verifier, e)) == NULL)
		goto out;
	k.redirect_uri = listener.uri;
	k.code_verifier = verifier;
	url = oauth_authorize_url(&k, state, challenge);
	show(k.creds, url);
	query = loopback_wait(&listener, WAIT_S, is_ours, state, e);
	if (query != NULL)
		r = exchange(&k, query, a, e);
out:
	loopback_close(&listener);
	secret_free(state);
	secret_free(verifier);
	secret_free(challenge);
	secret_free(query);
	free(url);
	return r;
}
