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
};

/* Sets a value that is not set yet; n is the index of its name. A control character in it
 * is an error, since the value may go into a header. */
static int
set_value(struct creds *c, size_t n, const char *value, struct err *e)
{
	size_t which = n % CRED_COUNT;

	if (c->value[which] != NULL || value == NULL || value[0] == '\0')
		return 0;
	for (const char *p = value; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return err_set(e, CODE_NO_CREDENTIALS,
			    "%s contains a control character; give it on one line",
			    c->name[which]);
	c->value[which] = mem_str(value);
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

/* Ends s before its last blanks, and returns its first character but blanks. */
static char *
trim(char *s)
{
	size_t len = strlen(s);

	while (len > 0 && strchr(" \t\r", s[len - 1]) != NULL)
		s[--len] = '\0';
	return s + strspn(s, " \t");
}

/* Takes the quotes off a value; a comment may follow them. NULL: they do not match. */
static char *
unquote(char *value)
{
	char *end;

	if (value[0] != '"' && value[0] != '\'')
		return value;
	end = strchr(value + 1, value[0]);
	if (end == NULL || (end[1] != '\0' && end[1 + strspn(end + 1, " \t")] != '#'))
		return NULL;
	*end = '\0';
	return value + 1;
}

/* Sets the value of a line [export] NAME = VALUE; *ours: NAME is ours. what: where the line
 * is from. */
static int
read_line(
    struct creds *c, char *line, const char *what, size_t row, bool *ours, struct err *e)
{
	static const char word[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
	char *value = NULL, *equals;
	size_t len, n;

	if (strncmp(line, "export", 6) == 0 && (line[6] == ' ' || line[6] == '\t'))
		line += 6 + strspn(line + 6, " \t");
	len = strspn(line, word);
	equals = line + len + strspn(line + len, " \t");
	if (len > 0 && *equals == '=')
		value = unquote(equals + 1 + strspn(equals + 1, " \t"));
	if (value == NULL)
		return err_set(e, CODE_NO_CREDENTIALS,
		    "%s, line %zu: this is not NAME_KEY=value; mend it, or put a # before it",
		    what, row);
	n = find_name(c, line, len);
	*ours = n < c->name_count;
	return *ours ? set_value(c, n, value, e) : 0;
}

/* The only line of a text, for the caller to free; or NULL. */
static char *
only_line(const char *text)
{
	size_t len;

	text += strspn(text, "\r\n");
	len = strcspn(text, "\r\n");
	return len > 0 && text[len + strspn(text + len, "\r\n")] == '\0'
	           ? mem_strn(text, len)
	           : NULL;
}

/* Reads lines, cutting text into pieces. bare may be NULL: no bare line is taken. Else
 * *bare, if not set yet, becomes a copy of the only line of a text without our names. */
static int
read_lines(struct creds *c, char *text, const char *what, char **bare, struct err *e)
{
	char *next = strncmp(text, "\xef\xbb\xbf", 3) == 0 ? text + 3 : text;
	char *only = bare != NULL ? only_line(next) : NULL, *line;
	struct err not_named;
	bool ours = false;
	int r = 0;

	for (size_t row = 1; r == 0 && (line = strsep(&next, "\n")) != NULL; row++) {
		line = trim(line);
		if (*line != '\0' && *line != '#')
			r = read_line(c, line, what, row, &ours, &not_named);
	}
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
	char *dir = file_config_dir(), *path;
	struct buf b;
	int r;

	if (dir == NULL)
		return 0;
	path = mem_printf("%s/credentials", dir);
	r = secret_read_file(path, MAX_BYTES, &b, e);
	if (r == 1)
		r = read_lines(c, b.data, path, NULL, e);
	secret_buf_release(&b);
	free(path);
	free(dir);
	return r;
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
		r = read_lines(c, b.data, what, bare, e);
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

/* For OAuth, a bare line is the first secret that nothing else gave. */
static int
set_bare(struct creds *c, const char *bare, struct err *e)
{
	if (c->value[CRED_CLIENT_SECRET] == NULL)
		return set_value(c, CRED_CLIENT_SECRET, bare, e);
	if (c->value[CRED_PASSWORD] == NULL)
		return set_value(c, CRED_PASSWORD, bare, e);
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

int
creds_load(
    struct creds *c, const char *provider, const struct creds_from *from, struct err *e)
{
	static const struct creds_from none = {.fd = -1};
	char *bare = NULL;
	int r = 0;

	if (from == NULL)
		from = &none;
	*c = (struct creds){.provider = mem_str(provider)};
	name_all(c, provider, from->aliases);
	if (from->fd >= 0)
		r = read_fd(c, from->fd, "the given descriptor", &bare, e);
	if (r == 0 && from->command != NULL)
		r = run_command(c, from->command, &bare, e);
	if (r == 0 && bare != NULL && !from->oauth)
		r = set_value(c, CRED_API_KEY, bare, e);
	for (size_t n = 0; r == 0 && n < c->name_count; n++)
		r = set_value(c, n, getenv(c->name[n]), e);
	if (r == 0)
		r = read_file(c, e);
	if (r == 0 && bare != NULL && from->oauth)
		r = set_bare(c, bare, e);
	secret_free(bare);
	if (r != 0)
		creds_release(c);
	return r;
}

void
creds_release(struct creds *c)
{
	for (int i = 0; i < CRED_COUNT; i++)
		secret_free(c->value[i]);
	for (size_t n = 0; n < c->name_count; n++)
		free(c->name[n]);
	free(c->name);
	free(c->provider);
	*c = (struct creds){0};
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
