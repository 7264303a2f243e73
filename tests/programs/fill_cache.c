/*
 * fill_cache: fills the cache of VCACHE_DIR for the tests of the tools. One action a call:
 *
 *   response ENDPOINT USER OPERATION old|new BODY [OBJECT…]   a stored response
 *   sealed ENDPOINT USER OPERATION old|new BODY [OBJECT…]     one whose body cannot be searched
 *   cut ENDPOINT USER OPERATION old|new BODY [OBJECT…]        one with too many objects to list
 *   session ENDPOINT USER                                     a session that can be lent
 *   verdict NAME COUNT                                        counters
 *   operation NAME HITS MISSES BYPASSES BYTES TIME_US
 *   generation ENDPOINT                                       prints the origin's generation
 *
 * "old" is older than any time to live, "new" younger, whatever the clock does meanwhile.
 */
#include "base/clock.h"
#include "base/config.h"
#include "cache/cache.h"
#include "cache/fence.h"
#include "cache/session.h"
#include "cache/statistics.h"
#include "cache/store.h"
#include "exchange/operation.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HOUR_MS = 3600 * 1000 };

static void require(bool is_fine, const char *what)
{
    if (is_fine)
        return;
    fprintf(stderr, "fill_cache: %s failed\n", what);
    exit(EXIT_FAILURE);
}

static struct endpoint endpoint_named(const char *name)
{
    struct endpoint endpoint = {0};
    snprintf(endpoint.name, sizeof(endpoint.name), "%s", name);
    return endpoint;
}

static struct session *session_of(struct cache *cache, const struct endpoint *endpoint,
                                  const char *user)
{
    struct trust trust = {0};
    struct session_login login = {endpoint, &trust, span_of_text(user), SPAN_OF("fill-Secret-1"),
                                  SPAN_OF("en")};
    struct session *session = session_of_login(cache, &login);
    require(session != NULL, "session_of_login");
    return session;
}

static void store_response(struct cache *cache, char **words, int count, const char *kind)
{
    struct store_label label = {.endpoint = endpoint_named(words[0])};
    struct buffer canonical = {0};
    label.principal = *session_principal(session_of(cache, &label.endpoint, words[1]));
    snprintf(label.operation, sizeof(label.operation), "%s", words[2]);
    label.requested_at = strcmp(words[3], "old") == 0 ? 0 : clock_milliseconds() + HOUR_MS;
    label.generation = fence_read(cache, &label.endpoint).generation;
    label.is_sealed = strcmp(kind, "sealed") == 0;
    label.is_object_list_cut = strcmp(kind, "cut") == 0;
    for (int i = 5; i < count && label.object_count < STORE_OBJECTS; i++)
        label.objects[label.object_count++] =
            key_of_object(cache_secret(cache), span_of_text(words[i]));
    buffer_append(&canonical, kind, strlen(kind) + 1);
    for (int i = 0; i < count; i++)
        buffer_append(&canonical, words[i], strlen(words[i]) + 1);
    struct cache_key key = key_of(cache_secret(cache), buffer_span(&canonical));
    require(store_put(cache, &key, &label, SPAN_OF("HTTP/1.1 200 OK\r\n"),
                      span_of_text(words[4])) == CACHE_OK,
            "store_put");
    buffer_free(&canonical);
}

static void store_session(struct cache *cache, char **words)
{
    struct endpoint endpoint = endpoint_named(words[0]);
    bool is_lent;
    const struct session_opened opened = {.is_told = true,
                                          .cookie = SPAN_OF("fill-cookie-1"),
                                          .key = SPAN_OF("fill-key-1"),
                                          .head = SPAN_OF("HTTP/1.1 200 OK\r\n"),
                                          .body = SPAN_OF("<LoginResponse/>")};
    struct session *session;
    require(session_store(cache, session_of(cache, &endpoint, words[1]), UINT64_MAX, &opened,
                          &session, &is_lent) == CACHE_OK &&
                is_lent,
            "session_store");
}

static void count_verdict(struct cache *cache, char **words)
{
    for (int i = 0; i < VERDICT_COUNT; i++)
        if (strcmp(verdict_infos[i].name, words[0]) == 0)
            statistics_count_many(cache, (enum verdict)i, strtoull(words[1], NULL, 10));
}

static void count_operation(struct cache *cache, char **words)
{
    const struct operation *operation = operation_find(span_of_text(words[0]));
    require(operation != NULL, "operation_find");
    struct statistics_operation counts = {.hits = strtoull(words[1], NULL, 10),
                                          .misses = strtoull(words[2], NULL, 10),
                                          .bypasses = strtoull(words[3], NULL, 10),
                                          .bytes_saved = strtoull(words[4], NULL, 10),
                                          .time_saved_us = strtoull(words[5], NULL, 10)};
    statistics_add(cache, operation->number, &counts);
}

static void print_generation(struct cache *cache, char **words)
{
    struct endpoint endpoint = endpoint_named(words[0]);
    printf("%" PRIu64 "\n", fence_read(cache, &endpoint).generation);
}

int main(int argc, char **argv)
{
    struct config config;
    config_read(&config);
    struct cache *cache = cache_open(&config);
    require(cache && cache_ready(cache, true) == CACHE_OK,
            cache ? cache_reason(cache) : "cache_open");
    const char *action = argc > 1 ? argv[1] : "";
    char **words = argv + 2;
    int count = argc - 2;
    if (count >= 5 &&
        (!strcmp(action, "response") || !strcmp(action, "sealed") || !strcmp(action, "cut")))
        store_response(cache, words, count, action);
    else if (count == 2 && !strcmp(action, "session"))
        store_session(cache, words);
    else if (count == 2 && !strcmp(action, "verdict"))
        count_verdict(cache, words);
    else if (count == 6 && !strcmp(action, "operation"))
        count_operation(cache, words);
    else if (count == 1 && !strcmp(action, "generation"))
        print_generation(cache, words);
    else
        require(false, "understanding the command line");
    cache_close(cache);
    return EXIT_SUCCESS;
}
