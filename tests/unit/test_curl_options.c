/*
 * Options of libcurl's handles: what is remembered of them is what libcurl has. The front is linked
 * into this program, so that its own calls of libcurl go through the hooks.
 */
#include "front/curl_at_hand.h"
#include "front/curl_handle.h"
#include "unit.h"

enum { CHANGES = 1000000, ROUNDS = 5000 };

static int set_up(void **state)
{
    static struct curl_options options;
    curl_options_begin(&options);
    *state = &options;
    return 0;
}

static int tear_down(void **state)
{
    curl_options_free(*state);
    return 0;
}

static void set_text(struct curl_options *options, CURLoption option, const char *text)
{
    /* Where it was is overwritten afterwards: it must have been copied. */
    char passing[64];
    union curl_argument argument = {.object = text ? passing : NULL};
    if (text)
        snprintf(passing, sizeof(passing), "%s", text);
    curl_options_set(options, option, &argument);
    memset(passing, '!', sizeof(passing) - 1);
}

static void set_number(struct curl_options *options, CURLoption option, long number)
{
    union curl_argument argument = {.number = number};
    curl_options_set(options, option, &argument);
}

static void set_object(struct curl_options *options, CURLoption option, void *object)
{
    union curl_argument argument = {.object = object};
    curl_options_set(options, option, &argument);
}

static void function(void)
{
}

/* Some value other than the default, or the default. */
static void set_any(struct curl_options *options, enum curl_option_id id, bool is_standard)
{
    static struct curl_blob blob = {.data = (void *)"blob", .len = 4, .flags = CURL_BLOB_COPY};
    CURLoption option = curl_option_table[id].number;
    union curl_argument argument = {.offset = !is_standard};
    switch (curl_option_table[id].kind) {
    case CURL_TEXT:
        set_text(options, option, is_standard ? NULL : "text");
        return;
    case CURL_BLOB:
        argument.object = is_standard ? NULL : &blob;
        break;
    case CURL_POINTER:
    case CURL_LIST:
        if (option >= CURLOPTTYPE_FUNCTIONPOINT)
            argument.function = is_standard ? NULL : function;
        else
            argument.object = is_standard ? NULL : &blob;
        break;
    case CURL_NUMBER:
        argument.number = !is_standard;
        break;
    case CURL_OFFSET:
        break;
    }
    curl_options_set(options, option, &argument);
}

static void strings_are_copied(void **state)
{
    struct curl_options *options = *state;
    assert_null(curl_options_text(options, CURL_OPTION_URL));
    set_text(options, CURLOPT_URL, "https://vc.example.com/sdk");
    assert_string_equal(curl_options_text(options, CURL_OPTION_URL), "https://vc.example.com/sdk");
    set_text(options, CURLOPT_URL, "https://other.example.com/sdk");
    assert_string_equal(curl_options_text(options, CURL_OPTION_URL),
                        "https://other.example.com/sdk");
    set_text(options, CURLOPT_URL, NULL);
    assert_null(curl_options_text(options, CURL_OPTION_URL));
    assert_true(curl_options_has(options, CURL_OPTION_URL));
}

static void objects_are_remembered_by_address(void **state)
{
    struct curl_options *options = *state;
    struct curl_slist list = {.data = (char *)"vc:443:127.0.0.1"};
    char text[CURL_ERROR_SIZE];
    set_object(options, CURLOPT_RESOLVE, &list);
    set_object(options, CURLOPT_ERRORBUFFER, text);
    assert_ptr_equal(curl_options_pointer(options, CURL_OPTION_RESOLVE), &list);
    assert_ptr_equal(curl_options_pointer(options, CURL_OPTION_ERRORBUFFER), text);
}

static void of_two_names_of_one_option_the_last_counts(void **state)
{
    struct curl_options *options = *state;
    set_number(options, CURLOPT_PROTOCOLS, 2);
    assert_true(curl_options_has(options, CURL_OPTION_PROTOCOLS));
    set_text(options, CURLOPT_PROTOCOLS_STR, "https");
    assert_false(curl_options_has(options, CURL_OPTION_PROTOCOLS));
    set_number(options, CURLOPT_PROTOCOLS, 3);
    assert_false(curl_options_has(options, CURL_OPTION_PROTOCOLS_STR));
    assert_int_equal(curl_options_number(options, CURL_OPTION_PROTOCOLS, 0), 3);
}

static void what_a_link_cannot_honour_forbids_it(void **state)
{
    struct curl_options *options = *state;
    unsigned forbidding = 0;
    assert_true(curl_options_allow_link(options));
    for (int id = 0; id < CURL_OPTION_COUNT; id++) {
        bool forbids = curl_option_table[id].role == CURL_FORBIDS;
        if (id == CURL_OPTION_PROTOCOLS || id == CURL_OPTION_PROTOCOLS_STR)
            continue;
        set_any(options, (enum curl_option_id)id, false);
        assert_int_equal(curl_options_allow_link(options), !forbids);
        /* Twice is no more than once. */
        set_any(options, (enum curl_option_id)id, false);
        set_any(options, (enum curl_option_id)id, true);
        assert_true(curl_options_allow_link(options));
        forbidding += forbids;
    }
    assert_true(forbidding > 0);
    set_number(options, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE);
    assert_false(curl_options_allow_link(options));
    set_number(options, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2TLS);
    assert_true(curl_options_allow_link(options));
    set_text(options, CURLOPT_COOKIEFILE, "-");
    assert_false(curl_options_allow_link(options));
}

static void who_may_not_speak_https_is_refused_by_libcurl_itself(void **state)
{
    struct curl_options *options = *state;
    static const char *const without[] = {"http", "ftp,http", "https2", "HTTPSX,http"};
    static const char *const with[] = {"https", "http,HTTPS", "all", "ftp,https,http"};
    for (size_t i = 0; i < sizeof(with) / sizeof(with[0]); i++) {
        set_text(options, CURLOPT_PROTOCOLS_STR, without[i]);
        assert_false(curl_options_allow_link(options));
        set_text(options, CURLOPT_PROTOCOLS_STR, with[i]);
        assert_true(curl_options_allow_link(options));
    }
    set_number(options, CURLOPT_PROTOCOLS, CURLPROTO_HTTP);
    assert_false(curl_options_allow_link(options));
    set_number(options, CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
    assert_true(curl_options_allow_link(options));
}

static void an_option_of_a_later_libcurl_forbids_it_until_all_are_reset(void **state)
{
    struct curl_options *options = *state;
    CURLoption later = (CURLoption)(CURLOPTTYPE_LONG + 9000);
    assert_true(curl_options_know(later));
    set_number(options, later, 0);
    assert_false(curl_options_allow_link(options));
    curl_options_reset(options);
    assert_true(curl_options_allow_link(options));
}

static void reset_leaves_the_share_and_the_cookies(void **state)
{
    struct curl_options *options = *state;
    int share;
    for (int id = 0; id < CURL_OPTION_COUNT; id++)
        set_any(options, (enum curl_option_id)id, false);
    set_object(options, CURLOPT_SHARE, &share);
    curl_options_reset(options);
    for (int id = 0; id < CURL_OPTION_COUNT; id++)
        assert_int_equal(curl_options_has(options, (enum curl_option_id)id),
                         id == CURL_OPTION_SHARE);
    assert_ptr_equal(curl_options_pointer(options, CURL_OPTION_SHARE), &share);
    assert_true(options->has_cookies);
    assert_false(curl_options_may_write(options));
}

static void a_duplicate_has_all_but_the_share(void **state)
{
    struct curl_options *options = *state;
    struct curl_options copy;
    int share;
    set_object(options, CURLOPT_SHARE, &share);
    set_text(options, CURLOPT_URL, "https://vc.example.com/sdk");
    set_number(options, CURLOPT_CONNECT_ONLY, 1);
    curl_options_copy(&copy, options);
    assert_null(curl_options_pointer(&copy, CURL_OPTION_SHARE));
    assert_false(curl_options_allow_link(&copy));
    set_text(options, CURLOPT_URL, "https://other.example.com/sdk");
    assert_string_equal(curl_options_text(&copy, CURL_OPTION_URL), "https://vc.example.com/sdk");
    curl_options_free(&copy);
}

static void the_method_follows_the_last_option_that_sets_it(void **state)
{
    struct curl_options *options = *state;
    char body[] = "<a/>";
    assert_false(curl_options_may_write(options));
    set_object(options, CURLOPT_POSTFIELDS, body);
    assert_true(curl_options_may_write(options));
    assert_int_equal(curl_options_body(options).size, 4);
    set_number(options, CURLOPT_POSTFIELDSIZE, 2);
    assert_int_equal(curl_options_body(options).size, 2);
    union curl_argument size = {.offset = 3};
    curl_options_set(options, CURLOPT_POSTFIELDSIZE_LARGE, &size);
    assert_int_equal(curl_options_body(options).size, 3);
    set_number(options, CURLOPT_HTTPGET, 1);
    assert_false(curl_options_may_write(options));
    assert_null(curl_options_body(options).data);
    set_number(options, CURLOPT_UPLOAD, 1);
    assert_true(curl_options_may_write(options));
    set_text(options, CURLOPT_CUSTOMREQUEST, "GET");
    assert_false(curl_options_may_write(options));
    set_text(options, CURLOPT_CUSTOMREQUEST, "DELETE");
    assert_true(curl_options_may_write(options));
    /* libcurl has a copy of its own: where it was there may be something else by now. */
    set_text(options, CURLOPT_CUSTOMREQUEST, NULL);
    set_object(options, CURLOPT_COPYPOSTFIELDS, body);
    assert_true(curl_options_may_write(options));
    memset(body, '!', sizeof(body) - 1);
    assert_true(span_equal(curl_options_body(options), SPAN_OF("<a/")));
}

static void the_cookie_engine_is_on_from_the_first_use_to_none(void **state)
{
    struct curl_options *options = *state;
    assert_false(options->has_cookies);
    set_text(options, CURLOPT_COOKIEFILE, "");
    assert_true(options->has_cookies);
    set_text(options, CURLOPT_COOKIEFILE, NULL);
    assert_false(options->has_cookies);
    set_text(options, CURLOPT_COOKIELIST, "ALL");
    assert_true(options->has_cookies);
}

/* ---- many times, for who looks for leaks ---- */

static unsigned random_below(unsigned *seed, unsigned bound)
{
    *seed = *seed * 1103515245U + 12345U;
    return (*seed >> 16) % bound;
}

static struct span body(const struct curl_options *options)
{
    return curl_options_body(options);
}

static void a_body_that_is_copied_is_as_long_as_libcurls(void **state)
{
    struct curl_options *options = *state;
    char text[] = "0123456789";
    set_object(options, CURLOPT_COPYPOSTFIELDS, text);
    text[0] = '!';
    assert_true(span_equal(body(options), SPAN_OF("0123456789")));
    set_number(options, CURLOPT_POSTFIELDSIZE, -1);
    assert_true(span_equal(body(options), SPAN_OF("0123456789")));
    /* It was made of a string, whose length libcurl has not kept. */
    set_number(options, CURLOPT_POSTFIELDSIZE, 4);
    assert_null(body(options).data);
    set_object(options, CURLOPT_COPYPOSTFIELDS, text);
    assert_true(span_equal(body(options), SPAN_OF("!123")));
    set_number(options, CURLOPT_POSTFIELDSIZE, 2);
    assert_true(span_equal(body(options), SPAN_OF("!1")));
    set_number(options, CURLOPT_POSTFIELDSIZE, 3);
    assert_null(body(options).data);
    set_object(options, CURLOPT_POSTFIELDS, text);
    assert_ptr_equal(body(options).data, text);
    set_object(options, CURLOPT_COPYPOSTFIELDS, NULL);
    assert_null(body(options).data);
}

/* ---- plain handles ---- */

static bool is_plain_with(struct curl_plain *plain, CURLoption option, long number)
{
    union curl_argument argument = {0};
    if (option < CURLOPTTYPE_OBJECTPOINT)
        argument.number = number;
    else if (number)
        argument.object = "text";
    curl_plain_notice(plain, option, &argument, false);
    return curl_plain_holds(plain);
}

static void a_handle_is_plain_until_an_option_is_set_that_is_not(void **state)
{
    (void)state;
    static const CURLoption odd[] = {CURLOPT_HEADER, CURLOPT_RANGE, CURLOPT_NOBODY,
                                     CURLOPT_MAXFILESIZE, CURLOPT_USERPWD};
    struct curl_plain plain = {0};
    assert_true(curl_plain_holds(&plain));
    assert_true(is_plain_with(&plain, CURLOPT_URL, 1));
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        assert_int_equal(is_plain_with(&plain, odd[i], 0), i == 0);
        assert_false(is_plain_with(&plain, odd[i], 1));
    }
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
        assert_int_equal(is_plain_with(&plain, odd[i], 0), i + 1 == sizeof(odd) / sizeof(odd[0]));
    assert_true(is_plain_with(&plain, CURLOPT_NOPROGRESS, 1));
    assert_false(is_plain_with(&plain, CURLOPT_NOPROGRESS, 0));
    assert_true(is_plain_with(&plain, CURLOPT_NOPROGRESS, 1));
    /* Of this one nothing is known here. */
    assert_false(is_plain_with(&plain, CURLOPT_TELNETOPTIONS, 0));
    assert_false(is_plain_with(&plain, CURLOPT_URL, 1));
    curl_plain_reset(&plain);
    assert_true(curl_plain_holds(&plain));
    assert_true(is_plain_with(&plain, CURLOPT_COOKIEFILE, 0));
    assert_false(is_plain_with(&plain, CURLOPT_COOKIEFILE, 1));
}

static void what_may_change_the_next_request_is_counted(void **state)
{
    (void)state;
    struct curl_plain plain = {0};
    union curl_argument argument = {.object = "text"};
    uint64_t before = plain.changes;
    curl_plain_notice(&plain, CURLOPT_POSTFIELDS, &argument, false);
    curl_plain_notice(&plain, CURLOPT_URL, &argument, true);
    is_plain_with(&plain, CURLOPT_RANGE, 0);
    assert_int_equal(plain.changes, before);
    curl_plain_notice(&plain, CURLOPT_URL, &argument, false);
    assert_int_not_equal(plain.changes, before);
    before = plain.changes;
    is_plain_with(&plain, CURLOPT_RANGE, 1);
    assert_int_not_equal(plain.changes, before);
    before = plain.changes;
    is_plain_with(&plain, CURLOPT_RANGE, 0);
    assert_int_not_equal(plain.changes, before);
    before = plain.changes;
    curl_plain_reset(&plain);
    assert_int_not_equal(plain.changes, before);
}

static void a_value_is_the_same_or_not(void **state)
{
    struct curl_options *options = *state;
    union curl_argument argument = {.object = "https://vc/sdk"};
    assert_false(curl_options_are_as(options, CURLOPT_URL, &argument));
    set_text(options, CURLOPT_URL, "https://vc/sdk");
    assert_true(curl_options_are_as(options, CURLOPT_URL, &argument));
    argument.object = "https://vc/sdk/";
    assert_false(curl_options_are_as(options, CURLOPT_URL, &argument));
    argument.object = NULL;
    assert_false(curl_options_are_as(options, CURLOPT_URL, &argument));
    set_number(options, CURLOPT_TIMEOUT, 0);
    argument.number = 0;
    assert_true(curl_options_are_as(options, CURLOPT_TIMEOUT, &argument));
    argument.number = 1;
    assert_false(curl_options_are_as(options, CURLOPT_TIMEOUT, &argument));
    /* It is an order, and is carried out each time. */
    set_text(options, CURLOPT_COOKIELIST, "ALL");
    argument.object = "ALL";
    assert_false(curl_options_are_as(options, CURLOPT_COOKIELIST, &argument));
}

/* ---- responses ---- */

#define HEAD(fields) SPAN_OF("HTTP/1.1 200 OK\r\n" fields "\r\n")

static void a_response_that_libcurl_only_shows_is_handed_out(void **state)
{
    (void)state;
    struct curl_response response;
    assert_true(curl_response_read(HEAD("Content-Length: 558\r\n"), &response));
    assert_int_equal(response.length, 558);
    assert_null(response.type.data);
    assert_true(curl_response_read(
        HEAD("Date: now\r\ncontent-type: text/xml \r\nX: \r\ncontent-length:0\r\n"), &response));
    assert_int_equal(response.length, 0);
    assert_true(span_equal(response.type, SPAN_OF("text/xml")));
}

static void a_response_that_libcurl_acts_upon_is_not(void **state)
{
    (void)state;
    static const char *const heads[] = {
        "",
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n\r\n",
        "HTTP/1.1 2000 OK\r\nContent-Length: 1\r\n\r\n",
        "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n",
        "HTTP/1.1 204 No\r\nContent-Length: 1\r\n\r\n",
        "HTTP/1.1 200 OK\nContent-Length: 1\n\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1 \r\n 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 9999999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nSet-Cookie: a=b\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nconnection: close\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Encoding: gzip\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nLocation: /\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nRetry-After: 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nno field\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Type:\r\n\r\n",
    };
    struct curl_response response;
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
        assert_false(curl_response_read(span_of_text(heads[i]), &response));
}

static void a_million_changes_leave_nothing(void **state)
{
    struct curl_options *options = *state;
    unsigned seed = 1;
    for (int i = 0; i < CHANGES; i++) {
        unsigned what = random_below(&seed, CURL_OPTION_COUNT + 2);
        if (what < CURL_OPTION_COUNT) {
            set_any(options, (enum curl_option_id)what, random_below(&seed, 2) == 0);
        } else if (what == CURL_OPTION_COUNT) {
            curl_options_reset(options);
        } else {
            struct curl_options copy;
            curl_options_copy(&copy, options);
            curl_options_free(&copy);
        }
    }
    for (int id = 0; id < CURL_OPTION_COUNT; id++)
        set_any(options, (enum curl_option_id)id, true);
    assert_int_equal(options->forbidding, 0);
}

/* The hooks stand in this program itself, so these calls come to them. */
static void handles_come_and_go_with_libcurls(void **state)
{
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        CURL *easy = curl_easy_init();
        const struct curl_handle *handle = curl_handle_find(easy);
        assert_non_null(handle);
        assert_int_equal(curl_easy_setopt(easy, CURLOPT_URL, "https://vc.example.com/"), CURLE_OK);
        assert_string_equal(curl_options_text(&handle->options, CURL_OPTION_URL),
                            "https://vc.example.com/");
        /* What libcurl does not take is not remembered. */
        assert_int_not_equal(curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "no such"), CURLE_OK);
        assert_false(curl_options_has(&handle->options, CURL_OPTION_PROTOCOLS_STR));
        CURL *copy = curl_easy_duphandle(easy);
        assert_string_equal(curl_options_text(&curl_handle_find(copy)->options, CURL_OPTION_URL),
                            "https://vc.example.com/");
        curl_easy_reset(easy);
        assert_null(curl_options_text(&handle->options, CURL_OPTION_URL));
        curl_easy_cleanup(easy);
        assert_null(curl_handle_find(easy));
        curl_easy_cleanup(copy);
        assert_null(curl_handle_find(copy));
    }
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(strings_are_copied),
        TEST(objects_are_remembered_by_address),
        TEST(of_two_names_of_one_option_the_last_counts),
        TEST(what_a_link_cannot_honour_forbids_it),
        TEST(who_may_not_speak_https_is_refused_by_libcurl_itself),
        TEST(an_option_of_a_later_libcurl_forbids_it_until_all_are_reset),
        TEST(reset_leaves_the_share_and_the_cookies),
        TEST(a_duplicate_has_all_but_the_share),
        TEST(the_method_follows_the_last_option_that_sets_it),
        TEST(the_cookie_engine_is_on_from_the_first_use_to_none),
        TEST(a_body_that_is_copied_is_as_long_as_libcurls),
        TEST(a_handle_is_plain_until_an_option_is_set_that_is_not),
        TEST(what_may_change_the_next_request_is_counted),
        TEST(a_value_is_the_same_or_not),
        TEST(a_response_that_libcurl_only_shows_is_handed_out),
        TEST(a_response_that_libcurl_acts_upon_is_not),
        TEST(a_million_changes_leave_nothing),
        TEST(handles_come_and_go_with_libcurls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
