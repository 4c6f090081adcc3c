/*
 * av-sandbox: a local server that holds clients to the contracts of all four services.
 * Its parts are in av-sandbox/.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/err.h"
#include "core/command.h"
#include "core/faults.h"
#include "core/object.h"
#include "core/options.h"
#include "core/origin.h"
#include "core/photo.h"
#include "core/server.h"
#include "core/state.h"
#include "core/stats.h"
#include "core/trace.h"
#include "services/oauth.h"
#include "services/services.h"

/* Prints the line that says where everything is. */
static void
announce(struct json_object *env)
{
	struct json_object *o = json_object_new_object(), *api = json_object_new_object();
	struct buf line = {0};
	char url[128];

	for (int i = 0; i < SERVICES; i++) {
		snprintf(url, sizeof url, "%s%s", origin_api(), api_services[i]->base);
		obj_text(api, api_services[i]->name, url);
	}
	json_object_object_add(o, "api", api);
	snprintf(url, sizeof url, "%s/oauth/token", origin_api());
	obj_text(o, "token_url", url);
	obj_text(o, "media", origin_media());
	snprintf(url, sizeof url, "%s/_stats", origin_api());
	obj_text(o, "stats", url);
	json_object_object_add(o, "env", json_object_get(env));
	obj_write(&line, o);
	puts(line.data);
	buf_release(&line);
	if (fflush(stdout) != 0)
		die(EX_IOERR, "cannot write to stdout:");
}

/* Blocks the signals, which the server reads from a descriptor. The end of the parent
 * process sends SIGTERM. */
static void
take_signals(void)
{
	sigset_t set;
	pid_t parent = getppid();

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (!opts.stay && (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || getppid() != parent))
		exit(EX_OK);
}

static void
close_all(void)
{
	server_close();
	command_clean();
	state_close();
	tokens_free();
	media_free();
	sb_photo_free_all();
	stats_free();
	trace_close();
}

/* Ends as the command ended: with its exit status, or by its signal. */
static int
end_like(int status)
{
	struct rlimit none = {0, 0};
	int signal_no;

	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	signal_no = WTERMSIG(status);
	setrlimit(RLIMIT_CORE, &none);
	signal(signal_no, SIG_DFL);
	sigset_t set;
	sigemptyset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	raise(signal_no);
	return 128 + signal_no;
}

int
main(int argc, char *argv[])
{
	struct json_object *env;
	const char *wrong;
	struct err e;
	pid_t child = 0;
	int status = 0;
	int64_t wrongs;

	options_read(argc, argv);
	wrong = faults_read();
	if (wrong != NULL)
		options_wrong("fault", wrong, "FAULT[@NAME]=RATE or FAULT[@NAME]#N");
	take_signals();
	tokens_open();
	if (command_dir(&e) < 0 || state_open(&e) < 0 || trace_open(&e) < 0)
		die(EX_CANTCREAT, "%s", e.message);
	stats_read_state();
	argil_resume();
	if (server_open(api_services, &media_service, &e) < 0)
		die(EX_UNAVAILABLE, "%s", e.message);
	env = services_env();
	if (opts.command == NULL)
		announce(env);
	else if ((child = command_start(env, &e)) < 0)
		die(EX_CANTCREAT, "%s", e.message);
	json_object_put(env);
	server_run(child, &status);
	wrongs = opts.strict_exit ? stats_complain() : 0;
	close_all();
	status = end_like(status);
	return status == 0 && wrongs > 0 ? 1 : status;
}
