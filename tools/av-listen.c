/*
 * av-listen: receives a service's events, and writes each as a record.
 */
#include <stdlib.h>
#include <string.h>

#include "auth/creds.h"
#include "auth/secret.h"
#include "av-listen/registration.h"
#include "av-listen/repeats.h"
#include "av-listen/server.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/mem.h"
#include "base/random.h"
#include "http/url.h"
#include "program/object.h"
#include "program/session.h"
#include "provider/event.h"
#include "provider/signature.h"
#include "json/json.h"

#define TIMEOUT_MS (60 * 1000)
#define KEY_MAX    ((size_t)1 << 20)

/* A given path that is shorter can be guessed. */
#define PATH_MIN 16

enum { OK = 200, BAD_REQUEST = 400, FORBIDDEN = 403, UNAVAILABLE = 503 };

struct options {
	struct opt_common common;
	const char *address, *port, *path, *cert, *key, *public_url;
	int64_t count, for_ms;
};

static const struct opt table[] = {
    {'p', "provider", "NAME", "service that sends the events (AV_PROVIDER)", OPT_STR,
        offsetof(struct options, common.provider)},
    {0, "register", "URL", "register this public URL with the service", OPT_STR,
        offsetof(struct options, public_url)},
    {0, "port", "N", "listen on this port (0: any free one)", OPT_STR,
        offsetof(struct options, port)},
    {0, "address", "IP", "listen on this address (127.0.0.1)", OPT_STR,
        offsetof(struct options, address)},
    {0, "path", "PATH", "secret path of the events (a random one)", OPT_STR,
        offsetof(struct options, path)},
    {0, "cert", "FILE", "certificate for TLS, in PEM", OPT_STR,
        offsetof(struct options, cert)},
    {0, "key", "FILE", "its key, in PEM", OPT_STR, offsetof(struct options, key)},
    {0, "count", "N", "end after N events", OPT_INT, offsetof(struct options, count)},
    {0, "for", "TIME", "end after this time, such as 90s, 10m or 1h", OPT_MS,
        offsetof(struct options, for_ms)},
    {'u', "url", "URL", "base URL of the API (NAME_API_URL)", OPT_STR | OPT_RARE,
        offsetof(struct options, common.url)},
    {0, "timeout", "TIME", "time limit for a registration (1m)", OPT_MS | OPT_RARE,
        offsetof(struct options, common.timeout_ms)},
    {'q', "quiet", NULL, "print only errors on stderr", OPT_FLAG | OPT_RARE,
        offsetof(struct options, common.quiet)},
    {'v', "verbose", NULL, "print more on stderr, such as what was refused",
        OPT_COUNT | OPT_RARE, offsetof(struct options, common.verbose)},
    {0},
};

static const struct opt_usage usage = {
    .synopsis = "av-listen [options]",
    .about =
        "Receives the events of a service, such as that an avatar is ready, and writes\n"
        "each as a record. An event is a hint that nobody vouches for: av-poll asks the\n"
        "service whether it is true.",
    .examples =
        "  av-listen -p argil --port 8443 --register https://hooks.example.org |\n"
        "      av-poll | av-render -o out >done.jsonl\n"
        "  av-poll --events <(av-listen -p argil --register https://a.example) <m.jsonl\n",
};

struct listener {
	struct session session;
	const struct options *o;
	unsigned port;
	char *path, *base, *url, *secret;
	struct buf cert, key;
	struct item *item;
	const struct provider *provider;
	struct server *server;
	struct registration registration;
	struct repeats repeats;
	struct timer end;
	struct failure failure; /* why it ends */
	int64_t left;           /* of --count; -1: no limit */
	bool full;              /* the reader of our output is slow */
	bool ending;
};

static bool
never_stopping(void *arg)
{
	(void)arg;
	return false;
}

static void
let_go(void *arg)
{
	struct listener *self = arg;
	struct item *item = self->item;

	server_free(self->server);
	self->server = NULL;
	registration_release(&self->registration);
	loop_cancel(self->session.engine.loop, &self->end);
	if (self->failure.err.code != CODE_NONE)
		session_fail(&self->session, item, &self->failure);
	else
		run_drop(item);
	failure_release(&self->failure);
}

static void
unregistered(void *arg, const struct failure *failure)
{
	struct listener *self = arg;

	(void)failure;
	server_drain(self->server, let_go, self);
}

/* Ends: takes no more events, ends the registration, sends the last responses. */
static void
finish(void *arg)
{
	struct listener *self = arg;

	if (self->ending)
		return;
	self->ending = true;
	self->session.engine.stopping = never_stopping;
	if (self->registration.engine != NULL)
		registration_end(&self->registration, unregistered, self);
	else
		unregistered(self, NULL);
}

static void
write_event(struct listener *self, const struct event *event, struct json_object *body)
{
	struct rec *rec = rec_new();
	struct json_object *about = json_new_object(), *what = json_new_object(), *all;
	char time[CLOCK_TEXT];

	rec_set_str(rec, "provider", self->provider->name);
	json_put_str(about, "name", event->name);
	json_put_str(about, "received_at", clock_write(time, clock_unix_ms()));
	rec_set(rec, "event", about);
	json_put_str(what, "kind", event->kind);
	json_put_str(what, "id", event->id);
	if (strcmp(event->of, "avatar") == 0) {
		rec_set(rec, "avatar", what);
	} else {
		all = json_new_array();
		json_append(all, what);
		rec_set(rec, "renderings", all);
	}
	object_put_data(rec, body);
	self->full = !run_emit(self->item, rec);
	if (self->left > 0 && --self->left == 0)
		finish(self);
}

/* Checks the signature of a service that signs. */
static unsigned
verify(
    struct listener *self, struct server_request *request, const void *body, size_t len)
{
	struct err e;

	if (!event_is_signed(self->provider))
		return OK;
	if (self->secret == NULL) /* the service has told it, and we do not know it yet */
		return UNAVAILABLE;
	if (signature_verify(self->provider, self->secret, server_header, request, body,
	        len, clock_unix_ms() / 1000, &e) == 0)
		return OK;
	warn("an event was refused: %s", e.message);
	return FORBIDDEN;
}

/* Takes the body of a POST on our path. */
static unsigned
take(void *arg, struct server_request *request, const void *body, size_t len)
{
	struct listener *self = arg;
	struct json_object *o;
	struct event event;
	struct err e;
	unsigned status;

	if (self->ending || self->full)
		return UNAVAILABLE;
	status = verify(self, request, body, len);
	if (status != OK)
		return status;
	if (repeats_has(&self->repeats, body, len, loop_now(self->session.engine.loop)))
		return OK;
	o = json_parse(body, len, &e);
	if (o == NULL || event_read(self->provider, o, &event, &e) < 0) {
		note("an event was refused: %s", o != NULL ? e.message : "not JSON");
		json_object_put(o);
		return BAD_REQUEST;
	}
	repeats_add(&self->repeats, body, len, loop_now(self->session.engine.loop));
	write_event(self, &event, o);
	free(event.id);
	json_object_put(o);
	return OK;
}

/* Says where it listens; the readers of its output learn from an empty line that events
 * come from now on. */
static void
announce(struct listener *self)
{
	struct buf line = {0};
	const char *address = self->o->address;
	bool six = strchr(address, ':') != NULL;

	buf_chr(&line, '\n');
	(void)run_emit_text(self->item, &line);
	buf_release(&line);
	say("listening on http%s://%s%s%s:%u%s", self->cert.data != NULL ? "s" : "",
	    six ? "[" : "", address, six ? "]" : "", server_port(self->server),
	    self->path);
	if (self->registration.id != NULL)
		say("registered it below %s with %s", self->base, self->provider->title);
}

static void
registered(void *arg, const struct failure *failure)
{
	struct listener *self = arg;

	if (failure == NULL) {
		if (self->registration.secret != NULL)
			self->secret = mem_str(self->registration.secret);
		announce(self);
		return;
	}
	warn("cannot register with %s: %s", self->provider->title, failure->err.message);
	failure_copy(&self->failure, failure);
	finish(self);
}

/* Reads the secret that the service signs with, unless the service tells it when the URL is
 * registered. */
static int
read_secret(struct listener *self, struct err *e)
{
	const struct creds_from from = {
	    .fd = -1, .aliases = json_at(self->provider->def, "/aliases")};
	bool told = event_secret_place(self->provider) != NULL;
	struct creds creds;

	if (!event_is_signed(self->provider) || (told && self->o->public_url != NULL))
		return 0;
	if (creds_load(&creds, self->provider->name, &from, e) < 0)
		return -1;
	self->secret = mem_str(creds.value[CRED_WEBHOOK_SECRET]);
	if (self->secret == NULL)
		err_set(e, CODE_NO_CREDENTIALS,
		    "%s signs its events, and %s is not set%s", self->provider->title,
		    creds.name[CRED_WEBHOOK_SECRET], told ? "; --register gets one" : "");
	creds_release(&creds);
	return self->secret != NULL
	           ? signature_check_secret(self->provider, self->secret, e)
	           : -1;
}

static int
prepare(struct listener *self, struct err *e)
{
	const struct provider *p = self->provider;

	if (!json_has(p->def, "/events"))
		return err_set(e, CODE_NOT_OFFERED,
		    "the description of %s knows no events; av-poll asks for states",
		    p->title);
	if (self->o->public_url != NULL && !registration_is_offered(p))
		return err_set(e, CODE_NOT_OFFERED,
		    "%s has no operation that registers a URL; do it on its page, without "
		    "--register",
		    p->title);
	return read_secret(self, e);
}

static void
room(struct item *item)
{
	struct listener *self = item->state;

	self->full = false;
}

static void
stop(struct item *item, bool hard)
{
	struct listener *self = item->state;

	finish(self);
	if (hard && self->registration.engine != NULL)
		registration_stop(&self->registration);
}

/* Sets the public URL, in which {port} is replaced. */
static void
set_url(struct listener *self, unsigned port)
{
	static const char word[] = "{port}";
	const char *given = self->o->public_url, *at = strstr(given, word);
	char *url = at == NULL ? mem_str(given)
	                       : mem_printf("%.*s%u%s", (int)(at - given), given, port,
	                             at + strlen(word));
	struct err e;

	if (url_check(url, &e) < 0)
		opt_misuse(&usage, "--register: %s", e.message);
	free(self->base);
	free(self->url);
	self->base = url_canonical(url);
	self->url = mem_printf("%s%s", self->base, self->path);
	free(url);
}

static void
begin(void *arg, struct item *item)
{
	struct listener *self = arg;
	struct account *a = session_account(&self->session, item);
	struct loop *loop = self->session.engine.loop;
	const struct server_options options = {.address = self->o->address,
	    .port = self->port,
	    .path = self->path,
	    .cert = self->cert.data,
	    .key = self->key.data};
	struct err e;

	if (a == NULL)
		return;
	self->provider = a->provider;
	if (prepare(self, &e) < 0) {
		warn("%s", e.message);
		run_fail(item, &e);
		return;
	}
	self->server = server_new(loop, &options, take, self, &e);
	if (self->server == NULL)
		err_die(&e);
	self->item = item;
	item->state = self;
	item->stop = stop;
	item->room = room;
	if (self->o->for_ms > 0)
		loop_at(loop, &self->end, loop_now(loop) + self->o->for_ms, finish, self);
	if (self->o->public_url == NULL) {
		announce(self);
		return;
	}
	set_url(self, server_port(self->server));
	self->registration = (struct registration){.engine = &self->session.engine,
	    .account = a,
	    .base = self->base,
	    .url = self->url,
	    .timeout_ms = self->o->common.timeout_ms,
	    .fn = registered,
	    .arg = self};
	registration_start(&self->registration);
}

static char *
random_path(void)
{
	unsigned char bytes[16];
	char digits[2 * sizeof bytes + 1];

	random_fill(bytes, sizeof bytes);
	hex_of(digits, bytes, sizeof bytes);
	return mem_printf(REGISTRATION_PATH "%s", digits);
}

/* Checks the options and reads what they name. */
static void
read_options(struct listener *self, const struct options *o)
{
	static const char in_paths[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789-._~/";
	char *end = NULL;
	unsigned long port = o->port != NULL ? strtoul(o->port, &end, 10) : 0;
	struct err e;

	if (o->common.providers.n != 1)
		opt_misuse(&usage, "name one service with -p");
	if (o->port != NULL &&
	    (*o->port < '0' || *o->port > '9' || *end != '\0' || port > 65535))
		opt_misuse(
		    &usage, "--port: '%s' is not a number from 0 to 65535", o->port);
	if ((o->cert == NULL) != (o->key == NULL))
		opt_misuse(&usage, "--cert and --key belong together");
	if (o->path != NULL &&
	    (*o->path != '/' || o->path[strspn(o->path, in_paths)] != '\0'))
		opt_misuse(&usage,
		    "--path: '%s' is not a path of letters, digits and -._~/", o->path);
	self->port = (unsigned)port;
	self->path = o->path != NULL ? mem_str(o->path) : random_path();
	if (strlen(self->path) < PATH_MIN)
		warn("whoever guesses the path %s can send events", self->path);
	if (o->public_url != NULL)
		set_url(self, 1);
	if (o->cert != NULL &&
	    (file_read(o->cert, &self->cert, &e) < 0 ||
	        secret_read_file(o->key, SECRET_NAMED, KEY_MAX, &self->key, &e) < 0))
		err_die(&e);
}

int
main(int argc, char *argv[])
{
	static const struct run_step step = {.name = "listen", .begin = begin};
	static char nothing[] = "{}";
	char *one[] = {nothing, NULL};
	struct options o = {.address = "127.0.0.1"};
	struct listener self = {.o = &o};
	int first = opt_parse(argc, argv, &usage, table, &o), status;

	opt_common_finish(&o.common, &usage, argv, first);
	if (argv[first] != NULL)
		opt_misuse(&usage, "it reads nothing: '%s'", argv[first]);
	if (o.common.timeout_ms == 0)
		o.common.timeout_ms = TIMEOUT_MS;
	self.left = o.count > 0 ? o.count : -1;
	read_options(&self, &o);
	session_open(&self.session, &o.common, &usage,
	    &(struct session_options){.window = 1}, &step, &self);
	status = run_records(self.session.run, one);
	session_close(&self.session, status);
	secret_free(self.secret);
	secret_buf_release(&self.key);
	buf_release(&self.cert);
	repeats_release(&self.repeats);
	free(self.path);
	free(self.base);
	free(self.url);
	run_exit(status);
}
