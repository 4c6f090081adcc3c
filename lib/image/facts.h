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
	IMAGE_TRUNCATED, /* the file ended first, or data is missing */
	/* Complete, but something contradicts the format, or unknown bytes
	 * follow a JPEG's end: set by image_finish. Only a decoder can tell
	 * whether the pixels are sound. */
	IMAGE_ODD,
	IMAGE_DAMAGED, /* it contradicts the format and was read no further */
};

/* What follows the end of a picture. */
enum image_trailer {
	TRAILER_NONE,
	TRAILER_UNKNOWN,
	TRAILER_ZEROS,
	TRAILER_PICTURE,  /* a JPEG: a preview, or what MPF lists */
	TRAILER_GAIN_MAP, /* a JPEG, for HDR screens */
	TRAILER_MOVIE,    /* of a Motion Photo: MP4 or QuickTime */
	TRAILER_SAMSUNG,  /* SEF, of each photo that a Samsung phone took */
	TRAILER_LISTED, /* the metadata lists it: MPF, or Google's container */
	TRAILER_HDR_PLUS, /* notes of Google's camera */
	TRAILER_VENDOR, /* a block of another camera or program: see image.c */
	TRAILER_LAST = TRAILER_VENDOR
};

struct image_facts {
	enum image_type type;
	enum image_state state;
	bool header;     /* the members from width to lossless are known */
	bool header_end; /* the header says no more: a quick look may stop */
	uint32_t width, height; /* as stored, before any turning */
	uint8_t orientation;    /* of the first Exif, 1 to 8; 0: not stated */
	/* What a second Exif, or XMP, states; 0: nothing. Programs disagree
	 * whether this counts when the first Exif states nothing. */
	uint8_t other_orientation;
	bool exif; /* there is an Exif block */
	/* The Exif may state an orientation, but it cannot be read. */
	bool exif_unread;
	uint8_t channels; /* as coded, with alpha: 1 to 4 */
	uint8_t depth;    /* bits of a channel, or of a palette's index */
	bool alpha;
	bool palette;
	bool cmyk;
	bool progressive; /* or interlaced */
	bool arithmetic;  /* JPEG with arithmetic coding */
	bool exotic;      /* lossless or hierarchical JPEG */
	bool lossless;
	bool no_tables; /* JPEG without Huffman tables: the standard's hold */
	bool frames;    /* coded as an animation, maybe of one frame */
	bool animated;  /* more than one frame */
	bool gps;       /* the metadata has a location */
	bool scans_missing; /* progressive JPEG without its last scans */
	bool odd;           /* something contradicts the format */
	enum image_trailer trailer; /* set by image_finish */
	/* complete: its length; damaged: where; IMAGE_OTHER: where a JPEG
	 * begins behind other bytes, or 0 */
	uint64_t end;
	uint64_t after;   /* bytes after the end; set by image_finish */
	uint64_t odd_at;  /* odd or damaged: where */
	char reason[128]; /* why it is odd, damaged or truncated, for people */
};

#endif
