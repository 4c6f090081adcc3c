#include <math.h>
#include <string.h>

#include "fit.h"

void
fit_bind(struct fit_limits *l)
{
	size_t n = 0;

	for (; n < FIT_TYPES && l->types[n][0] != '\0'; n++)
		l->type_list[n] = l->types[n];
	l->type_list[n] = NULL;
	l->image.service = l->service[0] != '\0' ? l->service : NULL;
	l->image.types = n > 0 ? l->type_list : NULL;
	l->image.aspects = l->aspects;
}

static uint64_t
least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t
greatest(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint32_t
up(uint64_t n, uint64_t by)
{
	return (uint32_t)((n + by - 1) / by);
}

/* The sizes of one shape: w x h times k, for k from low to high. */
struct range {
	uint64_t w, h, low, high;
};

/* The limits of width and height. With either_orientation a portrait exchanges them. */
static void
sides(const struct image_limits *l, bool portrait, uint32_t min[2], uint32_t max[2])
{
	bool swap = l->either_orientation && portrait;

	min[0] = swap ? l->min_height : l->min_width;
	min[1] = swap ? l->min_width : l->min_height;
	max[0] = swap ? l->max_height : l->max_width;
	max[1] = swap ? l->max_width : l->max_height;
}

static uint32_t
common(uint32_t a, uint32_t b)
{
	return b == 0 ? a : common(b, a % b);
}

static void
range_of(const struct image_limits *l, const struct aspect *a, struct range *r)
{
	uint32_t g = common(a->width, a->height), min[2], max[2];

	*r = (struct range){1, 1, 1, UINT32_MAX};
	if (a->width > 0 && a->height > 0) { /* aspects of a description always are */
		r->w = a->width / g;
		r->h = a->height / g;
	}
	sides(l, r->h > r->w, min, max);
	r->low = greatest(1, greatest(up(min[0], r->w), up(min[1], r->h)));
	if (max[0] > 0)
		r->high = least(r->high, max[0] / r->w);
	if (max[1] > 0)
		r->high = least(r->high, max[1] / r->h);
	if (l->max_pixels > 0)
		r->high = least(r->high,
		    (uint64_t)sqrt((double)l->max_pixels / (double)(r->w * r->h)));
}

static int
too_small(struct err *e, double upscale, const struct fit_options *options)
{
	return err_set(e, CODE_CANNOT_FIT,
	    "the picture is too small: it must be enlarged %.2f times and "
	    "--max-upscale allows %.2f",
	    upscale, options->max_upscale);
}

/* Cuts to one shape: the largest box of it in whole multiples, then scaled as a whole, so
 * that nothing is stretched. Returns how often it has to be enlarged; infinitely: no size
 * will do. */
static double
plan_crop(const struct range *r, const struct fit_options *options, uint32_t w,
    uint32_t h, double shrink, struct fit_plan *plan)
{
	uint64_t box = least(w / r->w, h / r->h), k = least(box, r->high);

	(void)options;
	if (shrink < 1)
		k = (uint64_t)((double)k * shrink);
	k = greatest(k, r->low);
	if (k > r->high)
		return INFINITY;
	*plan = (struct fit_plan){(uint32_t)(box * r->w), (uint32_t)(box * r->h),
	    (uint32_t)(k * r->w), (uint32_t)(k * r->h), (uint32_t)(k * r->w),
	    (uint32_t)(k * r->h)};
	if (box == 0) { /* smaller than the shape itself: stretch it a little */
		plan->crop_w = (uint32_t)least(w, greatest(1, h * r->w / r->h));
		plan->crop_h = (uint32_t)least(h, greatest(1, w * r->h / r->w));
	}
	return (double)plan->width / plan->crop_w;
}

/* Puts the whole picture on a canvas of one shape. Returns as plan_crop. */
static double
plan_pad(const struct range *r, const struct fit_options *options, uint32_t w, uint32_t h,
    double shrink, struct fit_plan *plan)
{
	uint64_t k = least(greatest(up(w, r->w), up(h, r->h)), r->high);
	double scale;

	if (shrink < 1)
		k = (uint64_t)((double)k * shrink);
	k = greatest(k, r->low);
	if (k > r->high)
		return INFINITY;
	scale = fmin((double)(k * r->w) / w, (double)(k * r->h) / h);
	scale = fmin(scale, options->max_upscale);
	*plan = (struct fit_plan){w, h,
	    (uint32_t)greatest(1, least(k * r->w, (uint64_t)lround(w * scale))),
	    (uint32_t)greatest(1, least(k * r->h, (uint64_t)lround(h * scale))),
	    (uint32_t)(k * r->w), (uint32_t)(k * r->h)};
	return 1;
}

/* Rounds a size down to pixels, from min to max. */
static uint32_t
within(double size, uint32_t min, uint32_t max)
{
	uint32_t n = (uint32_t)fmax(1, floor(size + 1e-6));

	if (max > 0 && n > max)
		n = max;
	return n < min ? min : n;
}

/* Any shape will do. */
static int
plan_free(const struct image_limits *l, const struct fit_options *options, uint32_t w,
    uint32_t h, double shrink, struct fit_plan *plan, struct err *e)
{
	uint32_t min[2], max[2];
	double high = INFINITY, low, scale;

	sides(l, h > w, min, max);
	if (max[0] > 0)
		high = fmin(high, (double)max[0] / w);
	if (max[1] > 0)
		high = fmin(high, (double)max[1] / h);
	if (l->max_pixels > 0)
		high = fmin(high, sqrt((double)l->max_pixels / ((double)w * h)));
	low = fmax((double)min[0] / w, (double)min[1] / h);
	scale = fmax(fmin(1, high) * shrink, low);
	if (scale > options->max_upscale && !options->pad)
		return too_small(e, scale, options);
	scale = fmin(scale, options->max_upscale);
	if (scale > high)
		scale = high;
	*plan = (struct fit_plan){
	    w, h, within(w * scale, 1, max[0]), within(h * scale, 1, max[1]), 0, 0};
	plan->width = within(plan->inner_w, min[0], max[0]);
	plan->height = within(plan->inner_h, min[1], max[1]);
	if (!options->pad &&
	    (plan->width > plan->inner_w + 1 || plan->height > plan->inner_h + 1))
		return err_set(e, CODE_CANNOT_FIT,
		    "the picture is too long for its width; fill it up with --pad");
	if (!options->pad) {
		plan->inner_w = plan->width;
		plan->inner_h = plan->height;
	}
	return 0;
}

/* The part of the picture that is cropped, or of the result that is padding. */
static double
loss(const struct fit_plan *p, uint32_t w, uint32_t h)
{
	double kept = (double)p->crop_w * p->crop_h / ((double)w * h);
	double filled = (double)p->inner_w * p->inner_h / ((double)p->width * p->height);

	return 1 - kept * filled;
}

int
fit_plan(const struct image_limits *limits, const struct fit_options *options,
    uint32_t width, uint32_t height, double shrink, struct fit_plan *plan, struct err *e)
{
	double (*make)(const struct range *, const struct fit_options *, uint32_t,
	    uint32_t, double, struct fit_plan *) = options->pad ? plan_pad : plan_crop;
	double upscale = INFINITY;
	struct fit_plan p;
	struct range r;
	bool found = false;

	if (limits->n_aspects == 0)
		return plan_free(limits, options, width, height, shrink, plan, e);
	for (size_t i = 0; i < limits->n_aspects; i++) {
		range_of(limits, &limits->aspects[i], &r);
		double needed = make(&r, options, width, height, shrink, &p);
		upscale = fmin(upscale, needed);
		if (needed > options->max_upscale)
			continue;
		if (!found || loss(&p, width, height) < loss(plan, width, height))
			*plan = p;
		found = true;
	}
	if (found)
		return 0;
	if (isinf(upscale))
		return err_set(e, CODE_CANNOT_FIT, "no size fits the provider's limits");
	return too_small(e, upscale, options);
}
