#include <json-c/linkhash.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <webp/decode.h>

#include <stb/stb_image.h>

#include "base/mem.h"
#include "core/object.h"
#include "core/photo.h"
#include "picture/canvas.h"

enum { THUMB = 256, MAX_PIXELS = 100000000 };

static struct lh_table *photos; /* by sha256 */

const char *
sb_photo_type_name(enum photo_type type)
{
	static const char *const names[] = {
	    "of unknown type", "image/jpeg", "image/png", "image/webp"};

	return names[type];
}

struct sb_photo *
sb_photo_find(const char *sha256)
{
	void *p = NULL;

	if (photos != NULL)
		lh_table_lookup_ex(photos, sha256, &p);
	return p;
}

static enum photo_type
type_of(const unsigned char *data, size_t len)
{
	if (len > 3 && memcmp(data, "\xff\xd8\xff", 3) == 0)
		return PHOTO_JPEG;
	if (len > 8 && memcmp(data, "\x89PNG\r\n\x1a\n", 8) == 0)
		return PHOTO_PNG;
	if (len > 12 && memcmp(data, "RIFF", 4) == 0 && memcmp(data + 8, "WEBP", 4) == 0)
		return PHOTO_WEBP;
	return PHOTO_BAD;
}

/* Reads the size from the header, so that a decompression bomb is refused undecoded. */
static bool
size_of(enum photo_type type, const unsigned char *data, size_t len, int *w, int *h)
{
	int n;

	if (type == PHOTO_WEBP ? !WebPGetInfo(data, len, w, h)
	                       : !stbi_info_from_memory(data, (int)len, w, h, &n))
		return false;
	return *w > 0 && *h > 0 && (int64_t)*w * *h <= MAX_PIXELS;
}

/* The last place where b follows a, or NULL. */
static const unsigned char *
last_of(const unsigned char *data, size_t len, unsigned char a, unsigned char b)
{
	for (size_t i = len; i >= 2; i--)
		if (data[i - 1] == b && data[i - 2] == a)
			return data + i - 2;
	return NULL;
}

/* stb_image accepts half a JPEG. Coded data cannot contain a marker, so in a whole JPEG
 * the end marker follows the start of the last scan. */
static bool
jpeg_ends(const unsigned char *data, size_t len)
{
	const unsigned char *scan = last_of(data, len, 0xff, 0xda);
	const unsigned char *end = last_of(data, len, 0xff, 0xd9);

	return scan != NULL && end != NULL && end > scan;
}

static void
make_thumb(struct sb_photo *p, const struct canvas *full)
{
	int longest = full->width > full->height ? full->width : full->height;
	struct canvas small;

	canvas_scale(&small, full, longest < THUMB ? longest : THUMB);
	canvas_jpeg(&small, 85, &p->thumb);
	canvas_release(&small);
}

static void
decode_photo(struct sb_photo *p, const unsigned char *data, size_t len)
{
	enum photo_type type = type_of(data, len);
	struct canvas full = {0, 0, NULL};
	int n;

	if (type == PHOTO_BAD || (type == PHOTO_JPEG && !jpeg_ends(data, len)) ||
	    !size_of(type, data, len, &full.width, &full.height))
		return;
	full.rgba =
	    type == PHOTO_WEBP
	        ? WebPDecodeRGBA(data, len, &full.width, &full.height)
	        : stbi_load_from_memory(data, (int)len, &full.width, &full.height, &n, 4);
	if (full.rgba == NULL)
		return;
	p->type = type;
	p->width = full.width;
	p->height = full.height;
	make_thumb(p, &full);
	if (type == PHOTO_WEBP)
		WebPFree(full.rgba);
	else
		stbi_image_free(full.rgba);
}

/* A new photo of that hash, in the table. */
static struct sb_photo *
photo_new(const char *sha256)
{
	struct sb_photo *p = mem_new(1, sizeof *p);

	strcpy(p->sha256, sha256);
	if (photos == NULL)
		photos = lh_kchar_table_new(1024, NULL);
	lh_table_insert(photos, p->sha256, p);
	return p;
}

struct sb_photo *
sb_photo_of(const void *data, size_t len)
{
	char sha256[SHA256_HEX];
	struct sb_photo *p;

	digest_hex(data, len, sha256);
	p = sb_photo_find(sha256);
	if (p != NULL)
		return p;
	p = photo_new(sha256);
	p->bytes = len;
	decode_photo(p, data, len);
	return p;
}

struct sb_photo *
sb_photo_of_url(const char *url)
{
	static const struct rgba dark = {20, 20, 20, 255};
	char *key = mem_printf("url:%s", url), sha256[SHA256_HEX];
	uint64_t n = mix_str(1, url);
	struct canvas c;
	struct sb_photo *p;

	digest_hex(key, strlen(key), sha256);
	free(key);
	p = sb_photo_find(sha256);
	if (p != NULL)
		return p;
	p = photo_new(sha256);
	p->type = PHOTO_PNG;
	p->width = 1280;
	p->height = 720;
	canvas_init(&c, 256, 144, canvas_colour(mix(n, 7)));
	canvas_disc(&c, 128, 72, 50, canvas_colour(mix(n + 1, 7)));
	canvas_disc(&c, 110, 60, 6, dark);
	canvas_disc(&c, 146, 60, 6, dark);
	canvas_rect(&c, 108, 90, 40, 6, dark);
	canvas_jpeg(&c, 85, &p->thumb);
	canvas_release(&c);
	return p;
}

struct json_object *
sb_photo_json(const struct sb_photo *p)
{
	struct json_object *o = json_object_new_object();
	unsigned char *text = mem_new(p->thumb.len / 3 * 4 + 8, 1);

	EVP_EncodeBlock(text, (const unsigned char *)p->thumb.data, (int)p->thumb.len);
	obj_text(o, "sha256", p->sha256);
	obj_int(o, "type", p->type);
	obj_int(o, "width", p->width);
	obj_int(o, "height", p->height);
	obj_int(o, "bytes", (int64_t)p->bytes);
	obj_text(o, "thumb", (char *)text);
	free(text);
	return o;
}

bool
sb_photo_restore(struct json_object *o)
{
	const char *sha256 = obj_get_text(o, "sha256"), *text = obj_get_text(o, "thumb");
	struct sb_photo *p;
	int n;

	if (sha256 == NULL || text == NULL || strlen(sha256) != SHA256_HEX - 1)
		return false;
	if (sb_photo_find(sha256) != NULL)
		return true;
	p = photo_new(sha256);
	p->type = (enum photo_type)(obj_get_int(o, "type") & 3);
	p->width = (int)obj_get_int(o, "width");
	p->height = (int)obj_get_int(o, "height");
	p->bytes = (size_t)obj_get_int(o, "bytes");
	p->kept = true;
	buf_room(&p->thumb, strlen(text));
	n = EVP_DecodeBlock((unsigned char *)p->thumb.data, (const unsigned char *)text,
	    (int)strlen(text));
	if (n > 0)
		p->thumb.len =
		    (size_t)n; /* with zeros for the padding, which do no harm */
	return true;
}

void
sb_photo_free_all(void)
{
	struct lh_entry *e;

	if (photos == NULL)
		return;
	lh_foreach(photos, e)
	{
		struct sb_photo *p = lh_entry_v(e);

		buf_release(&p->thumb);
		free(p);
	}
	lh_table_free(photos);
	photos = NULL;
}
