/* Removing a content-coding with zlib: see http_identity.h. */
#include "exchange/http_identity.h"

#include "base/late.h"

#include <limits.h>
#include <string.h>

#define PIECE ((size_t)64 * 1024)

/* windowBits of inflateInit2 (zlib.h). */
enum { WINDOW_GZIP = 15 + 16, WINDOW_ZLIB = 15, WINDOW_RAW = -15 };

enum coding { CODING_IDENTITY, CODING_GZIP, CODING_DEFLATE, CODING_UNKNOWN };

static enum coding coding_of(const struct http_message *message)
{
    struct span name, value;
    struct span coding = SPAN_OF("identity");
    size_t count = 0;
    for (size_t i = 0; http_field_at(message, i, &name, &value); i++) {
        if (span_equal_ignoring_case(name, SPAN_OF("Content-Encoding"))) {
            coding = value;
            count++;
        }
    }
    if (count > 1)
        return CODING_UNKNOWN;
    if (coding.size == 0 || span_equal_ignoring_case(coding, SPAN_OF("identity")))
        return CODING_IDENTITY;
    if (span_equal_ignoring_case(coding, SPAN_OF("gzip")) ||
        span_equal_ignoring_case(coding, SPAN_OF("x-gzip")))
        return CODING_GZIP;
    if (span_equal_ignoring_case(coding, SPAN_OF("deflate")))
        return CODING_DEFLATE;
    return CODING_UNKNOWN;
}

/* Inflates until a stream's end; false when it does not come, or not within `limit`. */
static bool inflate_stream(const struct late_zlib *zlib, z_stream *stream, size_t limit,
                           struct buffer *body)
{
    for (;;) {
        size_t room = limit - body->size;
        /* One byte more than may come, to tell a full body from one that is too long. */
        size_t wanted = room < PIECE ? room + 1 : PIECE;
        if (!buffer_reserve(body, wanted))
            return false;
        stream->next_out = body->data + body->size;
        stream->avail_out = (uInt)wanted;
        int result = zlib->inflate(stream, Z_NO_FLUSH);
        body->size += wanted - stream->avail_out;
        if (body->size > limit)
            return false;
        if (result == Z_STREAM_END)
            return true;
        if (result != Z_OK || (stream->avail_in == 0 && stream->avail_out > 0))
            return false;
    }
}

/* Inflates the whole of `coded`, which is one stream, or several if `may_repeat`. */
static bool inflate_all(struct span coded, int window, bool may_repeat, size_t limit,
                        struct buffer *body)
{
    const struct late_zlib *zlib = late_zlib();
    if (!zlib || coded.size > UINT_MAX)
        return false;
    z_stream stream = {0};
    /* zlib does not write here; its member is not const unless ZLIB_CONST is defined. */
    stream.next_in = (Bytef *)coded.data;
    stream.avail_in = (uInt)coded.size;
    if (zlib->inflateInit2_(&stream, window, ZLIB_VERSION, (int)sizeof(stream)) != Z_OK)
        return false;
    /* TLS vouches for the bytes; the checksum would take as long as all the rest. */
    zlib->inflateValidate(&stream, 0);
    bool is_whole;
    do {
        is_whole = inflate_stream(zlib, &stream, limit, body);
    } while (is_whole && may_repeat && stream.avail_in > 0 && zlib->inflateReset(&stream) == Z_OK);
    zlib->inflateEnd(&stream);
    return is_whole && stream.avail_in == 0;
}

static bool decode(enum coding coding, struct span coded, size_t limit, struct buffer *body)
{
    /* A gzip body may be several members, one after the other (RFC 1952, 2.2). */
    if (coding == CODING_GZIP)
        return inflate_all(coded, WINDOW_GZIP, true, limit, body);
    if (coding != CODING_DEFLATE)
        return false;
    /* A zlib stream, though some send the deflate stream without its wrapping (RFC 9110, 8.4.1.2).
     */
    if (inflate_all(coded, WINDOW_ZLIB, false, limit, body))
        return true;
    if (body->failed)
        return false;
    buffer_clear(body);
    return inflate_all(coded, WINDOW_RAW, false, limit, body);
}

bool http_is_coded(const struct http_message *message)
{
    return http_body(message).size > 0 && coding_of(message) != CODING_IDENTITY;
}

bool http_decode(const struct http_message *message, size_t limit, struct buffer *body)
{
    buffer_clear(body);
    return decode(coding_of(message), http_body(message), limit, body);
}
