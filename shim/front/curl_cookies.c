/* Cookies: see curl_cookies.h. */
#include "front/curl_cookies.h"
#include "front/curl_disguise.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define END_OF_LINE "\r\n"

struct span curl_field(struct span head, const char *name, size_t *at)
{
    struct span wanted = span_of_text(name);
    while (*at < head.size) {
        const uint8_t *line = head.data + *at;
        const uint8_t *end = memchr(line, '\n', head.size - *at);
        size_t size = end ? (size_t)(end - line) : head.size - *at;
        *at += end ? size + 1 : size;
        if (size > 0 && line[size - 1] == '\r')
            size--;
        if (size > wanted.size && line[wanted.size] == ':' &&
            span_equal_ignoring_case((struct span){line, wanted.size}, wanted))
            return span_trimmed((struct span){line + wanted.size + 1, size - wanted.size - 1});
    }
    return (struct span){0};
}

/* ---- out ---- */

/* A line of a cookie file (the Netscape format of CURLINFO_COOKIELIST). */
enum { DOMAIN, IS_FOR_SUBDOMAINS, PATH, IS_SECURE, EXPIRES, NAME, VALUE, FIELDS };

static bool split(const char *line, struct span fields[FIELDS])
{
    static const char only_http[] = "#HttpOnly_";
    if (strncmp(line, only_http, sizeof(only_http) - 1) == 0)
        line += sizeof(only_http) - 1;
    for (int i = 0; i < FIELDS; i++) {
        size_t size = i < VALUE ? strcspn(line, "\t") : strlen(line);
        fields[i] = (struct span){(const uint8_t *)line, size};
        line += size;
        if (i < VALUE && *line++ != '\t')
            return false;
    }
    return true;
}

static bool is_true(struct span field)
{
    return span_equal(field, SPAN_OF("TRUE"));
}

/* RFC 6265, 5.1.3. */
static bool is_of_host(struct span domain, bool is_for_subdomains, struct span host)
{
    if (domain.size > 0 && domain.data[0] == '.') {
        domain.data++;
        domain.size--;
    }
    if (span_equal_ignoring_case(domain, host))
        return true;
    if (!is_for_subdomains || host.size <= domain.size || domain.size == 0)
        return false;
    struct span end = {host.data + host.size - domain.size, domain.size};
    return end.data[-1] == '.' && span_equal_ignoring_case(end, domain);
}

/* RFC 6265, 5.1.4. */
static bool is_below(struct span path, struct span target)
{
    const uint8_t *query = target.size ? memchr(target.data, '?', target.size) : NULL;
    if (query)
        target.size = (size_t)(query - target.data);
    if (path.size > 1 && path.data[path.size - 1] == '/')
        path.size--;
    if (path.size <= 1)
        return true;
    return target.size >= path.size && memcmp(path.data, target.data, path.size) == 0 &&
           (target.size == path.size || target.data[path.size] == '/');
}

/* Of "POST /sdk HTTP/1.1". */
static struct span target_of(struct span head)
{
    const uint8_t *start = memchr(head.data, ' ', head.size);
    if (!start)
        return (struct span){0};
    start++;
    size_t left = head.size - (size_t)(start - head.data);
    const uint8_t *end = memchr(start, ' ', left);
    return (struct span){start, end ? (size_t)(end - start) : left};
}

/* "; "-separated, those that libcurl has left out. */
static void list_secure(const struct curl_slist *cookies, struct span host, struct span target,
                        struct buffer *list)
{
    for (; cookies; cookies = cookies->next) {
        struct span fields[FIELDS];
        if (!split(cookies->data, fields) || !is_true(fields[IS_SECURE]) ||
            !is_of_host(fields[DOMAIN], is_true(fields[IS_FOR_SUBDOMAINS]), host) ||
            !is_below(fields[PATH], target))
            continue;
        if (list->size > 0)
            buffer_append_text(list, "; ");
        buffer_append_span(list, fields[NAME]);
        buffer_append_text(list, "=");
        buffer_append_span(list, fields[VALUE]);
    }
}

/* To "localhost" and its addresses libcurl sends them in plain HTTP, too. */
static bool is_local(struct span host)
{
    return span_equal_ignoring_case(host, SPAN_OF("localhost")) ||
           span_equal(host, SPAN_OF("127.0.0.1")) || span_equal(host, SPAN_OF("::1"));
}

/* Puts the list before what the request's own field says, or makes one. */
static bool insert(struct buffer *head, struct span list)
{
    struct buffer longer = {0};
    size_t at = 0;
    struct span own = curl_field(buffer_span(head), "Cookie", &at);
    const uint8_t *start = memmem(head->data, head->size, END_OF_LINE, 2);
    size_t before = own.data ? (size_t)(own.data - head->data)
                             : (size_t)(start - head->data) + sizeof(END_OF_LINE) - 1;
    buffer_append(&longer, head->data, before);
    if (!own.data)
        buffer_append_text(&longer, "Cookie: ");
    buffer_append_span(&longer, list);
    buffer_append_text(&longer, !own.data ? END_OF_LINE : own.size > 0 ? "; " : "");
    buffer_append(&longer, head->data + before, head->size - before);
    struct buffer *wiped = longer.failed ? &longer : head;
    bool is_done = !longer.failed;
    buffer_wipe(wiped);
    buffer_free(wiped);
    if (is_done)
        *head = longer;
    return is_done;
}

bool curl_cookies_send(struct curl_handle *handle, struct buffer *head)
{
    const char *url = curl_handle_url(handle);
    struct span host = url ? curl_host_of(url) : (struct span){0};
    struct curl_slist *cookies = NULL;
    struct buffer list = {0};
    if (!handle->options.has_cookies || is_local(host) ||
        handle->curl->curl_easy_getinfo(handle->easy, CURLINFO_COOKIELIST, &cookies))
        return true;
    list_secure(cookies, host, target_of(buffer_span(head)), &list);
    bool is_done = !list.failed && (list.size == 0 || insert(head, buffer_span(&list)));
    handle->curl->curl_slist_free_all(cookies);
    buffer_wipe(&list);
    buffer_free(&list);
    return is_done;
}

/* ---- in ---- */

struct cookie {
    struct span name, value, path, domain;
    bool is_secure;
    bool is_only_http;
    long long expires; /* 0: with the session */
};

/* Up to the separator, which is skipped; trimmed. */
static struct span cut(struct span *from, char separator)
{
    const uint8_t *end = from->size ? memchr(from->data, separator, from->size) : NULL;
    struct span part = {from->data, end ? (size_t)(end - from->data) : from->size};
    size_t used = end ? part.size + 1 : part.size;
    from->data += used;
    from->size -= used;
    return span_trimmed(part);
}

static long long seconds_of(struct span text)
{
    char digits[24];
    size_t size = text.size < sizeof(digits) - 1 ? text.size : sizeof(digits) - 1;
    memcpy(digits, text.data, size);
    digits[size] = '\0';
    return strtoll(digits[0] == '"' ? digits + 1 : digits, NULL, 10);
}

static long long date_of(const struct curl *curl, struct span text)
{
    char date[80];
    if (text.size >= sizeof(date))
        return 0;
    memcpy(date, text.data, text.size);
    date[text.size] = '\0';
    long long then = curl->curl_getdate(date, NULL);
    return then < 0 ? 0 : then > 0 ? then : 1;
}

/* As libcurl reads them: an age counts before a date, and none or less means now. */
static void read_attribute(const struct curl *curl, struct span attribute, bool *has_age,
                           struct cookie *cookie)
{
    struct span value = attribute;
    struct span name = cut(&value, '=');
    value = span_trimmed(value);
    if (span_equal_ignoring_case(name, SPAN_OF("secure"))) {
        cookie->is_secure = true;
    } else if (span_equal_ignoring_case(name, SPAN_OF("httponly"))) {
        cookie->is_only_http = true;
    } else if (span_equal_ignoring_case(name, SPAN_OF("path"))) {
        cookie->path = value;
    } else if (span_equal_ignoring_case(name, SPAN_OF("domain")) && value.size > 0) {
        cookie->domain = value;
    } else if (span_equal_ignoring_case(name, SPAN_OF("max-age"))) {
        long long age = seconds_of(value);
        *has_age = true;
        cookie->expires = age > 0 ? (long long)time(NULL) + age : 1;
    } else if (span_equal_ignoring_case(name, SPAN_OF("expires")) && !*has_age) {
        cookie->expires = date_of(curl, value);
    }
}

static bool read_cookie(const struct curl *curl, struct span field, struct cookie *cookie)
{
    bool has_age = false;
    struct span pair = cut(&field, ';');
    *cookie = (struct cookie){.value = pair};
    bool has_value = memchr(pair.data, '=', pair.size) != NULL;
    cookie->name = cut(&cookie->value, '=');
    cookie->value = span_trimmed(cookie->value);
    while (field.size > 0)
        read_attribute(curl, cut(&field, ';'), &has_age, cookie);
    return has_value && cookie->name.size > 0;
}

/* The path of a cookie that names none: RFC 6265, 5.1.4. */
static struct span standard_path(const char *url)
{
    struct span host = curl_host_of(url);
    const char *path = strchr((const char *)host.data, '/');
    size_t size = path ? strcspn(path, "?#") : 0;
    while (size > 1 && path[size - 1] != '/')
        size--;
    return size > 0 ? (struct span){(const uint8_t *)path, size} : SPAN_OF("/");
}

static bool append_line(struct buffer *line, const struct cookie *cookie, const char *url)
{
    struct span host = curl_host_of(url);
    char expires[32];
    bool has_domain = cookie->domain.size > 0;
    if (has_domain && !is_of_host(cookie->domain, true, host))
        return false;
    snprintf(expires, sizeof(expires), "\tTRUE\t%lld\t", cookie->expires);
    buffer_append_text(line, cookie->is_only_http ? "#HttpOnly_" : "");
    buffer_append_span(line, has_domain ? cookie->domain : host);
    buffer_append_text(line, has_domain ? "\tTRUE\t" : "\tFALSE\t");
    buffer_append_span(line, cookie->path.size > 0 && cookie->path.data[0] == '/'
                                 ? cookie->path
                                 : standard_path(url));
    buffer_append_text(line, expires);
    buffer_append_span(line, cookie->name);
    buffer_append_text(line, "\t");
    buffer_append_span(line, cookie->value);
    /* With its NUL; and a tab in it would be taken for a separator. */
    return buffer_append(line, "", 1) && !memchr(cookie->value.data, '\t', cookie->value.size);
}

static void take(struct curl_handle *handle, const struct cookie *cookie, const char *url)
{
    struct buffer line = {0};
    if (append_line(&line, cookie, url))
        handle->curl->curl_easy_setopt(handle->easy, CURLOPT_COOKIELIST, (char *)line.data);
    buffer_wipe(&line);
    buffer_free(&line);
}

void curl_cookies_take(struct curl_handle *handle, struct span head)
{
    const char *url = curl_handle_url(handle);
    size_t at = 0;
    if (!handle->options.has_cookies || !url || is_local(curl_host_of(url)))
        return;
    for (;;) {
        struct cookie cookie;
        struct span field = curl_field(head, "Set-Cookie", &at);
        if (!field.data)
            return;
        if (read_cookie(handle->curl, field, &cookie) && cookie.is_secure)
            take(handle, &cookie, url);
    }
}
