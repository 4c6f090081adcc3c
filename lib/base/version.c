#include "base/version.h"

#ifndef AV_VERSION
#define AV_VERSION "unknown"
#endif

const char *const av_version = AV_VERSION;
const char *const av_user_agent = "avtools/" AV_VERSION;
