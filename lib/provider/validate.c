#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "http/url.h"
#include "photo/limits.h"
#include "provider/findings.h"
#include "provider/option_file.h"
#include "provider/options.h"
#include "provider/template.h"
#include "provider/validate.h"
#include "json/json.h"
#include "json/schema_format.h"

struct json_object *
validate_problems(const struct findings *fs)
{
	struct json_object *list = json_new_array();

	for (unsigned i = 0; i < fs->n; i++) {
		const struct finding *f = &fs->list[i];
		struct json_object *o = json_new_object();
		json_put_str(o, "code", code_info(f->code)->name);
		json_put_str(o, "severity", severity_name(f->severity));
		json_put_str(o, "message", f->message);
		json_put_str(o, "got", f->got[0] != '\0' ? f->got : NULL);
		json_put_str(o, "wanted", f->wanted[0] != '\0' ? f->wanted : NULL);
		json_put_str(o, "fix", f->fix[0] != '\0' ? f->fix : NULL);
		json_append(list, o);
	}
	return list;
}

/* Sets `image` from the photo; its warnings are the findings that refuse nothing. */
static void
put_image(struct rec *rec, const struct photo *photo, const struct findings *fs)
{
	struct json_object *image = json_new_object();

	json_put_str(image, "type", photo->type);
	json_put_int(image, "bytes", (int64_t)photo->bytes);
	if (photo->width > 0) {
		json_put_int(image, "width", photo->width);
		json_put_int(image, "height", photo->height);
		json_put_int(image, "orientation", photo->orientation);
	}
	json_put_str(image, "sha256", photo->sha256[0] != '\0' ? photo->sha256 : NULL);
	if (fs->n > 0 && findings_worst(fs) != SEVERITY_REFUSED)
		json_put(image, "warnings", validate_problems(fs));
	rec_set(rec, "image", image);
}

/* True if a record's `image` has the facts that the checks need. */
static bool
image_is_known(struct json_object *image)
{
	const char *sha256 = json_str(image, "/sha256");

	return sha256 != NULL && strlen(sha256) == SHA256_HEX - 1 &&
	       strspn(sha256, "0123456789abcdef") == SHA256_HEX - 1 &&
	       json_str(image, "/type") != NULL && json_int(image, "/bytes", 0) > 0;
}

/* Reads a photo's facts from the record's `image`. False if they are incomplete. */
static bool
photo_of_image(struct rec *rec, struct photo *photo)
{
	struct json_object *image = rec_get(rec, "image");

	if (!image_is_known(image))
		return false;
	memset(photo, 0, offsetof(struct photo, findings));
	photo->findings.n = 0;
	strncpy(photo->type, json_str(image, "/type"), sizeof photo->type - 1);
	memcpy(photo->sha256, json_str(image, "/sha256"), sizeof photo->sha256);
	photo->bytes = (uint64_t)json_int(image, "/bytes", 0);
	photo->width = (uint32_t)json_int(image, "/width", 0);
	photo->height = (uint32_t)json_int(image, "/height", 0);
	photo->orientation = (uint8_t)json_int(image, "/orientation", 1);
	return true;
}

struct photo_options
validate_photo_options(const struct validate_options *o, const struct provider *p)
{
	struct photo_options options = o->photo;

	if (p == NULL)
		return options;
	options.max_bytes = p->image.max_bytes;
	if (p->image.max_bytes_lenient > options.max_bytes)
		options.max_bytes = p->image.max_bytes_lenient;
	return options;
}

bool
validate_reads(struct rec *rec)
{
	return rec_str(rec, "file") != NULL && !image_is_known(rec_get(rec, "image"));
}

/* p may be NULL. */
static void
check_url(const struct provider *p, const char *url, struct findings *fs)
{
	const char *pattern = p != NULL ? json_str(p->def, "/image/url") : "";

	if (!url_is_whole(url))
		finding_add(fs, CODE_URL_REFUSED, SEVERITY_REFUSED, url,
		    "https://host/path, without blanks", NULL,
		    "this is no URL: a scheme or the host is missing, or it has a blank in it");
	else if (pattern == NULL)
		finding_add(fs, CODE_URL_REFUSED, SEVERITY_REFUSED, url, "a file",
		    "av-fetch downloads it", "%s accepts files, not URLs", p->title);
	else if (p != NULL && format_match(pattern, url) == 0)
		finding_add(fs, CODE_URL_REFUSED, SEVERITY_REFUSED, url, pattern, NULL,
		    "%s does not accept such a URL", p->title);
}

/* True if the operation, or a step before it, sends the photo's bytes. */
static bool
takes_file(const struct provider *p, const struct operation *op)
{
	struct json_object *names = json_new_object(), *before;
	bool takes;

	template_names(json_at(op->def, "/bodies"), names);
	takes = json_member(names, "file") != NULL ||
	        json_member(names, "file.data_uri") != NULL ||
	        json_member(names, "file.base64") != NULL;
	json_object_put(names);
	before = json_at(op->def, "/before");
	for (size_t i = 0; !takes && i < json_len(before); i++) {
		const struct operation *step =
		    provider_operation(p, json_item_str(before, i));
		takes = step != NULL && !findings_has(step) && takes_file(p, step);
	}
	return takes;
}

/* A photo in a file needs a URL beside it if the service takes nothing else. p may be
 * NULL. */
static void
check_source(const struct provider *p, struct rec *rec, struct findings *fs)
{
	const char *url = rec_str(rec, "url");
	const struct operation *create =
	    p != NULL ? provider_operation(p, "create") : NULL;

	if (create == NULL || !json_has(p->def, "/image/url") || takes_file(p, create))
		return;
	if (url != NULL)
		check_url(p, url, fs);
	else
		finding_add(fs, CODE_FILE_REFUSED, SEVERITY_REFUSED, "a file",
		    json_str(p->def, "/image/url"),
		    "put it on the web, and give the record its url",
		    "%s accepts a photo at a URL, not a file", p->title);
}

/* The path or URL that a name is made of: the original's, if av-fetch or av-fit made another
 * file. A URL's query may hold a signature and changes, so it is left out. The caller frees
 * it. */
static char *
name_source(struct rec *rec)
{
	const char *fetched = json_str(rec_get(rec, "fetch"), "/from"),
	           *from =
	               fetched != NULL ? fetched : json_str(rec_get(rec, "fit"), "/from"),
	           *file = from != NULL ? from : rec_str(rec, "file"),
	           *url = rec_str(rec, "url");

	if (fetched != NULL && strstr(fetched, "://") != NULL)
		return mem_strn(fetched, strcspn(fetched, "?#"));
	if (file != NULL)
		return mem_str(file);
	return url != NULL ? mem_strn(url, strcspn(url, "?#")) : mem_str("");
}

/* The same for names made of folders: the path of the photo's folder with a slash behind it.
 * A folder without a name of its own is left out, and so is the host of a URL. */
static char *
name_folder(struct rec *rec)
{
	char *source = name_source(rec), *scheme = strstr(source, "://"),
	     *slash = strrchr(source, '/'), *from = scheme != NULL ? scheme + 3 : source,
	     *base;

	if (slash == NULL || slash <= from)
		return source;
	base = memrchr(from, '/', (size_t)(slash - from));
	if (base == NULL && scheme != NULL)
		return source;
	base = base != NULL ? base + 1 : from;
	if (base == slash || strncmp(base, "./", 2) == 0 || strncmp(base, "../", 3) == 0)
		return source;
	slash[1] = '\0';
	return source;
}

static char *
name_made_of(const struct provider *p, const char *source)
{
	return limits_name_from_path(
	    source, (unsigned)p->name_min, (unsigned)p->name_max);
}

bool
validate_name_given(const struct provider *p, struct rec *rec)
{
	const char *name = rec_str(rec, "name"), *noted = rec_str(rec, "name_from");
	char *source, *made;
	bool given;

	if (name == NULL || !p->has_names)
		return false;
	source = noted != NULL ? mem_str(noted) : name_source(rec);
	made = name_made_of(p, source);
	given = strcmp(made, name) != 0;
	free(made);
	free(source);
	return given;
}

static void
check_name(const struct validate_options *o, const struct provider *p, struct rec *rec,
    struct findings *fs)
{
	const char *name = rec_str(rec, "name");
	char *source, *made;

	if (!p->has_names)
		return;
	if (name != NULL && *name == '\0' && p->name_optional)
		return;
	if (name != NULL) {
		limits_check_name(name, (unsigned)p->name_min, (unsigned)p->name_max, fs);
		return;
	}
	source = o->name_folders ? name_folder(rec) : name_source(rec);
	made = name_made_of(p, source);
	rec_set_str(rec, "name", made);
	rec_set_str(rec, "name_from", source);
	free(made);
	free(source);
}

static void
check_options(const struct validate_options *o, const struct provider *p, struct rec *rec,
    struct findings *fs)
{
	const struct operation *create = provider_operation(p, "create");
	struct json_object *options = options_of(rec, p, o->given);
	struct json_object *own = options_for(create, options);

	options_check_record(rec, fs);
	options_check(p, create, options, fs);
	option_file_check(p, create, options, fs);
	options_check_operation(create, own != NULL ? own : options, fs);
	json_object_put(own);
	if (json_object_object_length(options) > 0 &&
	    !json_object_equal(options, rec_get(rec, "options")))
		rec_set(rec, "options", json_object_get(options));
	json_object_put(options);
}

/* Sets the record's error if a finding refuses it. */
static int
judge(struct rec *rec, const char *step, const struct findings *fs)
{
	const struct finding *first = fs->list;
	unsigned refused = 0;
	struct err e;

	for (unsigned i = 0; i < fs->n; i++)
		if (fs->list[i].severity == SEVERITY_REFUSED && refused++ == 0)
			first = &fs->list[i];
	if (refused == 0)
		return 0;
	err_set(&e, CODE_PHOTO_REFUSED, "%s", first->message);
	if (refused > 1)
		err_set(&e, CODE_PHOTO_REFUSED, "%s (and %u more)", first->message,
		    refused - 1);
	json_put(rec_fail(rec, step, &e), "problems", validate_problems(fs));
	return -1;
}

/* Checks everything except the photo, and sets the record's error from the findings. */
static int
check_rest(const struct validate_options *o, const struct provider *p, struct rec *rec,
    const char *step, struct findings *fs)
{
	if (p != NULL) {
		check_name(o, p, rec, fs);
		check_options(o, p, rec, fs);
	}
	return judge(rec, step, fs);
}

int
validate_photo(const struct validate_options *o, const struct provider *p,
    struct rec *rec, const char *step)
{
	struct photo_options options = validate_photo_options(o, p);
	struct photo photo;
	struct err e;

	if (!validate_reads(rec))
		return 0;
	if (photo_check_file(rec_str(rec, "file"), &options, o->types, &photo, &e) < 0) {
		rec_fail(rec, step, &e);
		return -1;
	}
	put_image(rec, &photo, &photo.findings);
	return judge(rec, step, &photo.findings);
}

int
validate_facts(const struct validate_options *o, const struct provider *p,
    struct rec *rec, const char *step, const struct photo *photo)
{
	struct findings fs;

	findings_copy(&fs, &photo->findings);
	if (p != NULL) {
		limits_check_image(photo, &p->image, &fs);
		limits_check_image(photo, &p->advice, &fs);
	}
	if (!image_is_known(rec_get(rec, "image")))
		put_image(rec, photo, &fs);
	check_source(p, rec, &fs);
	return check_rest(o, p, rec, step, &fs);
}

int
validate_record(const struct validate_options *o, const struct provider *p,
    struct rec *rec, const char *step)
{
	const char *file = rec_str(rec, "file"), *url = rec_str(rec, "url");
	struct photo_options options;
	struct findings fs;
	struct photo photo;
	struct err e;

	if (file == NULL && url != NULL) {
		fs.n = 0;
		check_url(p, url, &fs);
		return check_rest(o, p, rec, step, &fs);
	}
	if (file == NULL) {
		err_set(&e, CODE_NO_PHOTO, "the record has neither file nor url");
	} else if (photo_of_image(rec, &photo)) {
		return validate_facts(o, p, rec, step, &photo);
	} else {
		options = validate_photo_options(o, p);
		if (photo_check_file(file, &options, o->types, &photo, &e) == 0)
			return validate_facts(o, p, rec, step, &photo);
	}
	rec_fail(rec, step, &e);
	return -1;
}
