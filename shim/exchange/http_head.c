/* HTTP heads: see http_head.h. */
#include "exchange/http_head.h"

#include <stdlib.h>
#include <string.h>

/* RFC 9110, 5.6.2. */
static bool is_token(struct span s)
{
    static const char others[] = "!#$%&'*+-.^_`|~";
    for (size_t i = 0; i < s.size; i++) {
        uint8_t c = s.data[i];
        bool is_alphanumeric = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
        if (!is_alphanumeric && (c == '\0' || !strchr(others, c)))
            return false;
    }
    return s.size > 0;
}

/* Whether one of eight bytes may be a control character: never a false no, and a false yes only
 * beside one. (x - 0x20) borrows from the top bit of a byte below 0x20 that has none itself;
 * (x ^ 0x7f) - 1 does where x is 0x7f. */
static bool may_have_control(uint64_t eight)
{
    static const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t delete = eight ^ (ones * 0x7f);
    return (((eight - ones * 0x20) & ~eight) | ((delete - ones) & ~delete)) & (ones * 0x80);
}

static bool has_control(struct span line)
{
    size_t i = 0;
    for (uint64_t eight; line.size - i >= sizeof(eight); i += sizeof(eight)) {
        memcpy(&eight, line.data + i, sizeof(eight));
        if (may_have_control(eight))
            break; /* or a tab */
    }
    for (; i < line.size; i++)
        if ((line.data[i] < ' ' && line.data[i] != '\t') || line.data[i] == 0x7f)
            return true;
    return false;
}

/* The next line of `rest`, without its CRLF; false if none ends there, or something is odd in it.
 */
static bool next_line(struct span *rest, struct span *line)
{
    return span_take_line(rest, line) && !has_control(*line);
}

static bool add_field(struct http_head *head, struct span name, struct span value)
{
    if (head->field_count == head->field_capacity) {
        size_t capacity = head->field_capacity ? head->field_capacity * 2 : 16;
        struct http_head_field *fields = reallocarray(head->fields, capacity, sizeof(*fields));
        if (!fields)
            return false;
        head->fields = fields;
        head->field_capacity = capacity;
    }
    head->fields[head->field_count++] = (struct http_head_field){
        .name_at = (size_t)(name.data - head->bytes.data),
        .name_size = name.size,
        .value_at = (size_t)(value.data - head->bytes.data),
        .value_size = value.size,
    };
    return true;
}

static bool index_field(struct http_head *head, struct span line)
{
    const uint8_t *colon = memchr(line.data, ':', line.size);
    if (!colon)
        return false;
    struct span name = {line.data, (size_t)(colon - line.data)};
    struct span value = {colon + 1, line.size - name.size - 1};
    /* A folded line begins with a blank, which no token does. */
    return is_token(name) && add_field(head, name, span_trimmed(value));
}

bool http_head_index(struct http_head *head)
{
    struct span rest = buffer_span(&head->bytes);
    struct span line;
    head->field_count = 0;
    do { /* empty lines before the start line (RFC 9112, 2.2) */
        if (!next_line(&rest, &line))
            return false;
    } while (line.size == 0);
    head->line_at = (size_t)(line.data - head->bytes.data);
    head->line_size = line.size;
    while (next_line(&rest, &line)) {
        if (line.size == 0)
            return rest.size == 0;
        if (!index_field(head, line))
            return false;
    }
    return false;
}

struct span http_head_line(const struct http_head *head)
{
    if (head->line_size == 0)
        return (struct span){0};
    return (struct span){head->bytes.data + head->line_at, head->line_size};
}

void http_head_clear(struct http_head *head)
{
    buffer_clear(&head->bytes);
    head->line_at = head->line_size = 0;
    head->field_count = 0;
}

void http_head_free(struct http_head *head)
{
    buffer_free(&head->bytes);
    free(head->fields);
    *head = (struct http_head){0};
}
