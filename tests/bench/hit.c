/*
 * Worker: answers of one size out of the cache, as a program gets them: from SSL_write of the
 * request to the last byte out of SSL_read, on a real connection, with the real shim preloaded.
 *
 *     hit PORT SIZE VARIANTS
 */
#include "client.h"
#include "measure.h"

#include <stdlib.h>
#include <stdio.h>
#include <string.h>

struct expected {
    struct request request;
    char *answer;
    size_t size;
};

struct hits {
    struct client client;
    struct expected *expected;
    unsigned variants;
    unsigned next;
};

/* Asks twice: the first answer comes from the origin, the second is what every later one must be.
 */
static bool expect(struct hits *hits, size_t size, unsigned variant)
{
    struct expected *expected = &hits->expected[variant];
    if (!request_of_size(&hits->client, size, variant, &expected->request))
        return false;
    for (int i = 0; i < 2; i++)
        if (!client_send(&hits->client, &expected->request) || !client_receive(&hits->client))
            return false;
    expected->size = hits->client.answer_size;
    expected->answer = malloc(expected->size);
    if (!expected->answer)
        return false;
    memcpy(expected->answer, hits->client.answer, expected->size);
    return true;
}

/* The origin numbers its answers: an equal one was not the origin's. */
static bool is_a_hit(struct hits *hits, const struct expected *expected)
{
    return client_send(&hits->client, &expected->request) &&
           client_receive_known(&hits->client, expected->size) &&
           memcmp(hits->client.answer, expected->answer, expected->size) == 0;
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
    for (unsigned i = 0; is_done && i < calls; i++) {
        const struct expected *expected = &hits->expected[hits->next++ % hits->variants];
        is_done = client_send(&hits->client, &expected->request) &&
                  client_receive_known(&hits->client, expected->size);
    }
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
    if (!hits.expected || !client_connect(&hits.client, (int)number_in(arguments[1])) ||
        !client_log_in(&hits.client, "bench", "password"))
        return 1;
    hits.client.accepts_gzip = true;
    for (unsigned i = 0; i < hits.variants; i++)
        if (!expect(&hits, size, i))
            return 1;
    bool is_good = all_are_hits(&hits) &&
                   worker_serve((long)hits.expected[0].size, make_calls, &hits) &&
                   all_are_hits(&hits);
    return is_good ? 0 : 1;
}
