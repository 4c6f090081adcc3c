/*
 * image: readers for JPEG, PNG and WebP that check the structure of a file.
 *
 * A reader is fed a file's bytes in order, in pieces of any size, and tells
 * what the picture is and whether it is complete. It decodes no pixels, keeps
 * at most 64 MiB of the bytes (a large Exif block), and trusts none of them.
 * What contradicts the format, but does not keep a decoder from the pixels,
 * makes the picture odd: photo/photo.h has it decoded. It checks:
 *
 *   JPEG  every marker, length and table; stuffing and restart markers in the
 *         coded data; that each component has its scans down to the last bit
 *         of precision; that a scan is not shorter than its blocks can be.
 *         Only decoding (photo/decode.h) finds a picture that was cut off
 *         within a scan and then closed with an EOI.
 *   PNG   every chunk's CRC and place; the pixel data, which is inflated and
 *         thrown away: zlib's Adler-32, the exact number of bytes, the filter
 *         of each row. Decoding finds nothing more.
 *   WebP  RIFF's size, the chunks, and that the headers of VP8, VP8L, VP8X and
 *         ANMF agree. The coded pixels have no checksum: only decoding finds
 *         damage there.
 *
 * Sources: ITU T.81 (JPEG); W3C PNG, third edition; RFC 9649 (WebP), RFC 6386
 * (VP8); CIPA DC-008 (Exif).
 */
#ifndef AV_IMAGE_IMAGE_H
#define AV_IMAGE_IMAGE_H

#include "image/facts.h"

struct image_reader;

/* The format by its first bytes; 12 are enough. */
enum image_type image_detect(const void *data, size_t len);

/* Loads the libraries that readers use, if that is not done yet; else the first
 * picture that needs one does it. For a process that will not be able to open
 * files. */
void image_prepare(void);

/* A reader for one picture of that type, not IMAGE_OTHER. A PNG with more
 * pixels than max_pixels (0: no ceiling) is not inflated. Up to at_once bytes
 * of pixel data are kept, deflated and inflated, since libdeflate is faster
 * than zlib; zlib inflates more than that, or what libdeflate refuses, in
 * little memory. */
struct image_reader *image_new(
    enum image_type type, uint64_t max_pixels, size_t at_once);
void image_free(struct image_reader *r);

void image_feed(struct image_reader *r, const void *data, size_t len);

/* Skips those of the next max bytes that the reader does not need. Returns how
 * many. */
uint64_t image_skip(struct image_reader *r, uint64_t max);

/* The file has ended: sets the state of a picture that is still open. */
void image_finish(struct image_reader *r);

/* What is known so far. Borrowed. */
const struct image_facts *image_facts(const struct image_reader *r);

#endif
