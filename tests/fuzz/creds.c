/* Any credentials file, and the same from a descriptor: a value is one line, and a
 * message holds no byte of the file. */
#include "auth/creds.h"
#include "home.h"

static void
load(const struct creds_from *from)
{
	struct creds creds;
	struct err e = {.code = CODE_NONE};

	if (creds_load(&creds, "acme", from, &e) != 0) {
		need(e.code != CODE_NONE && e.message[0] != '\0');
		return;
	}
	for (int i = 0; i < CRED_COUNT; i++)
		need(creds.value[i] == NULL || strpbrk(creds.value[i], "\n") == NULL);
	creds_release(&creds);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char path[300], pipe_path[300];
	struct creds_from from;

	if (path[0] == '\0') {
		snprintf(path, sizeof path, "%s/avtools", fuzz_home());
		need(mkdir(path, 0700) == 0);
		snprintf(path, sizeof path, "%s/avtools/credentials", fuzz_home());
		snprintf(pipe_path, sizeof pipe_path, "%s/given", fuzz_home());
	}
	fuzz_file(path, data, size);
	load(NULL);
	unlink(path);
	fuzz_file(pipe_path, data, size);
	from = (struct creds_from){.fd = open(pipe_path, O_RDONLY | O_CLOEXEC),
	    .oauth = size > 0 && data[0] % 2 == 0};
	load(&from);
	close(from.fd);
	return 0;
}
