/*
 * file_name: the name of a photo's file, as the service accepts it.
 */
#ifndef AV_PROVIDER_FILE_NAME_H
#define AV_PROVIDER_FILE_NAME_H

#include "provider/provider.h"

/* A name in which image.file_name of the description allows each character and
 * the length: the same for the same name. "Zoë K (2).jpg" becomes
 * "Zoe_K_2.jpg". Without that member it is the name as it is. The caller frees
 * it. */
char *file_name_fit(const struct provider *p, const char *name);

/* True if the description allows "photo.jpg", so that any photo has a name. */
bool file_name_is_possible(const struct provider *p);

#endif
