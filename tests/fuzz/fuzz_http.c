/*
 * HTTP messages under libFuzzer: whatever the bytes, a message reads the same whole and in pieces,
 * and nothing that is kept or decoded is longer than it may be.
 *
 * The first two bytes of an input choose: the direction, whether the request was HEAD, whether the
 * connection is closed at the end; and how long the pieces are.
 */
#include "exchange/http.h"

#include <stdlib.h>
#include <string.h>

#define HEAD_LIMIT ((size_t)512)
#define BODY_LIMIT ((size_t)1024)
#define IDENTITY_LIMIT ((size_t)4096)

static void require(bool statement)
{
    if (!statement)
        abort();
}

/* Copies a piece to memory of its own size, so that reading beyond it is seen. */
static size_t feed_copy(struct http_message *m, const uint8_t *bytes, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    require(copy != NULL);
    memcpy(copy, bytes, size);
    size_t taken = http_feed(m, copy, size);
    free(copy);
    require(taken <= size);
    return taken;
}

static struct http_message *read_message(uint8_t options, struct span bytes, size_t piece,
                                         size_t *taken)
{
    struct http_message *m =
        http_new(options & 1 ? HTTP_REQUEST : HTTP_RESPONSE, HEAD_LIMIT, BODY_LIMIT);
    require(m != NULL);
    http_set_request_was_head(m, (options & 2) != 0);
    *taken = 0;
    while (*taken < bytes.size) {
        size_t left = bytes.size - *taken;
        size_t fed = piece < left ? piece : left;
        size_t now = feed_copy(m, bytes.data + *taken, fed);
        *taken += now;
        enum http_state state = http_state_of(m);
        if (state == HTTP_DONE || state == HTTP_BROKEN)
            break;
        require(now == fed);
    }
    if (options & 4)
        http_feed_end(m);
    return m;
}

static void require_same_head(const struct http_message *a, const struct http_message *b)
{
    require(span_equal(http_start_line(a), http_start_line(b)));
    require(span_equal(http_method(a), http_method(b)));
    require(span_equal(http_target(a), http_target(b)));
    require(http_status(a) == http_status(b));
    require(http_is_1_1(a) == http_is_1_1(b));
    require(http_keeps_alive(a) == http_keeps_alive(b));
    require(http_is_close_delimited(a) == http_is_close_delimited(b));
    struct span name_a, value_a, name_b, value_b;
    for (size_t i = 0;; i++) {
        bool has = http_field_at(a, i, &name_a, &value_a);
        require(has == http_field_at(b, i, &name_b, &value_b));
        if (!has)
            break;
        require(span_equal(name_a, name_b) && span_equal(value_a, value_b));
        require(name_a.size + value_a.size < HEAD_LIMIT);
    }
}

static void require_same(const struct http_message *a, const struct http_message *b)
{
    require(http_state_of(a) == http_state_of(b));
    if (http_state_of(a) == HTTP_BROKEN)
        return;
    if (http_state_of(a) != HTTP_HEAD)
        require_same_head(a, b);
    require(http_interim_size(a) == http_interim_size(b));
    require(http_body_is_kept(a) == http_body_is_kept(b));
    require(span_equal(http_body(a), http_body(b)));
    require(http_body(a).size <= BODY_LIMIT);
}

static void decode(struct http_message *m)
{
    struct span identity;
    if (http_identity_body(m, IDENTITY_LIMIT, &identity)) {
        require(http_state_of(m) == HTTP_DONE);
        require(identity.size <= IDENTITY_LIMIT);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct span bytes = {data + 2, size - 2};
    size_t whole_taken, pieces_taken;
    struct http_message *whole = read_message(data[0], bytes, bytes.size, &whole_taken);
    struct http_message *pieces = read_message(data[0], bytes, data[1] + 1u, &pieces_taken);
    require_same(whole, pieces);
    if (http_state_of(whole) == HTTP_DONE)
        require(whole_taken == pieces_taken);
    decode(whole);
    http_recognise(bytes.data, bytes.size);
    http_free(whole);
    http_free(pieces);
    return 0;
}
