/*
 * Cookies over a link: what libcurl's engine neither sends nor takes there, because it believes
 * that it speaks plain HTTP. The judge of how a cookie is read is libcurl itself.
 */
#include "front/curl_cookies.h"
#include "unit.h"

static int set_up(void **state)
{
    CURL *easy = curl_easy_init();
    assert_non_null(easy);
    curl_easy_setopt(easy, CURLOPT_URL, "https://vc.example.com:8443/sdk/a?b");
    curl_easy_setopt(easy, CURLOPT_COOKIELIST, "ALL");
    *state = curl_handle_find(easy);
    assert_non_null(*state);
    return 0;
}

static int tear_down(void **state)
{
    const struct curl_handle *handle = *state;
    curl_easy_cleanup(handle->easy);
    return 0;
}

static void take(struct curl_handle *handle, const char *field)
{
    char head[1024];
    snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nset-cookie: %s\r\n\r\n",
             field);
    curl_cookies_take(handle, span_of_text(head));
}

/* The engine's only cookie, or "". */
static void only_cookie(CURL *easy, char line[512])
{
    struct curl_slist *cookies = NULL;
    assert_int_equal(curl_easy_getinfo(easy, CURLINFO_COOKIELIST, &cookies), CURLE_OK);
    assert_true(!cookies || !cookies->next);
    snprintf(line, 512, "%s", cookies ? cookies->data : "");
    curl_slist_free_all(cookies);
}

static void expect(struct curl_handle *handle, const char *field, const char *expected)
{
    char line[512];
    curl_easy_setopt(handle->easy, CURLOPT_COOKIELIST, "ALL");
    take(handle, field);
    only_cookie(handle->easy, line);
    assert_string_equal(line, expected);
}

static void a_secure_cookie_is_taken_for_its_host_and_path(void **state)
{
    struct curl_handle *handle = *state;
    expect(handle, "vmware_soap_session=\"52a\"; Path=/; HttpOnly; Secure",
           "#HttpOnly_vc.example.com\tFALSE\t/\tTRUE\t0\tvmware_soap_session\t\"52a\"");
    expect(handle, "a=b; Secure", "vc.example.com\tFALSE\t/sdk/\tTRUE\t0\ta\tb");
    expect(handle, "a=; secure; Path=nonsense", "vc.example.com\tFALSE\t/sdk/\tTRUE\t0\ta\t");
    expect(handle, " a = b c ;SECURE", "vc.example.com\tFALSE\t/sdk/\tTRUE\t0\ta\tb c");
}

static void one_that_is_not_secure_is_libcurls_business(void **state)
{
    expect(*state, "a=b; Path=/", "");
    expect(*state, "a; Secure", "");
    expect(*state, "=b; Secure", "");
}

static void nobody_sets_cookies_for_others(void **state)
{
    expect(*state, "a=b; Secure; Domain=other.com", "");
    expect(*state, "a=b; Secure; Domain=c.example.com", "");
    expect(*state, "a=b; Secure; Domain=x.vc.example.com", "");
}

/* With all that the connection would add written out, libcurl reads the same. */
static void cookies_are_read_as_libcurl_reads_them(void **state)
{
    static const char *const fields[] = {
        "a=b; Domain=vc.example.com; Path=/sdk; Secure",
        "a=b; Domain=.example.com; Path=/; Secure; HttpOnly",
        "a=b=c; Domain=example.com; Path=/; Secure; Max-Age=-1",
        "a=\"b\"; Domain=example.com; Path=/; Secure; Max-Age=0",
        "a=b; Domain=example.com; Path=/; Secure; Expires=Wed, 09 Jun 2038 10:18:14 GMT",
        "a=b; Domain=example.com; Path=/; Secure; Expires=nonsense",
        "a=b; Expires=Wed, 09 Jun 2038 10:18:14 GMT; Secure=; Path=/;Domain=example.com;",
    };
    struct curl_handle *handle = *state;
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        char expected[512];
        char line[512];
        char header[512];
        snprintf(header, sizeof(header), "Set-Cookie: %s", fields[i]);
        curl_easy_setopt(handle->easy, CURLOPT_COOKIELIST, "ALL");
        curl_easy_setopt(handle->easy, CURLOPT_COOKIELIST, header);
        only_cookie(handle->easy, expected);
        expect(handle, fields[i], expected);
        only_cookie(handle->easy, line);
        assert_string_equal(line, expected);
    }
}

static void nothing_is_taken_while_the_engine_is_off(void **state)
{
    struct curl_handle *handle = *state;
    char line[512];
    curl_easy_setopt(handle->easy, CURLOPT_COOKIEFILE, NULL);
    take(handle, "a=b; Secure; Path=/");
    only_cookie(handle->easy, line);
    assert_string_equal(line, "");
}

/* ---- out ---- */

static void sends(struct curl_handle *handle, const char *before, const char *after)
{
    struct buffer head = {0};
    buffer_append_text(&head, before);
    assert_true(curl_cookies_send(handle, &head));
    buffer_append(&head, "", 1);
    assert_string_equal((const char *)head.data, after);
    buffer_free(&head);
}

static void keep(const struct curl_handle *handle, const char *line)
{
    assert_int_equal(curl_easy_setopt(handle->easy, CURLOPT_COOKIELIST, line), CURLE_OK);
}

static void secure_cookies_are_sent_to_whom_they_are_for(void **state)
{
    struct curl_handle *handle = *state;
    keep(handle, "vc.example.com\tFALSE\t/sdk\tTRUE\t0\ta\tb");
    keep(handle, ".example.com\tTRUE\t/\tTRUE\t0\tc\td");
    keep(handle, "vc.example.com\tFALSE\t/\tFALSE\t0\tnot\tsecure");
    keep(handle, "vc.example.com\tFALSE\t/other\tTRUE\t0\tnot\tpath");
    keep(handle, "vc.example.com\tFALSE\t/sd\tTRUE\t0\tnot\tprefix");
    keep(handle, "example.com\tFALSE\t/\tTRUE\t0\tnot\thost");
    struct buffer head = {0};
    buffer_append_text(&head, "POST /sdk/a?b HTTP/1.1\r\nHost: vc.example.com:8443\r\n\r\n");
    assert_true(curl_cookies_send(handle, &head));
    struct span all = buffer_span(&head);
    assert_true(span_contains(all, SPAN_OF("a=b")) && span_contains(all, SPAN_OF("c=d")));
    assert_false(span_contains(all, SPAN_OF("not=")));
    assert_true(span_contains(all, SPAN_OF("\r\nHost: vc.example.com:8443\r\n\r\n")));
    buffer_free(&head);
}

static void they_stand_before_what_the_request_has(void **state)
{
    struct curl_handle *handle = *state;
    sends(handle, "GET /sdk HTTP/1.1\r\nCookie: x=y\r\n\r\n",
          "GET /sdk HTTP/1.1\r\nCookie: x=y\r\n\r\n");
    keep(handle, "vc.example.com\tFALSE\t/sdk\tTRUE\t0\ta\tb");
    sends(handle, "GET /sdk HTTP/1.1\r\nCookie: x=y\r\n\r\n",
          "GET /sdk HTTP/1.1\r\nCookie: a=b; x=y\r\n\r\n");
    sends(handle, "GET /sdk HTTP/1.1\r\nAccept: */*\r\n\r\n",
          "GET /sdk HTTP/1.1\r\nCookie: a=b\r\nAccept: */*\r\n\r\n");
    sends(handle, "GET /other HTTP/1.1\r\nAccept: */*\r\n\r\n",
          "GET /other HTTP/1.1\r\nAccept: */*\r\n\r\n");
}

/* There libcurl sends and takes them itself, in plain HTTP, too. */
static void to_localhost_it_is_all_libcurls_business(void **state)
{
    struct curl_handle *handle = *state;
    char line[512];
    curl_easy_setopt(handle->easy, CURLOPT_URL, "https://127.0.0.1/sdk");
    take(handle, "a=b; Secure");
    only_cookie(handle->easy, line);
    assert_string_equal(line, "");
    keep(handle, "127.0.0.1\tFALSE\t/\tTRUE\t0\ta\tb");
    sends(handle, "GET /sdk HTTP/1.1\r\n\r\n", "GET /sdk HTTP/1.1\r\n\r\n");
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_secure_cookie_is_taken_for_its_host_and_path),
        TEST(one_that_is_not_secure_is_libcurls_business),
        TEST(nobody_sets_cookies_for_others),
        TEST(cookies_are_read_as_libcurl_reads_them),
        TEST(nothing_is_taken_while_the_engine_is_off),
        TEST(secure_cookies_are_sent_to_whom_they_are_for),
        TEST(they_stand_before_what_the_request_has),
        TEST(to_localhost_it_is_all_libcurls_business),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
