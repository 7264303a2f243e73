/*
 * Worker: answers of one size out of the cache, as a program on libcurl gets them: a
 * curl_easy_perform on one handle, whose callbacks take the head and copy the body, with the real
 * shim preloaded.
 *
 *     curl_hit PORT SIZE VARIANTS
 */
#include "client.h"
#include "measure.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

struct expected {
    struct request request;
    char *body;
    size_t size;
};

struct hits {
    CURL *curl;
    struct client client; /* for its requests */
    struct expected *expected;
    unsigned variants;
    unsigned next;
    char *body; /* the last one */
    size_t size;
    size_t capacity;
    size_t head_size;
};

static size_t take_body(char *bytes, size_t one, size_t size, void *closure)
{
    struct hits *hits = closure;
    size *= one;
    if (hits->capacity < hits->size + size) {
        hits->capacity = 2 * (hits->size + size);
        hits->body = realloc(hits->body, hits->capacity);
        if (!hits->body)
            return 0;
    }
    memcpy(hits->body + hits->size, bytes, size);
    hits->size += size;
    return size;
}

static size_t take_header(const char *bytes, size_t one, size_t size, void *closure)
{
    struct hits *hits = closure;
    (void)bytes;
    hits->head_size += size * one;
    return size * one;
}

static bool set_up(struct hits *hits, int port)
{
    char url[64];
    snprintf(url, sizeof(url), "https://127.0.0.1:%d/sdk", port);
    hits->client.port = port;
    hits->curl = curl_easy_init();
    if (!hits->curl)
        return false;
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: text/xml; charset=UTF-8");
    headers = curl_slist_append(headers, "SOAPAction: \"urn:vim25/6.5\"");
    curl_easy_setopt(hits->curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(hits->curl, CURLOPT_URL, url);
    curl_easy_setopt(hits->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(hits->curl, CURLOPT_COOKIEFILE, "");
    curl_easy_setopt(hits->curl, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(hits->curl, CURLOPT_SSL_VERIFYHOST, 0L);
    curl_easy_setopt(hits->curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(hits->curl, CURLOPT_WRITEDATA, hits);
    curl_easy_setopt(hits->curl, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(hits->curl, CURLOPT_HEADERDATA, hits);
    return true;
}

static bool ask(struct hits *hits, const struct request *request)
{
    long status = 0;
    hits->size = hits->head_size = 0;
    curl_easy_setopt(hits->curl, CURLOPT_POSTFIELDS, request->bytes + request->head_size);
    return curl_easy_perform(hits->curl) == CURLE_OK &&
           curl_easy_getinfo(hits->curl, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK &&
           status == 200;
}

static bool log_in(struct hits *hits)
{
    struct request request = {0};
    bool is_done = request_of(&hits->client,
                              "<Login xmlns=\"urn:vim25\"><_this type=\"SessionManager\">"
                              "SessionManager</_this><userName>bench</userName>"
                              "<password>password</password></Login>",
                              &request) &&
                   ask(hits, &request);
    request_free(&request);
    return is_done;
}

/* Asks twice: the first answer comes from the origin, the second is what every later one must be.
 */
static bool expect(struct hits *hits, size_t size, unsigned variant)
{
    struct expected *expected = &hits->expected[variant];
    if (!request_of_size(&hits->client, size, variant, &expected->request) ||
        !ask(hits, &expected->request) || !ask(hits, &expected->request))
        return false;
    expected->size = hits->size;
    expected->body = malloc(expected->size);
    if (!expected->body)
        return false;
    memcpy(expected->body, hits->body, expected->size);
    return true;
}

/* The origin numbers its answers: an equal one was not the origin's. */
static bool is_a_hit(struct hits *hits, const struct expected *expected)
{
    return ask(hits, &expected->request) && hits->size == expected->size &&
           memcmp(hits->body, expected->body, expected->size) == 0;
}

static bool all_are_hits(struct hits *hits)
{
    for (unsigned i = 0; i < hits->variants; i++)
        if (!is_a_hit(hits, &hits->expected[i]))
            return false;
    return true;
}

static bool make_calls(void *closure, unsigned calls, double *ns)
{
    struct hits *hits = closure;
    bool is_done = is_a_hit(hits, &hits->expected[hits->next++ % hits->variants]);
    double begun = now_ns();
    for (unsigned i = 0; is_done && i < calls; i++)
        is_done = ask(hits, &hits->expected[hits->next++ % hits->variants].request);
    *ns = now_ns() - begun;
    return is_done;
}

int main(int count, char **arguments)
{
    if (count != 4)
        return 2;
    struct hits hits = {.variants = (unsigned)number_in(arguments[3])};
    size_t size = strtoull(arguments[2], NULL, 10);
    hits.expected = calloc(hits.variants, sizeof(*hits.expected));
    if (!hits.expected || !set_up(&hits, (int)number_in(arguments[1])) || !log_in(&hits))
        return 1;
    for (unsigned i = 0; i < hits.variants; i++)
        if (!expect(&hits, size, i))
            return 1;
    bool is_good = all_are_hits(&hits) &&
                   worker_serve((long)(hits.head_size + hits.size), make_calls, &hits) &&
                   all_are_hits(&hits);
    curl_easy_cleanup(hits.curl);
    return is_good ? 0 : 1;
}
