/*
 * av-sandbox: a local server that holds clients to the contracts of all four services.
 * The parts are in av-sandbox/.
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
#include "core/options.h"
#include "core/photo.h"
#include "core/server.h"
#include "core/state.h"
#include "core/stats.h"
#include "core/trace.h"
#include "services/oauth.h"
#include "services/services.h"

/* The line that says where everything is. */
static void
announce(void)
{
	static const struct service *const services[] = {
	    &loom_service, &anam_service, &avtr1_service, &argil_service};
	struct json_object *o = json_object_new_object(), *api = json_object_new_object();
	char url[128];

	for (int i = 0; i < SERVICES; i++) {
		snprintf(url, sizeof url, "%s%s", server_api(), services[i]->base);
		json_object_object_add(
		    api, service_names[i], json_object_new_string(url));
	}
	json_object_object_add(o, "api", api);
	snprintf(url, sizeof url, "%s/oauth/token", server_api());
	json_object_object_add(o, "token_url", json_object_new_string(url));
	json_object_object_add(o, "media", json_object_new_string(server_media()));
	snprintf(url, sizeof url, "%s/_stats", server_api());
	json_object_object_add(o, "stats", json_object_new_string(url));
	json_object_object_add(o, "env", command_env());
	printf("%s\n", json_object_to_json_string_ext(
	                   o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(o);
	if (fflush(stdout) != 0)
		die(EX_IOERR, "cannot write:");
}

/* Signals are read by the server, not delivered; the parent's end is one of them. */
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

/* The command's end becomes ours. */
static int
pass_on(int status)
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
	struct err e;
	pid_t child = 0;
	int status = 0;
	long wrongs;

	options_read(argc, argv);
	take_signals();
	if (state_open(&e) < 0 || trace_open(&e) < 0)
		die(EX_CANTCREAT, "%s", e.message);
	if (server_open(&e) < 0)
		die(EX_UNAVAILABLE, "%s", e.message);
	if (opts.command != NULL && (child = command_start(&e)) < 0)
		die(EX_CANTCREAT, "%s", e.message);
	if (child == 0)
		announce();
	server_run(child, &status);
	wrongs = opts.strict_exit ? stats_complain() : 0;
	close_all();
	status = pass_on(status);
	return status == 0 && wrongs > 0 ? 1 : status;
}
