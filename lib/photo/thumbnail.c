#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <stb/stb_image.h>
#include <webp/decode.h>

#include "base/mem.h"
#include "image/image.h"
#include "os/child.h"
#include "photo/decode.h"
#include "photo/photo.h"
#include "photo/thumbnail.h"

#define SIDE       THUMBNAIL_SIDE
#define MAX_PIXELS 50000000
#define MEMORY     ((uint64_t)1 << 30)
#define CPU_S      10
#define WALL_MS    20000

/* Values are 0 to 255. Measured over 180 copies of photos, scaled down to 256 to 768
 * pixels and compressed again: the mean is off by at most 0.95, one value by 14, and the
 * average of a region of 4x4 cells by 3.2. Of 5310 pairs of drawn faces before the same
 * wall, in the same place and clothes, each has a region that is off by 3.8 or more. */
#define MEAN_MAX   2
#define OFF_MAX    16
#define REGION     4
#define REGION_MAX 3.5

/* A picture with less contrast than this shows nothing that tells it from others. */
#define CONTRAST_MIN 40

/* True if the average of a region, in colour k, is off by no more than REGION_MAX. Noise
 * of compression evens out there; another colour of the hair does not. */
static bool
is_same_region(const struct thumbnail *a, const struct thumbnail *b, size_t at, int k)
{
	int sum = 0;

	for (size_t y = 0; y < REGION; y++)
		for (size_t i = at + y * SIDE; i < at + y * SIDE + REGION; i++)
			sum += a->cells[i][k] - b->cells[i][k];
	return abs(sum) <= REGION_MAX * REGION * REGION;
}

static bool
is_same_shape(const struct thumbnail *a, const struct thumbnail *b)
{
	uint64_t wide = (uint64_t)a->width * b->height,
	         high = (uint64_t)a->height * b->width;

	return wide * 50 <= high * 51 && high * 50 <= wide * 51;
}

bool
thumbnail_same(const struct thumbnail *a, const struct thumbnail *b)
{
	int sum = 0, least = 255, most = 0;

	if (!is_same_shape(a, b))
		return false;
	for (size_t i = 0; i < SIDE * SIDE; i++) {
		bool corner = i % REGION == 0 && i / SIDE % REGION == 0;

		for (int k = 0; k < 3; k++) {
			int value = a->cells[i][k], off = abs(value - b->cells[i][k]);

			if (off > OFF_MAX || (corner && !is_same_region(a, b, i, k)))
				return false;
			sum += off;
			least = value < least ? value : least;
			most = value > most ? value : most;
		}
	}
	return sum <= MEAN_MAX * SIDE * SIDE * 3 && most - least >= CONTRAST_MIN;
}

/* The part of pixel i, of n in a row, that lies in cell c. The pixel is SIDE wide, and
 * the cell n. */
static uint64_t
share(uint64_t i, uint64_t c, uint64_t n)
{
	uint64_t from = i * SIDE > c * n ? i * SIDE : c * n;
	uint64_t to = (i + 1) * SIDE < (c + 1) * n ? (i + 1) * SIDE : (c + 1) * n;

	return to - from;
}

/* Scales by the average of each cell's area. */
static void
scale(const uint8_t *rgb, uint64_t w, uint64_t h, uint8_t cells[][3])
{
	uint64_t sums[SIDE * SIDE][3] = {0};

	for (uint64_t y = 0; y < h; y++) {
		uint64_t row[SIDE][3] = {0};

		for (uint64_t x = 0; x < w; x++, rgb += 3)
			for (uint64_t c = x * SIDE / w; c * w < (x + 1) * SIDE; c++)
				for (int k = 0; k < 3; k++)
					row[c][k] += rgb[k] * share(x, c, w);
		for (uint64_t c = y * SIDE / h; c * h < (y + 1) * SIDE; c++)
			for (size_t i = 0; i < SIDE; i++)
				for (int k = 0; k < 3; k++)
					sums[c * SIDE + i][k] +=
					    row[i][k] * share(y, c, h);
	}
	for (size_t i = 0; i < SIDE * SIDE; i++)
		for (int k = 0; k < 3; k++)
			cells[i][k] = (uint8_t)(sums[i][k] / (w * h));
}

/* Turns the cells as Exif's orientation says: 2 to 4 mirror, 5 to 8 also swap the axes. */
static void
turn(struct thumbnail *t, unsigned orientation)
{
	static const bool flip_x[] = {0, 0, 1, 1, 0, 0, 0, 1, 1};
	static const bool flip_y[] = {0, 0, 0, 1, 1, 0, 1, 1, 0};
	struct thumbnail from = *t;

	for (size_t y = 0; y < SIDE; y++) {
		for (size_t x = 0; x < SIDE; x++) {
			size_t sx = orientation >= 5 ? y : x;
			size_t sy = orientation >= 5 ? x : y;

			if (flip_x[orientation])
				sx = SIDE - 1 - sx;
			if (flip_y[orientation])
				sy = SIDE - 1 - sy;
			memcpy(t->cells[y * SIDE + x], from.cells[sy * SIDE + sx], 3);
		}
	}
	if (orientation >= 5) {
		t->width = from.height;
		t->height = from.width;
	}
}

/* The pixels, 3 bytes each, or NULL. The caller frees them. */
static uint8_t *
decode(enum image_type type, const uint8_t *data, size_t len, int *w, int *h)
{
	int n;

	if (type == IMAGE_WEBP)
		return WebPDecodeRGB(data, len, w, h);
	return len <= INT_MAX ? stbi_load_from_memory(data, (int)len, w, h, &n, 3) : NULL;
}

static uint8_t *
read_all(int fd, size_t size)
{
	uint8_t *data = malloc(size);
	ssize_t n = 1;

	for (size_t have = 0; data != NULL && have < size; have += (size_t)n) {
		n = TEMP_FAILURE_RETRY(pread(fd, data + have, size - have, (off_t)have));
		if (n <= 0) {
			free(data);
			return NULL;
		}
	}
	return data;
}

bool
thumbnail_make(int fd, uint64_t size, struct thumbnail *t)
{
	const struct photo_options options = {
	    .depth = PHOTO_READ, .max_pixels = MAX_PIXELS};
	uint8_t *data, *rgb;
	struct photo photo;
	struct err e;
	int w, h;

	if (size == 0 || photo_check(fd, size, &options, NULL, &photo, &e) < 0 ||
	    photo.facts.type == IMAGE_OTHER || photo_is_quick(&options, size) ||
	    findings_worst(&photo.findings) == SEVERITY_REFUSED)
		return false;
	data = read_all(fd, (size_t)size);
	rgb = data != NULL ? decode(photo.facts.type, data, (size_t)size, &w, &h) : NULL;
	free(data);
	/* The size that was checked against the ceiling is the decoder's too. */
	if (rgb == NULL || w <= 0 || h <= 0 || (uint32_t)w != photo.width ||
	    (uint32_t)h != photo.height) {
		free(rgb);
		return false;
	}
	t->width = photo.width;
	t->height = photo.height;
	scale(rgb, (uint64_t)w, (uint64_t)h, t->cells);
	free(rgb);
	turn(t, photo.orientation);
	return true;
}

/* The worker's life. A width of 0 stands for a picture that cannot be decoded. */
static void
work(int sock, const void *unused)
{
	struct thumbnail t = {0};
	uint64_t size;
	int fd;

	(void)unused;
	sock = child_prepare(sock);
	workers_confine(sock, MEMORY, false);
	if (child_receive(sock, &size, sizeof size, &fd)) {
		(void)thumbnail_make(fd, size, &t);
		child_reply(sock, &t, sizeof t);
	}
	_exit(0);
}

static enum worker_reply
on_reply(struct worker_task *task, void *message, size_t len)
{
	struct thumbnail_job *job = (struct thumbnail_job *)task;

	if (len != sizeof job->thumbnail)
		return WORKER_INVALID;
	memcpy(&job->thumbnail, message, len);
	job->done(job->arg, job->thumbnail.width > 0 ? &job->thumbnail : NULL);
	return WORKER_SPENT;
}

static void
on_death(struct worker_task *task, const struct worker_death *death)
{
	struct thumbnail_job *job = (struct thumbnail_job *)task;

	note("a picture could not be decoded: %s", death->text);
	job->done(job->arg, NULL);
}

struct workers *
thumbnail_workers(struct loop *loop)
{
	image_prepare(); /* the workers cannot */
	decode_prepare();
	return workers_new(loop, &(struct workers_options){.wall_ms = WALL_MS,
	                             .cpu_s = CPU_S,
	                             .message_max = sizeof(struct thumbnail),
	                             .run = work,
	                             .on_reply = on_reply,
	                             .on_death = on_death});
}

void
thumbnail_submit(
    struct workers *workers, struct thumbnail_job *job, int fd, uint64_t size)
{
	job->size = size;
	job->task = (struct worker_task){
	    .request = &job->size, .len = sizeof job->size, .fd = fd};
	workers_submit(workers, &job->task);
}
