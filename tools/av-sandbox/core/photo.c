#include <json-c/linkhash.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <webp/decode.h>

#include <stb/stb_image.h>

#include "base/mem.h"
#include "core/photo.h"
#include "picture/canvas.h"

enum { THUMB = 256, MAX_PIXELS = 100000000 };

static struct lh_table *photos; /* by sha256 */

const char *
sb_photo_type_name(enum photo_type type)
{
	static const char *const names[] = {
	    "no picture", "image/jpeg", "image/png", "image/webp"};

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

static void
photo_add(struct sb_photo *p)
{
	if (photos == NULL)
		photos = lh_kchar_table_new(1024, NULL);
	lh_table_insert(photos, p->sha256, p);
}

static void
make_thumb(struct sb_photo *p, const struct canvas *full)
{
	int longest = full->width > full->height ? full->width : full->height;
	int w = full->width, h = full->height;
	struct canvas small;

	if (longest > THUMB) {
		w = w * THUMB / longest;
		h = h * THUMB / longest;
	}
	canvas_init(&small, w > 0 ? w : 1, h > 0 ? h : 1, (struct rgba){0, 0, 0, 255});
	canvas_paste(&small, 0, 0, small.width, small.height, full);
	canvas_jpeg(&small, 85, &p->thumb);
	canvas_release(&small);
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

/* The size by the header alone, so that a bomb is refused before it is decoded. */
static bool
size_of(enum photo_type type, const unsigned char *data, size_t len, int *w, int *h)
{
	int n;

	if (type == PHOTO_WEBP ? !WebPGetInfo(data, len, w, h)
	                       : !stbi_info_from_memory(data, (int)len, w, h, &n))
		return false;
	return *w > 0 && *h > 0 && (int64_t)*w * *h <= MAX_PIXELS;
}

/* Where two bytes stand last, or NULL. */
static const unsigned char *
last_of(const unsigned char *data, size_t len, unsigned char a, unsigned char b)
{
	for (size_t i = len; i >= 2; i--)
		if (data[i - 1] == b && data[i - 2] == a)
			return data + i - 2;
	return NULL;
}

/* stb_image is content with half a JPEG. Neither marker can stand in coded data, so that the
 * end of a whole one comes after the start of its last scan. */
static bool
jpeg_ends(const unsigned char *data, size_t len)
{
	const unsigned char *scan = last_of(data, len, 0xff, 0xda);
	const unsigned char *end = last_of(data, len, 0xff, 0xd9);

	return scan != NULL && end != NULL && end > scan;
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

struct sb_photo *
sb_photo_of(const void *data, size_t len)
{
	char sha256[HEX_SIZE];
	struct sb_photo *p;

	digest_hex(data, len, sha256);
	p = sb_photo_find(sha256);
	if (p != NULL)
		return p;
	p = mem_new(1, sizeof *p);
	strcpy(p->sha256, sha256);
	p->bytes = len;
	decode_photo(p, data, len);
	photo_add(p);
	return p;
}

struct sb_photo *
sb_photo_of_url(const char *url)
{
	struct buf key = {0};
	char sha256[HEX_SIZE];
	uint64_t n = mix_str(1, url);
	struct canvas c;
	struct sb_photo *p;

	buf_printf(&key, "url:%s", url);
	digest_hex(key.data, key.len, sha256);
	buf_release(&key);
	p = sb_photo_find(sha256);
	if (p != NULL)
		return p;
	p = mem_new(1, sizeof *p);
	strcpy(p->sha256, sha256);
	p->type = PHOTO_PNG;
	p->width = 1280;
	p->height = 720;
	canvas_init(&c, 256, 144, colour_of(n));
	canvas_disc(&c, 128, 72, 50, colour_of(n + 1));
	canvas_disc(&c, 110, 60, 6, (struct rgba){20, 20, 20, 255});
	canvas_disc(&c, 146, 60, 6, (struct rgba){20, 20, 20, 255});
	canvas_rect(&c, 108, 90, 40, 6, (struct rgba){20, 20, 20, 255});
	canvas_jpeg(&c, 85, &p->thumb);
	canvas_release(&c);
	photo_add(p);
	return p;
}

struct json_object *
sb_photo_json(const struct sb_photo *p)
{
	struct json_object *o = json_object_new_object();
	unsigned char *text = mem_new(p->thumb.len / 3 * 4 + 8, 1);

	EVP_EncodeBlock(text, (const unsigned char *)p->thumb.data, (int)p->thumb.len);
	json_object_object_add(o, "sha256", json_object_new_string(p->sha256));
	json_object_object_add(o, "type", json_object_new_int((int)p->type));
	json_object_object_add(o, "width", json_object_new_int(p->width));
	json_object_object_add(o, "height", json_object_new_int(p->height));
	json_object_object_add(o, "bytes", json_object_new_int64((int64_t)p->bytes));
	json_object_object_add(o, "thumb", json_object_new_string((char *)text));
	free(text);
	return o;
}

static struct json_object *
member(struct json_object *o, const char *name)
{
	return json_object_object_get(o, name);
}

void
sb_photo_restore(struct json_object *o)
{
	const char *sha256 = json_object_get_string(member(o, "sha256"));
	const char *text = json_object_get_string(member(o, "thumb"));
	struct sb_photo *p;
	int n;

	if (sha256 == NULL || text == NULL || strlen(sha256) != HEX_SIZE - 1 ||
	    sb_photo_find(sha256) != NULL)
		return;
	p = mem_new(1, sizeof *p);
	strcpy(p->sha256, sha256);
	p->type = (enum photo_type)(json_object_get_int(member(o, "type")) & 3);
	p->width = json_object_get_int(member(o, "width"));
	p->height = json_object_get_int(member(o, "height"));
	p->bytes = (size_t)json_object_get_int64(member(o, "bytes"));
	p->kept = true;
	buf_room(&p->thumb, strlen(text));
	n = EVP_DecodeBlock((unsigned char *)p->thumb.data, (const unsigned char *)text,
	    (int)strlen(text));
	if (n > 0)
		p->thumb.len = (size_t)n; /* zeros of the padding do no harm */
	photo_add(p);
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
