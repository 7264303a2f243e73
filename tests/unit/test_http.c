/* HTTP messages: whole, in two pieces cut anywhere, byte by byte; and what is refused. */
#include "guarded.h"

#include "exchange/http.h"
#include "exchange/http_identity.h"

#include <zlib.h>

#define HEAD_LIMIT 4096
#define BODY_LIMIT 65536

/* The next message's first bytes, which must stay where they are. */
#define NEXT "POST /next HTTP/1.1\r\n"

enum ending { OPEN, CLOSED };

/* What a message is to be read as; in the order that reads well in a table. */
/* NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding) */
struct expected {
    enum http_direction direction;
    const char *bytes;
    enum ending ending;
    bool request_was_head;
    enum http_state state;
    const char *body;
};

static struct span as_span(const char *bytes)
{
    return span_of_text(bytes);
}

static void assert_span(struct span s, const char *text)
{
    assert_int_equal(s.size, strlen(text));
    assert_memory_equal(s.size ? (const char *)s.data : "", text, s.size);
}

/* Feeds `bytes` in pieces, the first of `first` bytes and the others of `later`, each at the edge
 * of a page. Returns how many were taken. */
static size_t feed_pieces(struct http_message *m, struct span bytes, size_t first, size_t later)
{
    size_t taken = 0;
    size_t piece = first;
    while (taken < bytes.size) {
        if (piece > bytes.size - taken)
            piece = bytes.size - taken;
        struct guarded copy = guarded_copy((struct span){bytes.data + taken, piece});
        size_t now = http_feed(m, copy.bytes.data, copy.bytes.size);
        guarded_free(&copy);
        assert_true(now <= piece);
        taken += now;
        if (http_state_of(m) == HTTP_DONE || http_state_of(m) == HTTP_BROKEN)
            break;
        assert_int_equal(now, piece);
        piece = later;
    }
    return taken;
}

static void assert_read(const struct expected *e, struct http_message *m, size_t first,
                        size_t later)
{
    struct span bytes = as_span(e->bytes);
    http_restart(m, false);
    http_set_request_was_head(m, e->request_was_head);
    size_t taken = feed_pieces(m, bytes, first, later);
    if (e->ending == CLOSED)
        http_feed_end(m);
    assert_int_equal(http_state_of(m), e->state);
    if (e->state != HTTP_DONE)
        return;
    assert_int_equal(taken, bytes.size);
    assert_true(http_body_is_kept(m));
    assert_span(http_body(m), e->body);
}

/* Cut anywhere, a message reads the same. */
static void assert_reads(const struct expected *e)
{
    struct http_message *m = http_new(e->direction, HEAD_LIMIT, BODY_LIMIT);
    assert_non_null(m);
    size_t size = strlen(e->bytes);
    for (size_t cut = 1; cut <= size; cut++)
        assert_read(e, m, cut, size);
    assert_read(e, m, 1, 1);
    assert_read(e, m, 3, 7);
    /* What follows is not taken, wherever the cut. */
    if (e->state == HTTP_DONE && e->ending == OPEN) {
        char longer[8192];
        int all = snprintf(longer, sizeof(longer), "%s%s", e->bytes, NEXT);
        for (size_t cut = 1; cut <= (size_t)all; cut++) {
            http_restart(m, false);
            http_set_request_was_head(m, e->request_was_head);
            assert_int_equal(feed_pieces(m, as_span(longer), cut, (size_t)all), size);
            assert_int_equal(http_state_of(m), HTTP_DONE);
            assert_int_equal(http_feed(m, "x", 1), 0);
            http_feed_end(m);
            assert_int_equal(http_state_of(m), HTTP_DONE);
        }
    }
    http_free(m);
}

static void assert_all_read(const struct expected *cases, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_reads(&cases[i]);
}

#define ASSERT_ALL_READ(cases) assert_all_read(cases, sizeof(cases) / sizeof((cases)[0]))

static void requests_are_read(void **state)
{
    (void)state;
    static const struct expected cases[] = {
        {HTTP_REQUEST, "GET /sdk/vimServiceVersions.xml HTTP/1.1\r\nHost: vc\r\n\r\n", OPEN, false,
         HTTP_DONE, ""},
        {HTTP_REQUEST, "POST /sdk HTTP/1.1\r\nHost: vc\r\nContent-Length: 5\r\n\r\nhello", OPEN,
         false, HTTP_DONE, "hello"},
        {HTTP_REQUEST, "POST /sdk HTTP/1.1\r\ncontent-length:0\r\n\r\n", OPEN, false, HTTP_DONE,
         ""},
        {HTTP_REQUEST,
         "POST /sdk HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
         "5\r\nhello\r\n6;ext=\"a;b\";more\r\n world\r\n0\r\n\r\n",
         OPEN, false, HTTP_DONE, "hello world"},
        {HTTP_REQUEST,
         "POST /sdk HTTP/1.1\r\nTransfer-Encoding: Chunked\r\nTrailer: X\r\n\r\n"
         "0005\r\nhello\r\n000;e\r\nX: 1\r\nY:2\r\n\r\n",
         OPEN, false, HTTP_DONE, "hello"},
        {HTTP_REQUEST, "POST /sdk HTTP/1.0\r\nContent-Length: 1\r\n\r\nx", OPEN, false, HTTP_DONE,
         "x"},
        {HTTP_REQUEST, "\r\nPOST /sdk HTTP/1.1\r\nContent-Length: 1\r\n\r\nx", OPEN, false,
         HTTP_DONE, "x"},
        {HTTP_REQUEST, "POST /sdk HTTP/1.1\r\nContent-Length: 5\r\n\r\nhell", OPEN, false,
         HTTP_BODY, ""},
        {HTTP_REQUEST, "POST /sdk HTTP/1.1\r\nContent-Length: 5\r\n\r\nhell", CLOSED, false,
         HTTP_BROKEN, ""},
        {HTTP_REQUEST, "POST /sdk HTTP/1.1\r\nContent-Length: 5\r\n", OPEN, false, HTTP_HEAD, ""},
    };
    ASSERT_ALL_READ(cases);
}

static void responses_are_read(void **state)
{
    (void)state;
    static const struct expected cases[] = {
        {HTTP_RESPONSE, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", OPEN, false, HTTP_DONE,
         "hello"},
        {HTTP_RESPONSE, "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", OPEN, false, HTTP_DONE, ""},
        {HTTP_RESPONSE,
         "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
         "a;x=1\r\n0123456789\r\nA\r\nabcdefghij\r\n0\r\nTrailer: value\r\n\r\n",
         OPEN, false, HTTP_DONE, "0123456789abcdefghij"},
        {HTTP_RESPONSE, "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 3\r\n\r\nbad", OPEN,
         false, HTTP_DONE, "bad"},
        /* no body, whatever the head says */
        {HTTP_RESPONSE, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", OPEN, true, HTTP_DONE, ""},
        {HTTP_RESPONSE, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", OPEN, true,
         HTTP_DONE, ""},
        {HTTP_RESPONSE, "HTTP/1.1 200 OK\r\nServer: x\r\n\r\n", OPEN, true, HTTP_DONE, ""},
        {HTTP_RESPONSE, "HTTP/1.1 204 No Content\r\nServer: x\r\n\r\n", OPEN, false, HTTP_DONE, ""},
        {HTTP_RESPONSE, "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", OPEN, false,
         HTTP_DONE, ""},
        /* until the connection is closed */
        {HTTP_RESPONSE, "HTTP/1.1 200 OK\r\nServer: x\r\n\r\nuntil the end", CLOSED, false,
         HTTP_DONE, "until the end"},
        {HTTP_RESPONSE, "HTTP/1.0 200 OK\r\n\r\n", CLOSED, false, HTTP_DONE, ""},
        {HTTP_RESPONSE, "HTTP/1.1 200 OK\r\n\r\nuntil the end", OPEN, false, HTTP_BODY, ""},
        /* closed too early */
        {HTTP_RESPONSE, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", CLOSED, false,
         HTTP_BROKEN, ""},
        {HTTP_RESPONSE, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
         CLOSED, false, HTTP_BROKEN, ""},
        {HTTP_RESPONSE, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", CLOSED, false,
         HTTP_BROKEN, ""},
        {HTTP_RESPONSE, "HTTP/1.1 200 OK\r\nServer", CLOSED, false, HTTP_BROKEN, ""},
        {HTTP_RESPONSE, "", CLOSED, false, HTTP_BROKEN, ""},
    };
    ASSERT_ALL_READ(cases);
}

static void interim_responses_are_passed_over(void **state)
{
    (void)state;
    static const struct expected cases[] = {
        {HTTP_RESPONSE,
         "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", OPEN, false,
         HTTP_DONE, "ok"},
        {HTTP_RESPONSE,
         "HTTP/1.1 102 Processing\r\nX: 1\r\n\r\nHTTP/1.1 100 Continue\r\nContent-Length: 7\r\n\r\n"
         "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
         OPEN, false, HTTP_DONE, "ok"},
        {HTTP_RESPONSE, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n",
         OPEN, true, HTTP_DONE, ""},
        {HTTP_RESPONSE, "HTTP/1.1 100 Continue\r\n\r\n", OPEN, false, HTTP_HEAD, ""},
        {HTTP_RESPONSE, "HTTP/1.1 100 Continue\r\n\r\n", CLOSED, false, HTTP_BROKEN, ""},
        {HTTP_RESPONSE, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nuntil the end", CLOSED,
         false, HTTP_DONE, "until the end"},
    };
    ASSERT_ALL_READ(cases);
    struct http_message *m = http_new(HTTP_RESPONSE, HEAD_LIMIT, BODY_LIMIT);
    static const char interim[] = "HTTP/1.1 100 Continue\r\n\r\n";
    struct span whole = SPAN_OF("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 No\r\nA: b\r\n"
                                "Content-Length: 0\r\n\r\n");
    assert_int_equal(http_feed(m, whole.data, whole.size), whole.size);
    assert_int_equal(http_state_of(m), HTTP_DONE);
    assert_int_equal(http_status(m), 404);
    assert_int_equal(http_interim_size(m), sizeof(interim) - 1);
    assert_span(http_start_line(m), "HTTP/1.1 404 No");
    assert_span(http_field(m, "a"), "b");
    http_free(m);
}

static void assert_broken(enum http_direction direction, struct span bytes)
{
    struct http_message *m = http_new(direction, HEAD_LIMIT, BODY_LIMIT);
    for (size_t piece = 1; piece <= bytes.size; piece = piece * 3 + 1) {
        http_restart(m, false);
        feed_pieces(m, bytes, piece, piece);
        if (http_state_of(m) != HTTP_BROKEN)
            fail_msg("not refused: %.*s", (int)bytes.size, (const char *)bytes.data);
        assert_int_equal(http_feed(m, "x", 1), 0);
        http_feed_end(m);
        assert_int_equal(http_state_of(m), HTTP_BROKEN);
    }
    http_free(m);
}

static void what_two_could_read_in_two_ways_is_refused(void **state)
{
    (void)state;
    static const char *const heads[] = {
        /* more than one length */
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
        "Content-Length: 5\r\nContent-Length: 5\r\n\r\n",
        "Content-Length: 5, 5\r\n\r\n",
        "Content-Length: +5\r\n\r\n",
        "Content-Length: -5\r\n\r\n",
        "Content-Length: 0x5\r\n\r\n",
        "Content-Length: 5 5\r\n\r\n",
        "Content-Length: 99999999999999999999\r\n\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: identity\r\n\r\n",
        "Transfer-Encoding: chunkedx\r\n\r\n",
        "Transfer-Encoding: xchunked\r\n\r\n",
        "Transfer-Encoding: \013chunked\r\n\r\n",
        "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        /* folded and misshapen lines */
        "A: b\r\n c\r\n\r\n",
        "A: b\r\n\tc\r\n\r\n",
        "A: b\r\n \r\n\r\n",
        " A: b\r\n\r\n",
        "A: b\n\r\n",
        "A: b\r\nC: d\n\n",
        "A: b\r\r\n\r\n",
        "A: b\rC: d\r\n\r\n",
        "A: b\x01\r\n\r\n",
        "A b: c\r\n\r\n",
        "A\r\n\r\n",
        ": b\r\n\r\n",
        "A(: b\r\n\r\n",
        /* chunks */
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n5g\r\nhello\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nhello",
        "Transfer-Encoding: chunked\r\n\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        char message[512];
        snprintf(message, sizeof(message), "POST /sdk HTTP/1.1\r\nHost: vc\r\n%s", heads[i]);
        assert_broken(HTTP_REQUEST, as_span(message));
        snprintf(message, sizeof(message), "HTTP/1.1 200 OK\r\nServer: vc\r\n%s", heads[i]);
        assert_broken(HTTP_RESPONSE, as_span(message));
    }
    assert_broken(HTTP_REQUEST, SPAN_OF("POST /sdk HTTP/1.1\r\nA: b\0c\r\n\r\n"));
}

static void what_is_not_http_1_is_refused(void **state)
{
    (void)state;
    static const char *const requests[] = {
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "POST /sdk HTTP/2.0\r\n\r\n",
        "POST /sdk HTTP/0.9\r\n\r\n",
        "POST /sdk HTTP/1.2\r\n\r\n",
        "POST /sdk\r\n\r\n",
        "POST  /sdk HTTP/1.1\r\n\r\n",
        "post /sdk HTTP/1.1\r\n\r\n",
        "CONNECT vc:443 HTTP/1.1\r\n\r\n",
        "GET /sdk HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        "DESCRIBE /sdk RTSP/1.0\r\n\r\n",
        "\x16\x03\x01\x02",
        "hello",
        "POST /sdk HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
        assert_broken(HTTP_REQUEST, as_span(requests[i]));
    static const char *const responses[] = {
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/2.0 200 OK\r\n\r\n",
        "HTTP/0.9 200 OK\r\n\r\n",
        "RTSP/1.0 200 OK\r\n\r\n",
        "ICY 200 OK\r\n\r\n",
        "\x15\x03\x03",
        "POST /sdk HTTP/1.1\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof(responses) / sizeof(responses[0]); i++)
        assert_broken(HTTP_RESPONSE, as_span(responses[i]));
}

static void a_head_is_bounded(void **state)
{
    (void)state;
    static char bytes[HEAD_LIMIT * 2];
    static const char start[] = "GET /sdk HTTP/1.1\r\nX: ";
    memset(bytes, 'x', sizeof(bytes));
    memcpy(bytes, start, sizeof(start) - 1);
    for (size_t size = HEAD_LIMIT - 2; size < HEAD_LIMIT + 3; size++) {
        static const char end[4] = {'\r', '\n', '\r', '\n'};
        char kept[sizeof(end)];
        memcpy(kept, bytes + size - sizeof(end), sizeof(end));
        memcpy(bytes + size - sizeof(end), end, sizeof(end));
        struct http_message *m = http_new(HTTP_REQUEST, HEAD_LIMIT, BODY_LIMIT);
        for (size_t piece = 1; piece <= size; piece = piece * 5 + 2) {
            http_restart(m, false);
            feed_pieces(m, (struct span){(const uint8_t *)bytes, size}, piece, piece);
            assert_int_equal(http_state_of(m), size <= HEAD_LIMIT ? HTTP_DONE : HTTP_BROKEN);
        }
        http_free(m);
        memcpy(bytes + size - sizeof(end), kept, sizeof(end));
    }
    assert_broken(HTTP_REQUEST, (struct span){(const uint8_t *)bytes, sizeof(bytes)});
}

/* Beyond the limit a body is not kept, and its end still found. */
static void a_body_is_bounded(void **state)
{
    (void)state;
    static char bytes[BODY_LIMIT + 256];
    for (size_t size = BODY_LIMIT - 1; size <= BODY_LIMIT + 1; size++) {
        int head =
            snprintf(bytes, sizeof(bytes), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", size);
        memset(bytes + head, 'b', size);
        struct http_message *m = http_new(HTTP_RESPONSE, HEAD_LIMIT, BODY_LIMIT);
        struct span whole = {(const uint8_t *)bytes, (size_t)head + size};
        assert_int_equal(feed_pieces(m, whole, 1000, 16384), whole.size);
        assert_int_equal(http_state_of(m), HTTP_DONE);
        assert_int_equal(http_body_is_kept(m), size <= BODY_LIMIT);
        assert_int_equal(http_body(m).size, size <= BODY_LIMIT ? size : 0);
        struct span identity;
        assert_int_equal(http_identity_body(m, SIZE_MAX, &identity), size <= BODY_LIMIT);
        /* and the next one is kept again */
        http_restart(m, true);
        struct span next = SPAN_OF("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        assert_int_equal(http_feed(m, next.data, next.size), next.size);
        assert_true(http_body_is_kept(m));
        assert_span(http_body(m), "ok");
        http_free(m);
    }
}

static void a_head_says(void **state)
{
    (void)state;
    struct http_message *m = http_new(HTTP_REQUEST, HEAD_LIMIT, BODY_LIMIT);
    assert_int_equal(http_state_of(m), HTTP_HEAD);
    assert_span(http_method(m), "");
    assert_span(http_target(m), "");
    assert_span(http_start_line(m), "");
    assert_null(http_field(m, "Host").data);
    struct span head = SPAN_OF("\r\nPOST /sdk?x=1 HTTP/1.1\r\nHost: vc.example.com:443\r\n"
                               "SOAPAction: \"urn:vim25/6.0\"\r\nCookie: \r\ncookie:a\r\n"
                               "X-Blank:\t b c \t\r\nExpect: 100-Continue\r\n"
                               "Connection: close\r\nContent-Length: 3\r\n\r\n");
    assert_int_equal(http_feed(m, head.data, head.size), head.size);
    assert_int_equal(http_state_of(m), HTTP_BODY);
    assert_span(http_start_line(m), "POST /sdk?x=1 HTTP/1.1");
    assert_span(http_method(m), "POST");
    assert_span(http_target(m), "/sdk?x=1");
    assert_span(http_field(m, "host"), "vc.example.com:443");
    assert_span(http_field(m, "SOAPACTION"), "\"urn:vim25/6.0\"");
    assert_span(http_field(m, "X-Blank"), "b c");
    assert_non_null(http_field(m, "Cookie").data);
    assert_span(http_field(m, "Cookie"), "");
    assert_null(http_field(m, "Cooki").data);
    struct span name, value;
    assert_true(http_field_at(m, 3, &name, &value));
    assert_span(name, "cookie");
    assert_span(value, "a");
    assert_true(http_field_at(m, 7, &name, &value));
    assert_false(http_field_at(m, 8, &name, &value));
    assert_true(http_is_1_1(m));
    assert_false(http_keeps_alive(m));
    assert_true(http_expects_continue(m));
    assert_false(http_is_close_delimited(m));
    http_free(m);
}

static void who_keeps_a_connection_alive_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        bool keeps_alive, is_close_delimited;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", true, false},
        {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx", false, false},
        {"HTTP/1.1 200 OK\r\nConnection: foo, Close\r\nContent-Length: 1\r\n\r\nx", false, false},
        {"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", false, false},
        {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx", true, false},
        {"HTTP/1.1 200 OK\r\n\r\nx", false, true},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", true, false},
        {"HTTP/1.1 304 OK\r\n\r\n", true, false},
    };
    struct http_message *m = http_new(HTTP_RESPONSE, HEAD_LIMIT, BODY_LIMIT);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        http_restart(m, false);
        http_feed(m, cases[i].bytes, strlen(cases[i].bytes));
        assert_int_equal(http_keeps_alive(m), cases[i].keeps_alive);
        assert_int_equal(http_is_close_delimited(m), cases[i].is_close_delimited);
        assert_int_equal(http_status(m), i == 7 ? 304 : 200);
    }
    http_free(m);
}

static void nothing_is_fed(void **state)
{
    (void)state;
    struct http_message *m = http_new(HTTP_RESPONSE, HEAD_LIMIT, BODY_LIMIT);
    assert_int_equal(http_feed(m, NULL, 0), 0);
    assert_int_equal(http_state_of(m), HTTP_HEAD);
    struct span identity;
    assert_false(http_identity_body(m, 100, &identity));
    http_free(m);
    http_free(NULL);
}

/* ---- content codings ---- */

#define WINDOW_GZIP (15 + 16)
#define WINDOW_ZLIB 15
#define WINDOW_RAW (-15)

static struct buffer deflated(struct span plain, int window)
{
    struct buffer out = {0};
    z_stream stream = {0};
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY), Z_OK);
    size_t room = deflateBound(&stream, plain.size) + 64;
    assert_true(buffer_reserve(&out, room));
    uint8_t nothing = 0;
    stream.next_in = plain.size ? (Bytef *)(uintptr_t)plain.data : &nothing;
    stream.avail_in = (uInt)plain.size;
    stream.next_out = out.data;
    stream.avail_out = (uInt)room;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    out.size = room - stream.avail_out;
    deflateEnd(&stream);
    return out;
}

/* Whether a response with that Content-Encoding field and body has an identity form, and which. */
static bool decode(const char *fields, struct span coded, size_t limit, struct buffer *plain)
{
    struct buffer bytes = {0};
    char head[256];
    snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\n%sContent-Length: %zu\r\n\r\n", fields,
             coded.size);
    buffer_append_text(&bytes, head);
    buffer_append_span(&bytes, coded);
    struct http_message *m = http_new(HTTP_RESPONSE, HEAD_LIMIT, (size_t)64 * 1024 * 1024);
    assert_int_equal(http_feed(m, bytes.data, bytes.size), bytes.size);
    assert_int_equal(http_state_of(m), HTTP_DONE);
    struct span identity, again;
    bool is_decoded = http_identity_body(m, limit, &identity);
    assert_int_equal(http_identity_body(m, limit, &again), is_decoded);
    assert_ptr_equal(again.data, identity.data);
    buffer_clear(plain);
    if (is_decoded)
        buffer_append_span(plain, identity);
    else
        assert_int_equal(identity.size, 0);
    /* What is too long for one may not be for another who asks. */
    if (is_decoded && identity.size > 0) {
        assert_false(http_identity_body(m, identity.size - 1, &again));
        assert_true(http_identity_body(m, identity.size, &again));
    }
    struct buffer bounded = {0};
    if (http_is_coded(m))
        http_decode(m, limit, &bounded);
    assert_true(bounded.capacity < 4 * limit + (size_t)256 * 1024);
    buffer_free(&bounded);
    buffer_free(&bytes);
    http_free(m);
    return is_decoded;
}

#define GZIP "Content-Encoding: gzip\r\n"
#define DEFLATE "content-encoding: Deflate\r\n"

static void codings_are_removed(void **state)
{
    (void)state;
    struct buffer text = {0}, plain = {0};
    for (int i = 0; i < 20000; i++)
        buffer_append_text(&text, "<objects/>");
    struct span whole = buffer_span(&text);
    struct buffer gzip = deflated(whole, WINDOW_GZIP);
    struct buffer zlib = deflated(whole, WINDOW_ZLIB);
    struct buffer raw = deflated(whole, WINDOW_RAW);
    static const char *const gzip_names[] = {GZIP, "Content-Encoding: X-GZIP\r\n"};
    for (size_t i = 0; i < 2; i++) {
        assert_true(decode(gzip_names[i], buffer_span(&gzip), whole.size, &plain));
        assert_true(span_equal(buffer_span(&plain), whole));
    }
    assert_true(decode(DEFLATE, buffer_span(&zlib), whole.size, &plain));
    assert_true(span_equal(buffer_span(&plain), whole));
    assert_true(decode(DEFLATE, buffer_span(&raw), whole.size, &plain));
    assert_true(span_equal(buffer_span(&plain), whole));
    static const char *const identities[] = {"", "Content-Encoding: identity\r\n",
                                             "Content-Encoding:\r\n"};
    for (size_t i = 0; i < 3; i++) {
        assert_true(decode(identities[i], whole, whole.size, &plain));
        assert_true(span_equal(buffer_span(&plain), whole));
        assert_false(decode(identities[i], whole, whole.size - 1, &plain));
    }
    assert_true(decode(GZIP, (struct span){0}, 10, &plain));
    assert_int_equal(plain.size, 0);
    /* one byte too long is too long */
    assert_false(decode(GZIP, buffer_span(&gzip), whole.size - 1, &plain));
    assert_false(decode(DEFLATE, buffer_span(&zlib), whole.size - 1, &plain));
    assert_false(decode(DEFLATE, buffer_span(&raw), whole.size - 1, &plain));
    buffer_free(&gzip);
    buffer_free(&zlib);
    buffer_free(&raw);
    buffer_free(&text);
    buffer_free(&plain);
}

static void members_of_gzip_are_joined(void **state)
{
    (void)state;
    struct buffer plain = {0};
    struct buffer one = deflated(SPAN_OF("one "), WINDOW_GZIP);
    struct buffer two = deflated(SPAN_OF("two"), WINDOW_GZIP);
    struct buffer none = deflated(SPAN_OF(""), WINDOW_GZIP);
    size_t one_size = one.size;
    buffer_append_span(&one, buffer_span(&none));
    buffer_append_span(&one, buffer_span(&two));
    assert_true(decode(GZIP, buffer_span(&one), 100, &plain));
    assert_span(buffer_span(&plain), "one two");
    assert_true(decode(GZIP, buffer_span(&one), 7, &plain));
    assert_false(decode(GZIP, buffer_span(&one), 6, &plain));
    /* what follows a member must be one */
    one.size = one_size;
    buffer_append_text(&one, "rubbish");
    assert_false(decode(GZIP, buffer_span(&one), 100, &plain));
    buffer_free(&one);
    buffer_free(&two);
    buffer_free(&none);
    buffer_free(&plain);
}

static void broken_codings_have_no_identity(void **state)
{
    (void)state;
    struct buffer plain = {0};
    static const int windows[] = {WINDOW_GZIP, WINDOW_ZLIB, WINDOW_RAW};
    for (size_t i = 0; i < 3; i++) {
        struct buffer coded = deflated(SPAN_OF("some text, some text"), windows[i]);
        const char *field = windows[i] == WINDOW_GZIP ? GZIP : DEFLATE;
        for (size_t cut = 1; cut < coded.size; cut++)
            assert_false(decode(field, (struct span){coded.data, cut}, 1000, &plain));
        assert_true(decode(field, buffer_span(&coded), 1000, &plain));
        buffer_append_text(&coded, "x");
        assert_false(decode(field, buffer_span(&coded), 1000, &plain));
        buffer_free(&coded);
    }
    struct buffer gzip = deflated(SPAN_OF("text"), WINDOW_GZIP);
    static const char *const fields[] = {
        "Content-Encoding: br\r\n",
        "Content-Encoding: gzip, gzip\r\n",
        "Content-Encoding: gzip\r\nContent-Encoding: gzip\r\n",
        "Content-Encoding: gzip\r\nContent-Encoding: identity\r\n",
        DEFLATE,
    };
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        assert_false(decode(fields[i], buffer_span(&gzip), 1000, &plain));
    assert_false(decode(GZIP, SPAN_OF("plain text"), 1000, &plain));
    buffer_free(&gzip);
    buffer_free(&plain);
}

/* A few kilobytes that would be hundreds of megabytes cost no more than the limit. */
static void a_bomb_goes_no_further_than_the_limit(void **state)
{
    (void)state;
    struct buffer zeros = {0}, bomb = {0}, plain = {0};
    assert_true(buffer_reserve(&zeros, (size_t)8 * 1024 * 1024));
    memset(zeros.data, 0, zeros.capacity);
    zeros.size = zeros.capacity;
    struct buffer member = deflated(buffer_span(&zeros), WINDOW_GZIP);
    for (int i = 0; i < 30; i++)
        buffer_append_span(&bomb, buffer_span(&member));
    assert_false(decode(GZIP, buffer_span(&bomb), (size_t)1024 * 1024, &plain));
    assert_false(decode(GZIP, buffer_span(&bomb), 0, &plain));
    buffer_free(&zeros);
    buffer_free(&member);
    buffer_free(&bomb);
    buffer_free(&plain);
}

static void a_first_look_is_enough(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        enum http_recognised recognised;
    } cases[] = {
        {"", HTTP_MAYBE},
        {"P", HTTP_MAYBE},
        {"POST /sdk", HTTP_MAYBE},
        {"GET /sd", HTTP_MAYBE},
        {"POST /sdk HTTP/1.1\r\n", HTTP_YES},
        {"POST /sdk/", HTTP_YES},
        {"POST /sdk/vimService", HTTP_YES},
        {"GET /sdk/vimServiceVersions.xml HTTP/1.1", HTTP_YES},
        {"GET /sdk?wsdl", HTTP_YES},
        {"GET /folder/DC0_H0_VM0/DC0_H0_VM0.vmx?dcPath=DC0 HTTP/1.1", HTTP_YES},
        {"PUT /folder/a/a.vmx ", HTTP_YES},
        {"DELETE /folder/", HTTP_YES},
        {"DELETE /fold", HTTP_MAYBE},
        {"GET /folders ", HTTP_NO},
        {"DELETE /sdk ", HTTP_NO},
        {"PUT /sdk ", HTTP_NO},
        {"PO/", HTTP_NO},
        {"PU", HTTP_MAYBE},
        {"GET / ", HTTP_NO},
        {"POST /api", HTTP_NO},
        {"POST /sdkTunnel", HTTP_NO},
        {"POST /SDK ", HTTP_NO},
        {"post /sdk ", HTTP_NO},
        {"GET  /sdk ", HTTP_NO},
        {"\x16\x03\x01", HTTP_NO},
        {"HTTP/1.1", HTTP_NO},
        {"\r\nPOST /sdk ", HTTP_NO},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct guarded copy = guarded_copy(as_span(cases[i].bytes));
        assert_int_equal(http_recognise(copy.bytes.data, copy.bytes.size), cases[i].recognised);
        guarded_free(&copy);
    }
    assert_int_equal(http_recognise(NULL, 0), HTTP_MAYBE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_read),
        cmocka_unit_test(responses_are_read),
        cmocka_unit_test(interim_responses_are_passed_over),
        cmocka_unit_test(what_two_could_read_in_two_ways_is_refused),
        cmocka_unit_test(what_is_not_http_1_is_refused),
        cmocka_unit_test(a_head_is_bounded),
        cmocka_unit_test(a_body_is_bounded),
        cmocka_unit_test(a_head_says),
        cmocka_unit_test(who_keeps_a_connection_alive_is_told),
        cmocka_unit_test(nothing_is_fed),
        cmocka_unit_test(codings_are_removed),
        cmocka_unit_test(members_of_gzip_are_joined),
        cmocka_unit_test(broken_codings_have_no_identity),
        cmocka_unit_test(a_bomb_goes_no_further_than_the_limit),
        cmocka_unit_test(a_first_look_is_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
