/* Public and other addresses; a download does not connect to a host that has one of the others. */
#include <arpa/inet.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "http/address.h"
#include "http/url.h"
#include "service/download.h"
#include "json/json.h"

#define N(a) (sizeof(a) / sizeof *(a))

static void
addresses(void **unused)
{
	static const char *const others[] = {"0.0.0.0", "10.1.2.3", "100.64.0.1",
	    "127.0.0.1", "127.255.255.255", "169.254.169.254", "172.16.0.1",
	    "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.168.1.1", "198.19.0.1",
	    "198.51.100.7", "203.0.113.7", "224.0.0.1", "255.255.255.255", "::", "::1",
	    "[::1]", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "ff02::1",
	    "::ffff:10.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b:1::1", "100::1", "2001::1",
	    "2001:db8::1", "[2001:db8::1]", "2002:7f00:1::1", "3fff::1", "5f00::1"};
	static const char *const public[] = {"1.1.1.1", "9.255.255.255", "11.0.0.0",
	    "100.63.0.1", "100.128.0.1", "126.0.0.1", "128.0.0.1", "169.253.0.1",
	    "172.15.0.1", "172.32.0.1", "192.0.1.1", "192.167.0.1", "198.17.0.1",
	    "198.20.0.1", "223.255.255.255", "2606:4700::1111", "[2a00:1450::1]",
	    "2001:4860:4860::8888", "64:ff9b::8.8.8.8", "::ffff:8.8.8.8", "example.org",
	    ""};

	(void)unused;
	for (size_t i = 0; i < N(others); i++)
		if (address_is_public(others[i]))
			fail_msg("%s is public", others[i]);
	for (size_t i = 0; i < N(public); i++)
		if (!address_is_public(public[i]))
			fail_msg("%s is not public", public[i]);
}

static void
urls(void **unused)
{
	static const char *const others[] = {"https://127.1/x", "https://0x7f.1/x",
	    "https://2130706433", "https://[::1]:8/", "no URL", NULL};

	(void)unused;
	for (size_t i = 0; i < N(others); i++)
		if (url_may_be_public(others[i]))
			fail_msg("%s may be public", others[i]);
	assert_true(url_may_be_public("https://example.org/10.0.0.1"));
	assert_true(url_may_be_public("https://8.8.8.8/"));
}

/* A listener on 127.0.0.1 that accepts nothing. */

static int listener;
static int port;

static int
set_up(void **unused)
{
	struct sockaddr_in a = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof a;

	(void)unused;
	signal(SIGPIPE, SIG_IGN);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listener, (struct sockaddr *)&a, len) < 0 || listen(listener, 8) < 0 ||
	    getsockname(listener, (struct sockaddr *)&a, &len) < 0)
		return -1;
	port = ntohs(a.sin_port);
	return 0;
}

/* True if a client connected; closes its connections. */
static bool
was_connected_to(void)
{
	struct pollfd p = {.fd = listener, .events = POLLIN};
	bool any = false;

	for (; poll(&p, 1, 0) > 0; any = true)
		close(accept(listener, NULL, NULL));
	return any;
}

static void
fetched(void *arg, const struct download_result *result)
{
	assert_non_null(result->failure);
	*(enum code *)arg = result->failure->err.code;
}

static bool
never(void *unused)
{
	(void)unused;
	return false;
}

/* Tries to download from that host of the listener's port; an API at `base`. */
static enum code
try(const char *host, char *base, bool local)
{
	struct provider provider = {0};
	struct account account = {
	    .provider = &provider, .base_url = base, .local = local};
	struct engine engine = {.loop = loop_new(), .stopping = never};
	struct filetype *filetypes = filetype_new();
	struct json_object *types = json_new_object();
	enum code code = CODE_NONE;
	char *url = mem_printf("https://%s:%d/file", host, port);
	char *id = mem_printf("%d", (int)getpid());

	engine.http = http_new(engine.loop,
	    &(struct http_options){.stall_seconds = 1, .connect_seconds = 1});
	slots_init(&engine.slots, 1, 1);
	TAILQ_INIT(&engine.waiting);
	download_start(&engine,
	    &(struct download_spec){.account = &account,
	        .url = url,
	        .template = "/tmp/address.{id}",
	        .name = {.id = id},
	        .types = types,
	        .filetypes = filetypes,
	        .timeout_ms = 1},
	    fetched, &code);
	loop_run(engine.loop);
	http_free(engine.http);
	loop_free(engine.loop);
	filetype_free(filetypes);
	json_object_put(types);
	free(url);
	free(id);
	return code;
}

static void
a_local_host_is_not_connected_to(void **unused)
{
	static char api[] = "https://api.example.org/v1";
	static const char *const hosts[] = {"127.0.0.1", "127.1", "localhost"};

	(void)unused;
	for (size_t i = 0; i < N(hosts); i++) {
		assert_int_equal(try(hosts[i], api, false), CODE_URL_REFUSED);
		if (was_connected_to())
			fail_msg("%s was connected to", hosts[i]);
	}
}

static void
unless_the_api_is_local(void **unused)
{
	static char api[] = "https://api.example.org/v1",
	            on_loopback[] = "http://127.0.0.1:1";

	(void)unused;
	assert_int_equal(try("localhost", api, true), CODE_DOWNLOAD_FAILED);
	assert_true(was_connected_to());
	assert_int_equal(try("localhost", on_loopback, false), CODE_DOWNLOAD_FAILED);
	assert_true(was_connected_to());
}

static void
a_local_proxy_is_connected_to(void **unused)
{
	static char api[] = "https://api.example.org/v1";
	char *proxy = mem_printf("http://localhost:%d", port);

	(void)unused;
	setenv("https_proxy", proxy, 1);
	unsetenv("no_proxy");
	unsetenv("NO_PROXY");
	assert_int_equal(try("media.example.org", api, false), CODE_DOWNLOAD_FAILED);
	assert_true(was_connected_to());
	/* an address is refused, whoever connects to it */
	assert_int_equal(try("127.0.0.1", api, false), CODE_URL_REFUSED);
	assert_false(was_connected_to());
	unsetenv("https_proxy");
	free(proxy);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(addresses),
	    cmocka_unit_test(urls),
	    cmocka_unit_test(a_local_host_is_not_connected_to),
	    cmocka_unit_test(unless_the_api_is_local),
	    cmocka_unit_test(a_local_proxy_is_connected_to),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
