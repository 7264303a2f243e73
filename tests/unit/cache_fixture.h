/* A cache in a directory of its own, responses that show when they are torn, and other processes.
 */
#ifndef VCACHE_TESTS_CACHE_FIXTURE_H
#define VCACHE_TESTS_CACHE_FIXTURE_H

#include "unit.h"

#include "base/clock.h"
#include "cache/cache.h"
#include "cache/store.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct fixture {
    struct config config;
    struct cache *cache;
};

static inline int fixture_set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    unit_config(&fixture->config);
    fixture->config.max_size = 64 << 20;
    fixture->cache = cache_open(&fixture->config);
    assert_non_null(fixture->cache);
    *state = fixture;
    return 0;
}

static inline int fixture_tear_down(void **state)
{
    struct fixture *fixture = *state;
    cache_close(fixture->cache);
    unit_remove(&fixture->config);
    free(fixture);
    return 0;
}

#define FIXTURE_TEST(test) cmocka_unit_test_setup_teardown(test, fixture_set_up, fixture_tear_down)

static inline void path_in(char *path, const struct config *config, const char *name)
{
    snprintf(path, PATH_MAX, "%.4000s/%s", config->directory, name);
}

static inline struct cache_key key_named(struct cache *cache, const char *name)
{
    const struct cache_secret *secret = cache_secret(cache);
    return secret ? key_of(secret, span_of_text(name)) : (struct cache_key){.length = 1};
}

/* ---- responses: all bytes follow from the first, so a mixture of two shows ---- */

static inline uint8_t pattern_byte(uint8_t seed, size_t i)
{
    return (uint8_t)(seed + i * 7 + (i >> 8));
}

static inline void fill_pattern(uint8_t *bytes, size_t size, uint8_t seed)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = pattern_byte(seed, i);
}

static inline bool is_pattern(struct span body)
{
    for (size_t i = 0; i < body.size; i++)
        if (body.data[i] != pattern_byte(body.data[0], i))
            return false;
    return true;
}

#define HEAD SPAN_OF("HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n")

static inline void make_label(struct store_label *label)
{
    memset(label, 0, sizeof(*label));
    strcpy(label->endpoint.name, "https://vc.example.com:443");
    strcpy(label->operation, "RetrievePropertiesEx");
    label->requested_at = clock_milliseconds();
    label->generation = 7;
    label->origin_us = 1234;
}

static inline enum cache_status put(struct cache *cache, const char *name, size_t size,
                                    uint8_t seed)
{
    struct store_label label;
    struct cache_key key = key_named(cache, name);
    uint8_t *body = malloc(size + 1);
    make_label(&label);
    fill_pattern(body, size, seed);
    enum cache_status status = store_put(cache, &key, &label, HEAD, (struct span){body, size});
    free(body);
    return status;
}

/* On a machine that is busy elsewhere the gate may be missed now and then, and is left alone for a
 * second then: so many tries, a tenth of a second apart, are many of the gate. */
enum { PATIENCE = 600 };

static inline bool is_ready(struct cache *cache)
{
    for (int tries = 0; cache_ready(cache, true) == CACHE_BUSY && tries < PATIENCE; tries++)
        nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    return cache_ready(cache, true) == CACHE_OK;
}

static inline enum cache_status put_patiently(struct cache *cache, const char *name, size_t size,
                                              uint8_t seed)
{
    enum cache_status status = is_ready(cache) ? put(cache, name, size, seed) : CACHE_UNAVAILABLE;
    for (int tries = 0; status == CACHE_BUSY && tries < PATIENCE; tries++) {
        nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
        status = put(cache, name, size, seed);
    }
    return status;
}

/* What is stored under `name`: CACHE_OK with *size and *seed, or -1 if it is torn. */
static inline int get(struct cache *cache, const char *name, size_t *size, uint8_t *seed)
{
    struct stored_response response;
    struct cache_key key = key_named(cache, name);
    int status = (int)store_get(cache, &key, &response, NULL);
    if (status == CACHE_OK) {
        *size = response.body.size;
        *seed = response.body.size ? response.body.data[0] : 0;
        if (!is_pattern(response.body) || !span_equal(response.head, HEAD))
            status = -1;
        store_release(&response);
    }
    return status;
}

static inline bool has(struct cache *cache, const char *name, size_t size, uint8_t seed)
{
    size_t found_size;
    uint8_t found_seed;
    int status = is_ready(cache) ? get(cache, name, &found_size, &found_seed) : -1;
    for (int tries = 0; status == CACHE_BUSY && tries < PATIENCE; tries++) {
        nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
        status = get(cache, name, &found_size, &found_seed);
    }
    return status == CACHE_OK && found_size == size && (size == 0 || found_seed == seed);
}

static inline bool works(struct cache *cache)
{
    return put_patiently(cache, "works?", 5000, 42) == CACHE_OK && has(cache, "works?", 5000, 42);
}

/* ---- other processes ---- */

static inline void sleep_ms(long milliseconds)
{
    nanosleep(&(struct timespec){milliseconds / 1000, milliseconds % 1000 * 1000000}, NULL);
}

/* Says which line of a child went wrong, for its assertions are not cmocka's. */
#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "# %s:%d: not so: %s\n", __FILE__, __LINE__, #condition);              \
            return 1;                                                                              \
        }                                                                                          \
    } while (0)

typedef int child_work(struct fixture *fixture);

static inline pid_t start_child(child_work *work, struct fixture *fixture)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        alarm(600); /* whoever hangs has failed */
        _exit(work(fixture));
    }
    assert_true(child > 0);
    return child;
}

/* The wait status: 0 if it ended well, WTERMSIG and so on else. */
static inline int await_child(pid_t child)
{
    int status = -1;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}

static inline int run_child(child_work *work, struct fixture *fixture)
{
    return await_child(start_child(work, fixture));
}

/* A process of its own has its own handle. */
static inline struct cache *own_cache(const struct fixture *fixture)
{
    return cache_open(&fixture->config);
}

static inline void await_stopped(pid_t child)
{
    int status;
    assert_int_equal(waitpid(child, &status, WUNTRACED), child);
    assert_true(WIFSTOPPED(status));
}

static inline void end_child(pid_t child)
{
    kill(child, SIGKILL);
    await_child(child);
}

#endif
