/* Records: small values beside the responses. */
#include "cache_fixture.h"

#include "cache/records.h"

static struct record_key key_number(unsigned number)
{
    struct record_key key = {{0}};
    memcpy(key.id, &number, sizeof(number));
    return key;
}

static bool holds(struct fixture *fixture, enum record_table table, unsigned number,
                  struct span expected)
{
    struct buffer value = {0};
    struct record_key key = key_number(number);
    bool is_so = record_get(fixture->cache, table, &key, &value) == CACHE_OK &&
                 span_equal(buffer_span(&value), expected);
    buffer_free(&value);
    return is_so;
}

static void a_record_is_put_replaced_and_deleted(void **state)
{
    struct fixture *fixture = *state;
    struct record_key key = key_number(1);
    struct buffer value = {0};
    assert_int_equal(record_get(fixture->cache, RECORDS_SESSIONS, &key, &value), CACHE_ABSENT);
    assert_int_equal(record_put(fixture->cache, RECORDS_SESSIONS, &key, SPAN_OF("one")), CACHE_OK);
    assert_true(holds(fixture, RECORDS_SESSIONS, 1, SPAN_OF("one")));
    assert_false(holds(fixture, RECORDS_BOUND, 1, SPAN_OF("one")));
    assert_int_equal(record_put(fixture->cache, RECORDS_SESSIONS, &key, SPAN_OF("another")),
                     CACHE_OK);
    assert_true(holds(fixture, RECORDS_SESSIONS, 1, SPAN_OF("another")));
    assert_int_equal(record_put(fixture->cache, RECORDS_SESSIONS, &key, SPAN_OF("")), CACHE_OK);
    assert_true(holds(fixture, RECORDS_SESSIONS, 1, SPAN_OF("")));
    assert_int_equal(record_delete(fixture->cache, RECORDS_SESSIONS, &key), CACHE_OK);
    assert_int_equal(record_delete(fixture->cache, RECORDS_SESSIONS, &key), CACHE_ABSENT);
    assert_int_equal(record_get(fixture->cache, RECORDS_SESSIONS, &key, &value), CACHE_ABSENT);
}

static void a_record_is_replaced_only_while_it_is_what_it_was(void **state)
{
    struct fixture *fixture = *state;
    struct record_key key = key_number(1);
    const struct span one = SPAN_OF("one"), two = SPAN_OF("two"), none = {0};
    enum record_table table = RECORDS_SESSIONS;
    assert_int_equal(record_replace(fixture->cache, table, &key, one, two), CACHE_ABSENT);
    assert_int_equal(record_replace(fixture->cache, table, &key, none, two), CACHE_ABSENT);
    assert_int_equal(record_put(fixture->cache, table, &key, one), CACHE_OK);
    assert_int_equal(record_replace(fixture->cache, table, &key, two, one), CACHE_ABSENT);
    assert_true(holds(fixture, table, 1, one));
    assert_int_equal(record_replace(fixture->cache, table, &key, one, two), CACHE_OK);
    assert_true(holds(fixture, table, 1, two));
    assert_int_equal(record_replace(fixture->cache, table, &key, one, none), CACHE_ABSENT);
    assert_true(holds(fixture, table, 1, two));
    assert_int_equal(record_replace(fixture->cache, table, &key, two, none), CACHE_OK);
    assert_int_equal(record_delete(fixture->cache, table, &key), CACHE_ABSENT);
}

static void a_value_is_appended(void **state)
{
    struct fixture *fixture = *state;
    struct record_key key = key_number(1);
    struct buffer value = {0};
    buffer_append_text(&value, "before ");
    assert_int_equal(record_put(fixture->cache, RECORDS_BOUND, &key, SPAN_OF("after")), CACHE_OK);
    assert_int_equal(record_get(fixture->cache, RECORDS_BOUND, &key, &value), CACHE_OK);
    assert_true(span_equal(buffer_span(&value), SPAN_OF("before after")));
    buffer_free(&value);
}

static void a_large_value_is_replaced_and_deleted(void **state)
{
    struct fixture *fixture = *state;
    struct record_key key = key_number(1);
    static uint8_t bytes[300000];
    for (size_t size = 1; size <= sizeof(bytes); size = size * 3 + 1) {
        fill_pattern(bytes, size, (uint8_t)size);
        assert_int_equal(
            record_put(fixture->cache, RECORDS_BOUND, &key, (struct span){bytes, size}), CACHE_OK);
        assert_true(holds(fixture, RECORDS_BOUND, 1, (struct span){bytes, size}));
    }
    assert_int_equal(record_delete(fixture->cache, RECORDS_BOUND, &key), CACHE_OK);
}

static int read_and_delete(struct fixture *fixture)
{
    struct fixture own = {.cache = own_cache(fixture)};
    struct record_key key = key_number(7);
    EXPECT(holds(&own, RECORDS_PRINCIPALS, 7, SPAN_OF("administrator")));
    EXPECT(record_delete(own.cache, RECORDS_PRINCIPALS, &key) == CACHE_OK);
    return 0;
}

static void another_process_sees_records(void **state)
{
    struct fixture *fixture = *state;
    struct record_key key = key_number(7);
    assert_int_equal(record_put(fixture->cache, RECORDS_PRINCIPALS, &key, SPAN_OF("administrator")),
                     CACHE_OK);
    assert_int_equal(run_child(read_and_delete, fixture), 0);
    assert_false(holds(fixture, RECORDS_PRINCIPALS, 7, SPAN_OF("administrator")));
}

static bool is_odd(const struct record_key *key, struct span value, void *closure)
{
    ++*(unsigned *)closure;
    return value.size == sizeof(unsigned) && key->id[0] % 2 == 1;
}

static void a_sweep_removes_what_its_visitor_chooses(void **state)
{
    struct fixture *fixture = *state;
    unsigned visited = 0;
    uint64_t removed = 0;
    for (unsigned i = 0; i < 700; i++) {
        struct record_key key = key_number(i);
        assert_int_equal(record_put(fixture->cache, RECORDS_SESSIONS, &key,
                                    (struct span){(const uint8_t *)&i, sizeof(i)}),
                         CACHE_OK);
    }
    assert_int_equal(
        record_sweep(fixture->cache, RECORDS_SESSIONS, is_odd, &visited, true, &removed), CACHE_OK);
    assert_int_equal(visited, 700);
    assert_int_equal(removed, 350);
    visited = 0;
    assert_int_equal(
        record_sweep(fixture->cache, RECORDS_SESSIONS, is_odd, &visited, false, &removed),
        CACHE_OK);
    assert_int_equal(removed, 350);
    visited = 0;
    assert_int_equal(
        record_sweep(fixture->cache, RECORDS_SESSIONS, is_odd, &visited, true, &removed), CACHE_OK);
    assert_int_equal(visited, 350);
    assert_int_equal(removed, 0);
    struct cache_extent extent;
    assert_int_equal(cache_extent(fixture->cache, &extent), CACHE_OK);
    assert_int_equal(extent.sessions, 350);
}

static void a_sweep_of_nothing_is_fine(void **state)
{
    struct fixture *fixture = *state;
    unsigned visited = 0;
    uint64_t removed = 1;
    assert_int_equal(record_sweep(fixture->cache, RECORDS_BOUND, is_odd, &visited, false, &removed),
                     CACHE_OK);
    assert_int_equal(removed, 0);
}

static void records_do_not_crowd_out_the_responses(void **state)
{
    struct fixture *fixture = *state;
    static const uint8_t value[500];
    cache_close(fixture->cache);
    fixture->config.max_size = 1 << 20;
    fixture->cache = own_cache(fixture);
    assert_int_equal(put_patiently(fixture->cache, "canary", 5000, 1), CACHE_OK);
    for (unsigned i = 0; i < 3000; i++) {
        struct record_key key = key_number(i);
        assert_int_equal(record_put(fixture->cache, RECORDS_PRINCIPALS, &key,
                                    (struct span){value, sizeof(value)}),
                         CACHE_OK);
        assert_true(holds(fixture, RECORDS_PRINCIPALS, i, (struct span){value, sizeof(value)}));
    }
    assert_true(has(fixture->cache, "canary", 5000, 1));
    struct record_key key = key_number(1);
    static const uint8_t huge[1 << 20];
    assert_int_equal(
        record_put(fixture->cache, RECORDS_BOUND, &key, (struct span){huge, sizeof(huge)}),
        CACHE_FULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(a_record_is_put_replaced_and_deleted),
        FIXTURE_TEST(a_record_is_replaced_only_while_it_is_what_it_was),
        FIXTURE_TEST(a_value_is_appended),
        FIXTURE_TEST(a_large_value_is_replaced_and_deleted),
        FIXTURE_TEST(another_process_sees_records),
        FIXTURE_TEST(a_sweep_removes_what_its_visitor_chooses),
        FIXTURE_TEST(a_sweep_of_nothing_is_fine),
        FIXTURE_TEST(records_do_not_crowd_out_the_responses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
