/* Options: see curl_options.h. */
#include "front/curl_options.h"

#include <string.h>

const struct curl_option curl_option_table[CURL_OPTION_COUNT] = {
#define OPTION(name, kind, role) {CURLOPT_##name, CURL_##kind, CURL_##role},
#include "front/curl_options.def"
#undef OPTION
};

/* CURLOPT_QUICK_EXIT, of 7.87: what comes after it nobody here has thought about. */
enum { NEWEST = 322, KINDS = 10000 };

static int id_of(CURLoption option)
{
    switch (option) {
#define OPTION(name, kind, role)                                                                   \
    case CURLOPT_##name:                                                                           \
        return CURL_OPTION_##name;
#include "front/curl_options.def"
#undef OPTION
    default:
        return -1;
    }
}

static bool is_newer(CURLoption option)
{
    return (int)option % KINDS > NEWEST;
}

bool curl_options_know(CURLoption option)
{
    return id_of(option) >= 0 || is_newer(option);
}

bool curl_options_are_changed(CURLoption option)
{
    int id = id_of(option);
    return id >= 0 && (curl_option_table[id].role == CURL_CHANGED ||
                       curl_option_table[id].role == CURL_FORBIDS);
}

static bool is_owned(enum curl_option_kind kind)
{
    return kind == CURL_TEXT || kind == CURL_BLOB;
}

/* A key in memory, a proxy's password. */
static void drop(struct buffer *bytes)
{
    if (bytes->size > 0)
        buffer_wipe(bytes);
    buffer_free(bytes);
}

static bool forbids(const struct curl_options *options, enum curl_option_id id)
{
    const union curl_option_value *value = &options->values[id];
    if (curl_option_table[id].role != CURL_FORBIDS)
        return false;
    switch (curl_option_table[id].kind) {
    case CURL_NUMBER:
        return value->number != 0;
    case CURL_OFFSET:
        return value->offset != 0;
    case CURL_TEXT:
    case CURL_BLOB:
        return value->bytes.size > 0;
    case CURL_POINTER:
    case CURL_LIST:
        break;
    }
    return value->pointer != NULL;
}

static struct span span_of_argument(enum curl_option_kind kind, const void *object)
{
    if (!object)
        return (struct span){0};
    if (kind == CURL_TEXT)
        return (struct span){object, strlen(object) + 1};
    const struct curl_blob *blob = object;
    return (struct span){blob->data, blob->len};
}

static void set_value(struct curl_options *options, enum curl_option_id id,
                      const union curl_argument *argument)
{
    union curl_option_value *value = &options->values[id];
    enum curl_option_kind kind = curl_option_table[id].kind;
    if (kind == CURL_NUMBER) {
        value->number = argument->number;
    } else if (kind == CURL_OFFSET) {
        value->offset = argument->offset;
    } else if (is_owned(kind)) {
        drop(&value->bytes);
        options->has_failed |=
            !buffer_append_span(&value->bytes, span_of_argument(kind, argument->object));
    } else if (curl_option_table[id].number >= CURLOPTTYPE_FUNCTIONPOINT) {
        /* Copied, not assigned: ISO C has no conversion from a function to an object pointer. */
        memcpy(&value->pointer, &argument->function, sizeof(value->pointer));
    } else {
        value->pointer = argument->object;
    }
}

/* The engine is on from the first of these to the one that takes the list of files away. */
static void notice_cookies(struct curl_options *options, enum curl_option_id id)
{
    if (id == CURL_OPTION_COOKIEFILE)
        options->has_cookies = curl_options_text(options, id) != NULL;
    else if (id == CURL_OPTION_COOKIEJAR || id == CURL_OPTION_COOKIELIST)
        options->has_cookies = true;
}

/* libcurl has a copy of its own, which it does not show. */
static void copy_body(struct curl_options *options, const void *body)
{
    enum { MOST = 64 << 10 };
    size_t size = !body ? 0 : options->body_size < 0 ? strlen(body) : (size_t)options->body_size;
    drop(&options->body);
    if (size <= MOST)
        options->has_failed |= !buffer_append(&options->body, body, size);
}

/* A copy that was made of less is given up, as libcurl does with its own. */
static void set_body_size(struct curl_options *options, curl_off_t size)
{
    if (options->body_size < size)
        drop(&options->body);
    options->body_size = size;
}

/* Each of these sets the method (setopt.c of libcurl). */
static void notice_method(struct curl_options *options, enum curl_option_id id)
{
    const union curl_option_value *value = &options->values[id];
    switch (id) {
    case CURL_OPTION_HTTPGET:
    case CURL_OPTION_NOBODY:
        if (value->number != 0)
            options->sends_body = false;
        break;
    case CURL_OPTION_POST:
    case CURL_OPTION_UPLOAD:
        options->sends_body = value->number != 0;
        break;
    case CURL_OPTION_POSTFIELDS:
    case CURL_OPTION_COPYPOSTFIELDS:
        copy_body(options, id == CURL_OPTION_COPYPOSTFIELDS ? value->pointer : NULL);
        if (id == CURL_OPTION_COPYPOSTFIELDS)
            options->values[CURL_OPTION_POSTFIELDS].pointer = NULL;
        options->sends_body = true;
        break;
    case CURL_OPTION_HTTPPOST:
    case CURL_OPTION_MIMEPOST:
        options->sends_body = true;
        break;
    case CURL_OPTION_POSTFIELDSIZE:
        set_body_size(options, value->number);
        break;
    case CURL_OPTION_POSTFIELDSIZE_LARGE:
        set_body_size(options, value->offset);
        break;
    default:
        break;
    }
}

void curl_options_begin(struct curl_options *options)
{
    *options = (struct curl_options){.body_size = -1};
}

void curl_options_set(struct curl_options *options, CURLoption option,
                      const union curl_argument *argument)
{
    int found = id_of(option);
    if (found < 0) {
        options->has_unknown |= is_newer(option);
        return;
    }
    enum curl_option_id id = (enum curl_option_id)found;
    options->forbidding -= forbids(options, id);
    set_value(options, id, argument);
    options->forbidding += forbids(options, id);
    options->is_set[id] = true;
    notice_cookies(options, id);
    notice_method(options, id);
    /* Two names of one option: the last one counts. */
    if (id == CURL_OPTION_PROTOCOLS)
        options->is_set[CURL_OPTION_PROTOCOLS_STR] = false;
    else if (id == CURL_OPTION_PROTOCOLS_STR)
        options->is_set[CURL_OPTION_PROTOCOLS] = false;
}

bool curl_options_are_as(const struct curl_options *options, CURLoption option,
                         const union curl_argument *argument)
{
    int id = id_of(option);
    if (id < 0 || !options->is_set[id] || option == CURLOPT_COOKIELIST)
        return false;
    const union curl_option_value *value = &options->values[id];
    switch (curl_option_table[id].kind) {
    case CURL_NUMBER:
        return value->number == argument->number;
    case CURL_OFFSET:
        return value->offset == argument->offset;
    case CURL_TEXT:
        return span_equal(buffer_span(&value->bytes),
                          span_of_argument(CURL_TEXT, argument->object));
    case CURL_LIST:
    case CURL_POINTER:
    case CURL_BLOB:
        break;
    }
    return false;
}

void curl_options_free(struct curl_options *options)
{
    for (int id = 0; id < CURL_OPTION_COUNT; id++)
        if (is_owned(curl_option_table[id].kind))
            drop(&options->values[id].bytes);
    drop(&options->body);
    curl_options_begin(options);
}

static void keep_share(struct curl_options *options, const void *share)
{
    options->values[CURL_OPTION_SHARE].pointer = share;
    options->is_set[CURL_OPTION_SHARE] = true;
}

void curl_options_reset(struct curl_options *options)
{
    const void *share = curl_options_pointer(options, CURL_OPTION_SHARE);
    bool has_cookies = options->has_cookies;
    curl_options_free(options);
    options->has_cookies = has_cookies;
    if (share)
        keep_share(options, share);
}

void curl_options_copy(struct curl_options *copy, const struct curl_options *options)
{
    *copy = *options;
    for (int id = 0; id < CURL_OPTION_COUNT; id++) {
        struct buffer *bytes = &copy->values[id].bytes;
        if (!is_owned(curl_option_table[id].kind))
            continue;
        *bytes = (struct buffer){0};
        copy->has_failed |= !buffer_append_span(bytes, buffer_span(&options->values[id].bytes));
    }
    copy->body = (struct buffer){0};
    copy->has_failed |= !buffer_append_span(&copy->body, buffer_span(&options->body));
    keep_share(copy, NULL);
}

static CURLcode apply(const struct curl_options *options, enum curl_option_id id,
                      const struct curl *curl, CURL *easy)
{
    const union curl_option_value *value = &options->values[id];
    CURLoption number = curl_option_table[id].number;
    struct curl_blob blob = {value->bytes.data, value->bytes.size, CURL_BLOB_COPY};
    void (*function)(void) = NULL;
    switch (curl_option_table[id].kind) {
    case CURL_NUMBER:
        return curl->curl_easy_setopt(easy, number, value->number);
    case CURL_OFFSET:
        return curl->curl_easy_setopt(easy, number, value->offset);
    case CURL_TEXT:
        return curl->curl_easy_setopt(easy, number, curl_options_text(options, id));
    case CURL_BLOB:
        return curl->curl_easy_setopt(easy, number, blob.len > 0 ? &blob : NULL);
    case CURL_POINTER:
    case CURL_LIST:
        break;
    }
    if (number < CURLOPTTYPE_FUNCTIONPOINT)
        return curl->curl_easy_setopt(easy, number, value->pointer);
    memcpy(&function, &value->pointer, sizeof(function));
    return curl->curl_easy_setopt(easy, number, function);
}

bool curl_options_apply(const struct curl_options *options, enum curl_option_role role,
                        const struct curl *curl, CURL *easy)
{
    bool is_applied = true;
    for (int id = 0; id < CURL_OPTION_COUNT; id++)
        if (options->is_set[id] && curl_option_table[id].role == role)
            is_applied &= apply(options, (enum curl_option_id)id, curl, easy) == CURLE_OK;
    return is_applied;
}

bool curl_options_may_write(const struct curl_options *options)
{
    const char *custom = curl_options_text(options, CURL_OPTION_CUSTOMREQUEST);
    if (custom)
        return strcmp(custom, "GET") != 0 && strcmp(custom, "HEAD") != 0;
    return options->sends_body;
}

struct span curl_options_body(const struct curl_options *options)
{
    const void *body = curl_options_pointer(options, CURL_OPTION_POSTFIELDS);
    struct span copied = buffer_span(&options->body);
    if (!options->sends_body)
        return (struct span){0};
    if (!body && copied.size > 0 && options->body_size <= (curl_off_t)copied.size)
        return (struct span){copied.data,
                             options->body_size < 0 ? copied.size : (size_t)options->body_size};
    if (!body)
        return (struct span){0};
    return (struct span){body, options->body_size < 0 ? strlen(body) : (size_t)options->body_size};
}

/* Whether libcurl would speak HTTPS at all: a list of names, or a bit for each. */
static bool allows_https(const struct curl_options *options)
{
    const char *names = curl_options_text(options, CURL_OPTION_PROTOCOLS_STR);
    bool is_named = curl_options_has(options, CURL_OPTION_PROTOCOLS_STR) && names;
    if (!is_named)
        return !curl_options_has(options, CURL_OPTION_PROTOCOLS) ||
               (curl_options_number(options, CURL_OPTION_PROTOCOLS, 0) & CURLPROTO_HTTPS);
    while (*names) {
        size_t size = strcspn(names, ",");
        struct span name = {(const uint8_t *)names, size};
        if (span_equal_ignoring_case(name, SPAN_OF("https")) ||
            span_equal_ignoring_case(name, SPAN_OF("all")))
            return true;
        names += size + (names[size] == ',');
    }
    return false;
}

bool curl_options_allow_link(const struct curl_options *options)
{
    const char *cookies = curl_options_text(options, CURL_OPTION_COOKIEFILE);
    bool reads_stdin = cookies && strcmp(cookies, "-") == 0;
    long version = curl_options_number(options, CURL_OPTION_HTTP_VERSION, CURL_HTTP_VERSION_NONE);
    return options->forbidding == 0 && !options->has_unknown && !options->has_failed &&
           !reads_stdin && allows_https(options) && version <= CURL_HTTP_VERSION_2TLS;
}

bool curl_options_has(const struct curl_options *options, enum curl_option_id id)
{
    return options->is_set[id];
}

const char *curl_options_text(const struct curl_options *options, enum curl_option_id id)
{
    const struct buffer *bytes = &options->values[id].bytes;
    return bytes->size > 0 ? (const char *)bytes->data : NULL;
}

const void *curl_options_pointer(const struct curl_options *options, enum curl_option_id id)
{
    return options->values[id].pointer;
}

long curl_options_number(const struct curl_options *options, enum curl_option_id id, long standard)
{
    return curl_options_has(options, id) ? options->values[id].number : standard;
}
