/*
 * Exchanges, without a socket: what a program writes goes in, what a pretended origin sends goes
 * in, and what the program sees comes out. Each test has an endpoint of its own in one real cache.
 */
#include "unit.h"

#include "cache/statistics.h"
#include "exchange/context.h"
#include "exchange/exchange.h"

#include <unistd.h>

/* ---- one connection ---------------------------------------------------------------------------
 */

struct connection {
    struct exchange *exchange;
    bool has_certificate;
    bool can_answer;
    unsigned heard;     /* times that the front was told of something worth coming back for */
    struct buffer sent; /* what reached the origin */
    struct buffer seen; /* what the program has read */
};

static bool trust(void *connection, struct trust *trust)
{
    *trust = (struct trust){{9}};
    return ((struct connection *)connection)->has_certificate;
}

static bool peer_name(void *connection, char *name, size_t size)
{
    (void)connection;
    return snprintf(name, size, "192.0.2.1:443") > 0;
}

static bool may_wait(void *connection)
{
    (void)connection;
    return true;
}

static bool may_answer(void *connection)
{
    return ((struct connection *)connection)->can_answer;
}

static void heard(void *connection, const struct endpoint *endpoint)
{
    assert_non_null(strstr(endpoint->name, "https://"));
    ((struct connection *)connection)->heard++;
}

static const struct exchange_front front = {.trust = trust,
                                            .peer_name = peer_name,
                                            .may_wait = may_wait,
                                            .may_answer = may_answer,
                                            .heard = heard,
                                            .asks_again = true};
static const struct exchange_front late_front = {.trust = trust,
                                                 .peer_name = peer_name,
                                                 .may_wait = may_wait,
                                                 .may_answer = may_answer,
                                                 .heard = heard,
                                                 .connects_late = true};

static char host[64]; /* of the running test */

static int next_name(void **state)
{
    static int number;
    (void)state;
    snprintf(host, sizeof(host), "vc%d.example.com", ++number);
    return 0;
}

static void open_connection(struct connection *c)
{
    *c = (struct connection){.has_certificate = true, .can_answer = true};
    c->exchange = exchange_new(&front, c);
    assert_non_null(c->exchange);
}

static void open_late_connection(struct connection *c)
{
    *c = (struct connection){.has_certificate = true, .can_answer = true};
    c->exchange = exchange_new(&late_front, c);
    assert_non_null(c->exchange);
}

static void close_connection(struct connection *c)
{
    exchange_free(c->exchange);
    buffer_free(&c->sent);
    buffer_free(&c->seen);
}

static enum exchange_verdict write_bytes(struct connection *c, const void *bytes, size_t size)
{
    bool is_lost;
    enum exchange_verdict verdict = exchange_feed_request(c->exchange, bytes, size, &is_lost);
    assert_false(is_lost);
    if (verdict == EXCHANGE_FORWARD || verdict == EXCHANGE_PASS) {
        struct span held = exchange_held(c->exchange);
        buffer_append_span(&c->sent, held);
        exchange_sent(c->exchange, held.size);
        assert_int_equal(exchange_held(c->exchange).size, 0);
    }
    return verdict;
}

static enum exchange_verdict write_text(struct connection *c, const char *text)
{
    return write_bytes(c, text, strlen(text));
}

static void read_answer(struct connection *c)
{
    char piece[37];
    size_t size;
    while ((size = exchange_answer_read(c->exchange, piece, sizeof(piece), false)) > 0)
        buffer_append(&c->seen, piece, size);
}

/* The origin sends `text`, in pieces of `piece` bytes. */
static void origin_sends(struct connection *c, const char *text, size_t piece)
{
    size_t size = strlen(text);
    for (size_t at = 0; at < size; at += piece) {
        char copy[8192];
        size_t part = size - at < piece ? size - at : piece;
        memcpy(copy, text + at, part);
        buffer_append(&c->seen, copy, exchange_feed_response(c->exchange, copy, part));
        read_answer(c);
    }
}

static const char *seen(struct connection *c)
{
    buffer_append(&c->seen, "", 1);
    c->seen.size--;
    return (const char *)c->seen.data;
}

/* ---- messages
 * ------------------------------------------------------------------------------------ */

#define ENVELOPE(body)                                                                             \
    "<?xml version=\"1.0\"?><e:Envelope xmlns:e=\"http://schemas.xmlsoap.org/soap/envelope/\">"    \
    "<e:Body>" body "</e:Body></e:Envelope>"
#define FIND                                                                                       \
    "<FindByUuid xmlns=\"urn:vim25\"><_this type=\"SearchIndex\">SearchIndex</_this>"              \
    "<uuid>42</uuid><vmSearch>true</vmSearch></FindByUuid>"
#define FOUND                                                                                      \
    ENVELOPE("<FindByUuidResponse xmlns=\"urn:vim25\"><returnval type=\"VirtualMachine\">"         \
             "vm-42</returnval></FindByUuidResponse>")
#define RENAME "<Rename xmlns=\"urn:vim25\"><_this type=\"Folder\">group-v3</_this></Rename>"
#define DONE ENVELOPE("<RenameResponse xmlns=\"urn:vim25\"></RenameResponse>")
#define LOGIN(password)                                                                            \
    "<Login xmlns=\"urn:vim25\"><_this type=\"SessionManager\">SessionManager</_this>"             \
    "<userName>admin</userName><password>" password "</password></Login>"
#define LOGGED_IN                                                                                  \
    ENVELOPE("<LoginResponse xmlns=\"urn:vim25\"><returnval><key>52ab-key</key>"                   \
             "<userName>admin</userName></returnval></LoginResponse>")
#define LOGOUT                                                                                     \
    "<Logout xmlns=\"urn:vim25\"><_this type=\"SessionManager\">SessionManager</_this></Logout>"
#define VIEW                                                                                       \
    "<CreateContainerView xmlns=\"urn:vim25\"><_this type=\"ViewManager\">ViewManager</_this>"     \
    "<container type=\"Folder\">group-d1</container></CreateContainerView>"
#define VIEWED                                                                                     \
    ENVELOPE("<CreateContainerViewResponse xmlns=\"urn:vim25\"><returnval type=\"ContainerView\">" \
             "session[52ab-key]52cd</returnval></CreateContainerViewResponse>")
#define DESTROY                                                                                    \
    "<DestroyView xmlns=\"urn:vim25\"><_this "                                                     \
    "type=\"ContainerView\">session[52ab-key]52cd</_this></DestroyView>"

static const char *request_with(const char *fields, const char *operation)
{
    static char text[8192];
    char body[4096];
    snprintf(body, sizeof(body), ENVELOPE("%s"), operation);
    snprintf(text, sizeof(text),
             "POST /sdk HTTP/1.1\r\nHost: %s\r\n%sSOAPAction: \"urn:vim25/6.0\"\r\n"
             "Content-Length: %zu\r\n\r\n%s",
             host, fields, strlen(body), body);
    return text;
}

static const char *request(const char *operation)
{
    return request_with("", operation);
}

static const char *response_with(const char *status, const char *fields, const char *body)
{
    static char text[8192];
    snprintf(text, sizeof(text), "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n%s", status, fields,
             strlen(body), body);
    return text;
}

static const char *response(const char *body)
{
    return response_with("200 OK", "", body);
}

#define POWER_OFF                                                                                  \
    "<PowerOffVM_Task xmlns=\"urn:vim25\"><_this "                                                 \
    "type=\"VirtualMachine\">vm-42</_this></PowerOffVM_Task>"
#define STARTED                                                                                    \
    ENVELOPE("<PowerOffVM_TaskResponse xmlns=\"urn:vim25\"><returnval "                            \
             "type=\"Task\">task-7</returnval></PowerOffVM_TaskResponse>")
#define FETCH                                                                                      \
    "<Fetch xmlns=\"urn:vim25\"><_this type=\"Task\">task-7</_this><prop>info</prop></Fetch>"
#define FETCHED(state)                                                                             \
    ENVELOPE("<FetchResponse xmlns=\"urn:vim25\"><returnval><key>task-7</key>"                     \
             "<name>PowerOffVM_Task</name><state>" state "</state></returnval></FetchResponse>")
#define WAIT                                                                                       \
    "<WaitForUpdatesEx xmlns=\"urn:vim25\"><_this "                                                \
    "type=\"PropertyCollector\">pc</_this><version>1</version></WaitForUpdatesEx>"
#define UPDATED(task, state)                                                                       \
    ENVELOPE(                                                                                      \
        "<WaitForUpdatesExResponse xmlns=\"urn:vim25\"><returnval><version>2</version>"            \
        "<filterSet><filter type=\"PropertyFilter\">f</filter><objectSet><kind>modify</kind><obj " \
        "type=\"Task\">" task "</obj>"                                                             \
        "<changeSet><name>info.state</name><op>assign</op><val>" state                             \
        "</val></changeSet></objectSet></filterSet></returnval>"                                   \
        "</WaitForUpdatesExResponse>")

/* The program asks, the origin is asked and answers; both sides see each other's very bytes. */
static void exchange_forwarded(struct connection *c, const char *asks, const char *answers)
{
    buffer_clear(&c->sent);
    buffer_clear(&c->seen);
    char *question = strdup(asks);
    assert_int_equal(write_text(c, question), EXCHANGE_FORWARD);
    assert_true(span_equal(buffer_span(&c->sent), span_of_text(question)));
    origin_sends(c, answers, 100);
    assert_string_equal(seen(c), answers);
    free(question);
}

static void exchange_answered(struct connection *c, const char *asks, const char *part)
{
    buffer_clear(&c->seen);
    assert_int_equal(write_text(c, asks), EXCHANGE_ANSWER);
    read_answer(c);
    assert_non_null(strstr(seen(c), part));
}

#define CONTENT                                                                                    \
    "<RetrieveServiceContent xmlns=\"urn:vim25\"><_this "                                          \
    "type=\"ServiceInstance\">ServiceInstance</_this></RetrieveServiceContent>"
#define CONTENT_WITH(about)                                                                        \
    ENVELOPE("<RetrieveServiceContentResponse xmlns=\"urn:vim25\"><returnval>"                     \
             "<rootFolder type=\"Folder\">group-d1</rootFolder><about><name>VMware</name>" about   \
             "</about></returnval></RetrieveServiceContentResponse>")

/* A program asks the host for its ServiceContent, which says that it is `uuid`. */
static void introduce(const char *uuid)
{
    struct connection c;
    char content[1024];
    snprintf(content, sizeof(content), CONTENT_WITH("<instanceUuid>%s</instanceUuid>"), uuid);
    open_connection(&c);
    exchange_forwarded(&c, request(CONTENT), response(content));
    close_connection(&c);
}

/* A host that is a vCenter of its own, and known to be one, as after any program's first words. */
static int next_host(void **state)
{
    next_name(state);
    introduce(host);
    return 0;
}

/* ---- the tests
 * ------------------------------------------------------------------------------------ */

static void the_second_of_two_equal_reads_is_answered(void **state)
{
    (void)state;
    struct connection c;
    open_connection(&c);
    exchange_forwarded(&c, request(FIND), response(FOUND));
    exchange_answered(&c, request(FIND), FOUND);
    exchange_answered(&c, request_with("X-Other: 1\r\n", FIND), FOUND);
    close_connection(&c);
}

static void an_answer_is_a_whole_http_message_with_the_origins_fields(void **state)
{
    (void)state;
    struct connection c;
    open_connection(&c);
    exchange_forwarded(
        &c, request(FIND),
        response_with("200 OK", "Server: origin\r\nConnection: keep-alive\r\n", FOUND));
    exchange_answered(&c, request(FIND), "HTTP/1.1 200 OK\r\nServer: origin\r\nContent-Length: ");
    assert_null(strstr(seen(&c), "Connection:"));
    assert_false(exchange_is_at_end(c.exchange));
    exchange_answered(&c, request_with("Connection: close\r\n", FIND), "Connection: close\r\n");
    assert_true(exchange_is_at_end(c.exchange));
    close_connection(&c);
}

/* The connection dies; what is left to be sent then is what was asked. */
static void exchange_repeated(struct connection *c, const char *asks)
{
    assert_true(exchange_repeat(c->exchange));
    assert_true(span_equal(exchange_held(c->exchange), span_of_text(asks)));
}

static void a_read_that_died_before_its_response_began_may_be_sent_again(void **state)
{
    (void)state;
    struct connection c;
    open_connection(&c);
    assert_false(exchange_repeat(c.exchange));
    assert_int_equal(exchange_port(c.exchange), 0);
    assert_int_equal(write_text(&c, request(FIND)), EXCHANGE_FORWARD);
    assert_int_equal(exchange_port(c.exchange), 443);
    exchange_repeated(&c, request(FIND));
    exchange_sent(c.exchange, 10);
    exchange_repeated(&c, request(FIND));
    exchange_sent(c.exchange, exchange_held(c.exchange).size);
    origin_sends(&c, response(FOUND), 100);
    assert_false(exchange_repeat(c.exchange));
    assert_int_equal(exchange_held(c.exchange).size, 0);
    exchange_answered(&c, request(FIND), FOUND);
    assert_false(exchange_repeat(c.exchange));
    close_connection(&c);
}

/* ---- asking again ---- */

#define OTHER_FIND                                                                                 \
    "<FindByUuid xmlns=\"urn:vim25\"><_this type=\"SearchIndex\">SearchIndex</_this>"              \
    "<uuid>4711</uuid><vmSearch>true</vmSearch></FindByUuid>"

/* The same head, with another body. */
static bool asks_again(struct connection *c, const char *operation)
{
    char body[4096];
    int size = snprintf(body, sizeof(body), ENVELOPE("%s"), operation);
    buffer_clear(&c->seen);
    return exchange_ask_again(c->exchange, (struct span){(const uint8_t *)body, (size_t)size});
}

/* As if nobody had asked: neither an answer nor anything to be sent waits, and nothing is counted
 * or claimed. */
static void is_not_at_hand(struct connection *c, const char *operation)
{
    static struct statistics before, after;
    assert_int_equal(statistics_get(context_get()->cache, &before), CACHE_OK);
    assert_false(asks_again(c, operation));
    assert_int_equal(statistics_get(context_get()->cache, &after), CACHE_OK);
    assert_memory_equal(&before, &after, sizeof(before));
    assert_int_equal(exchange_answer_size(c->exchange), 0);
    assert_int_equal(exchange_held(c->exchange).size, 0);
    assert_false(exchange_is_due(c->exchange));
}

static void what_is_stored_answers_who_asks_again_with_another_body(void **state)
{
    (void)state;
    struct connection c;
    struct span head, body;
    open_connection(&c);
    exchange_forwarded(&c, request(FIND), response(FOUND));
    exchange_forwarded(&c, request(OTHER_FIND), response(DONE));
    for (int i = 0; i < 2; i++) {
        assert_true(asks_again(&c, FIND));
        assert_true(exchange_answer_parts(c.exchange, &head, &body));
        assert_true(span_equal(body, SPAN_OF(FOUND)));
        assert_true(span_contains(head, SPAN_OF("HTTP/1.1 200 OK\r\nContent-Length: ")));
        read_answer(&c);
        assert_non_null(strstr(seen(&c), FOUND));
        assert_true(asks_again(&c, OTHER_FIND));
        exchange_answer_drop(c.exchange);
        assert_int_equal(exchange_answer_size(c.exchange), 0);
    }
    /* In between it is asked as ever. */
    exchange_answered(&c, request(OTHER_FIND), DONE);
    assert_true(asks_again(&c, FIND));
    close_connection(&c);
}

static void what_is_not_at_hand_leaves_no_trace(void **state)
{
    (void)state;
    static const char *const others[] = {
        CONTENT,
        RENAME,
        POWER_OFF,
        LOGOUT,
        VIEW,
        WAIT,
        FETCH,
        "<Frobnicate/>",
        "<",
        "<CurrentTime xmlns=\"urn:vim25\"><_this type=\"ServiceInstance\">1</_this></CurrentTime>"};
    struct connection c;
    open_connection(&c);
    is_not_at_hand(&c, FIND);
    exchange_forwarded(&c, request(FIND), response(FOUND));
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        is_not_at_hand(&c, others[i]);
    /* Nor was a fence raised by any of them. */
    assert_true(asks_again(&c, FIND));
    read_answer(&c);
    /* After a password nothing of it is kept. */
    is_not_at_hand(&c, LOGIN("a"));
    is_not_at_hand(&c, FIND);
    exchange_answered(&c, request(FIND), FOUND);
    assert_true(asks_again(&c, FIND));
    assert_false(asks_again(&c, OTHER_FIND)); /* an answer waits */
    close_connection(&c);
}

static void nothing_is_at_hand_behind_a_fence_or_in_the_middle(void **state)
{
    (void)state;
    struct connection c, writer;
    open_connection(&c);
    open_connection(&writer);
    exchange_forwarded(&c, request(FIND), response(FOUND));
    assert_int_equal(write_text(&writer, request(RENAME)), EXCHANGE_FORWARD);
    is_not_at_hand(&c, FIND);
    origin_sends(&writer, response(DONE), 100);
    is_not_at_hand(&c, FIND);
    exchange_forwarded(&c, request(FIND), response(FOUND));
    assert_int_equal(write_text(&c, "POST /sdk HT"), EXCHANGE_MORE);
    assert_false(asks_again(&c, FIND));
    close_connection(&writer);
    close_connection(&c);
}

/* Its head would not be the next request's. */
static void after_a_login_or_a_last_request_nothing_is_asked_again(void **state)
{
    (void)state;
    struct connection c;
    open_connection(&c);
    exchange_forwarded(&c, request(FIND), response(FOUND));
    exchange_forwarded(&c, request(LOGIN("a")), response_with("500 Error", "", DONE));
    is_not_at_hand(&c, FIND);
    exchange_answered(&c, request_with("Connection: close\r\n", FIND), FOUND);
    is_not_at_hand(&c, FIND);
    exchange_answered(&c, request(FIND), FOUND);
    assert_true(asks_again(&c, FIND));
    close_connection(&c);
}

static void what_may_have_been_done_or_was_answered_in_part_is_not_sent_again(void **state)
{
    (void)state;
    static const char *const others[] = {RENAME, POWER_OFF, LOGIN("a"), LOGOUT, VIEW, WAIT};
    struct connection c;
    open_connection(&c);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_int_equal(write_text(&c, request(others[i])), EXCHANGE_FORWARD);
        assert_false(exchange_repeat(c.exchange));
        exchange_feed_end(c.exchange, false);
    }
    assert_int_equal(write_text(&c, request(FIND)), EXCHANGE_FORWARD);
    origin_sends(&c, "H", 1);
    assert_false(exchange_repeat(c.exchange));
    exchange_feed_end(c.exchange, false);
    assert_int_equal(write_text(&c, request(FIND)), EXCHANGE_FORWARD);
    assert_int_equal(write_text(&c, request(FIND)), EXCHANGE_FORWARD);
    assert_false(exchange_repeat(c.exchange));
    close_connection(&c);
}

static void a_request_may_come_byte_by_byte(void **state)
{
    (void)state;
    struct connection c;
    open_connection(&c);
    exchange_forwarded(&c, request(FIND), response(FOUND));
    const char *text = request(FIND);
    size_t size = strlen(text);
    for (size_t i = 0; i + 1 < size; i++)
        assert_int_equal(write_bytes(&c, text + i, 1), EXCHANGE_MORE);
    assert_int_equal(write_bytes(&c, text + size - 1, 1), EXCHANGE_ANSWER);
    read_answer(&c);
    close_connection(&c);
}

static void what_is_not_for_the_sdk_passes_for_ever(void **state)
{
    (void)state;
    struct connection c;
    open_connection(&c);
    assert_int_equal(exchange_recognise("GET / HTTP/1.1", 14), EXCHANGE_NOT_OURS);
    assert_int_equal(exchange_recognise("POST /sd", 8), EXCHANGE_UNDECIDED);
    assert_int_equal(exchange_recognise("POST /sdk HTTP/1.1", 18), EXCHANGE_OURS);
    assert_int_equal(
        write_text(&c, "POST /sdkfoo HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"),
        EXCHANGE_PASS);
    assert_int_equal(c.sent.size,
                     strlen("POST /sdkfoo HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"));
    close_connection(&c);
}

static void a_write_makes_stored_reads_invalid(void **state)
{
    (void)state;
    struct connection reader, writer;
    open_connection(&reader);
    open_connection(&writer);
    exchange_forwarded(&reader, request(FIND), response(FOUND));
    exchange_forwarded(&writer, request(RENAME), response(DONE));
    exchange_forwarded(&reader, request(FIND), response(FOUND));
    exchange_answered(&reader, request(FIND), FOUND);
    close_connection(&reader);
    close_connection(&writer);
}

static void an_unknown_operation_is_a_write(void **state)
{
    (void)state;
    struct connection c;
    open_connection(&c);
    exchange_forwarded(&c, request(FIND), response(FOUND));
    exchange_forwarded(&c, request("<Frobnicate xmlns=\"urn:vim25\"/>"),
                       response(ENVELOPE("<FrobnicateResponse xmlns=\"urn:vim25\"/>")));
    exchange_forwarded(&c, request(FIND), response(FOUND));
    close_connection(&c);
}

static void while_a_write_is_under_way_nothing_is_answered_or_stored(void **state)
{
    (void)state;
    struct connection reader, writer;
    open_connection(&reader);
    open_connection(&writer);
    exchange_forwarded(&reader, request(FIND), response(FOUND));
    assert_int_equal(write_text(&writer, request(RENAME)), EXCHANGE_FORWARD);
    exchange_forwarded(&reader, request(FIND), response(FOUND));
    exchange_forwarded(&reader, request(FIND), response(FOUND));
    origin_sends(&writer, response(DONE), 1);
    exchange_forwarded(&reader, request(FIND), response(FOUND));
    exchange_answered(&reader, request(FIND), FOUND);
    close_connection(&reader);
    close_connection(&writer);
}

static void while_a_task_runs_nothing_is_answered_until_it_is_seen_to_have_ended(void **state)
{
    (void)state;
    static const char *const polls[][3] = {
        {FETCH, FETCHED("running"), FETCHED("success")},
        {FETCH, FETCHED("queued"), FETCHED("error")},
        {WAIT, UPDATED("task-7", "running"), UPDATED("task-7", "success")},
        {WAIT, UPDATED("task-8", "success"), UPDATED("task-7", "error")},
    };
    for (size_t i = 0; i < sizeof(polls) / sizeof(polls[0]); i++) {
        struct connection c;
        open_connection(&c);
        exchange_forwarded(&c, request(POWER_OFF), response(STARTED));
        exchange_forwarded(&c, request(FIND), response(FOUND));
        exchange_forwarded(&c, request(polls[i][0]), response(polls[i][1]));
        exchange_forwarded(&c, request(FIND), response(FOUND));
        exchange_forwarded(&c, request(FIND), response(FOUND));
        exchange_forwarded(&c, request(polls[i][0]), response(polls[i][2]));
        exchange_forwarded(&c, request(FIND), response(FOUND));
        exchange_answered(&c, request(FIND), FOUND);
        close_connection(&c);
    }
}

static void a_read_that_a_write_overtook_is_not_stored(void **state)
{
    (void)state;
    struct connection reader, writer;
    open_connection(&reader);
    open_connection(&writer);
    assert_int_equal(write_text(&reader, request(FIND)), EXCHANGE_FORWARD);
    exchange_forwarded(&writer, request(RENAME), response(DONE));
    origin_sends(&reader, response(FOUND), 50);
    exchange_forwarded(&writer, request(FIND), response(FOUND));
    close_connection(&reader);
    close_connection(&writer);
}

static void a_write_whose_response_broke_off_keeps_the_fence(void **state)
{
    (void)state;
    struct connection reader, writer;
    open_connection(&reader);
    open_connection(&writer);
    assert_int_equal(write_text(&writer, request(RENAME)), EXCHANGE_FORWARD);
    close_connection(&writer);
    exchange_forwarded(&reader, request(FIND), response(FOUND));
    exchange_forwarded(&reader, request(FIND), response(FOUND));
    close_connection(&reader);
}

static void a_write_that_reached_nobody_changes_nothing(void **state)
{
    (void)state;
    struct connection reader, writer;
    open_connection(&reader);
    open_late_connection(&writer);
    exchange_forwarded(&reader, request(FIND), response(FOUND));
    assert_int_equal(write_text(&writer, request(RENAME)), EXCHANGE_FORWARD);
    exchange_answered(&reader, request(FIND), FOUND);
    close_connection(&writer);
    exchange_answered(&reader, request(FIND), FOUND);
    close_connection(&reader);
}

static void a_write_fences_from_when_somebody_is_reached(void **state)
{
    (void)state;
    struct connection reader, writer;
    open_connection(&reader);
    open_late_connection(&writer);
    exchange_forwarded(&reader, request(FIND), response(FOUND));
    assert_int_equal(write_text(&writer, request(RENAME)), EXCHANGE_FORWARD);
    exchange_reached(writer.exchange);
    exchange_forwarded(&reader, request(FIND), response(FOUND));
    close_connection(&writer);
    exchange_forwarded(&reader, request(FIND), response(FOUND));
    exchange_forwarded(&reader, request(FIND), response(FOUND));
    close_connection(&reader);
}

static void only_whole_and_good_responses_are_stored(void **state)
{
    (void)state;
    struct connection c;
    open_connection(&c);
    exchange_forwarded(&c, request(FIND), response_with("503 Service Unavailable", "", "busy"));
    exchange_forwarded(&c, request(FIND), response_with("200 OK", "Set-Cookie: a=b\r\n", FOUND));
    exchange_forwarded(&c, request(FIND), response("this is not SOAP"));
    exchange_forwarded(&c, request(FIND), response(ENVELOPE("<e:Fault><faultstring/></e:Fault>")));
    exchange_forwarded(&c, request(FIND), response(FOUND));
    exchange_answered(&c, request(FIND), FOUND);
    close_connection(&c);
}

static void the_front_hears_of_what_a_later_program_may_be_answered_with(void **state)
{
    (void)state;
    struct connection c;
    open_connection(&c);
    exchange_forwarded(&c, request(FIND), response_with("503 Service Unavailable", "", "busy"));
    exchange_forwarded(&c, request(FIND), response("this is not SOAP"));
    exchange_forwarded(&c, request(RENAME), response(ENVELOPE("<RenameResponse/>")));
    assert_int_equal(c.heard, 0);
    exchange_forwarded(&c, request(FIND), response(FOUND));
    assert_int_equal(c.heard, 1);
    exchange_answered(&c, request(FIND), FOUND);
    assert_int_equal(c.heard, 1);
    close_connection(&c);
}

static void a_response_that_ends_at_close_is_stored_when_the_close_is_clean(void **state)
{
    (void)state;
    for (int is_clean = 0; is_clean <= 1; is_clean++) {
        struct connection c;
        open_connection(&c);
        assert_int_equal(write_text(&c, request(FIND)), EXCHANGE_FORWARD);
        origin_sends(&c, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" FOUND, 60);
        exchange_feed_end(c.exchange, is_clean);
        assert_int_equal(write_text(&c, request(FIND)),
                         is_clean ? EXCHANGE_ANSWER : EXCHANGE_FORWARD);
        close_connection(&c);
    }
}

#define COOKIE "Cookie: vmware_soap_session=\"c0ffee\"\r\n"

static void a_login_is_lent_to_the_same_password_only(void **state)
{
    (void)state;
    struct connection c;
    open_connection(&c);
    const char *fields =
        "Set-Cookie: vmware_soap_session=\"c0ffee\"; Path=/; HttpOnly; Secure;\r\n";
    exchange_forwarded(&c, request(LOGIN("secret")), response_with("200 OK", fields, LOGGED_IN));
    exchange_answered(&c, request_with(COOKIE, LOGOUT), "<LogoutResponse");
    exchange_answered(&c, request(LOGIN("secret")), fields);
    assert_non_null(strstr(seen(&c), LOGGED_IN));
    exchange_forwarded(&c, request(LOGIN("wrong")),
                       response_with("500 Internal Server Error", "",
                                     ENVELOPE("<e:Fault><faultstring>no</faultstring></e:Fault>")));
    /* Who is logged in by that cookie already is not given it once more. */
    exchange_answered(&c, request(LOGIN("secret")), "<LoginResponse");
    assert_null(strstr(seen(&c), "c0ffee"));
    assert_null(strstr(seen(&c), "52ab-key"));
    close_connection(&c);
}

static void log_in(struct connection *c)
{
    exchange_forwarded(c, request(LOGIN("secret")),
                       response_with("200 OK",
                                     "Set-Cookie: vmware_soap_session=\"c0ffee\"; Path=/\r\n",
                                     LOGGED_IN));
}

static void a_logout_is_kept_and_afterwards_the_cookie_is_worth_nothing(void **state)
{
    (void)state;
    struct connection c;
    open_connection(&c);
    log_in(&c);
    exchange_forwarded(&c, request_with(COOKIE, FIND), response(FOUND));
    exchange_answered(&c, request_with(COOKIE, FIND), FOUND);
    exchange_answered(&c, request_with(COOKIE, LOGOUT), "<LogoutResponse xmlns=\"urn:vim25\">");
    buffer_clear(&c.sent);
    assert_int_equal(write_text(&c, request_with(COOKIE, FIND)), EXCHANGE_FORWARD);
    assert_false(span_contains(buffer_span(&c.sent), SPAN_OF("c0ffee")));
    assert_true(span_contains(buffer_span(&c.sent), SPAN_OF("vmware_soap_session=\"000000\"")));
    close_connection(&c);
}

static void a_view_is_lent_and_not_destroyed(void **state)
{
    (void)state;
    struct connection c;
    open_connection(&c);
    log_in(&c);
    exchange_forwarded(&c, request_with(COOKIE, VIEW), response(VIEWED));
    exchange_answered(&c, request_with(COOKIE, VIEW), VIEWED);
    exchange_answered(&c, request_with(COOKIE, DESTROY),
                      "<DestroyViewResponse xmlns=\"urn:vim25\">");
    exchange_answered(&c, request_with(COOKIE, VIEW), VIEWED);
    close_connection(&c);
}

static void what_a_cookie_has_read_no_other_is_given(void **state)
{
    (void)state;
    struct connection c;
    open_connection(&c);
    exchange_forwarded(&c, request_with("Cookie: vmware_soap_session=\"one\"\r\n", FIND),
                       response(FOUND));
    exchange_answered(&c, request_with("Cookie: vmware_soap_session=\"one\"\r\n", FIND), FOUND);
    exchange_forwarded(&c, request_with("Cookie: vmware_soap_session=\"two\"\r\n", FIND),
                       response(FOUND));
    exchange_forwarded(&c, request(FIND), response(FOUND));
    close_connection(&c);
}

static void without_a_certificate_or_a_way_to_wake_nothing_is_answered(void **state)
{
    (void)state;
    struct connection good, untrusted, asleep;
    open_connection(&good);
    open_connection(&untrusted);
    open_connection(&asleep);
    untrusted.has_certificate = false;
    asleep.can_answer = false;
    exchange_forwarded(&good, request(FIND), response(FOUND));
    exchange_forwarded(&untrusted, request(FIND), response(FOUND));
    exchange_forwarded(&asleep, request(FIND), response(FOUND));
    exchange_answered(&good, request(FIND), FOUND);
    close_connection(&good);
    close_connection(&untrusted);
    close_connection(&asleep);
}

static char *expecting(const char *operation)
{
    return strdup(request_with("Expect: 100-continue\r\n", operation));
}

static void a_program_that_waits_for_continue_gets_it_once(void **state)
{
    (void)state;
    static const char interim[] = "HTTP/1.1 100 Continue\r\n\r\n";
    for (size_t piece = 1; piece < 300; piece += 23) {
        struct connection c;
        char *text = expecting(RENAME);
        char *body = strstr(text, "\r\n\r\n") + 4;
        open_connection(&c);
        assert_int_equal(write_bytes(&c, text, (size_t)(body - text)), EXCHANGE_ANSWER);
        read_answer(&c);
        assert_string_equal(seen(&c), interim);
        buffer_clear(&c.seen);
        assert_int_equal(write_text(&c, body), EXCHANGE_FORWARD);
        assert_true(span_equal(buffer_span(&c.sent), span_of_text(text)));
        char both[10240];
        snprintf(both, sizeof(both), "%s%s", piece % 2 ? interim : "", response(DONE));
        origin_sends(&c, both, piece);
        assert_string_equal(seen(&c), response(DONE));
        exchange_forwarded(&c, request(FIND), response(FOUND));
        close_connection(&c);
        free(text);
    }
}

static void a_pipelined_request_is_forwarded_untouched_and_taken_for_a_write(void **state)
{
    (void)state;
    struct connection c, other;
    open_connection(&c);
    open_connection(&other);
    exchange_forwarded(&other, request(FIND), response(FOUND));
    char *twice = malloc(16384);
    snprintf(twice, 16384, "%s%s", request(RENAME), request(FIND));
    assert_int_equal(write_text(&c, twice), EXCHANGE_FORWARD);
    assert_true(span_equal(buffer_span(&c.sent), span_of_text(twice)));
    exchange_forwarded(&other, request(FIND), response(FOUND));
    close_connection(&c);
    close_connection(&other);
    free(twice);
}

static void a_large_request_streams_through(void **state)
{
    (void)state;
    struct connection c;
    char head[256];
    char *piece = calloc(1, 1 << 20);
    open_connection(&c);
    memset(piece, 'x', 1 << 20);
    snprintf(head, sizeof(head), "POST /sdk HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n",
             host, 8 << 20);
    assert_int_equal(write_text(&c, head), EXCHANGE_MORE);
    for (int i = 0; i < 8; i++)
        write_bytes(&c, piece, 1 << 20);
    assert_int_equal(c.sent.size, strlen(head) + (8 << 20));
    origin_sends(&c, response(DONE), 100);
    exchange_forwarded(&c, request(FIND), response(FOUND));
    close_connection(&c);
    free(piece);
}

static void other_paths_on_the_same_connection_pass(void **state)
{
    (void)state;
    struct connection c;
    open_connection(&c);
    exchange_forwarded(&c, request(FIND), response(FOUND));
    char text[256];
    snprintf(text, sizeof(text), "GET /folder/x HTTP/1.1\r\nHost: %s\r\n\r\n", host);
    exchange_forwarded(&c, text, response("file"));
    exchange_answered(&c, request(FIND), FOUND);
    close_connection(&c);
}

#define MACHINE "displayName = \"vm-42\"\n"

/* As libvirt asks for a machine's description. */
static const char *file_request(const char *method, const char *fields)
{
    static char text[512];
    snprintf(text, sizeof(text),
             "%s /folder/a/a.vmx?dcPath=DC0&dsName=d HTTP/1.1\r\nHost: %s\r\n%s\r\n", method, host,
             fields);
    return text;
}

static void a_machines_description_is_kept_for_who_is_logged_in(void **state)
{
    (void)state;
    struct connection c;
    open_connection(&c);
    log_in(&c);
    exchange_forwarded(&c, file_request("GET", COOKIE), response(MACHINE));
    exchange_answered(&c, file_request("GET", COOKIE), MACHINE);
    exchange_forwarded(&c, file_request("GET", ""), response_with("401 Unauthorized", "", ""));
    /* Nobody else's request for a file is looked at. */
    exchange_forwarded(&c, file_request("HEAD", COOKIE), "HTTP/1.1 200 OK\r\n\r\n");
    exchange_answered(&c, file_request("GET", COOKIE), MACHINE);
    close_connection(&c);
}

static void without_a_session_nothing_seals_it_and_it_is_not_kept(void **state)
{
    (void)state;
    struct connection c;
    open_connection(&c);
    for (int i = 0; i < 2; i++)
        exchange_forwarded(&c, file_request("GET", "Cookie: vmware_soap_session=\"x\"\r\n"),
                           response(MACHINE));
    close_connection(&c);
}

static void who_changes_a_file_makes_stored_reads_invalid(void **state)
{
    (void)state;
    static const char *const methods[] = {"PUT", "DELETE", "POST"};
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        struct connection c, other;
        open_connection(&c);
        open_connection(&other);
        log_in(&c);
        exchange_forwarded(&c, file_request("GET", COOKIE), response(MACHINE));
        exchange_answered(&c, file_request("GET", COOKIE), MACHINE);
        exchange_forwarded(&other, file_request(methods[i], COOKIE "Content-Length: 0\r\n"),
                           response(""));
        exchange_forwarded(&c, file_request("GET", COOKIE), response(MACHINE));
        close_connection(&c);
        close_connection(&other);
        next_host(state);
    }
}

static void a_write_by_one_name_makes_what_was_read_by_another_invalid(void **state)
{
    struct connection here, there;
    char name[sizeof(host)], other_name[sizeof(host)];
    next_name(state);
    strcpy(name, host);
    introduce("one-vcenter");
    next_name(state);
    strcpy(other_name, host);
    introduce("one-vcenter");
    open_connection(&here);
    open_connection(&there);
    exchange_forwarded(&there, request(FIND), response(FOUND));
    exchange_answered(&there, request(FIND), FOUND);
    strcpy(host, name);
    exchange_forwarded(&here, request(RENAME), response(DONE));
    strcpy(host, other_name);
    exchange_forwarded(&there, request(FIND), response(FOUND));
    exchange_answered(&there, request(FIND), FOUND);
    strcpy(host, name);
    exchange_forwarded(&here, request(POWER_OFF), response(STARTED));
    strcpy(host, other_name);
    exchange_forwarded(&there, request(FIND), response(FOUND));
    exchange_forwarded(&there, request(FETCH), response(FETCHED("success")));
    exchange_forwarded(&there, request(FIND), response(FOUND));
    exchange_answered(&there, request(FIND), FOUND);
    close_connection(&here);
    close_connection(&there);
}

static void two_vcenters_do_not_disturb_each_other(void **state)
{
    struct connection c;
    open_connection(&c);
    next_host(state);
    exchange_forwarded(&c, request(FIND), response(FOUND));
    char name[sizeof(host)];
    strcpy(name, host);
    next_host(state);
    exchange_forwarded(&c, request(POWER_OFF), response(STARTED));
    strcpy(host, name);
    exchange_answered(&c, request(FIND), FOUND);
    close_connection(&c);
}

static void what_was_read_before_an_origin_was_known_is_answered_afterwards(void **state)
{
    struct connection c;
    next_name(state);
    open_connection(&c);
    exchange_forwarded(&c, request(FIND), response(FOUND));
    introduce(host);
    exchange_answered(&c, request(CONTENT), host);
    exchange_answered(&c, request(FIND), FOUND);
    exchange_forwarded(&c, request(RENAME), response(DONE));
    exchange_forwarded(&c, request(FIND), response(FOUND));
    close_connection(&c);
}

/* ---- reads in pages
 * ------------------------------------------------------------------------------
 */

#define RETRIEVE_FROM(collector, type)                                                             \
    "<RetrievePropertiesEx xmlns=\"urn:vim25\"><_this type=\"PropertyCollector\">" collector       \
    "</_this><specSet><propSet><type>" type "</type><pathSet>name</pathSet></propSet><objectSet>"  \
    "<obj type=\"Folder\">group-v3</obj></objectSet></specSet><options></options>"                 \
    "</RetrievePropertiesEx>"
#define RETRIEVE(type) RETRIEVE_FROM("pc", type)
#define CONTINUE_AT(collector, token)                                                              \
    "<ContinueRetrievePropertiesEx xmlns=\"urn:vim25\"><_this "                                    \
    "type=\"PropertyCollector\">" collector "</_this><token>" token                                \
    "</token></ContinueRetrievePropertiesEx>"
#define CONTINUE(token) CONTINUE_AT("pc", token)
#define CANCEL(token)                                                                              \
    "<CancelRetrievePropertiesEx xmlns=\"urn:vim25\"><_this type=\"PropertyCollector\">pc"         \
    "</_this><token>" token "</token></CancelRetrievePropertiesEx>"
#define PAGE_OF(operation, token, name)                                                            \
    ENVELOPE("<" operation "Response xmlns=\"urn:vim25\"><returnval>" token "<objects>" name       \
             "</objects></returnval></" operation "Response>")
#define FIRST_PAGE(token, name) PAGE_OF("RetrievePropertiesEx", "<token>" token "</token>", name)
#define NEXT_PAGE(token, name)                                                                     \
    PAGE_OF("ContinueRetrievePropertiesEx", "<token>" token "</token>", name)
#define LAST_PAGE(name) PAGE_OF("ContinueRetrievePropertiesEx", "", name)
#define CANCELLED                                                                                  \
    ENVELOPE("<CancelRetrievePropertiesExResponse xmlns=\"urn:vim25\">"                            \
             "</CancelRetrievePropertiesExResponse>")
#define FAULT ENVELOPE("<e:Fault><faultstring>no</faultstring></e:Fault>")

/* The token of the page that was seen last; the origin's are small numbers. */
static const char *token_seen(struct connection *c)
{
    static char token[256];
    const char *at = strstr(seen(c), "<token>");
    assert_non_null(at);
    at += strlen("<token>");
    snprintf(token, sizeof(token), "%.*s", (int)strcspn(at, "<"), at);
    assert_true(strlen(token) > 5);
    return token;
}

static const char *with_token(const char *format, const char *token)
{
    static char text[4096];
    snprintf(text, sizeof(text), format, token);
    return text;
}

/* A chain of three pages, read at the origin. */
#define read_chain(c, type, name)                                                                  \
    do {                                                                                           \
        exchange_forwarded(c, request(RETRIEVE(type)), response(FIRST_PAGE("0", name "-0")));      \
        exchange_forwarded(c, request(CONTINUE("0")), response(NEXT_PAGE("1", name "-1")));        \
        exchange_forwarded(c, request(CONTINUE("1")), response(LAST_PAGE(name "-2")));             \
    } while (0)

static void a_chain_is_answered_once_its_last_page_is_in(void **state)
{
    (void)state;
    struct connection c, other;
    open_connection(&c);
    open_connection(&other);
    exchange_forwarded(&c, request(RETRIEVE("Folder")), response(FIRST_PAGE("0", "zero")));
    exchange_forwarded(&other, request(RETRIEVE("Folder")), response(FIRST_PAGE("1", "zero")));
    exchange_forwarded(&c, request(CONTINUE("0")), response(NEXT_PAGE("2", "one")));
    exchange_forwarded(&other, request(RETRIEVE("Folder")), response(FIRST_PAGE("3", "zero")));
    exchange_forwarded(&c, request(CONTINUE("2")), response(LAST_PAGE("two")));
    for (int i = 0; i < 3; i++) {
        exchange_answered(&other, request(RETRIEVE("Folder")), "<objects>zero</objects>");
        exchange_answered(&other, request(with_token(CONTINUE("%s"), token_seen(&other))),
                          "<objects>one</objects>");
        exchange_answered(&other, request(with_token(CONTINUE("%s"), token_seen(&other))),
                          response(LAST_PAGE("two")));
    }
    close_connection(&c);
    close_connection(&other);
}

static void a_page_is_a_whole_http_message_of_its_own_length(void **state)
{
    (void)state;
    struct connection c;
    open_connection(&c);
    read_chain(&c, "Folder", "page");
    exchange_answered(&c, request(RETRIEVE("Folder")), "<objects>page-0</objects>");
    for (int i = 1; i < 3; i++) {
        const char *body = strstr(seen(&c), "\r\n\r\n") + 4;
        char length[64];
        snprintf(length, sizeof(length), "Content-Length: %zu\r\n\r\n", strlen(body));
        assert_non_null(strstr(seen(&c), length));
        exchange_answered(&c, request(with_token(CONTINUE("%s"), token_seen(&c))),
                          "<objects>page-");
    }
    close_connection(&c);
}

static void chains_with_the_same_tokens_at_the_origin_are_not_mixed(void **state)
{
    (void)state;
    struct connection a, b, c;
    open_connection(&a);
    open_connection(&b);
    open_connection(&c);
    read_chain(&a, "Folder", "folder");
    read_chain(&b, "HostSystem", "host");
    exchange_answered(&a, request(RETRIEVE("Folder")), "<objects>folder-0</objects>");
    exchange_answered(&b, request(RETRIEVE("HostSystem")), "<objects>host-0</objects>");
    exchange_forwarded(&c, request(RETRIEVE("Datastore")), response(FIRST_PAGE("0", "store-0")));
    exchange_answered(&a, request(with_token(CONTINUE("%s"), token_seen(&a))), "folder-1");
    exchange_forwarded(&c, request(CONTINUE("0")), response(NEXT_PAGE("1", "store-1")));
    exchange_answered(&b, request(with_token(CONTINUE("%s"), token_seen(&b))), "host-1");
    exchange_answered(&a, request(with_token(CONTINUE("%s"), token_seen(&a))), "folder-2");
    exchange_answered(&b, request(with_token(CONTINUE("%s"), token_seen(&b))), "host-2");
    exchange_forwarded(&c, request(CONTINUE("1")), response(LAST_PAGE("store-2")));
    exchange_answered(&a, request(RETRIEVE("Datastore")), "<objects>store-0</objects>");
    exchange_answered(&b, request(with_token(CONTINUE("%s"), token_seen(&a))), "store-1");
    close_connection(&a);
    close_connection(&b);
    close_connection(&c);
}

/* Each session, and each collector in it, counts from 0. */
static void chains_of_two_collectors_are_not_mixed(void **state)
{
    (void)state;
    struct connection c;
    open_connection(&c);
    exchange_forwarded(&c, request(RETRIEVE("Folder")), response(FIRST_PAGE("0", "one-0")));
    exchange_forwarded(&c, request(RETRIEVE_FROM("pc2", "Folder")),
                       response(FIRST_PAGE("0", "other-0")));
    exchange_forwarded(&c, request(CONTINUE("0")), response(LAST_PAGE("one-1")));
    exchange_forwarded(&c, request(CONTINUE_AT("pc2", "0")), response(LAST_PAGE("other-1")));
    exchange_answered(&c, request(RETRIEVE("Folder")), "one-0");
    exchange_answered(&c, request(with_token(CONTINUE("%s"), token_seen(&c))), "one-1");
    exchange_answered(&c, request(RETRIEVE_FROM("pc2", "Folder")), "other-0");
    exchange_answered(&c, request(with_token(CONTINUE("%s"), token_seen(&c))), "other-1");
    close_connection(&c);
}

static void what_is_given_up_or_fails_in_the_middle_is_not_stored(void **state)
{
    (void)state;
    static const char *const endings[][3] = {
        {CANCEL("0"), "200 OK", CANCELLED},
        {CONTINUE("0"), "500 Internal Server Error", FAULT},
        {CONTINUE("0"), "503 Service Unavailable", "busy"},
        {CONTINUE("0"), "200 OK", FAULT},
        {CONTINUE("0"), "200 OK", "this is not SOAP"},
        {CONTINUE("0"), "200 OK", PAGE_OF("ContinueRetrievePropertiesEx", "", "NotAuthenticated")},
        {CONTINUE("0"), "200 OK",
         ENVELOPE("<ContinueRetrievePropertiesExResponse xmlns=\"urn:vim25\"/>")},
        {CONTINUE("0"), "200 OK",
         PAGE_OF("ContinueRetrievePropertiesEx", "<token><odd/></token>", "one")},
    };
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        struct connection c;
        open_connection(&c);
        exchange_forwarded(&c, request(RETRIEVE("Folder")), response(FIRST_PAGE("0", "zero")));
        exchange_forwarded(&c, request(endings[i][0]),
                           response_with(endings[i][1], "", endings[i][2]));
        exchange_forwarded(&c, request(CONTINUE("0")), response(LAST_PAGE("one")));
        exchange_forwarded(&c, request(RETRIEVE("Folder")), response(FIRST_PAGE("0", "zero")));
        exchange_forwarded(&c, request(CANCEL("0")), response(CANCELLED));
        close_connection(&c);
    }
}

static void a_connection_that_ends_in_the_middle_of_a_page_ends_the_recording(void **state)
{
    (void)state;
    struct connection c;
    open_connection(&c);
    exchange_forwarded(&c, request(RETRIEVE("Folder")), response(FIRST_PAGE("0", "zero")));
    assert_int_equal(write_text(&c, request(CONTINUE("0"))), EXCHANGE_FORWARD);
    origin_sends(&c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n<", 7);
    close_connection(&c);
    open_connection(&c);
    exchange_forwarded(&c, request(CONTINUE("0")), response(LAST_PAGE("one")));
    exchange_forwarded(&c, request(RETRIEVE("Folder")), response(FIRST_PAGE("0", "zero")));
    exchange_forwarded(&c, request(CANCEL("0")), response(CANCELLED));
    close_connection(&c);
}

/* Wherever in the chain the write falls. */
static void a_chain_that_a_write_overtook_is_not_stored(void **state)
{
    (void)state;
    for (int when = 0; when < 3; when++) {
        struct connection c, writer;
        open_connection(&c);
        open_connection(&writer);
        assert_int_equal(write_text(&c, request(RETRIEVE("Folder"))), EXCHANGE_FORWARD);
        if (when == 0)
            exchange_forwarded(&writer, request(RENAME), response(DONE));
        origin_sends(&c, response(FIRST_PAGE("0", "zero")), 100);
        if (when == 1)
            exchange_forwarded(&writer, request(RENAME), response(DONE));
        assert_int_equal(write_text(&c, request(CONTINUE("0"))), EXCHANGE_FORWARD);
        if (when == 2)
            exchange_forwarded(&writer, request(RENAME), response(DONE));
        origin_sends(&c, response(LAST_PAGE("one")), 100);
        exchange_forwarded(&c, request(RETRIEVE("Folder")), response(FIRST_PAGE("0", "zero")));
        exchange_forwarded(&c, request(CANCEL("0")), response(CANCELLED));
        close_connection(&c);
        close_connection(&writer);
    }
}

static void a_chain_that_was_begun_is_served_to_its_end_and_no_further(void **state)
{
    (void)state;
    struct connection c, writer;
    open_connection(&c);
    open_connection(&writer);
    read_chain(&c, "Folder", "page");
    exchange_answered(&c, request(RETRIEVE("Folder")), "<objects>page-0</objects>");
    exchange_forwarded(&writer, request(RENAME), response(DONE));
    exchange_answered(&c, request(with_token(CONTINUE("%s"), token_seen(&c))), "page-1");
    exchange_answered(&c, request(with_token(CONTINUE("%s"), token_seen(&c))), "page-2");
    exchange_forwarded(&c, request(RETRIEVE("Folder")), response(FIRST_PAGE("0", "zero")));
    close_connection(&c);
    close_connection(&writer);
}

static void who_gives_up_a_stored_chain_is_answered_and_disturbs_nobody(void **state)
{
    (void)state;
    struct connection a, b;
    open_connection(&a);
    open_connection(&b);
    read_chain(&a, "Folder", "page");
    exchange_answered(&a, request(RETRIEVE("Folder")), "<objects>page-0</objects>");
    exchange_answered(&b, request(RETRIEVE("Folder")), "<objects>page-0</objects>");
    exchange_answered(&a, request(with_token(CANCEL("%s"), token_seen(&a))),
                      "<CancelRetrievePropertiesExResponse xmlns=\"urn:vim25\">");
    exchange_answered(&b, request(with_token(CONTINUE("%s"), token_seen(&b))), "page-1");
    exchange_answered(&b, request(with_token(CONTINUE("%s"), token_seen(&b))), "page-2");
    close_connection(&a);
    close_connection(&b);
}

static void the_pages_of_one_user_are_nobody_elses(void **state)
{
    (void)state;
    struct connection c;
    open_connection(&c);
    read_chain(&c, "Folder", "page");
    exchange_answered(&c, request(RETRIEVE("Folder")), "<objects>page-0</objects>");
    const char *other = "Cookie: vmware_soap_session=\"other\"\r\n";
    char *next = strdup(with_token(CONTINUE("%s"), token_seen(&c)));
    exchange_forwarded(&c, request_with(other, next), response(FAULT));
    exchange_forwarded(&c, request_with(other, RETRIEVE("Folder")),
                       response(FIRST_PAGE("0", "zero")));
    exchange_forwarded(&c, request(CONTINUE("0")), response(LAST_PAGE("one")));
    exchange_forwarded(&c, request_with(other, RETRIEVE("Folder")),
                       response(FIRST_PAGE("0", "zero")));
    exchange_answered(&c, request(next), "page-1");
    free(next);
    close_connection(&c);
}

/* Whether the store holds that text where anybody could read it. */
static bool is_readable_on_disk(const char *text)
{
    char path[PATH_MAX];
    struct buffer bytes = {0};
    char piece[4096];
    size_t size;
    snprintf(path, sizeof(path), "%s/data.mdb", getenv("VCACHE_DIR"));
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while ((size = fread(piece, 1, sizeof(piece), file)) > 0)
        buffer_append(&bytes, piece, size);
    fclose(file);
    bool is_there = span_contains(buffer_span(&bytes), span_of_text(text));
    buffer_free(&bytes);
    return is_there;
}

/* What speaks of the session is sealed, and all its pages with it. */
static void a_chain_that_speaks_of_the_session_is_sealed_and_served(void **state)
{
    (void)state;
    struct connection c;
    open_connection(&c);
    log_in(&c);
    exchange_forwarded(&c, request_with(COOKIE, RETRIEVE("Folder")),
                       response(FIRST_PAGE("0", "sealed-page")));
    exchange_forwarded(&c, request_with(COOKIE, CONTINUE("0")),
                       response(LAST_PAGE("session[52ab-key]52cd")));
    exchange_forwarded(&c, request_with(COOKIE, FIND), response(FOUND));
    assert_true(is_readable_on_disk("FindByUuidResponse"));
    assert_false(is_readable_on_disk("sealed-page"));
    assert_false(is_readable_on_disk("52ab-key"));
    for (int i = 0; i < 2; i++) {
        exchange_answered(&c, request_with(COOKIE, RETRIEVE("Folder")), "<objects>sealed-page<");
        exchange_answered(&c, request_with(COOKIE, with_token(CONTINUE("%s"), token_seen(&c))),
                          response(LAST_PAGE("session[52ab-key]52cd")));
    }
    close_connection(&c);
}

#define SET_LOCALE                                                                                 \
    "<SetLocale xmlns=\"urn:vim25\"><_this type=\"SessionManager\">SessionManager</_this>"         \
    "<locale>de</locale></SetLocale>"

/* What the exchange sends on its own account: it holds all the parts. */
static void origin_is_asked(struct connection *c, const char *part, const char *other_part)
{
    if (exchange_is_due(c->exchange)) {
        struct span held = exchange_held(c->exchange);
        buffer_clear(&c->sent);
        buffer_append_span(&c->sent, held);
        exchange_sent(c->exchange, held.size);
        assert_false(exchange_is_due(c->exchange));
    }
    buffer_append(&c->sent, "", 1);
    assert_non_null(strstr((const char *)c->sent.data, part));
    assert_non_null(strstr((const char *)c->sent.data, other_part));
    buffer_clear(&c->sent);
}

static void a_session_is_changed_in_one_of_the_programs_own(void **state)
{
    (void)state;
    struct connection c;
    open_connection(&c);
    log_in(&c);
    exchange_forwarded(&c, request_with(COOKIE, RETRIEVE("Folder")),
                       response(FIRST_PAGE("0", "zero")));
    buffer_clear(&c.sent);
    buffer_clear(&c.seen);
    assert_int_equal(write_text(&c, request_with(COOKIE, SET_LOCALE)), EXCHANGE_FORWARD);
    origin_is_asked(&c, "<Login ", "<password>secret</password>");
    origin_sends(
        &c,
        response_with("200 OK", "Set-Cookie: vmware_soap_session=\"of-its-own\"\r\n", LOGGED_IN),
        100);
    assert_string_equal(seen(&c), "");
    origin_is_asked(&c, "<SetLocale ", "Cookie: vmware_soap_session=\"of-its-own\"\r\n");
    origin_sends(&c, response(ENVELOPE("<SetLocaleResponse xmlns=\"urn:vim25\"/>")), 100);
    assert_non_null(strstr(seen(&c), "<SetLocaleResponse"));
    /* A chain that was begun in the other session is not ended in this one. */
    write_text(&c, request_with(COOKIE, CONTINUE("0")));
    origin_is_asked(&c, "<token>0</token>", "\"of-its-own\"");
    origin_sends(&c, response(LAST_PAGE("eins")), 100);
    buffer_clear(&c.seen);
    exchange_answered(&c, request(LOGIN("secret")), "<LoginResponse");
    close_connection(&c);
}

/* ---- the connection ends where something must be asked first ---- */

#define CLOSES "Connection: close\r\n"
#define REFUSAL                                                                                    \
    ENVELOPE("<e:Fault><faultstring>no</faultstring><detail><NotAuthenticatedFault "               \
             "xmlns=\"urn:vim25\"/></detail></e:Fault>")
#define REFUSED_AT_CLOSE "HTTP/1.1 500 Internal Server Error\r\n" CLOSES "\r\n" REFUSAL

/* A session that is lent to others, of which the origin knows nothing any more. */
static void ask_in_ended_session(struct connection *c, const char *fields, const char *refused)
{
    char cookie[256];
    char *refusal = strdup(refused);
    snprintf(cookie, sizeof(cookie), COOKIE "%s", fields);
    open_connection(c);
    log_in(c);
    buffer_clear(&c->sent);
    buffer_clear(&c->seen);
    assert_int_equal(write_text(c, request_with(cookie, FIND)), EXCHANGE_FORWARD);
    origin_sends(c, refusal, 100);
    assert_string_equal(seen(c), "");
    free(refusal);
}

static void log_in_again(struct connection *c)
{
    origin_is_asked(c, "<Login ", "<password>secret</password>");
    origin_sends(
        c, response_with("200 OK", "Set-Cookie: vmware_soap_session=\"anew\"\r\n", LOGGED_IN), 100);
    assert_string_equal(seen(c), "");
}

static void what_ends_the_connection_is_healed_over_a_new_one(void **state)
{
    (void)state;
    struct connection c;
    for (int i = 0; i < 3; i++) {
        next_host(state);
        bool is_at_close = i == 2;
        ask_in_ended_session(&c, i == 0 ? CLOSES : "",
                             is_at_close ? REFUSED_AT_CLOSE
                                         : response_with("500 Internal Server Error",
                                                         i == 1 ? CLOSES : "", REFUSAL));
        if (is_at_close) {
            assert_false(exchange_is_due(c.exchange));
            exchange_feed_end(c.exchange, true);
        }
        assert_true(exchange_needs_connection(c.exchange));
        exchange_reconnected(c.exchange);
        log_in_again(&c);
        /* This one lives on. */
        assert_false(exchange_needs_connection(c.exchange));
        origin_is_asked(&c, "<FindByUuid ", "vmware_soap_session=\"anew\"");
        origin_sends(&c, response(FOUND), 100);
        assert_non_null(strstr(seen(&c), FOUND));
        /* As the program asked, whatever became of the connections. */
        assert_int_equal(exchange_is_at_end(c.exchange), i == 0);
        close_connection(&c);
    }
}

static void a_login_whose_answer_ends_the_connection_is_a_login(void **state)
{
    (void)state;
    struct connection c;
    ask_in_ended_session(&c, "", response_with("500 Internal Server Error", "", REFUSAL));
    assert_false(exchange_needs_connection(c.exchange));
    origin_is_asked(&c, "<Login ", "<password>secret</password>");
    origin_sends(&c,
                 "HTTP/1.1 200 OK\r\n" CLOSES
                 "Set-Cookie: vmware_soap_session=\"anew\"\r\n\r\n" LOGGED_IN,
                 100);
    exchange_feed_end(c.exchange, true);
    assert_true(exchange_needs_connection(c.exchange));
    exchange_reconnected(c.exchange);
    origin_is_asked(&c, "<FindByUuid ", "vmware_soap_session=\"anew\"");
    origin_sends(&c, response(FOUND), 100);
    assert_non_null(strstr(seen(&c), FOUND));
    close_connection(&c);
}

static void a_refused_file_is_healed_too(void **state)
{
    (void)state;
    struct connection c;
    open_connection(&c);
    log_in(&c);
    buffer_clear(&c.sent);
    buffer_clear(&c.seen);
    assert_int_equal(write_text(&c, file_request("GET", COOKIE)), EXCHANGE_FORWARD);
    origin_sends(&c, response_with("401 Unauthorized", "", "no"), 100);
    assert_string_equal(seen(&c), "");
    origin_is_asked(&c, "POST /sdk HTTP/1.1\r\n", "<password>secret</password>");
    origin_sends(&c,
                 response_with("200 OK", "Set-Cookie: vmware_soap_session=\"anew\"\r\n", LOGGED_IN),
                 100);
    assert_string_equal(seen(&c), "");
    origin_is_asked(&c, "GET /folder/a/a.vmx", "vmware_soap_session=\"anew\"");
    origin_sends(&c, response(MACHINE), 100);
    assert_non_null(strstr(seen(&c), MACHINE));
    close_connection(&c);
}

/* Whether the login or the request itself is what nothing can be sent on any more. */
static void without_a_new_connection_the_program_sees_what_the_origin_said(void **state)
{
    (void)state;
    for (int is_logged_in = 0; is_logged_in <= 1; is_logged_in++) {
        struct connection c;
        next_host(state);
        ask_in_ended_session(&c, is_logged_in ? "" : CLOSES,
                             response_with("500 Internal Server Error", "", REFUSAL));
        if (is_logged_in) {
            origin_is_asked(&c, "<Login ", "<password>secret</password>");
            origin_sends(&c,
                         response_with("200 OK",
                                       CLOSES "Set-Cookie: vmware_soap_session=\"anew\"\r\n",
                                       LOGGED_IN),
                         100);
        }
        assert_true(exchange_needs_connection(c.exchange));
        exchange_sent(c.exchange, exchange_held(c.exchange).size);
        exchange_feed_end(c.exchange, false);
        assert_false(exchange_is_due(c.exchange));
        read_answer(&c);
        assert_string_equal(seen(&c), response_with("500 Internal Server Error", "", REFUSAL));
        assert_int_equal(exchange_is_at_end(c.exchange), !is_logged_in);
        close_connection(&c);
    }
}

int main(void)
{
    struct config config;
    unit_config(&config);
    setenv("VCACHE_DIR", config.directory, 1);
    /* Slow machines, valgrind: nothing grows stale, and the file is read in no time. */
    setenv("VCACHE_TTL", "3600", 1);
    setenv("VCACHE_MAX_SIZE", "16M", 1);
#define WITH_HOST(test) cmocka_unit_test_setup(test, next_host)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_read_before_an_origin_was_known_is_answered_afterwards),
        cmocka_unit_test(a_write_by_one_name_makes_what_was_read_by_another_invalid),
        cmocka_unit_test(two_vcenters_do_not_disturb_each_other),
        WITH_HOST(the_second_of_two_equal_reads_is_answered),
        WITH_HOST(an_answer_is_a_whole_http_message_with_the_origins_fields),
        WITH_HOST(a_request_may_come_byte_by_byte),
        WITH_HOST(a_read_that_died_before_its_response_began_may_be_sent_again),
        WITH_HOST(what_may_have_been_done_or_was_answered_in_part_is_not_sent_again),
        WITH_HOST(what_is_stored_answers_who_asks_again_with_another_body),
        WITH_HOST(what_is_not_at_hand_leaves_no_trace),
        WITH_HOST(nothing_is_at_hand_behind_a_fence_or_in_the_middle),
        WITH_HOST(after_a_login_or_a_last_request_nothing_is_asked_again),
        WITH_HOST(what_is_not_for_the_sdk_passes_for_ever),
        WITH_HOST(a_write_makes_stored_reads_invalid),
        WITH_HOST(an_unknown_operation_is_a_write),
        WITH_HOST(while_a_write_is_under_way_nothing_is_answered_or_stored),
        WITH_HOST(while_a_task_runs_nothing_is_answered_until_it_is_seen_to_have_ended),
        WITH_HOST(a_read_that_a_write_overtook_is_not_stored),
        WITH_HOST(a_write_whose_response_broke_off_keeps_the_fence),
        WITH_HOST(a_write_that_reached_nobody_changes_nothing),
        WITH_HOST(a_write_fences_from_when_somebody_is_reached),
        WITH_HOST(only_whole_and_good_responses_are_stored),
        WITH_HOST(the_front_hears_of_what_a_later_program_may_be_answered_with),
        WITH_HOST(a_response_that_ends_at_close_is_stored_when_the_close_is_clean),
        WITH_HOST(a_login_is_lent_to_the_same_password_only),
        WITH_HOST(a_logout_is_kept_and_afterwards_the_cookie_is_worth_nothing),
        WITH_HOST(a_view_is_lent_and_not_destroyed),
        WITH_HOST(what_a_cookie_has_read_no_other_is_given),
        WITH_HOST(without_a_certificate_or_a_way_to_wake_nothing_is_answered),
        WITH_HOST(a_program_that_waits_for_continue_gets_it_once),
        WITH_HOST(a_pipelined_request_is_forwarded_untouched_and_taken_for_a_write),
        WITH_HOST(a_large_request_streams_through),
        WITH_HOST(other_paths_on_the_same_connection_pass),
        WITH_HOST(a_machines_description_is_kept_for_who_is_logged_in),
        WITH_HOST(without_a_session_nothing_seals_it_and_it_is_not_kept),
        WITH_HOST(who_changes_a_file_makes_stored_reads_invalid),
        WITH_HOST(a_refused_file_is_healed_too),
        WITH_HOST(a_chain_is_answered_once_its_last_page_is_in),
        WITH_HOST(a_page_is_a_whole_http_message_of_its_own_length),
        WITH_HOST(chains_with_the_same_tokens_at_the_origin_are_not_mixed),
        WITH_HOST(chains_of_two_collectors_are_not_mixed),
        WITH_HOST(what_is_given_up_or_fails_in_the_middle_is_not_stored),
        WITH_HOST(a_connection_that_ends_in_the_middle_of_a_page_ends_the_recording),
        WITH_HOST(a_chain_that_a_write_overtook_is_not_stored),
        WITH_HOST(a_chain_that_was_begun_is_served_to_its_end_and_no_further),
        WITH_HOST(who_gives_up_a_stored_chain_is_answered_and_disturbs_nobody),
        WITH_HOST(the_pages_of_one_user_are_nobody_elses),
        WITH_HOST(a_chain_that_speaks_of_the_session_is_sealed_and_served),
        WITH_HOST(a_session_is_changed_in_one_of_the_programs_own),
        WITH_HOST(what_ends_the_connection_is_healed_over_a_new_one),
        WITH_HOST(a_login_whose_answer_ends_the_connection_is_a_login),
        WITH_HOST(without_a_new_connection_the_program_sees_what_the_origin_said),
    };
    int failed = cmocka_run_group_tests_name("exchange", tests, NULL, NULL);
    unit_remove(&config);
    return failed;
}
