/* The store: what goes in comes out, whole or not at all, whatever others do meanwhile. */
#include "cache_fixture.h"

#include "cache/entry.h"
#include "cache/handle.h"
#include "cache/statistics.h"
#include "cache/trap.h"
#include "cache/writer.h"

#include <pthread.h>

/* ---- one process ---- */

static void a_response_comes_back_as_it_was_stored(void **state)
{
    struct fixture *fixture = *state;
    struct stored_response response;
    struct store_label label;
    struct cache_key key = key_named(fixture->cache, "request");
    make_label(&label);
    label.objects[0] = 11;
    label.objects[1] = 22;
    label.object_count = 2;
    label.is_object_list_cut = true;
    label.is_sealed = true;
    label.page_count = 12;
    memset(label.principal.id, 9, sizeof(label.principal.id));
    assert_int_equal(store_put(fixture->cache, &key, &label, HEAD, SPAN_OF("<body/>")), CACHE_OK);
    assert_int_equal(store_get(fixture->cache, &key, &response, NULL), CACHE_OK);
    assert_true(span_equal(response.head, HEAD));
    assert_true(span_equal(response.body, SPAN_OF("<body/>")));
    assert_string_equal(response.label.endpoint.name, label.endpoint.name);
    assert_string_equal(response.label.operation, label.operation);
    assert_memory_equal(&response.label.principal, &label.principal, sizeof(label.principal));
    assert_int_equal(response.label.requested_at, label.requested_at);
    assert_int_equal(response.label.generation, 7);
    assert_int_equal(response.label.origin_us, 1234);
    assert_int_equal(response.label.object_count, 2);
    assert_int_equal(response.label.objects[1], 22);
    assert_true(response.label.is_object_list_cut);
    assert_true(response.label.is_sealed);
    assert_int_equal(response.label.page_count, 12);
    store_release(&response);
    store_release(&response);
}

static void responses_of_every_size_come_back(void **state)
{
    struct fixture *fixture = *state;
    static const size_t sizes[] = {0,     1,     1000,  2000,    16383,  16384,
                                   16385, 65536, 65537, 1000000, 5 << 20};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        assert_int_equal(put_patiently(fixture->cache, "size", sizes[i], (uint8_t)i), CACHE_OK);
        assert_true(has(fixture->cache, "size", sizes[i], (uint8_t)i));
        assert_true(has(fixture->cache, "size", sizes[i], (uint8_t)i));
    }
}

static void what_was_not_stored_is_absent(void **state)
{
    struct fixture *fixture = *state;
    struct stored_response response;
    struct cache_key key = key_named(fixture->cache, "never");
    bool is_mismatch = true;
    assert_int_equal(store_get(fixture->cache, &key, &response, &is_mismatch), CACHE_ABSENT);
    assert_false(is_mismatch);
    store_release(&response);
}

static void another_check_digest_or_length_is_a_mismatch(void **state)
{
    struct fixture *fixture = *state;
    struct stored_response response;
    bool is_mismatch = false;
    assert_int_equal(put_patiently(fixture->cache, "request", 100, 1), CACHE_OK);
    struct cache_key key = key_named(fixture->cache, "request");
    key.check++;
    assert_int_equal(store_get(fixture->cache, &key, &response, &is_mismatch), CACHE_ABSENT);
    assert_true(is_mismatch);
    key = key_named(fixture->cache, "request");
    key.length++;
    is_mismatch = false;
    assert_int_equal(store_get(fixture->cache, &key, &response, &is_mismatch), CACHE_ABSENT);
    assert_true(is_mismatch);
}

static uint64_t responses_stored(struct cache *cache)
{
    struct cache_extent extent;
    assert_int_equal(cache_extent(cache, &extent), CACHE_OK);
    return extent.responses;
}

static void a_later_response_replaces_the_earlier(void **state)
{
    struct fixture *fixture = *state;
    for (uint8_t i = 0; i < 20; i++) {
        assert_int_equal(put_patiently(fixture->cache, "request", 1000UL * i, i), CACHE_OK);
        assert_true(has(fixture->cache, "request", 1000UL * i, i));
    }
    assert_int_equal(responses_stored(fixture->cache), 1);
}

static void what_is_too_large_is_refused(void **state)
{
    struct fixture *fixture = *state;
    size_t limit = store_size_limit(fixture->cache);
    assert_true(limit > 0 && limit <= fixture->config.max_size / 8);
    assert_int_equal(put(fixture->cache, "large", limit + 1, 1), CACHE_FULL);
    assert_int_equal(put_patiently(fixture->cache, "large", limit - HEAD.size, 1), CACHE_OK);
    assert_true(has(fixture->cache, "large", limit - HEAD.size, 1));
}

static void a_detached_response_outlives_the_cache(void **state)
{
    struct fixture *fixture = *state;
    struct stored_response response;
    assert_int_equal(put_patiently(fixture->cache, "large", 500000, 3), CACHE_OK);
    struct cache_key key = key_named(fixture->cache, "large");
    assert_int_equal(store_get(fixture->cache, &key, &response, NULL), CACHE_OK);
    assert_int_equal(store_detach(&response), CACHE_OK);
    cache_close(fixture->cache);
    fixture->cache = own_cache(fixture);
    assert_true(is_pattern(response.body));
    assert_true(span_equal(response.head, HEAD));
    store_release(&response);
}

static bool is_even(const struct stored_response *response, void *closure)
{
    ++*(unsigned *)closure;
    return response->body.size % 2 == 0;
}

static void a_sweep_removes_what_its_visitor_chooses(void **state)
{
    struct fixture *fixture = *state;
    char name[32];
    unsigned visited = 0;
    uint64_t removed;
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(name, sizeof(name), "%u", i);
        assert_int_equal(put_patiently(fixture->cache, name, i, (uint8_t)i), CACHE_OK);
    }
    assert_int_equal(store_sweep(fixture->cache, is_even, &visited, true, &removed), CACHE_OK);
    assert_int_equal(visited, 1000);
    assert_int_equal(removed, 500);
    assert_int_equal(responses_stored(fixture->cache), 1000);
    assert_int_equal(store_sweep(fixture->cache, is_even, &visited, false, &removed), CACHE_OK);
    assert_int_equal(removed, 500);
    assert_int_equal(responses_stored(fixture->cache), 500);
    assert_true(has(fixture->cache, "501", 501, (uint8_t)501));
    assert_false(has(fixture->cache, "500", 500, (uint8_t)500));
}

/* ---- eviction ---- */

static void open_small(struct fixture *fixture, uint64_t max_size)
{
    cache_close(fixture->cache);
    fixture->config.max_size = max_size;
    fixture->cache = own_cache(fixture);
    assert_int_equal(cache_ready(fixture->cache, true), CACHE_OK);
}

static void the_oldest_are_evicted_first(void **state)
{
    struct fixture *fixture = *state;
    struct store_label label;
    static uint8_t body[50000];
    char name[32];
    open_small(fixture, 4 << 20);
    make_label(&label);
    for (unsigned i = 0; i < 200; i++) {
        snprintf(name, sizeof(name), "%u", i);
        struct cache_key key = key_named(fixture->cache, name);
        fill_pattern(body, sizeof(body), 1);
        label.requested_at = 1000000 - i; /* each older than the one before */
        assert_int_equal(
            store_put(fixture->cache, &key, &label, HEAD, (struct span){body, sizeof(body)}),
            CACHE_OK);
    }
    assert_true(has(fixture->cache, "0", sizeof(body), 1));
    assert_true(has(fixture->cache, "10", sizeof(body), 1));
    assert_false(has(fixture->cache, "150", sizeof(body), 1));
    struct cache_extent extent;
    struct statistics statistics;
    assert_int_equal(cache_extent(fixture->cache, &extent), CACHE_OK);
    assert_true(extent.used <= extent.limit);
    assert_int_equal(statistics_get(fixture->cache, &statistics), CACHE_OK);
    assert_int_equal(statistics.verdicts[VERDICT_EVICTED] + extent.responses, 200);
}

/* Sizes from a few bytes to the limit, in no order. */
static int flood(struct fixture *fixture)
{
    struct cache *cache = own_cache(fixture);
    unsigned random = (unsigned)getpid();
    unsigned times = getenv("VCACHE_TEST_SLOW") ? 500 : 3000;
    unsigned stored = 0;
    char name[32];
    for (unsigned i = 0; i < times; i++) {
        random = random * 1103515245 + 12345;
        size_t size = (random >> 8) % (i % 50 == 0 ? store_size_limit(cache) - 100 : 20000);
        snprintf(name, sizeof(name), "%d-%u", (int)getpid(), i);
        enum cache_status status = put_patiently(cache, name, size, (uint8_t)i);
        EXPECT(status == CACHE_OK || status == CACHE_FULL);
        stored += status == CACHE_OK;
    }
    /* Now and then a reader is off the processor for long enough to be in the way. */
    EXPECT(stored >= times * 95 / 100);
    return 0;
}

static void a_flood_by_two_processes_neither_fails_nor_outgrows_the_limit(void **state)
{
    struct fixture *fixture = *state;
    char path[PATH_MAX];
    struct stat data;
    open_small(fixture, 1 << 20);
    assert_int_equal(put_patiently(fixture->cache, "canary", 3000, 77), CACHE_OK);
    pid_t one = start_child(flood, fixture);
    pid_t two = start_child(flood, fixture);
    size_t size = 0;
    uint8_t seed = 0;
    int status = 0;
    while (waitpid(one, &status, WNOHANG) == 0) {
        sleep_ms(1);
        int found = get(fixture->cache, "canary", &size, &seed);
        assert_true(found == CACHE_ABSENT || (found == CACHE_OK && size == 3000 && seed == 77));
    }
    assert_int_equal(status, 0);
    assert_int_equal(await_child(two), 0);
    assert_true(works(fixture->cache));
    assert_int_equal(get(fixture->cache, "canary", &size, &seed), CACHE_ABSENT);
    path_in(path, &fixture->config, "data.mdb");
    assert_int_equal(stat(path, &data), 0);
    assert_true((uint64_t)data.st_blocks * 512 <= 1 << 20);
}

/* ---- loans ---- */

static int overwrite_and_evict(struct fixture *fixture)
{
    struct cache *cache = own_cache(fixture);
    char name[32];
    EXPECT(put_patiently(cache, "lent", 400000, 2) == CACHE_OK);
    for (unsigned i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "other %u", i % 30);
        put(cache, name, 200000, (uint8_t)i);
    }
    EXPECT(!has(cache, "lent", 400000, 1));
    return 0;
}

static void a_lent_response_stays_while_others_overwrite_and_evict_it(void **state)
{
    struct fixture *fixture = *state;
    struct stored_response response;
    open_small(fixture, 8 << 20);
    assert_int_equal(put_patiently(fixture->cache, "lent", 400000, 1), CACHE_OK);
    struct cache_key key = key_named(fixture->cache, "lent");
    assert_int_equal(store_get(fixture->cache, &key, &response, NULL), CACHE_OK);
    assert_int_equal(run_child(overwrite_and_evict, fixture), 0);
    assert_int_equal(response.body.size, 400000);
    assert_int_equal(response.body.data[0], 1);
    assert_true(is_pattern(response.body));
    store_release(&response);
    assert_true(works(fixture->cache));
}

static void many_responses_may_be_lent_at_once(void **state)
{
    struct fixture *fixture = *state;
    struct stored_response responses[70];
    unsigned lent = 0;
    assert_int_equal(put_patiently(fixture->cache, "lent", 100000, 1), CACHE_OK);
    struct cache_key key = key_named(fixture->cache, "lent");
    for (unsigned i = 0; i < 70; i++)
        if (store_get(fixture->cache, &key, &responses[i], NULL) == CACHE_OK)
            lent++;
    assert_true(lent >= 32);
    for (unsigned i = 0; i < 70; i++)
        store_release(&responses[i]);
    assert_true(works(fixture->cache));
}

static int borrow_and_stop(struct fixture *fixture)
{
    struct cache *cache = own_cache(fixture);
    struct stored_response response;
    struct cache_key key = key_named(cache, "lent");
    EXPECT(store_get(cache, &key, &response, NULL) == CACHE_OK);
    raise(SIGSTOP);
    EXPECT(is_pattern(response.body) && response.body.data[0] == 1);
    store_release(&response);
    EXPECT(works(cache));
    return 0;
}

static void a_stopped_reader_does_not_end_storing_for_all(void **state)
{
    struct fixture *fixture = *state;
    struct statistics statistics;
    char name[32];
    open_small(fixture, 2 << 20);
    assert_int_equal(put_patiently(fixture->cache, "lent", 100000, 1), CACHE_OK);
    pid_t reader = start_child(borrow_and_stop, fixture);
    await_stopped(reader);
    uint64_t until = clock_milliseconds() + 30000;
    do {
        for (unsigned i = 0; i < 50; i++) {
            snprintf(name, sizeof(name), "%u", i);
            put(fixture->cache, name, 20000, (uint8_t)i);
        }
        sleep_ms(100);
        assert_int_equal(statistics_get(fixture->cache, &statistics), CACHE_OK);
    } while (statistics.verdicts[VERDICT_REMADE] == 0 && clock_milliseconds() < until);
    assert_int_equal(statistics.verdicts[VERDICT_REMADE], 1);
    assert_true(works(fixture->cache));
    kill(reader, SIGCONT);
    assert_int_equal(await_child(reader), 0);
}

/* ---- other processes die or stop ---- */

static void a_killed_reader_holds_no_room(void **state)
{
    struct fixture *fixture = *state;
    struct statistics statistics;
    char name[32];
    open_small(fixture, 2 << 20);
    assert_int_equal(put_patiently(fixture->cache, "lent", 100000, 1), CACHE_OK);
    pid_t reader = start_child(borrow_and_stop, fixture);
    await_stopped(reader);
    end_child(reader);
    for (unsigned i = 0; i < 200; i++) {
        snprintf(name, sizeof(name), "%u", i % 50);
        assert_int_equal(put_patiently(fixture->cache, name, 20000, (uint8_t)i), CACHE_OK);
    }
    assert_int_equal(statistics_get(fixture->cache, &statistics), CACHE_OK);
    assert_int_equal(statistics.verdicts[VERDICT_REMADE], 0);
}

static int put_for_ever(struct fixture *fixture)
{
    struct cache *cache = own_cache(fixture);
    unsigned random = (unsigned)getpid();
    char name[32];
    while (cache) {
        random = random * 1103515245 + 12345;
        snprintf(name, sizeof(name), "%u", random >> 16 & 31);
        put(cache, name, random % 100000, (uint8_t)random);
    }
    return 1;
}

static void a_killed_writer_leaves_whole_responses(void **state)
{
    struct fixture *fixture = *state;
    unsigned rounds = getenv("VCACHE_TEST_SLOW") ? 10 : 60;
    char name[32];
    size_t size;
    uint8_t seed;
    open_small(fixture, 4 << 20);
    for (unsigned round = 0; round < rounds; round++) {
        pid_t writer = start_child(put_for_ever, fixture);
        sleep_ms(1 + (long)(round * 7919 % 25));
        end_child(writer);
        for (unsigned i = 0; i < 32; i++) {
            snprintf(name, sizeof(name), "%u", i);
            int found = get(fixture->cache, name, &size, &seed);
            assert_true(found == CACHE_OK || found == CACHE_ABSENT);
        }
        assert_true(works(fixture->cache));
    }
    struct statistics statistics;
    assert_int_equal(statistics_get(fixture->cache, &statistics), CACHE_OK);
    assert_int_equal(statistics.verdicts[VERDICT_REMADE], 0);
}

static int stop_in_transaction(struct environment *environment, MDB_txn *transaction, void *closure)
{
    (void)environment;
    (void)transaction;
    (void)closure;
    raise(SIGSTOP);
    return 0;
}

static int stop_while_writing(struct fixture *fixture)
{
    struct cache *cache = own_cache(fixture);
    struct environment *environment;
    EXPECT(writer_enter(cache, &environment) == CACHE_OK);
    EXPECT(writer_run(environment, stop_in_transaction, NULL) == 0);
    writer_leave(cache);
    return 0;
}

static void a_stopped_writer_keeps_nobody_waiting(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(put_patiently(fixture->cache, "before", 100000, 5), CACHE_OK);
    pid_t writer = start_child(stop_while_writing, fixture);
    await_stopped(writer);

    /* Were each of them to wait, that would be a hundred times the bound. */
    uint64_t start = clock_milliseconds();
    for (int i = 0; i < 100; i++)
        assert_int_equal(put(fixture->cache, "during", 100, 1), CACHE_BUSY);
    assert_true(clock_milliseconds() - start < 100 * GATE_WAIT_MS);
    for (int i = 0; i < 1000; i++)
        assert_true(has(fixture->cache, "before", 100000, 5));

    kill(writer, SIGCONT);
    assert_int_equal(await_child(writer), 0);
    sleep_ms(GATE_BACK_OFF_MS + 50);
    assert_true(works(fixture->cache));
}

static int find_busy(struct fixture *fixture)
{
    struct cache *cache = own_cache(fixture);
    EXPECT(cache_ready(cache, true) == CACHE_BUSY);
    EXPECT(*cache_reason(cache));
    return 0;
}

static void a_process_that_starts_while_a_writer_is_stopped_goes_on_without(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(cache_ready(fixture->cache, true), CACHE_OK);
    pid_t writer = start_child(stop_while_writing, fixture);
    await_stopped(writer);
    assert_int_equal(run_child(find_busy, fixture), 0);
    end_child(writer);
    assert_true(works(fixture->cache));
}

static int put_once(struct fixture *fixture)
{
    struct cache *cache = own_cache(fixture);
    EXPECT(works(cache));
    return 0;
}

static int fail_assertion(struct environment *environment, MDB_txn *transaction, void *closure)
{
    (void)transaction;
    (void)closure;
    trap_spring(environment->env, "made to fail");
    return 0;
}

static void a_failed_assertion_while_writing_stops_nobody(void **state)
{
    struct fixture *fixture = *state;
    struct environment *environment;
    struct fixture other = *fixture;
    assert_int_equal(put_patiently(fixture->cache, "before", 1000, 5), CACHE_OK);
    assert_int_equal(writer_enter(fixture->cache, &environment), CACHE_OK);
    assert_int_equal(writer_run(environment, fail_assertion, NULL), MDB_CORRUPTED);
    writer_leave(fixture->cache);
    assert_int_equal(run_child(put_once, &other), 0);
    assert_true(works(fixture->cache));
    struct statistics statistics;
    assert_int_equal(statistics_get(fixture->cache, &statistics), CACHE_OK);
    assert_int_equal(statistics.verdicts[VERDICT_REMADE], 1);
}

/* ---- threads ---- */

#define THREADS 16

static void *use(void *closure)
{
    struct cache *cache = closure;
    unsigned random = (unsigned)(uintptr_t)&random;
    unsigned rounds = getenv("VCACHE_TEST_SLOW") ? 100 : 1000;
    char name[32];
    size_t size;
    uint8_t seed;
    for (unsigned i = 0; i < rounds; i++) {
        random = random * 1103515245 + 12345;
        snprintf(name, sizeof(name), "%u", random >> 16 & 15);
        if (i % 10 == 0)
            put(cache, name, random % 60000, (uint8_t)random);
        int found = get(cache, name, &size, &seed);
        if (found != CACHE_OK && found != CACHE_ABSENT && found != CACHE_BUSY)
            return "torn, or unavailable";
    }
    return NULL;
}

static void many_threads_share_a_handle(void **state)
{
    struct fixture *fixture = *state;
    pthread_t threads[THREADS];
    void *result;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, use, fixture->cache), 0);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], &result);
        assert_null(result);
    }
    assert_true(works(fixture->cache));
}

/* ---- damage to one entry ---- */

/* Flips one byte in the file, where `marker` stands. */
static void damage_file(const struct fixture *fixture, const void *marker, size_t size)
{
    char path[PATH_MAX];
    struct stat status;
    path_in(path, &fixture->config, "data.mdb");
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &status), 0);
    uint8_t *bytes = malloc((size_t)status.st_size);
    assert_int_equal(pread(fd, bytes, (size_t)status.st_size, 0), status.st_size);
    uint8_t *at = memmem(bytes, (size_t)status.st_size, marker, size);
    assert_non_null(at);
    *at ^= 1;
    assert_int_equal(pwrite(fd, at, 1, at - bytes), 1);
    free(bytes);
    close(fd);
}

static void damaged_bytes_are_never_served(void **state)
{
    struct fixture *fixture = *state;
    static const char *const markers[] = {"RetrievePropertiesEx", "text/xml"};
    struct statistics statistics;
    uint8_t body[64];
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(put_patiently(fixture->cache, "damaged", 3000, 1), CACHE_OK);
        assert_true(has(fixture->cache, "damaged", 3000, 1));
        fill_pattern(body, sizeof(body), 1);
        if (i < 2)
            damage_file(fixture, markers[i], strlen(markers[i]));
        else
            damage_file(fixture, body, sizeof(body));
        assert_false(has(fixture->cache, "damaged", 3000, 1));
    }
    assert_true(works(fixture->cache));
    assert_int_equal(statistics_get(fixture->cache, &statistics), CACHE_OK);
    assert_int_equal(statistics.verdicts[VERDICT_REMADE], 3);
}

static void an_entry_is_believed_only_when_its_sizes_agree(void **state)
{
    (void)state;
    struct buffer value = {0};
    struct store_label label;
    struct stored_response response;
    struct entry entry;
    struct cache_key key = {.check = 1, .length = 2};
    make_label(&label);
    assert_true(entry_write_prefix(&value, &key, &label, HEAD, SPAN_OF("body")));
    buffer_append_text(&value, "body");
    assert_true(entry_read(buffer_span(&value), &entry, &response));
    assert_true(entry_body_is_sound(&entry, response.body));
    for (size_t size = 0; size < value.size; size++) {
        /* Of exactly that size, so that the sanitizers see a read beyond it. */
        uint8_t *cut = malloc(size + 1);
        memcpy(cut, value.data, size);
        cut = realloc(cut, size ? size : 1);
        assert_false(entry_read((struct span){cut, size}, &entry, &response));
        free(cut);
    }
    size_t prefix = value.size - 4;
    for (size_t i = 0; i < value.size; i++) {
        value.data[i] ^= 0x40;
        bool is_read = entry_read(buffer_span(&value), &entry, &response);
        assert_int_equal(is_read, i >= prefix);
        if (is_read)
            assert_false(entry_body_is_sound(&entry, response.body));
        value.data[i] ^= 0x40;
    }
    buffer_free(&value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(a_response_comes_back_as_it_was_stored),
        FIXTURE_TEST(responses_of_every_size_come_back),
        FIXTURE_TEST(what_was_not_stored_is_absent),
        FIXTURE_TEST(another_check_digest_or_length_is_a_mismatch),
        FIXTURE_TEST(a_later_response_replaces_the_earlier),
        FIXTURE_TEST(what_is_too_large_is_refused),
        FIXTURE_TEST(a_detached_response_outlives_the_cache),
        FIXTURE_TEST(a_sweep_removes_what_its_visitor_chooses),
        FIXTURE_TEST(the_oldest_are_evicted_first),
        FIXTURE_TEST(a_flood_by_two_processes_neither_fails_nor_outgrows_the_limit),
        FIXTURE_TEST(a_lent_response_stays_while_others_overwrite_and_evict_it),
        FIXTURE_TEST(many_responses_may_be_lent_at_once),
        FIXTURE_TEST(a_stopped_reader_does_not_end_storing_for_all),
        FIXTURE_TEST(a_killed_reader_holds_no_room),
        FIXTURE_TEST(a_killed_writer_leaves_whole_responses),
        FIXTURE_TEST(a_stopped_writer_keeps_nobody_waiting),
        FIXTURE_TEST(a_process_that_starts_while_a_writer_is_stopped_goes_on_without),
        FIXTURE_TEST(a_failed_assertion_while_writing_stops_nobody),
        FIXTURE_TEST(many_threads_share_a_handle),
        FIXTURE_TEST(damaged_bytes_are_never_served),
        cmocka_unit_test(an_entry_is_believed_only_when_its_sizes_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
