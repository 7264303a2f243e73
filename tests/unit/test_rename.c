/* Renaming: names are replaced where they stand as words, both ways, whatever their lengths. */
#include "unit.h"

#include "exchange/rename.h"

#include <string.h>

static void renames(const char *pairs[], enum rename_way way, const char *text,
                    const char *expected)
{
    struct buffer names = {0};
    struct buffer renamed = {0};
    for (size_t i = 0; pairs[i]; i++)
        buffer_append_sized(&names, span_of_text(pairs[i]));
    assert_true(rename_text(span_of_text(text), buffer_span(&names), way, &renamed));
    buffer_append(&renamed, "", 1);
    assert_string_equal((const char *)renamed.data, expected);
    buffer_free(&names);
    buffer_free(&renamed);
}

static const char *two[] = {"52ab", "52cd-longer", "view-1", "v9", NULL};

static void every_occurrence_is_replaced(void **state)
{
    (void)state;
    renames(two, RENAME_FOR_ORIGIN, "52ab", "52cd-longer");
    renames(two, RENAME_FOR_ORIGIN, "<a>52ab</a><b>view-1</b>\"52ab\"",
            "<a>52cd-longer</a><b>v9</b>\"52cd-longer\"");
    renames(two, RENAME_FOR_PROGRAM, "<a>52cd-longer</a><b>v9</b>", "<a>52ab</a><b>view-1</b>");
    renames(two, RENAME_FOR_PROGRAM, "52ab view-1", "52ab view-1");
    renames(two, RENAME_FOR_ORIGIN, "", "");
    renames((const char *[]){NULL}, RENAME_FOR_ORIGIN, "52ab", "52ab");
}

static void a_part_of_a_longer_name_is_not_a_name(void **state)
{
    (void)state;
    renames(two, RENAME_FOR_ORIGIN, "view-12 x52ab 52ab-1 view-1", "view-12 x52ab 52ab-1 v9");
    renames(two, RENAME_FOR_PROGRAM, "v99 v9 v9", "v99 view-1 view-1");
}

static void a_view_goes_before_the_key_that_it_holds(void **state)
{
    (void)state;
    const char *pairs[] = {"session[52ab]77", "session[52cd]88", "52ab", "52cd", NULL};
    renames(pairs, RENAME_FOR_ORIGIN, "<obj>session[52ab]77</obj>", "<obj>session[52cd]88</obj>");
    renames(pairs, RENAME_FOR_ORIGIN, "<obj>session[52ab]78</obj>", "<obj>session[52cd]78</obj>");
    renames(pairs, RENAME_FOR_PROGRAM, "session[52cd]88 52cd", "session[52ab]77 52ab");
}

static void broken_pairs_are_none(void **state)
{
    (void)state;
    struct buffer renamed = {0};
    uint8_t pairs[] = {200, 0, 0, 0, 0, 0, 0, 0, 'a'};
    assert_true(rename_text(SPAN_OF("a b"), (struct span){pairs, sizeof(pairs)}, RENAME_FOR_ORIGIN,
                            &renamed));
    assert_true(span_equal(buffer_span(&renamed), SPAN_OF("a b")));
    buffer_free(&renamed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_occurrence_is_replaced),
        cmocka_unit_test(a_part_of_a_longer_name_is_not_a_name),
        cmocka_unit_test(a_view_goes_before_the_key_that_it_holds),
        cmocka_unit_test(broken_pairs_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
