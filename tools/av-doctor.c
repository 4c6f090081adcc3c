/* av-doctor: checks what is configured, reachable and usable, and shows what is in force. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "av-doctor/doctor.h"
#include "base/config.h"
#include "base/err.h"

struct options {
	struct doctor doctor;
	bool json, config, answers;
};

#define AT(member) offsetof(struct options, member)

static const struct opt table[] = {
    {0, "offline", NULL, "ask no service", OPT_FLAG, AT(doctor.offline)},
    {0, "config", NULL, "show the settings in force, and from where", OPT_FLAG,
        AT(config)},
    {0, "answers", NULL, "compare services' answers with their descriptions", OPT_FLAG,
        AT(answers)},
    {0, "json", NULL, "print a line of JSON for each check or setting", OPT_FLAG,
        AT(json)},
    {'p', "provider", "NAME[,NAME]", "check these, configured or not (AV_PROVIDER)",
        OPT_STR, AT(doctor.common.provider)},
    {'u', "url", "URL", "base URL of the API, with one -p (NAME_API_URL)", OPT_STR,
        AT(doctor.common.url)},
    {'j', "jobs", "N", "as the other programs take it, for --config", OPT_INT,
        AT(doctor.common.jobs)},
    {0, "ledger", "FILE", "the ledger (AV_LEDGER, then the state directory)", OPT_STR,
        AT(doctor.ledger)},
    {'v', "verbose", NULL, "print each request on stderr", OPT_COUNT,
        AT(doctor.common.verbose)},
    {0},
};

static const struct opt_usage usage = {
    .synopsis = "av-doctor [options]",
    .about =
        "Checks keys, services, ledger, directories, proxy, certificates, clock, disk and\n"
        "programs. Each line that is not ok comes with the command that mends it. A\n"
        "service is asked once, by a request that costs nothing.",
    .examples = "  av-doctor\n"
                "  av-doctor -p anam --offline\n"
                "  av-doctor --json | jq -r 'select(.status != \"ok\") | .fix'\n"
                "  av-doctor --config\n",
};

int
main(int argc, char *argv[])
{
	struct options o = {0};
	struct doctor *d = &o.doctor;
	struct report report;

	int first = opt_parse(argc, argv, &usage, table, &o);

	if (first < argc)
		opt_misuse(
		    &usage, "there are no operands; name a provider: av-doctor -p NAME");
	d->provider = d->common.provider;
	d->jobs = d->common.jobs;
	opt_common_finish(&d->common, &usage, argv, first);
	if (d->common.url != NULL && d->common.providers.n != 1)
		opt_misuse(&usage, "--url needs exactly one provider; add -p NAME");
	if (o.answers && (d->provider == NULL || o.config || d->offline))
		opt_misuse(
		    &usage, "--answers asks the services of -p; write --answers -p NAME");
	report_init(&report, o.json);
	if (o.config && d->common.bad_config.code != CODE_NONE) {
		report_fail(
		    &report, "config", "av-doctor --offline", &d->common.bad_config);
	} else if (o.answers) {
		check_answers(d, &report);
	} else if (o.config) {
		show_settings(d, &report);
	} else {
		check_machine(d, &report);
		check_services(d, &report);
	}
	if (fflush(stdout) != 0 || ferror(stdout) || fclose(stdout) != 0)
		die(EX_IOERR, "cannot write the output: %s; %s", strerror(errno),
		    err_after_write(errno));
	for (size_t i = 0; i < d->common.providers.n; i++)
		free((void *)(uintptr_t)d->common.providers.v[i]);
	strings_release(&d->common.providers);
	return report.status;
}
