/* The disguise: see curl_disguise.h. */
#include "front/curl_disguise.h"
#include "front/curl_link.h"
#include "front/curl_trust.h"
#include "front/curl_verbose.h"

#include "exchange/context.h"
#include "exchange/exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char scheme[] = "https://";

enum { SCHEME = sizeof(scheme) - 1, HTTPS_PORT = 443, HTTP_PORT = 80, LINK_BUFFER = 100 << 10 };

/* ---- URLs ---- */

/* With the user, if one is named. Size 0: no path follows. */
static struct span whole_authority_of(const char *url)
{
    if (strncasecmp(url, scheme, SCHEME) != 0)
        return (struct span){0};
    const char *start = url + SCHEME;
    size_t size = strcspn(start, "/?#");
    return start[size] == '/' ? (struct span){(const uint8_t *)start, size} : (struct span){0};
}

struct span curl_authority_of(const char *url)
{
    struct span authority = whole_authority_of(url);
    const uint8_t *user = authority.size ? memrchr(authority.data, '@', authority.size) : NULL;
    if (user) {
        authority.size -= (size_t)(user + 1 - authority.data);
        authority.data = user + 1;
    }
    return authority;
}

struct span curl_host_of(const char *url)
{
    struct span authority = curl_authority_of(url);
    const uint8_t *bracket = authority.size ? memchr(authority.data, ']', authority.size) : NULL;
    if (bracket && authority.data[0] == '[')
        return (struct span){authority.data + 1, (size_t)(bracket - authority.data) - 1};
    const uint8_t *colon = authority.size ? memchr(authority.data, ':', authority.size) : NULL;
    if (colon)
        authority.size = (size_t)(colon - authority.data);
    return authority;
}

static const char *port_in(struct span authority)
{
    const uint8_t *colon = authority.size ? memrchr(authority.data, ':', authority.size) : NULL;
    const uint8_t *bracket = authority.size ? memrchr(authority.data, ']', authority.size) : NULL;
    return colon && !(bracket && colon < bracket) ? (const char *)colon + 1 : NULL;
}

/* As written; HTTPS_PORT if none is. */
long curl_port_of(const char *url)
{
    const char *port = port_in(curl_authority_of(url));
    return port ? strtol(port, NULL, 10) : HTTPS_PORT;
}

/* Whether a request for `path` would be recognised, whatever it asks. */
static bool is_recognised(const char *path)
{
    static const char *const methods[] = {"POST ", "GET "};
    enum { METHOD = sizeof("POST ") - 1, ENOUGH = 16 };
    char start[METHOD + ENOUGH + 1];
    size_t size = strcspn(path, "#");
    size = size < ENOUGH ? size : ENOUGH;
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        char *at = stpcpy(start, methods[i]);
        memcpy(at, path, size);
        at[size] = ' ';
        if (exchange_recognise(start, (size_t)(at - start) + size + 1) == EXCHANGE_OURS)
            return true;
    }
    return false;
}

bool curl_names_vsphere(const char *url)
{
    struct span authority = curl_authority_of(url);
    /* To plain HTTP port 80 goes without saying, and the request would not name it. */
    return authority.size > 0 && is_recognised((const char *)authority.data + authority.size) &&
           curl_port_of(url) != HTTP_PORT;
}

/* The same in plain HTTP; NULL without memory. The port that goes without saying to HTTPS is left
 * out, for else the request would name it. */
static char *plain_url(const char *url)
{
    struct span authority = whole_authority_of(url);
    const char *path = (const char *)authority.data + authority.size;
    static const char port[] = ":443";
    size_t size = authority.size;
    char *plain = NULL;
    if (size > sizeof(port) - 1 && memcmp(path - (sizeof(port) - 1), port, sizeof(port) - 1) == 0)
        size -= sizeof(port) - 1;
    if (asprintf(&plain, "http://%.*s%s", (int)size, (const char *)authority.data, path) < 0)
        return NULL;
    return plain;
}

/* ---- whether ---- */

bool curl_endpoint_of(const struct curl_handle *handle, struct endpoint *endpoint)
{
    const char *url = curl_handle_url(handle);
    struct span authority = url ? curl_authority_of(url) : (struct span){0};
    if (authority.size == 0)
        return false;
    int size =
        snprintf(endpoint->name, sizeof(endpoint->name), "https://%.*s%s", (int)authority.size,
                 (const char *)authority.data, port_in(authority) ? "" : ":443");
    for (char *at = endpoint->name; *at; at++)
        if (*at >= 'A' && *at <= 'Z')
            *at = (char)(*at + ('a' - 'A'));
    return (size_t)size < sizeof(endpoint->name);
}

bool curl_is_vsphere(const struct curl_handle *handle)
{
    const char *url = curl_handle_url(handle);
    struct endpoint endpoint;
    /* What else is asked of a vCenter over a connection to it, is asked in the same session. */
    bool is_ours = handle->names_vsphere ||
                   (url && handle->links && curl_links_lead_to(handle, curl_authority_of(url)));
    const struct context *context = is_ours ? context_get() : NULL;
    return context && curl_endpoint_of(handle, &endpoint) &&
           config_selects(&context->config, endpoint.name + SCHEME);
}

bool curl_is_for_link(const struct curl_handle *handle)
{
    return curl_is_vsphere(handle) && curl_options_allow_link(&handle->options);
}

/* ---- on and off ---- */

static CURLcode set_text(const struct curl_handle *handle, CURL *easy, CURLoption option,
                         enum curl_option_id id)
{
    return handle->curl->curl_easy_setopt(easy, option, curl_options_text(&handle->options, id));
}

static CURLcode set_pointer(const struct curl_handle *handle, CURL *easy, CURLoption option,
                            enum curl_option_id id)
{
    return handle->curl->curl_easy_setopt(easy, option, curl_options_pointer(&handle->options, id));
}

static bool is_verbose(const struct curl_handle *handle)
{
    return curl_options_number(&handle->options, CURL_OPTION_VERBOSE, 0) != 0;
}

static void set_debug_function(const struct curl_handle *handle, CURL *easy)
{
    curl_debug_callback function = NULL;
    const void *set = curl_options_pointer(&handle->options, CURL_OPTION_DEBUGFUNCTION);
    memcpy(&function, &set, sizeof(function));
    handle->curl->curl_easy_setopt(easy, CURLOPT_DEBUGFUNCTION, function);
    set_pointer(handle, easy, CURLOPT_DEBUGDATA, CURL_OPTION_DEBUGDATA);
}

static bool is_restricted(const struct curl_handle *handle)
{
    return curl_options_has(&handle->options, CURL_OPTION_PROTOCOLS) ||
           curl_options_has(&handle->options, CURL_OPTION_PROTOCOLS_STR);
}

/* The program's own values, on its handle. */
static void set_back(const struct curl_handle *handle, CURL *easy)
{
    const struct curl *curl = handle->curl;
    const struct curl_options *options = &handle->options;
    set_text(handle, easy, CURLOPT_URL, CURL_OPTION_URL);
    set_text(handle, easy, CURLOPT_PROXY, CURL_OPTION_PROXY);
    if (curl_options_text(options, CURL_OPTION_PRE_PROXY))
        set_text(handle, easy, CURLOPT_PRE_PROXY, CURL_OPTION_PRE_PROXY);
    if (curl_options_has(options, CURL_OPTION_HTTP_VERSION))
        curl->curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                               curl_options_number(options, CURL_OPTION_HTTP_VERSION, 0));
    if (!curl_options_has(options, CURL_OPTION_BUFFERSIZE))
        curl->curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)CURL_MAX_WRITE_SIZE);
    curl->curl_easy_setopt(easy, CURLOPT_NOSIGNAL,
                           curl_options_number(options, CURL_OPTION_NOSIGNAL, 0));
    if (curl_options_has(options, CURL_OPTION_IPRESOLVE))
        curl->curl_easy_setopt(easy, CURLOPT_IPRESOLVE,
                               curl_options_number(options, CURL_OPTION_IPRESOLVE, 0));
    if (curl_options_has(options, CURL_OPTION_PROTOCOLS_STR))
        set_text(handle, easy, CURLOPT_PROTOCOLS_STR, CURL_OPTION_PROTOCOLS_STR);
    else if (curl_options_has(options, CURL_OPTION_PROTOCOLS))
        curl->curl_easy_setopt(easy, CURLOPT_PROTOCOLS,
                               curl_options_number(options, CURL_OPTION_PROTOCOLS, 0));
    if (is_verbose(handle))
        set_debug_function(handle, easy);
    curl->curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, NULL);
    curl->curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, NULL);
    curl->curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, NULL);
    set_pointer(handle, easy, CURLOPT_OPENSOCKETDATA, CURL_OPTION_OPENSOCKETDATA);
    set_pointer(handle, easy, CURLOPT_CLOSESOCKETDATA, CURL_OPTION_CLOSESOCKETDATA);
}

/* What tells connections apart that libcurl may use again: whose they are, and how the peer is
 * trusted over them. */
static void name_path(const struct curl_handle *handle, char path[64])
{
    uint64_t part;
    memcpy(&part, handle->trust.digest, sizeof(part));
    snprintf(path, 64, "vcache/%llx/%llx", (unsigned long long)handle->serial,
             (unsigned long long)part);
}

/* In the program's place. */
static bool tell_of(const struct curl_handle *handle, CURL *easy)
{
    const struct curl *curl = handle->curl;
    return !curl->curl_easy_setopt(easy, CURLOPT_DEBUGFUNCTION, curl_verbose_tell) &&
           !curl->curl_easy_setopt(easy, CURLOPT_DEBUGDATA, handle);
}

static bool set_for_link(struct curl_handle *handle)
{
    const struct curl *curl = handle->curl;
    CURL *easy = handle->easy;
    char path[64];
    char *url = plain_url(curl_handle_url(handle));
    name_path(handle, path);
    bool is_set = url && !curl->curl_easy_setopt(easy, CURLOPT_URL, url) &&
                  !curl->curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, path) &&
                  !curl->curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, curl_link_open) &&
                  !curl->curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, handle) &&
                  !curl->curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, curl_link_close) &&
                  !curl->curl_easy_setopt(easy, CURLOPT_PROXY, "");
    free(url);
    if (is_set && curl_options_text(&handle->options, CURL_OPTION_PRE_PROXY))
        is_set = !curl->curl_easy_setopt(easy, CURLOPT_PRE_PROXY, NULL);
    if (is_set && is_restricted(handle))
        is_set = !curl->curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    if (is_set && is_verbose(handle))
        is_set = tell_of(handle, easy);
    /* A large answer is there at once; the program is given it in the same pieces. And nothing that
     * libcurl sends here raises a signal, so it need not see to that. */
    if (is_set && !curl_options_has(&handle->options, CURL_OPTION_BUFFERSIZE))
        is_set = !curl->curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)LINK_BUFFER);
    if (is_set)
        is_set = !curl->curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    /* A Unix socket is of neither. */
    if (is_set && curl_options_has(&handle->options, CURL_OPTION_IPRESOLVE))
        is_set = !curl->curl_easy_setopt(easy, CURLOPT_IPRESOLVE, (long)CURL_IPRESOLVE_WHATEVER);
    /* Over plain HTTP it would ask for an upgrade. */
    if (is_set &&
        curl_options_number(&handle->options, CURL_OPTION_HTTP_VERSION, 0) == CURL_HTTP_VERSION_2_0)
        is_set = !curl->curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    return is_set;
}

bool curl_disguise_put_on(struct curl_handle *handle)
{
    if (!curl_trust_tell(handle))
        return false;
    handle->is_disguised = set_for_link(handle);
    if (!handle->is_disguised)
        set_back(handle, handle->easy);
    return handle->is_disguised;
}

void curl_disguise_take_off(struct curl_handle *handle)
{
    if (handle->is_disguised)
        set_back(handle, handle->easy);
    handle->is_disguised = false;
}

/* ---- the origin's side ---- */

static size_t discard(char *bytes, size_t size, size_t count, void *closure)
{
    (void)bytes, (void)closure;
    return size * count;
}

/* Not a duplicate of the program's: that would take along what is its own transfer's business, and
 * curl_easy_duphandle reads cookie files again, calls what frees a body twice, and of
 * CURLOPT_COPYPOSTFIELDS without a size copies SIZE_MAX bytes. */
static bool set_for_origin(const struct curl_handle *handle, CURL *easy)
{
    const struct curl *curl = handle->curl;
    const struct curl_options *options = &handle->options;
    long certificates = curl_options_number(options, CURL_OPTION_CERTINFO, 0);
    bool is_set = curl_options_apply(options, CURL_CHANGED, curl, easy) &&
                  curl_options_apply(options, CURL_TRUST, curl, easy) &&
                  curl_options_apply(options, CURL_CONNECTS, curl, easy);
    if (is_set && is_verbose(handle))
        is_set = tell_of(handle, easy) && !curl->curl_easy_setopt(easy, CURLOPT_VERBOSE, 1L);
    return is_set && !curl->curl_easy_setopt(easy, CURLOPT_URL, curl_handle_url(handle)) &&
           !set_pointer(handle, easy, CURLOPT_SHARE, CURL_OPTION_SHARE) &&
           !curl->curl_easy_setopt(easy, CURLOPT_CERTINFO, certificates) &&
           !curl->curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, discard) &&
           !curl->curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) &&
           !curl->curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
}

CURL *curl_disguise_for_origin(const struct curl_handle *handle)
{
    CURL *easy = handle->curl->curl_easy_init();
    if (!easy || set_for_origin(handle, easy))
        return easy;
    handle->curl->curl_easy_cleanup(easy);
    return NULL;
}
