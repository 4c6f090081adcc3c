#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <stb/stb_image.h>

#include "core/object.h"
#include "core/util.h"
#include "picture/canvas.h"
#include "picture/gif.h"
#include "services/draw.h"

enum { PICTURE = 1024, ANIMATION = 256, FRAMES = 8 };

/* One second of a test card with sound, made with ffmpeg. */
extern const unsigned char clip_mp4[];
extern const uint32_t clip_mp4_size;

__asm__(".section .rodata\n"
        ".global clip_mp4, clip_mp4_size\n"
        "clip_mp4: .incbin \"tools/av-sandbox/services/clip.mp4\"\n"
        "clip_mp4_end: .balign 4\n"
        "clip_mp4_size: .int clip_mp4_end - clip_mp4\n"
        ".previous\n");

static const char *
param(const struct sb_item *it, const char *name)
{
	return obj_get_text(it->params, name);
}

int
picture_size(const struct sb_item *it)
{
	const char *size = param(it, "size");
	int otherwise = param(it, "animation") != NULL ? ANIMATION : PICTURE;
	int n = size != NULL ? atoi(size) : 0;

	return n >= 16 && n <= 2048 ? n : otherwise;
}

static struct rgba
background(const struct sb_item *it)
{
	const char *s = param(it, "background_color");
	unsigned long n = s != NULL ? strtoul(s + 1, NULL, 16) : 0;

	if (s == NULL)
		return (struct rgba){0, 0, 0, 0};
	if (strlen(s) == 4)
		return (struct rgba){(unsigned char)((n >> 8 & 15) * 17),
		    (unsigned char)((n >> 4 & 15) * 17), (unsigned char)((n & 15) * 17),
		    255};
	return (struct rgba){
	    (unsigned char)(n >> 16), (unsigned char)(n >> 8), (unsigned char)n, 255};
}

/* Decodes the photo's thumbnail; false: there is none. */
static bool
open_photo(const struct sb_photo *p, struct canvas *c)
{
	int n;

	c->rgba = p == NULL || p->thumb.len == 0
	              ? NULL
	              : stbi_load_from_memory((const unsigned char *)p->thumb.data,
	                    (int)p->thumb.len, &c->width, &c->height, &n, 4);
	return c->rgba != NULL;
}

/* Draws the photo, moved by dx and dy, in a frame whose colour follows from `random`. */
static void
paint(struct canvas *c, const struct sb_item *it, const struct canvas *photo, int dx,
    int dy)
{
	const struct sb_item *avatar = it->parent != NULL ? it->parent : it;
	const char *number = param(avatar, "random");
	const char *label =
	    param(it, "pose") != NULL ? param(it, "pose") : param(it, "animation");
	int box = c->width * 7 / 10, w = box, h = box, edge = c->width / 64 + 1;
	int scale = c->width / 128 + 1;

	if (photo->width > photo->height)
		h = box * photo->height / photo->width;
	else
		w = box * photo->width / photo->height;
	w = w > 0 ? w : 1;
	h = h > 0 ? h : 1;
	dx += (c->width - w) / 2;
	dy += (c->height - h) / 2 - c->height / 16;
	canvas_rect(c, dx - edge, dy - edge, w + 2 * edge, h + 2 * edge,
	    canvas_colour(mix(number != NULL ? strtoull(number, NULL, 10) : 0, 7)));
	canvas_paste(c, dx, dy, w, h, photo);
	if (label != NULL) {
		canvas_rect(c, 0, c->height - 12 * scale, c->width, 12 * scale,
		    (struct rgba){30, 30, 30, 255});
		canvas_text(c, 3 * scale, c->height - 9 * scale, scale, label,
		    (struct rgba){255, 255, 255, 255});
	}
}

static void
draw_picture(const struct sb_item *it, const struct canvas *photo, struct buf *out)
{
	struct canvas c;
	int size = picture_size(it);

	canvas_init(&c, size, size, background(it));
	paint(&c, it, photo, 0, 0);
	canvas_png(&c, out);
	canvas_release(&c);
}

static void
draw_animation(const struct sb_item *it, const struct canvas *photo, struct buf *out)
{
	int size = picture_size(it);
	struct rgba fill = background(it);

	if (fill.a == 0)
		fill = (struct rgba){255, 255, 255, 255};
	gif_begin(out, size, size);
	for (int i = 0; i < FRAMES; i++) {
		double angle = i * 6.283185307 / FRAMES;
		struct canvas c;

		canvas_init(&c, size, size, fill);
		paint(&c, it, photo, (int)(sin(angle) * size / 16),
		    (int)(cos(angle) * size / 32));
		gif_frame(out, &c, 10);
		canvas_release(&c);
	}
	gif_end(out);
}

/* Draws the photo alone, its longest side as given. */
static void
draw_copy(const struct canvas *photo, int longest, bool png, struct buf *out)
{
	struct canvas c;

	canvas_scale(&c, photo, longest);
	if (png)
		canvas_png(&c, out);
	else
		canvas_jpeg(&c, 85, out);
	canvas_release(&c);
}

/* A glTF model of one triangle, its data inside the file. */
static void
draw_model(const struct sb_item *it, struct buf *out)
{
	buf_printf(out,
	    "{\"asset\":{\"version\":\"2.0\",\"generator\":\"av-sandbox\"},"
	    "\"scene\":0,\"scenes\":[{\"nodes\":[0]}],"
	    "\"nodes\":[{\"mesh\":0,\"name\":\"avatar %s\"}],"
	    "\"meshes\":[{\"primitives\":[{\"attributes\":{\"POSITION\":0}}]}],"
	    "\"accessors\":[{\"bufferView\":0,\"componentType\":5126,\"count\":3,"
	    "\"type\":\"VEC3\",\"min\":[0,0,0],\"max\":[1,1,0]}],"
	    "\"bufferViews\":[{\"buffer\":0,\"byteLength\":36}],"
	    "\"buffers\":[{\"byteLength\":36,\"uri\":\"data:application/octet-stream;base64,"
	    "AAAAAAAAAAAAAAAAAACAPwAAAAAAAAAAAAAAAAAAgD8AAAAA\"}]}\n",
	    it->id);
}

static const char *
draw_photo(const struct sb_item *it, const struct canvas *photo, const char *what,
    struct buf *out)
{
	if (it->kind == RENDERING && strcmp(what, "picture.gif") == 0)
		draw_animation(it, photo, out);
	else if (it->kind == RENDERING && strcmp(what, "picture.png") == 0)
		draw_picture(it, photo, out);
	else if (strcmp(what, "still.png") == 0 || strcmp(what, "landscape.png") == 0 ||
	         strcmp(what, "portrait.png") == 0)
		draw_copy(photo, 768, true, out);
	else if (strcmp(what, "thumbnail.jpg") == 0)
		draw_copy(photo, 320, false, out);
	else if (strcmp(what, "cover.jpg") == 0)
		draw_copy(photo, 1280, false, out);
	else
		return NULL;
	return strstr(what, ".gif") != NULL   ? "image/gif"
	       : strstr(what, ".png") != NULL ? "image/png"
	                                      : "image/jpeg";
}

const char *
draw(const struct sb_item *it, const char *what, struct buf *out)
{
	struct canvas photo;
	const char *type;

	if (strcmp(what, "model.gltf") == 0) {
		draw_model(it, out);
		return "model/gltf+json";
	}
	if (strstr(what, ".mp4") != NULL) {
		buf_add(out, clip_mp4, clip_mp4_size);
		return "video/mp4";
	}
	if (strcmp(what, "page.html") == 0) {
		buf_printf(out, "<!doctype html><title>%s</title><p>A video.\n", it->id);
		return "text/html";
	}
	if (!open_photo(it->photo, &photo))
		return NULL;
	type = draw_photo(it, &photo, what, out);
	stbi_image_free(photo.rgba);
	return type;
}
