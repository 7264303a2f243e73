/* Responses that may be handed out without libcurl: see curl_at_hand.h. */
#include "front/curl_at_hand.h"

#include <stdlib.h>
#include <string.h>

/* Whatever libcurl does with these (http.c of libcurl), it does not come to that here. */
static bool is_acted_upon(struct span name)
{
    static const struct span names[] = {
        SPAN_OF("Connection"),       SPAN_OF("Content-Encoding"), SPAN_OF("Content-Range"),
        SPAN_OF("Location"),         SPAN_OF("Persistent-Auth"),  SPAN_OF("Proxy-Authenticate"),
        SPAN_OF("Proxy-Connection"), SPAN_OF("Refresh"),          SPAN_OF("Retry-After"),
        SPAN_OF("Set-Cookie"),       SPAN_OF("Trailer"),          SPAN_OF("Transfer-Encoding"),
        SPAN_OF("WWW-Authenticate"),
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (name.size == names[i].size && span_equal_ignoring_case(name, names[i]))
            return true;
    return false;
}

static bool read_length(struct span value, size_t *length)
{
    enum { DIGITS = 12 };
    size_t read = 0;
    if (value.size == 0 || value.size > DIGITS)
        return false;
    for (size_t i = 0; i < value.size; i++) {
        if (value.data[i] < '0' || value.data[i] > '9')
            return false;
        read = 10 * read + (size_t)(value.data[i] - '0');
    }
    *length = read;
    return true;
}

static bool read_field(struct span line, struct curl_response *response, bool *has_length)
{
    const uint8_t *colon = memchr(line.data, ':', line.size);
    if (!colon)
        return false;
    struct span name = {line.data, (size_t)(colon - line.data)};
    struct span value = span_trimmed((struct span){colon + 1, line.size - name.size - 1});
    if (name.size == 0 || line.data[0] == ' ' || line.data[0] == '\t' || is_acted_upon(name))
        return false;
    if (span_equal_ignoring_case(name, SPAN_OF("Content-Type"))) {
        bool is_first = !response->type.data;
        response->type = value;
        return is_first && value.size > 0;
    }
    if (!span_equal_ignoring_case(name, SPAN_OF("Content-Length")))
        return true;
    bool is_only = !*has_length;
    *has_length = true;
    return is_only && read_length(value, &response->length);
}

/* The next line without its end; false if it does not end, or is long. */
static bool take_line(struct span *rest, struct span *line)
{
    return span_take_line(rest, line) && line->size + 2 <= CURL_RESPONSE_LINE &&
           !memchr(line->data, '\0', line->size);
}

bool curl_response_read(struct span head, struct curl_response *response)
{
    static const struct span status = SPAN_OF("HTTP/1.1 200");
    struct span line;
    bool has_length = false;
    *response = (struct curl_response){0};
    if (!take_line(&head, &line) || line.size < status.size ||
        memcmp(line.data, status.data, status.size) != 0 ||
        (line.size > status.size && line.data[status.size] != ' '))
        return false;
    while (take_line(&head, &line)) {
        if (line.size == 0)
            return head.size == 0 && has_length;
        if (!read_field(line, response, &has_length))
            return false;
    }
    return false;
}
