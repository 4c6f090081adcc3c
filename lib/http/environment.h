/*
 * environment: the variables of curl(1) that requests obey: proxies, and the
 * certificates of authorities.
 */
#ifndef AV_HTTP_ENVIRONMENT_H
#define AV_HTTP_ENVIRONMENT_H

/* The variable that names the proxy of https requests, such as "https_proxy";
 * NULL: none does. */
const char *environment_proxy(void);

/* The same for a request to this URL: NULL also if it goes past the proxy,
 * since it is http or because of no_proxy. A range of addresses in no_proxy is
 * not looked at. */
const char *environment_proxy_of(const char *url);

/* The port of that proxy; 0: there is none. */
long environment_proxy_port(void);

/* The proxy as it may be shown, without user and password. The caller frees it.
 * NULL: it is no URL. */
char *environment_proxy_shown(void);

/* The file with the certificates of authorities, and the variable that names
 * it: CURL_CA_BUNDLE or SSL_CERT_FILE; NULL: it is libcurl's own file. The
 * result may be NULL then. */
const char *environment_authorities(const char **variable);

#endif
