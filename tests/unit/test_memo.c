/* The memo: what a request's bytes came to is remembered for these bytes and no others. */
#include "exchange/memo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static struct cache_key key_numbered(uint64_t number)
{
    struct cache_key key = {.check = number * UINT64_C(0x9e3779b97f4a7c15), .length = 700};
    memcpy(key.id, &number, sizeof(number));
    return key;
}

static void keep(const struct cache_key *raw, const struct cache_key *canonical)
{
    memo_keep(raw, &(struct memo){operation_find(SPAN_OF("RetrievePropertiesEx")), *canonical});
}

static void what_was_kept_is_found(void **state)
{
    (void)state;
    struct cache_key raw = key_numbered(1);
    struct cache_key canonical = key_numbered(1001);
    struct memo memo;
    assert_false(memo_find(&raw, &memo));
    keep(&raw, &canonical);
    assert_true(memo_find(&raw, &memo));
    assert_string_equal(memo.operation->name, "RetrievePropertiesEx");
    assert_memory_equal(&memo.canonical, &canonical, sizeof(canonical));
}

static void every_part_of_the_key_counts(void **state)
{
    (void)state;
    struct cache_key raw = key_numbered(2);
    struct memo memo;
    keep(&raw, &raw);
    struct cache_key other = raw;
    other.id[15] ^= 1;
    assert_false(memo_find(&other, &memo));
    other = raw;
    other.length++;
    assert_false(memo_find(&other, &memo));
    other = raw;
    other.check ^= UINT64_C(1) << 63;
    assert_false(memo_find(&other, &memo));
}

static void requests_that_fall_together_do_not_drive_each_other_out(void **state)
{
    (void)state;
    struct cache_key keys[4];
    struct memo memo;
    for (uint64_t i = 0; i < 4; i++) {
        keys[i] = key_numbered(100 + i);
        keys[i].check = 5 + (i << 32); /* one set */
        keep(&keys[i], &keys[i]);
    }
    for (int times = 0; times < 3; times++)
        for (int i = 0; i < 4; i++) {
            keep(&keys[i], &keys[i]);
            assert_true(memo_find(&keys[i], &memo));
            assert_memory_equal(&memo.canonical, &keys[i], sizeof(keys[i]));
        }
}

static void the_oldest_makes_room(void **state)
{
    (void)state;
    struct cache_key first = key_numbered(10000);
    struct memo memo;
    keep(&first, &first);
    for (uint64_t i = 1; i < 20000; i++) {
        struct cache_key next = key_numbered(10000 + i);
        keep(&next, &next);
        assert_true(memo_find(&next, &memo));
    }
    assert_false(memo_find(&first, &memo));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_kept_is_found),
        cmocka_unit_test(every_part_of_the_key_counts),
        cmocka_unit_test(requests_that_fall_together_do_not_drive_each_other_out),
        cmocka_unit_test(the_oldest_makes_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
