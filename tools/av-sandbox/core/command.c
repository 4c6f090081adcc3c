#include <ctype.h>
#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/mem.h"
#include "core/command.h"
#include "core/options.h"
#include "core/origin.h"
#include "core/server.h"

static char *dir;
static bool dir_is_temporary;
static char *default_state;

/* Makes a folder of the directory and puts its path into a variable. */
static int
add_folder(const char *variable, const char *name, struct err *e)
{
	char *path = mem_printf("%s/%s", dir, name);
	int status = 0;

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		status = err_set(e, CODE_TARGET_UNWRITABLE, "cannot make '%s':", path);
	else
		setenv(variable, path, 1);
	free(path);
	return status;
}

static int
remove_one(const char *path, const struct stat *st, int what, struct FTW *at)
{
	(void)st;
	(void)what;
	(void)at;
	return remove(path);
}

void
command_clean(void)
{
	if (dir_is_temporary && nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS) < 0)
		warn("cannot remove '%s':", dir);
	dir_is_temporary = false;
	free(dir);
	dir = NULL;
	free(default_state);
	default_state = NULL;
}

static int
make_temporary(struct err *e)
{
	const char *tmp = getenv("TMPDIR");

	dir = mem_printf(
	    "%s/av-sandbox.XXXXXX", tmp != NULL && *tmp != '\0' ? tmp : "/tmp");
	if (mkdtemp(dir) == NULL)
		return err_set(e, CODE_TARGET_UNWRITABLE, "cannot make '%s':", dir);
	dir_is_temporary = true;
	return 0;
}

static int
make_lasting(const char *path, struct err *e)
{
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return err_set(e, CODE_TARGET_UNWRITABLE, "cannot make '%s':", path);
	dir = realpath(path, NULL);
	if (dir == NULL)
		return err_set(e, CODE_TARGET_UNWRITABLE, "cannot resolve '%s':", path);
	return 0;
}

int
command_dir(struct err *e)
{
	char *beside;
	int status;

	if (opts.command == NULL)
		return 0;
	atexit(command_clean);
	if (opts.dir == NULL && opts.state == NULL)
		return make_temporary(e);
	if (opts.dir == NULL) {
		beside = mem_printf("%s.d", opts.state);
		status = make_lasting(beside, e);
		free(beside);
		return status;
	}
	status = make_lasting(opts.dir, e);
	if (status == 0 && opts.state == NULL)
		opts.state = default_state = mem_printf("%s/sandbox.jsonl", dir);
	return status;
}

static int
set_env(struct json_object *env, struct err *e)
{
	static const char *const removed[] = {"LOOM_ACCESS_TOKEN",
	    "LOOM_ACCESS_TOKEN_FILE", "CREDENTIALS_DIRECTORY", "AV_PROVIDER",
	    "http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY",
	    "no_proxy", "NO_PROXY"};
	static const char *const suffixes[] = {"RATE", "ACCOUNT", "EXCLUSIVE"};
	char *ledger = mem_printf("%s/ledger.db", dir), *stats;

	json_object_object_foreach(env, variable, value)
	{
		setenv(variable, json_object_get_string(value), 1);
	}
	for (size_t i = 0; i < sizeof removed / sizeof *removed; i++)
		unsetenv(removed[i]);
	for (int s = 0; s < SERVICES; s++)
		for (int i = 0; i < 3; i++) {
			char *name = mem_printf("%s_%s", service_names[s], suffixes[i]);

			for (char *p = name; *p != '\0'; p++)
				*p = (char)toupper((unsigned char)*p);
			unsetenv(name);
			free(name);
		}
	setenv("AV_LEDGER", ledger, 1);
	free(ledger);
	stats = mem_printf("%s/_stats", origin_api());
	setenv("AV_SANDBOX_STATS", stats, 1);
	free(stats);
	if (add_folder("XDG_STATE_HOME", "state", e) < 0 ||
	    add_folder("XDG_CACHE_HOME", "cache", e) < 0)
		return -1;
	return add_folder("XDG_CONFIG_HOME", "config", e);
}

_Noreturn static void
run_command(void)
{
	sigset_t none;
	int status;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	server_forget_limits();
	execvp(opts.command[0], opts.command);
	status = errno == ENOENT ? 127 : 126;
	warn("cannot run '%s':", opts.command[0]);
	_exit(status);
}

pid_t
command_start(struct json_object *env, struct err *e)
{
	pid_t child;

	if (set_env(env, e) < 0)
		return -1;
	child = fork();
	if (child == 0)
		run_command();
	if (child < 0)
		return err_set(e, CODE_NETWORK, "cannot start a process:");
	return child;
}
