/*
 * Fills the cache of VCACHE_DIR with small responses, by the store's own way in.
 *
 *     fill ENTRIES
 */
#include "base/clock.h"
#include "cache/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t next_number(uint64_t *state)
{
    /* SplitMix64: https://prng.di.unimi.it/splitmix64.c */
    uint64_t z = *state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static struct cache_key random_key(uint64_t *state)
{
    struct cache_key key = {.check = next_number(state), .length = 700};
    uint64_t halves[2] = {next_number(state), next_number(state)};
    memcpy(key.id, halves, sizeof(key.id));
    return key;
}

int main(int count, char **arguments)
{
    struct config config;
    struct store_label label = {.operation = "RetrievePropertiesEx",
                                .endpoint = {"https://vcenter.example.com:443"},
                                .requested_at = clock_milliseconds()};
    uint8_t body[160];
    uint64_t state = clock_microseconds();
    if (count != 2)
        return 2;
    memset(body, 'x', sizeof(body));
    config_read(&config);
    struct cache *cache = cache_open(&config);
    if (!cache || cache_ready(cache, true) != CACHE_OK) {
        fprintf(stderr, "fill: no cache: %s\n", cache ? cache_reason(cache) : "no memory");
        return 1;
    }
    for (long i = strtol(arguments[1], NULL, 10); i > 0; i--) {
        struct cache_key key = random_key(&state);
        if (store_put(cache, &key, &label, SPAN_OF("HTTP/1.1 200 OK\r\nContent-Length: 160\r\n"),
                      (struct span){body, sizeof(body)}) != CACHE_OK) {
            fputs("fill: a response could not be stored\n", stderr);
            return 1;
        }
    }
    cache_close(cache);
    return 0;
}
