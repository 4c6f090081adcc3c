#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/similar.h"
#include "base/version.h"
#include "core/options.h"

const char *const service_names[SERVICES + 1] = {
    "loom", "anam", "avtr1", "argil", "other"};

/* Loom's documents allow one request a second on average, and a short burst above it. */
struct options opts = {
    .ready_after = 300,
    .render_after = 300,
    .late = 1000,
    .stall = 120000,
    .token_life = 3600,
    .url_life = 3600,
    .expiry_name = "expiry",
    .retry_after = "1",
    .account = {[LOOM] = {1, 10, -1, 0},
        [ANAM] = {0, 0, -1, 0},
        [AVTR1] = {0, 0, -1, 0},
        [ARGIL] = {0, 0, -1, 0}},
};

enum value_kind {
	SWITCH,
	WHOLE,
	PORT,
	SHARE,
	STRING,
	SEED,
	RATE,
	QUOTA,
	FAULT,
	EXPIRY,
	RETRY_AFTER
};

static const struct {
	const char *name;
	enum value_kind kind;
	void *value; /* NULL: read_value knows the member */
} table[] = {
    {"port", PORT, &opts.port},
    {"media-port", PORT, &opts.media_port},
    {"seed", SEED, NULL},
    {"ready-after", WHOLE, &opts.ready_after},
    {"render-after", WHOLE, &opts.render_after},
    {"list-lag", WHOLE, &opts.list_lag},
    {"delay", WHOLE, &opts.delay},
    {"late", WHOLE, &opts.late},
    {"stall-ms", WHOLE, &opts.stall},
    {"fail-rate", SHARE, &opts.fail_rate},
    {"fail-match", STRING, &opts.fail_match},
    {"refuse-match", STRING, &opts.refuse_match},
    {"token-life", WHOLE, &opts.token_life},
    {"url-life", WHOLE, &opts.url_life},
    {"expiry-name", EXPIRY, NULL},
    {"no-refresh-token", SWITCH, &opts.no_refresh_tokens},
    {"retry-after", RETRY_AFTER, NULL},
    {"concurrent", WHOLE, &opts.concurrent},
    {"rate", RATE, NULL},
    {"quota", QUOTA, NULL},
    {"fault", FAULT, NULL},
    {"state", STRING, &opts.state},
    {"trace", STRING, &opts.trace},
    {"dir", STRING, &opts.dir},
    {"strict-exit", SWITCH, &opts.strict_exit},
    {"newer", SWITCH, &opts.newer},
    {"big-ids", SWITCH, &opts.big_ids},
    {"stay", SWITCH, &opts.stay},
    {"plain-callbacks", SWITCH, &opts.plain_callbacks},
};

enum { OPTIONS = sizeof table / sizeof *table, HELP_ALL = 128, FIRST_LONG = 256 };

static const char synopsis[] =
    "usage: av-sandbox [option]... [-- COMMAND [argument]...]\n";

static const char about[] =
    "A local server that behaves like the services loom, anam, avtr1 and argil.\n"
    "It needs no account and costs nothing.\n";

static const char usual[] =
    "\n"
    "  --dir DIR                   keep the command's state and ledger here (FILE.d)\n"
    "  --state FILE                keep the port, avatars and tokens here\n"
    "  --ready-after MS            time until an avatar is ready (300)\n"
    "  --fail-match TEXT           let avatars fail whose name contains this\n"
    "  --fault FAULT[@NAME]=RATE   make this share of requests go wrong\n"
    "  --quota NAME=N[/STATUS]     paid requests, then 402, 403 or this status\n"
    "  --strict-exit               exit with 1 after violations of a contract\n"
    "others, which --help-all explains, with each FAULT:\n"
    "  --port, --media-port, --seed, --trace, --stay, --render-after, --list-lag,\n"
    "  --delay, --rate, --concurrent, --token-life, --expiry-name, --url-life,\n"
    "  --no-refresh-token, --fail-rate, --refuse-match, --retry-after, --late,\n"
    "  --stall-ms, --newer, --plain-callbacks, --big-ids, -h --help, -V --version\n";

static const char every[] =
    "\n"
    "server:\n"
    "  --port N                    listen on this port of 127.0.0.1 (0: any)\n"
    "  --media-port N              port of pictures and videos (0: any)\n"
    "  --seed N                    derive keys, ids and faults from this number\n"
    "  --state FILE                keep the port, avatars and tokens here\n"
    "  --trace FILE                append a JSON line for each request\n"
    "  --dir DIR                   keep the command's state and ledger here (FILE.d)\n"
    "  --strict-exit               exit with 1 after violations of a contract\n"
    "  --stay                      keep running when the parent process ends\n"
    "  -h, --help                  print a short help and exit\n"
    "      --help-all              print this help and exit\n"
    "  -V, --version               print the version and exit\n"
    "\n"
    "time and limits:\n"
    "  --ready-after MS            time until an avatar is ready (300)\n"
    "  --render-after MS           time until a rendering is ready (300)\n"
    "  --list-lag MS               let new avatars appear late in lists\n"
    "  --delay MS                  delay each answer\n"
    "  --rate NAME=N[/BURST]       requests/s, then 429 (loom=1/10; 0: no limit)\n"
    "  --concurrent N              background jobs of Loom, then 423\n"
    "  --quota NAME=N[/STATUS]     paid requests, then 402, 403 or this status\n"
    "  --token-life S              life of Loom's tokens (3600)\n"
    "  --expiry-name NAME          member for it: expiry (default) or expires_in\n"
    "  --no-refresh-token          send no refresh token\n"
    "  --url-life S                life of media URLs (3600)\n"
    "\n"
    "failures:\n"
    "  --fail-rate R               let this share of avatars fail (0 to 1)\n"
    "  --fail-match TEXT           let avatars fail whose name contains this\n"
    "  --refuse-match TEXT         refuse avatars whose name contains this\n"
    "  --fault FAULT[@NAME]=RATE   make this share of requests go wrong\n"
    "  --fault FAULT[@NAME]#N      make request number N go wrong\n"
    "  --retry-after S             Retry-After header of faults, or none (1)\n"
    "  --late MS                   delay of the effect of \"late\" (1000)\n"
    "  --stall-ms MS               length of a stall (120000)\n"
    "\n"
    "newer behaviour:\n"
    "  --newer                     accept callbackUrl of newer Argil documents\n"
    "  --plain-callbacks           accept callbackUrl with http\n"
    "  --big-ids                   use Loom ids above 2^53\n"
    "\n"
    "FAULT for paid requests: lost-before lost-after late close-idle reset stall\n"
    "stall-before stall-body truncated garbage redirect STATUS STATUS-after\n"
    "For other requests it has a prefix: poll- list- read- token- media-\n"
    "For events: event-lost event-late event-doubled event-forged event-reordered\n"
    "GET /_stats prints what clients did; POST /_reset sets it to zero.\n";

static const char examples[] =
    "\n"
    "examples:\n"
    "  av-sandbox -- sh -c 'av-validate -p anam *.jpg | av-upload | av-poll'\n"
    "  av-sandbox --strict-exit -- make test\n"
    "  av-sandbox --fault lost-after=0.1 --fault 429@avtr1=0.2 --seed 1 -- COMMAND\n"
    "  av-sandbox --state box.jsonl -- make batch    # twice: nothing is paid twice\n";

int
service_no(const char *name, size_t len)
{
	for (int i = 0; i < SERVICES; i++)
		if (strlen(service_names[i]) == len &&
		    memcmp(service_names[i], name, len) == 0)
			return i;
	return -1;
}

_Noreturn static void
misuse(void)
{
	fputs(synopsis, stderr);
	exit(EX_USAGE);
}

_Noreturn void
options_wrong(const char *option, const char *value, const char *wanted)
{
	warn("--%s takes %s, not '%s'; see av-sandbox --help-all", option, wanted, value);
	misuse();
}

static double
number(const char *option, const char *s, double max)
{
	char *end, wanted[64];
	double n = strtod(s, &end);

	snprintf(wanted, sizeof wanted, "a number from 0 to %g", max);
	if (*s == '\0' || *end != '\0' || !isfinite(n) || n < 0 || n > max)
		options_wrong(option, s, wanted);
	return n;
}

static int64_t
whole(const char *option, const char *s, int64_t max)
{
	char *end, wanted[64];
	long long n;

	snprintf(wanted, sizeof wanted, "a whole number from 0 to %lld", (long long)max);
	errno = 0;
	n = strtoll(s, &end, 10);
	if (*s == '\0' || *end != '\0' || errno != 0 || n < 0 || n > max)
		options_wrong(option, s, wanted);
	return n;
}

/* Splits "NAME=A[/B]" into its account and two texts; *b is NULL if it is missing. */
static struct sb_account *
per_service(const char *option, char *s, const char **a, const char **b)
{
	char *eq = strchr(s, '=');
	int no = eq != NULL ? service_no(s, (size_t)(eq - s)) : -1;
	char *slash;

	if (no < 0)
		options_wrong(option, s, "NAME=N with loom, anam, avtr1 or argil");
	slash = strchr(eq, '/');
	*a = eq + 1;
	*b = NULL;
	if (slash != NULL) {
		*slash = '\0';
		*b = slash + 1;
	}
	return &opts.account[no];
}

static void
read_rate(const char *name, char *s)
{
	const char *a, *b;
	struct sb_account *account = per_service(name, s, &a, &b);

	account->rate = number(name, a, 1e9);
	account->burst = b != NULL ? number(name, b, 1e9) : fmax(1, account->rate);
}

static void
read_quota(const char *name, char *s)
{
	const char *a, *b;
	struct sb_account *account = per_service(name, s, &a, &b);

	account->quota = whole(name, a, 1000000000);
	account->past = b != NULL ? (unsigned)whole(name, b, 599) : 0;
}

static void
read_value(const char *name, enum value_kind kind, void *value, char *s)
{
	switch (kind) {
	case SWITCH:
		*(bool *)value = true;
		break;
	case WHOLE:
		*(int64_t *)value = whole(name, s, 1000000000);
		break;
	case PORT:
		*(unsigned *)value = (unsigned)whole(name, s, 65535);
		break;
	case SHARE:
		*(double *)value = number(name, s, 1);
		break;
	case STRING:
		*(const char **)value = s;
		break;
	case SEED:
		opts.seed = (uint64_t)whole(name, s, INT64_MAX);
		opts.seeded = true;
		break;
	case RATE:
		read_rate(name, s);
		break;
	case QUOTA:
		read_quota(name, s);
		break;
	case FAULT:
		opts.faults =
		    mem_resize(opts.faults, (opts.faults_n + 1) * sizeof *opts.faults);
		opts.faults[opts.faults_n++] = s;
		break;
	case EXPIRY:
		if (strcmp(s, "expiry") != 0 && strcmp(s, "expires_in") != 0)
			options_wrong(name, s, "expiry or expires_in");
		opts.expiry_name = s;
		break;
	case RETRY_AFTER:
		opts.retry_after = strcmp(s, "none") == 0 ? NULL : s;
		if (opts.retry_after != NULL)
			number(name, s, 1e6);
		break;
	}
}

/* Prints the help or the version, or what is wrong with an option. */
_Noreturn static void
answer_and_exit(int c, const char *option, const struct option *options)
{
	if (c == 'h' || c == HELP_ALL)
		printf("%s\n%s%s%s", synopsis, about, c == 'h' ? usual : every, examples);
	else if (c == 'V')
		printf("av-sandbox %s\n", av_version);
	else {
		struct similar s = {.word = option};
		similar_options(&s, options);
		warn(c == ':' ? "%s needs a value%s" : "unknown option '%s'%s", option,
		    c != ':' && s.hint[0] != '\0' ? s.hint
		                                  : "; see av-sandbox --help-all");
		misuse();
	}
	exit(fflush(stdout) == 0 ? EX_OK : EX_IOERR);
}

void
options_read(int argc, char *argv[])
{
	struct option options[OPTIONS + 4] = {
	    [OPTIONS] = {"help", no_argument, NULL, 'h'},
	    [OPTIONS + 1] = {"help-all", no_argument, NULL, HELP_ALL},
	    [OPTIONS + 2] = {"version", no_argument, NULL, 'V'}};
	int c;

	for (int i = 0; i < OPTIONS; i++)
		options[i] = (struct option){table[i].name,
		    table[i].kind == SWITCH ? no_argument : required_argument, NULL,
		    FIRST_LONG + i};
	opterr = 0;
	while ((c = getopt_long(argc, argv, "+:hV", options, NULL)) != -1) {
		if (c < FIRST_LONG)
			answer_and_exit(c, argv[optind - 1], options);
		c -= FIRST_LONG;
		read_value(table[c].name, table[c].kind, table[c].value, optarg);
	}
	if (optind < argc)
		opts.command = argv + optind;
	if (!opts.seeded)
		random_fill(&opts.seed, sizeof opts.seed);
}
