/*
 * whole: whether a file is complete and sound, as its own format says.
 *
 * For results that a service sent: a Content-Length proves neither. Reads the
 * file from start to end and decodes no pixels. It checks:
 *
 *   JPEG, PNG, WebP   all that image/image.h checks.
 *   GIF               every block, to the trailer.
 *   MP4, QuickTime    the lengths of the boxes add up; moov and mdat are there.
 *   HEIF, AVIF        likewise, with meta and mdat.
 *   WebM, Matroska    the lengths of the elements add up; Segment, Tracks and
 *                     Cluster are there.
 *   glTF              the JSON is an object; a binary file's chunks add up.
 *   ZIP               the end record, and where it says that the directory is.
 *
 * Bytes after the end of a picture or of a binary glTF are no fault. What MP4
 * and WebM hold in mdat and Cluster has no checksum, so it is not checked.
 *
 * Sources: GIF89a; ISO/IEC 14496-12, 4.2; RFC 8794 and RFC 9559; glTF 2.0, 4.4;
 * PKWARE APPNOTE 6.3.10, 4.3.16.
 */
#ifndef AV_IMAGE_WHOLE_H
#define AV_IMAGE_WHOLE_H

#include <stdbool.h>
#include <stdint.h>

#define WHOLE_WHY 128

/* True if a file of size bytes is whole, or if neither its MIME type nor its
 * extension (NULL: none) is one of the above. The extension counts because a
 * long glTF file in JSON looks like text/plain. Else `why` says what is wrong,
 * for people. Needs as much memory as the file if it is JSON. */
bool file_is_whole(int fd, uint64_t size, const char *type, const char *ext,
    char why[WHOLE_WHY]);

#endif
