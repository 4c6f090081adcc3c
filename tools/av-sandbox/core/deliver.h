/*
 * deliver: sends events, POST requests with JSON, to the clients' URLs.
 *
 * They are sent on the server's one thread, several at a time, once each. Only
 * addresses of this machine get any: the sandbox sends nothing to strangers.
 */
#ifndef SANDBOX_DELIVER_H
#define SANDBOX_DELIVER_H

#include <json-c/json.h>

#include "core/options.h"

/* Sends the body, borrowed, and counts what the client answered. */
void deliver(
    enum service_no service, const char *url, struct json_object *body);

/* What poll(2) has to wait for, -1: nothing; for how many ms, -1: for ever; and
 * what to call after it. */
int deliver_fd(void);
int deliver_timeout(void);
void deliver_run(void);

/* Nothing more is sent. */
void deliver_close(void);

#endif
