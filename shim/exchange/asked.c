/* What is asked: the endpoint, the operation, who asks, and the key that all this makes. */
#include "exchange/state.h"

#include "base/clock.h"
#include "exchange/memo.h"
#include "exchange/secret.h"

#include <string.h>
#include <strings.h>

/* ---- what is asked ------------------------------------------------------------------------- */

/* https://host:port in lower case, the port always written. */
bool asked_endpoint(struct exchange *x)
{
    static const char scheme[] = "https://";
    char peer[ENDPOINT_SIZE];
    struct span host = http_field(x->request, "Host");
    if (host.size == 0) {
        if (!x->front->peer_name(x->connection, peer, sizeof(peer)))
            return false;
        host = span_of_text(peer);
    }
    const uint8_t *bracket = memrchr(host.data, ']', host.size);
    const uint8_t *after = bracket ? bracket : host.data;
    bool has_port = memchr(after, ':', (size_t)(host.data + host.size - after)) != NULL;
    const char *port = has_port ? "" : ":443";
    if (sizeof(scheme) + host.size + strlen(port) > sizeof(x->endpoint.name))
        return false;
    char *at = x->endpoint.name;
    memcpy(at, scheme, sizeof(scheme) - 1);
    at += sizeof(scheme) - 1;
    for (size_t i = 0; i < host.size; i++) {
        uint8_t c = host.data[i];
        if (c <= ' ' || c >= 127)
            return false;
        *at++ = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    }
    memcpy(at, port, strlen(port) + 1);
    return true;
}

void asked_peer(struct exchange *x)
{
    if (x->has_peer)
        return;
    x->has_peer = true;
    x->is_trusted = x->front->trust(x->connection, &x->trust);
}

static void copy_name(char name[SOAP_NAME_SIZE], const char *text)
{
    size_t size = strnlen(text, SOAP_NAME_SIZE - 1);
    memcpy(name, text, size);
    name[size] = '\0';
}

static struct span path_of(struct span target)
{
    const uint8_t *query = memchr(target.data, '?', target.size);
    return (struct span){target.data, query ? (size_t)(query - target.data) : target.size};
}

/* The directory, and what is below. */
static bool is_in(struct span path, struct span directory)
{
    return path.size >= directory.size && memcmp(path.data, directory.data, directory.size) == 0 &&
           (path.size == directory.size || path.data[directory.size] == '/');
}

static bool is_sdk(struct span path)
{
    return is_in(path, SPAN_OF("/sdk"));
}

bool asked_is_ours(const struct exchange *x)
{
    struct span path = path_of(http_target(x->request));
    if (span_equal(http_method(x->request), SPAN_OF("GET")))
        return is_sdk(path) || operation_of_get(path);
    return is_sdk(path) && span_equal(http_method(x->request), SPAN_OF("POST"));
}

bool asked_is_file(const struct exchange *x)
{
    return is_in(path_of(http_target(x->request)), SPAN_OF("/folder"));
}

bool asked_changes_file(const struct exchange *x)
{
    struct span method = http_method(x->request);
    return asked_is_file(x) && !span_equal(method, SPAN_OF("GET")) &&
           !span_equal(method, SPAN_OF("HEAD")) && !span_equal(method, SPAN_OF("OPTIONS"));
}

/* Reads the operation; false when it is no vSphere request of this cache's sense. */
bool asked_operation(struct exchange *x)
{
    struct span method = http_method(x->request);
    struct span path = path_of(http_target(x->request));
    if (span_equal(method, SPAN_OF("GET"))) {
        x->asked.operation = operation_of_get(path);
        if (x->asked.operation)
            copy_name(x->asked.name, x->asked.operation->name);
        return x->asked.operation != NULL;
    }
    return span_equal(method, SPAN_OF("POST")) && is_sdk(path);
}

static void parse_soap(struct exchange *x, struct span body)
{
    soap_request_free(&x->soap);
    soap_read_request(body, &x->soap);
    copy_name(x->asked.name, x->soap.operation);
    if (x->soap.is_understood)
        x->asked.operation = operation_find(span_of_text(x->soap.operation));
}

/* Whether what the request says is all that matters of it: then the memo may stand for it. */
static bool is_plain_read(const struct exchange *x)
{
    const struct operation *operation = x->asked.operation;
    return operation && (operation->class == OPERATION_READ ||
                         (operation->class == OPERATION_PROPERTY_READ && !x->soap.is_live &&
                          !x->soap.is_current_session));
}

/* Reads `body`, or remembers what it says; after a memo x->soap is empty until parse_remembered. */
static void read_body(struct exchange *x, struct span body)
{
    const struct cache_secret *secret = cache_secret(cache_of(x));
    struct cache_key raw;
    struct memo memo = {0};
    if (secret) {
        raw = key_of(secret, body);
        memo_find(&raw, &memo);
    }
    if (memo.operation) {
        x->asked.is_remembered = true;
        x->asked.operation = memo.operation;
        copy_name(x->asked.name, memo.operation->name);
        x->asked.canonical = memo.canonical;
        return;
    }
    parse_soap(x, body);
    if (!secret || !x->soap.is_understood)
        return;
    x->asked.canonical = key_of(secret, buffer_span(&x->soap.canonical));
    if (is_plain_read(x))
        memo_keep(&raw, &(struct memo){x->asked.operation, x->asked.canonical});
}

/* By the names that the origin knows: of two programs that know one view by two names, it is the
 * same question. */
static void with_body(struct exchange *x, void (*use)(struct exchange *, struct span))
{
    enum { LONGER_NAMES = 4096 };
    struct buffer renamed = {0};
    struct span body;
    if (exchange_request_body(x, &body)) {
        if (x->asked.actual != x->asked.session &&
            secret_reserve(&renamed, body.size + LONGER_NAMES) &&
            compose_for_origin(x, body, &renamed))
            body = buffer_span(&renamed);
        use(x, body);
    }
    secret_free(&renamed);
}

void asked_soap(struct exchange *x)
{
    soap_request_free(&x->soap);
    with_body(x, read_body);
}

/* A remembered request is to be forwarded after all: its label needs what it names. */
static void parse_remembered(struct exchange *x)
{
    if (x->asked.is_remembered)
        with_body(x, parse_soap);
    x->asked.is_remembered = false;
}

enum operation_class asked_class(const struct exchange *x)
{
    return x->asked.operation ? x->asked.operation->class : OPERATION_UNKNOWN;
}

bool asked_is_conditional(const struct exchange *x)
{
    static const struct span fields[] = {SPAN_OF("Range"),         SPAN_OF("If-Match"),
                                         SPAN_OF("If-None-Match"), SPAN_OF("If-Modified-Since"),
                                         SPAN_OF("If-Range"),      SPAN_OF("Authorization")};
    struct span name, value;
    for (size_t i = 0; http_field_at(x->request, i, &name, &value); i++)
        for (size_t j = 0; j < sizeof(fields) / sizeof(fields[0]); j++)
            if (span_equal_ignoring_case(name, fields[j]))
                return true;
    return false;
}

/* ---- who asks, and the key ------------------------------------------------------------------ */

/* Overwritten in place, so that nothing else changes. */
static void hide_cookie(struct exchange *x, struct span token)
{
    uint8_t *at = x->held.data;
    uint8_t *end = x->held.data + x->held.size;
    while (token.size > 0 && at &&
           (at = memmem(at, (size_t)(end - at), token.data, token.size)) != NULL) {
        memset(at, '0', token.size);
        at += token.size;
    }
}

struct span asked_cookie(const struct exchange *x)
{
    struct span name, value;
    struct span token = {0};
    for (size_t i = 0; token.size == 0 && http_field_at(x->request, i, &name, &value); i++)
        if (span_equal_ignoring_case(name, SPAN_OF("Cookie")))
            token = cookie_token(value);
    return token;
}

void asked_session(struct exchange *x)
{
    struct span token = asked_cookie(x);
    x->asked.session = session_of_cookie(&x->endpoint, token);
    x->asked.actual = x->asked.session ? session_actual(x->asked.session) : NULL;
    if (x->asked.session && session_is_logged_out(x->asked.session))
        hide_cookie(x, token);
}

bool asked_principal(struct exchange *x)
{
    struct span token = asked_cookie(x);
    if (x->asked.session) {
        x->asked.principal = *session_principal(x->asked.session);
        return true;
    }
    /* Another cookie than vCenter's is somebody all the same. */
    struct span cookie = token.size ? token : http_field(x->request, "Cookie");
    if (!x->has_principal || !span_equal(cookie, buffer_span(&x->cookie))) {
        buffer_clear(&x->cookie);
        x->has_principal =
            principal_of_cookie(cache_of(x), &x->endpoint, &x->trust, cookie, &x->principal) &&
            buffer_append_span(&x->cookie, cookie);
    }
    x->asked.principal = x->principal;
    return x->has_principal;
}

/* "urn:vim25/6.0" with and without its quotes is one version. */
static struct span version_of(const struct exchange *x)
{
    struct span action = http_field(x->request, "SOAPAction");
    if (action.size >= 2 && action.data[0] == '"' && action.data[action.size - 1] == '"')
        action = (struct span){action.data + 1, action.size - 2};
    return action;
}

#define SPAN_OF_NUMBER(number) ((struct span){(const uint8_t *)&(number), sizeof(number)})

/* The namespace and the canonical request, hashed. */
bool asked_key(struct exchange *x)
{
    const struct cache_secret *secret = cache_secret(cache_of(x));
    if (!secret)
        return false;
    struct buffer canonical = {0};
    buffer_append_sized(&canonical, span_of_text(x->endpoint.name));
    buffer_append_sized(&canonical, (struct span){x->trust.digest, sizeof(x->trust.digest)});
    buffer_append_sized(&canonical,
                        (struct span){x->asked.principal.id, sizeof(x->asked.principal.id)});
    buffer_append_sized(&canonical, http_method(x->request));
    buffer_append_sized(&canonical, http_target(x->request));
    buffer_append_sized(&canonical, version_of(x));
    buffer_append_sized(&canonical,
                        (struct span){x->asked.canonical.id, sizeof(x->asked.canonical.id)});
    buffer_append_sized(&canonical, SPAN_OF_NUMBER(x->asked.canonical.check));
    buffer_append_sized(&canonical, SPAN_OF_NUMBER(x->asked.canonical.length));
    x->asked.has_key = !canonical.failed;
    if (x->asked.has_key)
        x->asked.key = key_of(secret, buffer_span(&canonical));
    if (x->holds_secret)
        buffer_wipe(&canonical);
    buffer_free(&canonical);
    return x->asked.has_key;
}

void asked_label(struct exchange *x, const struct fence_state *fence)
{
    parse_remembered(x);
    struct store_label *label = &x->asked.label;
    const struct cache_secret *secret = cache_secret(cache_of(x));
    label->endpoint = x->endpoint;
    label->principal = x->asked.principal;
    copy_name(label->operation, x->asked.name);
    label->requested_at = clock_milliseconds();
    label->generation = fence->generation;
    label->is_object_list_cut = x->soap.is_object_list_cut;
    for (size_t i = 0; secret && i < x->soap.object_count && i < STORE_OBJECTS; i++) {
        struct span name = {x->soap.object_names.data + x->soap.objects[i].at,
                            x->soap.objects[i].size};
        label->objects[label->object_count++] = key_of_object(secret, name);
    }
}
