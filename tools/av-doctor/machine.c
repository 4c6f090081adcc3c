#include <errno.h>
#include <inttypes.h>
#include <magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <curl/curl.h>
#include <json-c/json_c_version.h>
#include <sqlite3.h>

#include "base/config.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/version.h"
#include "doctor.h"
#include "http/environment.h"
#include "ledger/entries.h"

enum {
	MIB = 1024 * 1024,
	DISK_FAIL_MIB = 1,
	DISK_WARN_MIB = 100,
	CLOCK_WARN_S = 30,
	CLOCK_FAIL_S = 300,
};

/* The path, or the directory above it that exists. The caller frees it. */
static char *
existing(const char *path)
{
	char *at = mem_str(path);

	while (access(at, F_OK) != 0 && strcmp(at, "/") != 0 && strcmp(at, ".") != 0) {
		char *above = file_dir_of(at);
		free(at);
		at = above;
	}
	return at;
}

/* Checks a directory that programs make if it is missing. writable: they write into it. */
static void
check_dir(struct report *r, const char *check, const char *dir, const char *variable,
    bool writable)
{
	char *at = dir != NULL ? existing(dir) : NULL, *fix = NULL;
	struct stat st;
	struct err e;

	if (dir == NULL) {
		err_set(&e, CODE_STATE_UNUSABLE, "neither %s nor HOME is set", variable);
		fix = mem_printf("export %s=/a/directory/of/yours", variable);
		report_fail(r, check, fix, &e);
	} else if (stat(at, &st) != 0 || !S_ISDIR(st.st_mode)) {
		err_set(&e, CODE_STATE_UNUSABLE, "'%s' is not a directory", at);
		fix = mem_printf("mv '%s' '%s.old'", at, at);
		report_fail(r, check, fix, &e);
	} else if (access(at, writable ? R_OK | W_OK | X_OK : R_OK | X_OK) != 0) {
		err_set(&e, CODE_STATE_UNUSABLE,
		    "cannot %s '%s':", writable ? "write into" : "read", at);
		fix = mem_printf(
		    "ls -ld '%s'; export %s=/a/directory/of/yours", at, variable);
		report_fail(r, check, fix, &e);
	} else if (strcmp(at, dir) != 0) {
		report_add(r, VERDICT_OK, check, NULL,
		    writable ? "%s does not exist yet and is made when it is needed"
		             : "%s does not exist, so nothing is configured there",
		    dir);
	} else if ((st.st_mode & 022) != 0) {
		fix = mem_printf("chmod go-w '%s'", dir);
		report_add(
		    r, VERDICT_WARN, check, fix, "other users can write into %s", dir);
	} else {
		report_add(r, VERDICT_OK, check, NULL, "%s", dir);
	}
	free(fix);
	free(at);
}

static void
check_dirs(struct report *r)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	char *config = file_config_dir(), *state = file_state_dir();

	check_dir(r, "config_dir", config, "XDG_CONFIG_HOME", false);
	check_dir(r, "state_dir", state, "XDG_STATE_HOME", true);
	if (runtime == NULL || *runtime == '\0')
		report_add(r, VERDICT_OK, "runtime_dir", NULL,
		    "XDG_RUNTIME_DIR is not set, and nothing needs it");
	else
		check_dir(r, "runtime_dir", runtime, "XDG_RUNTIME_DIR", true);
	free(config);
	free(state);
}

static void
check_config(struct report *r)
{
	char *path = config_file();
	char *fix = mem_printf("${EDITOR:-vi} '%s'", path != NULL ? path : "");
	struct err e;

	if (config_load(&e) < 0)
		report_fail(r, "config", fix, &e);
	else if (path == NULL || access(path, F_OK) != 0)
		report_add(r, VERDICT_OK, "config", NULL, "there is no file of defaults");
	else
		report_add(r, VERDICT_OK, "config", NULL, "%s", path);
	free(fix);
	free(path);
}

static void
first_problem(void *arg, const char *problem)
{
	struct err *e = arg;

	err_set(e, CODE_STATE_UNUSABLE, "the ledger is damaged: %s", problem);
}

static bool
count_entry(void *arg, const struct ledger_entry *entry)
{
	(void)entry;
	++*(size_t *)arg;
	return true;
}

/* Opens the ledger, which proves that it can be written, and looks into it. */
static void
check_entries(struct report *r, const struct doctor *d, const char *file)
{
	static const struct ledger_filter unknown = {.state = "unknown"}, all = {0};
	size_t n_unknown = 0, n = 0;
	struct err e;
	struct ledger *l = ledger_open(d->ledger, NULL, &e);
	char *fix = mem_printf("ls -l '%s'*", file);

	if (l == NULL)
		report_fail(r, "ledger", fix, &e);
	else if (ledger_check(l, true, first_problem, &e, &e) != 0)
		report_fail(r, "ledger", "av-ledger check", &e);
	else if (ledger_each(l, &unknown, count_entry, &n_unknown, &e) < 0 ||
	         ledger_each(l, &all, count_entry, &n, &e) < 0)
		report_fail(r, "ledger", "av-ledger check", &e);
	else if (n_unknown > 0)
		report_add(r, VERDICT_WARN, "ledger", "av-ledger list --state unknown",
		    "%s; entries: %zu, with an unknown outcome: %zu", file, n, n_unknown);
	else
		report_add(r, VERDICT_OK, "ledger", NULL, "%s; entries: %zu", file, n);
	ledger_free(l);
	free(fix);
}

/* Checks the place of a ledger that is not made yet. */
static void
check_place(struct report *r, const char *file)
{
	static const char another[] = "export AV_LEDGER=/a/file/on/a/local/disk.db";
	char *dir = file_dir_of(file), *at = existing(dir);
	struct err e;

	if (access(at, W_OK | X_OK) != 0) {
		err_set(&e, CODE_STATE_UNUSABLE, "cannot write into '%s':", at);
		report_fail(r, "ledger", another, &e);
	} else if (file_check_local(at, &e) < 0) {
		report_fail(r, "ledger", another, &e);
	} else {
		report_add(r, VERDICT_OK, "ledger", NULL,
		    "%s does not exist yet and is made by the first upload", file);
	}
	free(at);
	free(dir);
}

static void
check_disk(struct report *r, const char *file)
{
	char *at = existing(file), *fix = mem_printf("df -h '%s'", at);
	struct statvfs fs;
	struct err e;
	uint64_t mib;

	if (statvfs(at, &fs) != 0) {
		err_set(&e, CODE_STATE_UNUSABLE, "cannot examine the disk of '%s':", at);
		report_fail(r, "disk", fix, &e);
	} else {
		mib = (uint64_t)fs.f_bavail * fs.f_frsize / MIB;
		if (mib < DISK_FAIL_MIB || (fs.f_files > 0 && fs.f_favail == 0)) {
			err_set(&e, CODE_STATE_UNUSABLE, "the disk of '%s' is full", at);
			report_fail(r, "disk", fix, &e);
		} else {
			report_add(r, mib < DISK_WARN_MIB ? VERDICT_WARN : VERDICT_OK,
			    "disk", mib < DISK_WARN_MIB ? fix : NULL,
			    "%" PRIu64 " MiB free for '%s'", mib, at);
		}
	}
	free(fix);
	free(at);
}

static void
check_ledger(const struct doctor *d, struct report *r)
{
	const char *chosen = ledger_choose(d->ledger, NULL);
	char *dir = file_state_dir(), *file = NULL;

	if (!ledger_lasts(d->ledger))
		report_add(r, VERDICT_WARN, "ledger", "av-doctor --config",
		    "none is kept: what was paid for is forgotten when a program ends");
	else if (chosen != NULL)
		file = mem_str(chosen);
	else if (dir != NULL)
		file = mem_printf("%s/ledger.db", dir);
	if (file != NULL && access(file, F_OK) == 0)
		check_entries(r, d, file);
	else if (file != NULL)
		check_place(r, file);
	if (file != NULL)
		check_disk(r, file);
	free(file);
	free(dir);
}

static void
check_proxy(struct report *r)
{
	const char *name = environment_proxy();
	const char *past = getenv("no_proxy");
	char *shown = environment_proxy_shown(), *fix;
	struct err e;

	if (past == NULL || *past == '\0')
		past = getenv("NO_PROXY");
	if (name == NULL) {
		report_add(r, VERDICT_OK, "proxy", NULL, "none");
	} else if (shown == NULL || environment_proxy_port() == 0) {
		fix = mem_printf("export %s=http://HOST:PORT", name);
		err_set(&e, CODE_BAD_CONFIG, "%s is not the URL of a proxy", name);
		report_fail(r, "proxy", fix, &e);
		free(fix);
	} else {
		report_add(r, VERDICT_OK, "proxy", NULL, "%s, by %s%s%s", shown, name,
		    past != NULL && *past != '\0' ? "; not for " : "",
		    past != NULL ? past : "");
	}
	free(shown);
}

static void
check_tls(struct report *r)
{
	const char *variable, *file = environment_authorities(&variable);
	const char *dir = getenv("SSL_CERT_DIR");
	char *fix = variable != NULL ? mem_printf("unset %s", variable)
	                             : mem_str("apt install ca-certificates");
	struct buf text = {.max = 64 * MIB};
	struct err e;

	if (file == NULL) {
		report_add(r, VERDICT_OK, "tls", NULL, "certificates of %s",
		    dir != NULL ? dir : "the library's own place");
	} else if (file_read(file, &text, &e) < 0) {
		e.code = CODE_UNTRUSTED;
		if (variable != NULL)
			err_prefix(&e, "%s: ", variable);
		report_fail(r, "tls", fix, &e);
	} else if (strstr(text.data, "-----BEGIN ") == NULL) {
		err_set(&e, CODE_UNTRUSTED, "'%s' holds no certificate (PEM)", file);
		report_fail(r, "tls", fix, &e);
	} else {
		report_add(r, VERDICT_OK, "tls", NULL, "certificates in %s%s%s", file,
		    variable != NULL ? ", by " : "", variable != NULL ? variable : "");
	}
	buf_release(&text);
	free(fix);
}

void
check_clock(struct report *r, bool known, int64_t offset)
{
	int64_t s = (offset < 0 ? -offset : offset) / 1000;
	const char *way = offset < 0 ? "ahead of" : "behind";
	struct err e;

	if (!known) {
		report_add(
		    r, VERDICT_OK, "clock", NULL, "not compared: no service was asked");
	} else if (s >= CLOCK_FAIL_S) {
		err_set(
		    &e, CODE_BAD_CONFIG, "%" PRId64 " seconds %s the services'", s, way);
		report_fail(r, "clock", "timedatectl set-ntp true", &e);
	} else {
		report_add(r, s >= CLOCK_WARN_S ? VERDICT_WARN : VERDICT_OK, "clock",
		    s >= CLOCK_WARN_S ? "timedatectl set-ntp true" : NULL,
		    s <= 2 ? "as the services'" : "%" PRId64 " seconds %s the services'",
		    s, way);
	}
}

/* The version that jq prints, or "". */
static void
jq_version(char version[32])
{
	FILE *f = popen("exec jq --version 2>/dev/null", "r");

	version[0] = '\0';
	if (f == NULL)
		return;
	if (fgets(version, 32, f) != NULL)
		version[strcspn(version, "\n")] = '\0';
	(void)pclose(f);
}

static void
check_programs(struct report *r)
{
	const curl_version_info_data *curl = curl_version_info(CURLVERSION_NOW);
	char jq[32];

	jq_version(jq);
	report_add(r, VERDICT_OK, "libraries", NULL,
	    "avtools %s, libcurl %s (%s), SQLite %s, json-c %s, libmagic %d.%02d",
	    av_version, curl->version, curl->ssl_version, sqlite3_libversion(),
	    json_c_version(), magic_version() / 100, magic_version() % 100);
	if (jq[0] == '\0')
		report_add(r, VERDICT_WARN, "jq", "apt install jq",
		    "jq is not there; the examples of the manual use it");
	else
		report_add(r, VERDICT_OK, "jq", NULL, "%s%s", jq,
		    strcmp(jq, "jq-1.6") == 0 || strcmp(jq, "jq-1.5") == 0
		        ? ", which changes large numbers; see av-record(5)"
		        : "");
}

void
check_machine(const struct doctor *d, struct report *r)
{
	check_programs(r);
	check_config(r);
	check_dirs(r);
	check_ledger(d, r);
	check_proxy(r);
	check_tls(r);
}
