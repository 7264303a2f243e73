/* Statistics: what many processes count is counted once each. */
#include "cache_fixture.h"

#include "cache/statistics.h"

static void get_statistics(struct fixture *fixture, struct statistics *statistics)
{
    assert_int_equal(statistics_get(fixture->cache, statistics), CACHE_OK);
}

static void every_verdict_has_a_name_and_a_meaning(void **state)
{
    (void)state;
    for (int i = 0; i < VERDICT_COUNT; i++) {
        assert_true(*verdict_infos[i].name);
        assert_true(*verdict_infos[i].meaning);
        for (int j = 0; j < i; j++)
            assert_string_not_equal(verdict_infos[i].name, verdict_infos[j].name);
    }
    assert_int_equal(verdict_infos[VERDICT_COLLAPSED].group, GROUP_HIT);
    assert_int_equal(verdict_infos[VERDICT_REMADE].group, GROUP_EVENT);
}

static void a_new_cache_has_counted_nothing(void **state)
{
    static struct statistics statistics;
    get_statistics(*state, &statistics);
    for (int i = 0; i < VERDICT_COUNT; i++)
        assert_int_equal(statistics.verdicts[i], 0);
    for (int i = 0; i < STATISTICS_OPERATIONS; i++)
        assert_int_equal(statistics.operations[i].hits, 0);
    assert_true(statistics.zeroed_at > 1500000000);
}

#define PROCESSES 4
#define TIMES 5000

static int count(struct fixture *fixture)
{
    struct cache *cache = own_cache(fixture);
    const struct statistics_operation delta = {.hits = 1,
                                               .misses = 2,
                                               .bypasses = 3,
                                               .bytes_saved = 4,
                                               .time_saved_us = 5,
                                               .origin_time_us = 6};
    EXPECT(is_ready(cache)); /* or it would not count while the gate is missed */
    for (int i = 0; i < TIMES; i++) {
        statistics_count(cache, VERDICT_HIT);
        statistics_add(cache, STATISTICS_OPERATIONS - 1, &delta);
        statistics_add(cache, STATISTICS_OPERATIONS, &delta);
    }
    statistics_count_many(cache, VERDICT_EVICTED, 100);
    return 0;
}

static void processes_count_together(void **state)
{
    struct fixture *fixture = *state;
    static struct statistics statistics;
    pid_t children[PROCESSES];
    for (int i = 0; i < PROCESSES; i++)
        children[i] = start_child(count, fixture);
    for (int i = 0; i < PROCESSES; i++)
        assert_int_equal(await_child(children[i]), 0);
    get_statistics(fixture, &statistics);
    const uint64_t times = (uint64_t)PROCESSES * TIMES;
    assert_int_equal(statistics.verdicts[VERDICT_HIT], times);
    assert_int_equal(statistics.verdicts[VERDICT_EVICTED], PROCESSES * 100);
    assert_int_equal(statistics.verdicts[VERDICT_ABSENT], 0);
    const struct statistics_operation *operation =
        &statistics.operations[STATISTICS_OPERATIONS - 1];
    assert_int_equal(operation->hits, times);
    assert_int_equal(operation->misses, 2 * times);
    assert_int_equal(operation->bypasses, 3 * times);
    assert_int_equal(operation->bytes_saved, 4 * times);
    assert_int_equal(operation->time_saved_us, 5 * times);
    assert_int_equal(operation->origin_time_us, 6 * times);
}

static void zeroing_zeroes_all_counters_and_no_generation(void **state)
{
    struct fixture *fixture = *state;
    static struct statistics statistics;
    assert_int_equal(run_child(count, fixture), 0);
    assert_true(works(fixture->cache));
    assert_int_equal(statistics_zero(fixture->cache), CACHE_OK);
    get_statistics(fixture, &statistics);
    for (int i = 0; i < VERDICT_COUNT; i++)
        assert_int_equal(statistics.verdicts[i], 0);
    assert_int_equal(statistics.operations[STATISTICS_OPERATIONS - 1].misses, 0);
    assert_true(has(fixture->cache, "works?", 5000, 42));
}

static void without_a_cache_nothing_is_counted(void **state)
{
    struct fixture *fixture = *state;
    static struct statistics statistics;
    assert_int_equal(rmdir(fixture->config.directory), 0);
    assert_int_equal(cache_ready(fixture->cache, false), CACHE_ABSENT);
    statistics_count(fixture->cache, VERDICT_HIT);
    assert_int_not_equal(statistics_get(fixture->cache, &statistics), CACHE_OK);
    assert_int_equal(statistics.verdicts[VERDICT_HIT], 0);
    assert_int_not_equal(statistics_zero(fixture->cache), CACHE_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_verdict_has_a_name_and_a_meaning),
        FIXTURE_TEST(a_new_cache_has_counted_nothing),
        FIXTURE_TEST(processes_count_together),
        FIXTURE_TEST(zeroing_zeroes_all_counters_and_no_generation),
        FIXTURE_TEST(without_a_cache_nothing_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
