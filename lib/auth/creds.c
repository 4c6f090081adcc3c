#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auth/creds.h"
#include "auth/secret.h"
#include "base/file.h"
#include "base/mem.h"
#include "json/json.h"

enum { MAX_BYTES = 65536 };

static const char *const suffixes[CRED_COUNT] = {
    [CRED_API_KEY] = "API_KEY",
    [CRED_CLIENT_ID] = "CLIENT_ID",
    [CRED_CLIENT_SECRET] = "CLIENT_SECRET",
    [CRED_USERNAME] = "USERNAME",
    [CRED_PASSWORD] = "PASSWORD",
    [CRED_ACCESS_TOKEN] = "ACCESS_TOKEN",
    [CRED_TOKEN_URL] = "TOKEN_URL",
    [CRED_SCOPE] = "SCOPE",
    [CRED_WEBHOOK_SECRET] = "WEBHOOK_SECRET",
};

/* Where a value was found: a line of something that has lines, else row is 0. */
struct place {
	enum cred_source source;
	const char *what;
	size_t row;
};

/* Sets a value that is not set yet; n is the index of its name. A control character in it
 * is an error, since the value may go into a header. */
static int
set_value(struct creds *c, size_t n, const char *value, size_t len,
    const struct place *place, struct err *e)
{
	size_t which = n % CRED_COUNT;

	if (c->value[which] != NULL || len == 0)
		return 0;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)value[i] < 0x20 || value[i] == 0x7f)
			return err_set(e, CODE_NO_CREDENTIALS,
			    "%s contains a control character; give it on one line",
			    c->name[n]);
	c->value[which] = mem_strn(value, len);
	c->used[which] = c->name[n];
	c->source[which] = place->source;
	c->place[which] = place->row == 0
	                      ? mem_str(place->what)
	                      : mem_printf("%s, line %zu", place->what, place->row);
	return 0;
}

/* The index of a name; name_count if it is not ours. */
static size_t
find_name(const struct creds *c, const char *name, size_t len)
{
	size_t n = 0;

	while (n < c->name_count &&
	       (strncmp(name, c->name[n], len) != 0 || c->name[n][len] != '\0'))
		n++;
	return n;
}

/* The only line of a text, for the caller to free; or NULL. */
static char *
only_line(const char *text)
{
	size_t len;

	if (strncmp(text, "\xef\xbb\xbf", 3) == 0)
		text += 3;
	text += strspn(text, "\r\n");
	len = strcspn(text, "\r\n");
	return len > 0 && text[len + strspn(text + len, "\r\n")] == '\0'
	           ? mem_strn(text, len)
	           : NULL;
}

/* Sets the values of a text's lines. *ours: a name is ours. */
static int
read_assignments(
    struct creds *c, const char *text, struct place place, bool *ours, struct err *e)
{
	struct assign a = {.rest = text};
	int more;

	while ((more = assign_next(&a)) > 0) {
		size_t n = find_name(c, a.name, a.name_len);

		if (n == c->name_count)
			continue;
		place.row = a.row;
		*ours = true;
		if (set_value(c, n, a.value, a.value_len, &place, e) < 0)
			return -1;
	}
	if (more < 0)
		return err_set(e, CODE_NO_CREDENTIALS,
		    "%s, line %zu: this is not NAME_KEY=value; mend it, or put a # before it",
		    place.what, a.row);
	return 0;
}

/* Reads lines. bare may be NULL: no bare line is taken. Else *bare, if not set yet, becomes
 * a copy of the only line of a text without our names. */
static int
read_lines(
    struct creds *c, const char *text, struct place place, char **bare, struct err *e)
{
	char *only = bare != NULL ? only_line(text) : NULL;
	struct err not_named;
	bool ours = false;
	int r = read_assignments(c, text, place, &ours, &not_named);

	if (only != NULL && !ours) {
		r = 0;
		if (*bare == NULL) {
			*bare = only;
			only = NULL;
		}
	}
	secret_free(only);
	if (r != 0)
		*e = not_named;
	return r;
}

static int
read_file(struct creds *c, struct err *e)
{
	char *path = creds_file();
	struct buf b;
	int r;

	if (path == NULL)
		return 0;
	r = secret_read_file(path, SECRET_OWN, MAX_BYTES, &b, e);
	if (r == 1)
		r = read_lines(
		    c, b.data, (struct place){CRED_FROM_FILE, path, 0}, NULL, e);
	secret_buf_release(&b);
	free(path);
	return r;
}

/* Sets a value from the first line of a file of its own, without the blanks around it. 0
 * if there is no such file. */
static int
read_value_file(struct creds *c, size_t n, const char *path, enum secret_care care,
    const char *what, struct err *e)
{
	const struct place place = {CRED_FROM_OWN_FILE, what, 0};
	const char *text;
	struct buf b;
	size_t len;
	int r = secret_read_file(path, care, MAX_BYTES, &b, e);

	if (r == 1) {
		text = b.data + (strncmp(b.data, "\xef\xbb\xbf", 3) == 0 ? 3 : 0);
		text += strspn(text, " \t");
		len = strcspn(text, "\r\n");
		while (len > 0 && strchr(" \t", text[len - 1]) != NULL)
			len--;
		if (len == 0)
			r = err_set(e, CODE_NO_CREDENTIALS,
			    "'%s': its first line is empty, but it has to hold %s", path,
			    c->name[n]);
		else if (set_value(c, n, text, len, &place, e) < 0)
			r = -1;
	}
	secret_buf_release(&b);
	return r;
}

/* Who mounts secrets below /run, as Docker and Kubernetes do, chooses their modes. */
static enum secret_care
care_of(const char *path)
{
	return strncmp(path, "/run/", 5) == 0 || strncmp(path, "/var/run/", 9) == 0
	           ? SECRET_PLACED
	           : SECRET_NAMED;
}

/* Reads the files that the environment names: ACME_API_KEY_FILE=/run/secrets/key. */
static int
read_named_files(struct creds *c, struct err *e)
{
	int r = 0;

	for (size_t n = 0; r >= 0 && n < c->name_count; n++) {
		char *variable = mem_printf("%s_FILE", c->name[n]), *what;
		const char *path = getenv(variable);

		if (path != NULL && *path != '\0' && c->value[n % CRED_COUNT] == NULL) {
			what = mem_printf("'%s', which %s names", path, variable);
			r = read_value_file(c, n, path, care_of(path), what, e);
			if (r == 0)
				r = err_set(
				    e, CODE_NO_CREDENTIALS, "there is no file %s", what);
			free(what);
		}
		free(variable);
	}
	return r < 0 ? -1 : 0;
}

/* Reads what systemd passes to a service (LoadCredential=ACME_API_KEY:...). */
static int
read_credentials_directory(struct creds *c, struct err *e)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");
	int r = 0;

	/* That of another service may be left in the environment. */
	if (dir == NULL || *dir == '\0' || access(dir, X_OK) != 0)
		return 0;
	for (size_t n = 0; r >= 0 && n < c->name_count; n++) {
		char *path = mem_printf("%s/%s", dir, c->name[n]);

		if (c->value[n % CRED_COUNT] == NULL)
			r = read_value_file(c, n, path, SECRET_PLACED, path, e);
		free(path);
	}
	return r < 0 ? -1 : 0;
}

static int
read_environment(struct creds *c, struct err *e)
{
	static const struct place place = {CRED_FROM_ENVIRONMENT, "the environment", 0};

	for (size_t n = 0; n < c->name_count; n++) {
		const char *value = getenv(c->name[n]);
		if (value != NULL && set_value(c, n, value, strlen(value), &place, e) < 0)
			return -1;
	}
	if (read_named_files(c, e) < 0)
		return -1;
	return read_credentials_directory(c, e);
}

/* Reads what fd holds; bare as for read_lines. */
static int
read_fd(struct creds *c, int fd, const char *what, char **bare, struct err *e)
{
	struct buf b;
	int r = -1;

	if (secret_read(fd, MAX_BYTES, &b) != 0)
		err_set(e, CODE_NO_CREDENTIALS, "cannot read the secrets from %s:", what);
	else
		r = read_lines(c, b.data, (struct place){CRED_GIVEN, what, 0}, bare, e);
	secret_buf_release(&b);
	return r;
}

/* Starts sh -c COMMAND with its output going to out and an empty input. */
static pid_t
start(const struct creds *c, const char *command, int out)
{
	char *argv[] = {"sh", "-c", mem_str(command), NULL};
	char **env = creds_child_env(c);
	posix_spawn_file_actions_t actions;
	pid_t pid = -1;
	int error = posix_spawn_file_actions_init(&actions);

	if (error == 0) {
		posix_spawn_file_actions_addopen(
		    &actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
		posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
		error = posix_spawn(&pid, "/bin/sh", &actions, NULL, argv, env);
		posix_spawn_file_actions_destroy(&actions);
	}
	free(argv[2]);
	free(env);
	errno = error;
	return error == 0 ? pid : -1;
}

static int
run_command(struct creds *c, const char *command, char **bare, struct err *e)
{
	int pipes[2], status, r;
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC) != 0)
		return err_set(e, CODE_NO_CREDENTIALS, "cannot make a pipe:");
	pid = start(c, command, pipes[1]);
	close(pipes[1]);
	if (pid < 0) {
		close(pipes[0]);
		return err_set(
		    e, CODE_NO_CREDENTIALS, "cannot start the secret command:");
	}
	r = read_fd(c, pipes[0], "the secret command", bare, e);
	close(pipes[0]);
	(void)TEMP_FAILURE_RETRY(waitpid(pid, &status, 0));
	if (r == 0 && WIFSIGNALED(status))
		return err_set(e, CODE_NO_CREDENTIALS,
		    "the secret command was killed by signal %d", WTERMSIG(status));
	if (r == 0 && WEXITSTATUS(status) != 0)
		return err_set(e, CODE_NO_CREDENTIALS,
		    "the secret command failed with status %d; run it by hand to see why",
		    WEXITSTATUS(status));
	return r;
}

/* A bare line is the API key or, for OAuth, the first secret that nothing else gave. */
static int
set_bare(struct creds *c, const char *bare, bool oauth, struct err *e)
{
	static const struct place place = {CRED_GIVEN, "the secret without a name", 0};
	enum cred which = !oauth                                 ? CRED_API_KEY
	                  : c->value[CRED_CLIENT_SECRET] == NULL ? CRED_CLIENT_SECRET
	                                                         : CRED_PASSWORD;

	if (!oauth || c->value[which] == NULL)
		return set_value(c, which, bare, strlen(bare), &place, e);
	return err_set(e, CODE_NO_CREDENTIALS,
	    "the secret without a name is not needed, since %s and %s are set; unset one "
	    "of them, or give a line NAME=value",
	    c->name[CRED_CLIENT_SECRET], c->name[CRED_PASSWORD]);
}

static void
name_all(struct creds *c, const char *provider, struct json_object *aliases)
{
	c->name_count = (1 + json_len(aliases)) * CRED_COUNT;
	c->name = mem_new(c->name_count, sizeof *c->name);
	for (size_t n = 0; n < c->name_count; n++) {
		size_t i = n / CRED_COUNT;
		const char *owner = i == 0 ? provider : json_item_str(aliases, i - 1);
		char *s = mem_printf("%s_%s", owner, suffixes[n % CRED_COUNT]);
		for (c->name[n] = s; *s != '\0'; s++) {
			unsigned char letter = (unsigned char)*s;
			*s = (char)(isalnum(letter) ? toupper(letter) : '_');
		}
	}
}

char *
creds_file(void)
{
	return file_config_path("credentials");
}

int
creds_load(
    struct creds *c, const char *provider, const struct creds_from *from, struct err *e)
{
	static const struct creds_from none = {.fd = -1};
	static const struct place given = {CRED_GIVEN, "your entry", 0};
	char *bare = NULL;
	int r = 0;

	if (from == NULL)
		from = &none;
	*c = (struct creds){.provider = mem_str(provider)};
	name_all(c, provider, from->aliases);
	for (size_t n = 0; r == 0 && from->given != NULL && n < CRED_COUNT; n++)
		if (from->given[n] != NULL)
			r = set_value(
			    c, n, from->given[n], strlen(from->given[n]), &given, e);
	if (r == 0 && from->fd >= 0)
		r = read_fd(c, from->fd, "the given descriptor", &bare, e);
	if (r == 0 && from->command != NULL)
		r = run_command(c, from->command, &bare, e);
	if (r == 0 && bare != NULL && !from->oauth)
		r = set_bare(c, bare, false, e);
	if (r == 0)
		r = read_environment(c, e);
	if (r == 0)
		r = read_file(c, e);
	if (r == 0 && bare != NULL && from->oauth)
		r = set_bare(c, bare, true, e);
	secret_free(bare);
	if (r != 0)
		creds_release(c);
	return r;
}

void
creds_release(struct creds *c)
{
	for (int i = 0; i < CRED_COUNT; i++) {
		secret_free(c->value[i]);
		free(c->place[i]);
	}
	for (size_t n = 0; n < c->name_count; n++)
		free(c->name[n]);
	free(c->name);
	free(c->provider);
	*c = (struct creds){0};
}

char *
creds_replace_by(const struct creds *c, enum cred which)
{
	if (c->value[which] == NULL)
		return mem_printf("export %s=..., or keep it with: av-token --login %s",
		    c->name[which], c->provider);
	switch (c->source[which]) {
	case CRED_FROM_ENVIRONMENT:
		return mem_printf("export %s=...", c->used[which]);
	case CRED_FROM_FILE:
		return mem_printf("av-token --login %s", c->provider);
	case CRED_FROM_OWN_FILE:
		return mem_str("write another one into that file");
	case CRED_GIVEN:
		break;
	}
	return NULL;
}

enum cred
creds_of_line(const struct creds *c, const struct assign *line)
{
	size_t n = find_name(c, line->name, line->name_len);

	return n < c->name_count ? (enum cred)(n % CRED_COUNT) : CRED_COUNT;
}

char **
creds_child_env(const struct creds *c)
{
	size_t n = 0, kept = 0;
	char **env;

	while (environ[n] != NULL)
		n++;
	env = mem_new(n + 1, sizeof *env);
	for (size_t i = 0; i < n; i++)
		if (find_name(c, environ[i], strcspn(environ[i], "=")) == c->name_count)
			env[kept++] = environ[i];
	return env;
}
