#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sysexits.h>

#include "base/err.h"
#include "base/version.h"
#include "core/faults.h"
#include "core/options.h"

const char *const service_names[SERVICES + 1] = {
    "loom", "anam", "avtr1", "argil", "other"};

/* Loom's documents: one request a second on average, a short burst above it is tolerated. */
struct options opts = {
    .ready_after = 300,
    .render_after = 300,
    .late = 1000,
    .stall = 120000,
    .token_life = 3600,
    .url_life = 3600,
    .expiry_name = "expiry",
    .refresh_tokens = true,
    .retry_after = "1",
    .account = {[LOOM] = {1, 10, -1, 0},
        [ANAM] = {0, 0, -1, 0},
        [AVTR1] = {0, 0, -1, 0},
        [ARGIL] = {0, 0, -1, 0}},
};

enum {
	O_PORT = 256,
	O_MEDIA_PORT,
	O_SEED,
	O_READY_AFTER,
	O_RENDER_AFTER,
	O_LIST_LAG,
	O_DELAY,
	O_LATE,
	O_STALL,
	O_FAIL_RATE,
	O_FAIL_MATCH,
	O_REFUSE_MATCH,
	O_TOKEN_LIFE,
	O_URL_LIFE,
	O_EXPIRY_NAME,
	O_NO_REFRESH,
	O_RETRY_AFTER,
	O_CONCURRENT,
	O_RATE,
	O_QUOTA,
	O_FAULT,
	O_STATE,
	O_TRACE,
	O_DIR,
	O_STRICT_EXIT,
	O_NEWER,
	O_BIG_IDS,
	O_STAY,
};

static const struct option long_options[] = {
    {"port", required_argument, NULL, O_PORT},
    {"media-port", required_argument, NULL, O_MEDIA_PORT},
    {"seed", required_argument, NULL, O_SEED},
    {"ready-after", required_argument, NULL, O_READY_AFTER},
    {"render-after", required_argument, NULL, O_RENDER_AFTER},
    {"list-lag", required_argument, NULL, O_LIST_LAG},
    {"delay", required_argument, NULL, O_DELAY},
    {"late", required_argument, NULL, O_LATE},
    {"stall-ms", required_argument, NULL, O_STALL},
    {"fail-rate", required_argument, NULL, O_FAIL_RATE},
    {"fail-match", required_argument, NULL, O_FAIL_MATCH},
    {"refuse-match", required_argument, NULL, O_REFUSE_MATCH},
    {"token-life", required_argument, NULL, O_TOKEN_LIFE},
    {"url-life", required_argument, NULL, O_URL_LIFE},
    {"expiry-name", required_argument, NULL, O_EXPIRY_NAME},
    {"no-refresh-token", no_argument, NULL, O_NO_REFRESH},
    {"retry-after", required_argument, NULL, O_RETRY_AFTER},
    {"concurrent", required_argument, NULL, O_CONCURRENT},
    {"rate", required_argument, NULL, O_RATE},
    {"quota", required_argument, NULL, O_QUOTA},
    {"fault", required_argument, NULL, O_FAULT},
    {"state", required_argument, NULL, O_STATE},
    {"trace", required_argument, NULL, O_TRACE},
    {"dir", required_argument, NULL, O_DIR},
    {"strict-exit", no_argument, NULL, O_STRICT_EXIT},
    {"newer", no_argument, NULL, O_NEWER},
    {"big-ids", no_argument, NULL, O_BIG_IDS},
    {"stay", no_argument, NULL, O_STAY},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

static const char synopsis[] =
    "usage: av-sandbox [option]... [-- COMMAND [argument]...]\n"
    "       av-sandbox -h\n";

static const char help[] =
    "A local server that behaves like the services loom, anam, avtr1 and argil.\n"
    "It needs no account and costs nothing.\n"
    "\n"
    "server:\n"
    "  --port N                    listen on this port of 127.0.0.1 (0: any)\n"
    "  --media-port N              port of pictures and videos (0: any)\n"
    "  --seed N                    derive keys, ids and faults from this number\n"
    "  --state FILE                keep avatars, renderings and tokens here\n"
    "  --trace FILE                append a JSON line for each request\n"
    "  --dir DIR                   keep the command's state and ledger here\n"
    "  --strict-exit               exit with 1 after violations of a contract\n"
    "  --stay                      keep running when the parent process ends\n"
    "  -h, --help                  print this help and exit\n"
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
    "  --fault KIND[@NAME]=RATE    make this share of requests go wrong\n"
    "  --fault KIND[@NAME]#N       make request number N go wrong\n"
    "  --retry-after S             Retry-After header of faults, or none (1)\n"
    "  --late MS                   delay of the effect of \"late\" (1000)\n"
    "  --stall-ms MS               length of a stall (120000)\n"
    "\n"
    "newer behaviour:\n"
    "  --newer                     accept callbackUrl of newer Argil documents\n"
    "  --big-ids                   use Loom ids above 2^53\n"
    "\n"
    "KIND for paid requests: lost-before lost-after late close-idle reset stall\n"
    "stall-before stall-body truncated garbage redirect STATUS STATUS-after\n"
    "For other requests it has a prefix: poll- list- read- token- media-\n"
    "GET /_stats prints what clients did; POST /_reset sets it to zero.\n"
    "\n"
    "examples:\n"
    "  av-sandbox -- sh -c 'av-validate -p anam *.jpg | av-upload | av-poll'\n"
    "  av-sandbox --strict-exit -- make test\n"
    "  av-sandbox --fault lost-after=0.1 --fault 429@avtr1=0.2 --seed 1 -- COMMAND\n"
    "  av-sandbox --port 8080 --state box.jsonl >ready.json &\n";

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
usage(const char *option, const char *value, const char *wanted)
{
	fprintf(stderr, "av-sandbox: %s: '%s' is not %s\n%s", option, value, wanted,
	    synopsis);
	exit(EX_USAGE);
}

static double
number(const char *option, const char *s, double max)
{
	char *end;
	double n = strtod(s, &end);

	if (*s == '\0' || *end != '\0' || !isfinite(n) || n < 0 || n > max)
		usage(option, s, "a number in range");
	return n;
}

static long
whole(const char *option, const char *s, long max)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(s, &end, 10);
	if (*s == '\0' || *end != '\0' || errno != 0 || n < 0 || n > max)
		usage(option, s, "a whole number in range");
	return n;
}

/* "NAME=A[/B]": the account, with the two texts; *b is NULL where there is none. */
static struct sb_account *
per_service(const char *option, char *s, const char **a, const char **b)
{
	char *eq = strchr(s, '=');
	int no = eq != NULL ? service_no(s, (size_t)(eq - s)) : -1;
	char *slash;

	if (no < 0)
		usage(option, s, "NAME=N with loom, anam, avtr1 or argil");
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
read_rate(char *s)
{
	const char *a, *b;
	struct sb_account *account = per_service("--rate", s, &a, &b);

	account->rate = number("--rate", a, 1e9);
	account->burst = b != NULL ? number("--rate", b, 1e9) : fmax(1, account->rate);
}

static void
read_quota(char *s)
{
	const char *a, *b;
	struct sb_account *account = per_service("--quota", s, &a, &b);

	account->quota = whole("--quota", a, 1000000000);
	account->past = b != NULL ? (unsigned)whole("--quota", b, 599) : 0;
}

/* Options of a form that only they have. */
static void
read_special(int c, const char *name)
{
	switch (c) {
	case O_RATE:
		read_rate(optarg);
		return;
	case O_QUOTA:
		read_quota(optarg);
		return;
	case O_FAULT:
		if (!fault_add(optarg))
			usage(name, optarg, "KIND[@NAME]=RATE or KIND[@NAME]#N");
		return;
	case O_EXPIRY_NAME:
		if (strcmp(optarg, "expiry") != 0 && strcmp(optarg, "expires_in") != 0)
			usage(name, optarg, "expiry or expires_in");
		opts.expiry_name = optarg;
		return;
	case O_RETRY_AFTER:
		opts.retry_after = optarg;
		if (strcmp(optarg, "none") == 0)
			opts.retry_after = NULL;
		else
			number(name, optarg, 1e6);
		return;
	case 'h':
		printf("%s\n%s", synopsis, help);
		exit(fflush(stdout) == 0 ? EX_OK : EX_IOERR);
	case 'V':
		printf("av-sandbox %s\n", av_version);
		exit(fflush(stdout) == 0 ? EX_OK : EX_IOERR);
	default:
		fputs(synopsis, stderr);
		exit(EX_USAGE);
	}
}

/* An option that has a number, or takes none at all. */
static bool
read_plain(int c, const char *name)
{
	struct {
		int option;
		int64_t *value;
	} times[] = {{O_READY_AFTER, &opts.ready_after},
	    {O_RENDER_AFTER, &opts.render_after}, {O_LIST_LAG, &opts.list_lag},
	    {O_DELAY, &opts.delay}, {O_LATE, &opts.late}, {O_STALL, &opts.stall}};
	struct {
		int option;
		const char **value;
	} texts[] = {{O_FAIL_MATCH, &opts.fail_match},
	    {O_REFUSE_MATCH, &opts.refuse_match}, {O_STATE, &opts.state},
	    {O_TRACE, &opts.trace}, {O_DIR, &opts.dir}};
	struct {
		int option;
		bool *value;
		bool to;
	} flags[] = {{O_STRICT_EXIT, &opts.strict_exit, true},
	    {O_NEWER, &opts.newer, true}, {O_BIG_IDS, &opts.big_ids, true},
	    {O_STAY, &opts.stay, true}, {O_NO_REFRESH, &opts.refresh_tokens, false}};
	struct {
		int option;
		long *value;
	} counts[] = {{O_TOKEN_LIFE, &opts.token_life}, {O_URL_LIFE, &opts.url_life},
	    {O_CONCURRENT, &opts.concurrent}};
	size_t i;

	for (i = 0; i < sizeof times / sizeof *times; i++)
		if (times[i].option == c)
			return *times[i].value = whole(name, optarg, 1000000000), true;
	for (i = 0; i < sizeof texts / sizeof *texts; i++)
		if (texts[i].option == c)
			return *texts[i].value = optarg, true;
	for (i = 0; i < sizeof flags / sizeof *flags; i++)
		if (flags[i].option == c)
			return *flags[i].value = flags[i].to, true;
	for (i = 0; i < sizeof counts / sizeof *counts; i++)
		if (counts[i].option == c)
			return *counts[i].value = whole(name, optarg, 1000000000), true;
	return false;
}

void
options_read(int argc, char *argv[])
{
	int c, index = 0;

	while ((c = getopt_long(argc, argv, "+hV", long_options, &index)) != -1) {
		const char *name = c >= 256 ? long_options[index].name : "";

		if (read_plain(c, name))
			continue;
		if (c == O_PORT)
			opts.port = (unsigned)whole(name, optarg, 65535);
		else if (c == O_MEDIA_PORT)
			opts.media_port = (unsigned)whole(name, optarg, 65535);
		else if (c == O_FAIL_RATE)
			opts.fail_rate = number(name, optarg, 1);
		else if (c == O_SEED) {
			opts.seed = (uint64_t)whole(name, optarg, INT64_MAX);
			opts.seeded = true;
		} else
			read_special(c, name);
	}
	if (optind < argc)
		opts.command = argv + optind;
	if (!opts.seeded && getrandom(&opts.seed, sizeof opts.seed, 0) < 0)
		die(EX_OSERR, "no random numbers:");
}
