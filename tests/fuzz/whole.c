/* The first byte chooses the type; the rest is the file. Cut files are read too. */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "image/whole.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const types[] = {"image/png", "image/gif", "image/heic",
	    "video/mp4", "video/webm", "model/gltf-binary", "model/gltf+json",
	    "application/zip"};
	char why[WHOLE_WHY] = "";
	static int fd = -1;
	const char *type;

	if (fd < 0)
		fd = memfd_create("result", MFD_CLOEXEC);
	if (size == 0)
		return 0;
	type = types[data[0] % (sizeof types / sizeof *types)];
	size--;
	if (ftruncate(fd, 0) < 0 || pwrite(fd, data + 1, size, 0) != (ssize_t)size)
		abort();
	if (file_is_whole(fd, size, type, NULL, why) != (why[0] == '\0'))
		abort();
	why[0] = '\0';
	(void)file_is_whole(fd, size - size / 3, type, NULL, why);
	return 0;
}
