/*
 * facts: what a reader (image/image.h) tells about a picture.
 */
#ifndef AV_IMAGE_FACTS_H
#define AV_IMAGE_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum image_type { IMAGE_OTHER, IMAGE_JPEG, IMAGE_PNG, IMAGE_WEBP };

enum image_state {
	IMAGE_OPEN,      /* the picture goes on */
	IMAGE_COMPLETE,  /* it has ended as the format says */
	IMAGE_TRUNCATED, /* the file ended first; set by image_finish */
	IMAGE_DAMAGED,   /* it contradicts the format */
};

struct image_facts {
	enum image_type type;
	enum image_state state;
	bool header;     /* the members from width to lossless are known */
	bool header_end; /* the header says no more: a quick look may stop */
	uint32_t width, height; /* as stored, before any turning */
	uint8_t orientation;    /* of Exif, 1 to 8; 0: not stated */
	uint8_t channels;       /* as coded, with alpha: 1 to 4 */
	uint8_t depth;          /* bits of a channel, or of a palette's index */
	bool alpha;
	bool palette;
	bool cmyk;
	bool progressive; /* or interlaced */
	bool arithmetic;  /* JPEG with arithmetic coding */
	bool exotic;      /* lossless or hierarchical JPEG */
	bool lossless;
	bool animated;
	bool gps;           /* the metadata has a location */
	bool scans_missing; /* progressive JPEG without its last scans */
	bool zeros_after;   /* all bytes after the end are zero */
	bool picture_after; /* another JPEG follows; some phones write one */
	/* The rest of a JPEG scan follows, so the EOI was written over it. */
	bool scan_after;
	uint64_t end;     /* complete: its length; damaged: where */
	uint64_t after;   /* bytes after the end; set by image_finish */
	char reason[128]; /* why it is damaged or truncated, for people */
};

#endif
