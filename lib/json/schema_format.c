#include <ctype.h>
#include <regex.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "json/schema_format.h"

#define DATE "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
#define TIME "([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)([.][0-9]+)?"
#define ZONE "([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"

static const struct form {
	const char *name;
	const char *pattern;
} forms[] = {
    {"uuid", "^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$"},
    {"uri",
        "^[A-Za-z][A-Za-z0-9+.-]*:([]!#$&'()*+,./0-9:;=?@A-Z[_a-z~-]|%[0-9A-Fa-f]{2})*$"},
    {"date", "^" DATE "$"},
    {"date-time", "^" DATE "[Tt]" TIME ZONE "$"},
};

int
format_match(const char *pattern, const char *s)
{
	regex_t re;
	int status;

	if (regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return -1;
	status = regexec(&re, s, 0, NULL, 0);
	regfree(&re);
	return status == 0;
}

bool
format_has_class(const char *pattern)
{
	for (const char *at = strchr(pattern, '\\'); at != NULL && at[1] != '\0';
	     at = strchr(at + 2, '\\'))
		if (isalnum((unsigned char)at[1]))
			return true;
	return false;
}

static bool
day_exists(const char *date)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	long year = strtol(date, NULL, 10), month = strtol(date + 5, NULL, 10);
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return strtol(date + 8, NULL, 10) <= days[month - 1] + (month == 2 && leap);
}

bool
format_holds(const char *format, const char *s)
{
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
		if (strcmp(forms[i].name, format) == 0)
			return format_match(forms[i].pattern, s) == 1 &&
			       (strncmp(format, "date", 4) != 0 || day_exists(s));
	return true;
}
