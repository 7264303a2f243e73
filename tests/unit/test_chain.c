/* Chains: their bytes, whole or refused; what a process records and what it has open. */
#include "guarded.h"

#include "exchange/open_chain.h"
#include "exchange/recording.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOW UINT64_C(1000000000)

static const struct chain_owner me = {.endpoint = {"https://vc:443"}, .principal = {{1}}};

static struct chain_page page_of(const char *token, const char *head, const char *body)
{
    return (struct chain_page){span_of_text(token), span_of_text(head), span_of_text(body), 5};
}

static void three_pages(struct buffer *chain)
{
    const struct chain_page pages[] = {page_of("", "head 0", "body 0"),
                                       page_of("one", "head 1", "the body 1"),
                                       page_of("two", "head 2", "b")};
    for (size_t i = 0; i < 3; i++)
        assert_true(chain_append(chain, &pages[i]));
}

/* ---- the bytes ---------------------------------------------------------------------------------
 */

static void pages_come_back_in_their_order(void **state)
{
    (void)state;
    struct buffer chain = {0};
    struct chain_page page;
    three_pages(&chain);
    assert_true(chain_is_sound(buffer_span(&chain), 3));
    struct span rest = buffer_span(&chain);
    assert_true(chain_next(&rest, &page));
    assert_int_equal(page.token.size, 0);
    assert_true(span_equal(page.head, SPAN_OF("head 0")));
    assert_true(span_equal(page.body, SPAN_OF("body 0")));
    assert_int_equal(page.origin_us, 5);
    assert_ptr_equal(page.head.data + page.head.size, page.body.data);
    assert_true(chain_next(&rest, &page));
    assert_true(span_equal(page.token, SPAN_OF("one")));
    assert_true(span_equal(page.body, SPAN_OF("the body 1")));
    assert_true(chain_next(&rest, &page));
    assert_true(span_equal(page.token, SPAN_OF("two")));
    assert_false(chain_next(&rest, &page));
    buffer_free(&chain);
}

static void another_number_of_pages_is_refused(void **state)
{
    (void)state;
    struct buffer chain = {0};
    three_pages(&chain);
    for (uint32_t count = 0; count < 10; count++)
        assert_int_equal(chain_is_sound(buffer_span(&chain), count), count == 3);
    assert_false(chain_is_sound(buffer_span(&chain), UINT32_MAX));
    buffer_clear(&chain);
    const struct chain_page single = page_of("", "head", "body");
    assert_true(chain_append(&chain, &single));
    assert_false(chain_is_sound(buffer_span(&chain), 1));
    assert_false(chain_is_sound(buffer_span(&chain), 0));
    buffer_free(&chain);
}

static void only_the_first_page_is_without_a_token(void **state)
{
    (void)state;
    for (int has = 0; has < 4; has++) {
        struct buffer chain = {0};
        const struct chain_page first = page_of(has & 1 ? "t" : "", "head", "body");
        const struct chain_page second = page_of(has & 2 ? "u" : "", "head", "body");
        assert_true(chain_append(&chain, &first) && chain_append(&chain, &second));
        assert_int_equal(chain_is_sound(buffer_span(&chain), 2), has == 2);
        buffer_free(&chain);
    }
}

/* Each in a block of exactly its size, so that a byte behind it would be noticed. */
static void a_chain_cut_anywhere_is_refused(void **state)
{
    (void)state;
    struct buffer chain = {0};
    three_pages(&chain);
    for (size_t size = 0; size < chain.size; size++) {
        struct guarded cut = guarded_copy((struct span){chain.data, size});
        assert_false(chain_is_sound(cut.bytes, 3));
        guarded_free(&cut);
    }
    assert_true(buffer_append(&chain, "x", 1));
    assert_false(chain_is_sound(buffer_span(&chain), 3));
    buffer_free(&chain);
}

static void sizes_that_are_not_true_are_refused(void **state)
{
    (void)state;
    static const uint64_t odd[] = {0, 1, 7, 100, 1000, INT64_MAX, UINT64_MAX, UINT64_MAX - 31};
    struct buffer chain = {0};
    three_pages(&chain);
    for (size_t field = 0; field < 3; field++) {
        for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
            struct guarded damaged = guarded_copy(buffer_span(&chain));
            uint8_t *size = (uint8_t *)damaged.bytes.data + field * sizeof(uint64_t);
            bool is_same = memcmp(size, &odd[i], sizeof(odd[i])) == 0;
            memcpy(size, &odd[i], sizeof(odd[i]));
            assert_int_equal(chain_is_sound(damaged.bytes, 3), is_same);
            guarded_free(&damaged);
        }
    }
    buffer_free(&chain);
}

static void no_damage_leads_out_of_the_bytes(void **state)
{
    (void)state;
    struct buffer chain = {0};
    three_pages(&chain);
    for (size_t at = 0; at < chain.size; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            struct guarded damaged = guarded_copy(buffer_span(&chain));
            ((uint8_t *)damaged.bytes.data)[at] ^= (uint8_t)(1U << bit);
            struct span rest = damaged.bytes;
            struct chain_page page;
            while (chain_next(&rest, &page))
                assert_true(page.body.data + page.body.size <=
                            damaged.bytes.data + damaged.bytes.size);
            chain_is_sound(damaged.bytes, 3);
            guarded_free(&damaged);
        }
    }
    buffer_free(&chain);
}

/* ---- recordings --------------------------------------------------------------------------------
 */

static struct recording *begun(const struct chain_owner *owner, uint64_t scope, size_t size)
{
    struct cache_key key = {.length = 7};
    struct store_label label = {.generation = 3};
    struct recording *recording = recording_new(owner, scope, &key, &label);
    uint8_t *body = calloc(1, size);
    assert_non_null(recording);
    assert_true(recording_add(recording, SPAN_OF("head"), (struct span){body, size}, 1));
    free(body);
    return recording;
}

static void a_recording_is_found_by_its_token_once(void **state)
{
    (void)state;
    struct recording *recording = begun(&me, 1, 10);
    assert_true(recording_put(recording, SPAN_OF("0"), NOW));
    assert_null(recording_take(&me, 1, SPAN_OF("1"), NOW));
    assert_ptr_equal(recording_take(&me, 1, SPAN_OF("0"), NOW), recording);
    assert_null(recording_take(&me, 1, SPAN_OF("0"), NOW));
    recording_free(recording);
    recording_free(NULL);
}

static void nobody_elses_recording_is_found(void **state)
{
    (void)state;
    struct chain_owner others[] = {me, me, me};
    others[0].endpoint.name[8] = 'x';
    others[1].trust.digest[31] = 1;
    others[2].principal.id[15] = 1;
    struct recording *recording = begun(&me, 1, 10);
    assert_true(recording_put(recording, SPAN_OF("0"), NOW));
    for (size_t i = 0; i < 3; i++)
        assert_null(recording_take(&others[i], 1, SPAN_OF("0"), NOW));
    assert_null(recording_take(&me, 2, SPAN_OF("0"), NOW));
    recording_free(recording_take(&me, 1, SPAN_OF("0"), NOW));
}

static void a_token_given_again_ends_the_recording_that_had_it(void **state)
{
    (void)state;
    struct recording *recording = begun(&me, 1, 10);
    assert_true(recording_put(begun(&me, 1, 10), SPAN_OF("0"), NOW));
    assert_true(recording_put(recording, SPAN_OF("0"), NOW));
    assert_ptr_equal(recording_take(&me, 1, SPAN_OF("0"), NOW), recording);
    assert_null(recording_take(&me, 1, SPAN_OF("0"), NOW));
    recording_free(recording);
}

static void a_recording_that_is_not_continued_is_forgotten(void **state)
{
    (void)state;
    assert_true(recording_put(begun(&me, 1, 10), SPAN_OF("0"), NOW));
    assert_null(recording_take(&me, 1, SPAN_OF("0"), NOW + CHAIN_GRACE_MS + 1));
}

static void of_too_many_recordings_the_oldest_go(void **state)
{
    (void)state;
    char token[32];
    for (int i = 0; i <= CHAINS_COUNT; i++) {
        snprintf(token, sizeof(token), "%d", i);
        assert_true(recording_put(begun(&me, 1, 10), span_of_text(token), NOW));
    }
    assert_null(recording_take(&me, 1, SPAN_OF("0"), NOW));
    for (int i = 1; i <= CHAINS_COUNT; i++) {
        snprintf(token, sizeof(token), "%d", i);
        struct recording *recording = recording_take(&me, 1, span_of_text(token), NOW);
        assert_non_null(recording);
        recording_free(recording);
    }
    for (int i = 0; i < 3; i++) {
        snprintf(token, sizeof(token), "%d", i);
        assert_true(
            recording_put(begun(&me, 1, CHAINS_LIMIT / 2 - 1000), span_of_text(token), NOW));
    }
    assert_null(recording_take(&me, 1, SPAN_OF("0"), NOW));
    for (int i = 1; i < 3; i++) {
        snprintf(token, sizeof(token), "%d", i);
        struct recording *recording = recording_take(&me, 1, span_of_text(token), NOW);
        assert_non_null(recording);
        recording_free(recording);
    }
}

static void tokens_of_two_recordings_are_never_the_same(void **state)
{
    (void)state;
    char texts[2][RECORDING_TOKEN_SIZE];
    struct recording *one = begun(&me, 1, 10);
    struct recording *other = begun(&me, 1, 10);
    assert_int_equal(recording_token(one, 0, texts[0]).size, 0);
    for (uint32_t i = 1; i < 5; i++) {
        assert_false(
            span_equal(recording_token(one, i, texts[0]), recording_token(other, i, texts[1])));
        assert_false(
            span_equal(recording_token(one, i, texts[0]), recording_token(one, i + 1, texts[1])));
    }
    assert_true(recording_token(one, UINT32_MAX, texts[0]).size < RECORDING_TOKEN_SIZE);
    recording_free(one);
    recording_free(other);
}

/* ---- open chains -------------------------------------------------------------------------------
 */

/* What is behind the first page. */
static struct span later_of(const struct buffer *chain)
{
    struct span rest = buffer_span(chain);
    struct chain_page first;
    assert_true(chain_next(&rest, &first));
    return rest;
}

/* "" when it is not there. */
static const char *read_page(const struct chain_owner *owner, const char *token, uint64_t now)
{
    static char text[256];
    struct buffer head = {0};
    struct buffer body = {0};
    struct open_page page;
    bool is_read = open_chain_read(owner, span_of_text(token), now, &head, &body, &page);
    snprintf(text, sizeof(text), "%.*s|%.*s", (int)head.size, (const char *)head.data,
             (int)body.size, (const char *)body.data);
    buffer_free(&head);
    buffer_free(&body);
    return is_read ? text : "";
}

/* A chain of two pages, the second of which is asked for with `token`. */
static bool open_sized(const char *token, size_t size, uint64_t now)
{
    struct buffer chain = {0};
    uint8_t *bytes = calloc(1, size);
    const struct chain_page first = page_of("", "head", "body");
    const struct chain_page second = {span_of_text(token), SPAN_OF("h"), {bytes, size}, 0};
    assert_true(chain_append(&chain, &first) && chain_append(&chain, &second));
    bool is_open = open_chain_begin(&me, later_of(&chain), 1, now);
    buffer_free(&chain);
    free(bytes);
    return is_open;
}

/* Lets all that was opened until `now` be forgotten. */
static void forget_all(uint64_t now)
{
    assert_string_equal(read_page(&me, "nothing", now + CHAIN_GRACE_MS + 1), "");
}

static void pages_are_served_in_any_order_and_again(void **state)
{
    (void)state;
    struct buffer chain = {0};
    three_pages(&chain);
    assert_true(open_chain_begin(&me, later_of(&chain), 1, NOW));
    buffer_wipe(&chain);
    buffer_free(&chain);
    for (int i = 0; i < 3; i++) {
        assert_string_equal(read_page(&me, "two", NOW), "head 2|b");
        assert_string_equal(read_page(&me, "one", NOW), "head 1|the body 1");
    }
    assert_string_equal(read_page(&me, "", NOW), "");
    assert_string_equal(read_page(&me, "three", NOW), "");
    struct chain_owner other = me;
    other.principal.id[0]++;
    assert_string_equal(read_page(&other, "one", NOW), "");
    forget_all(NOW);
}

static void a_chain_stays_for_the_grace_after_each_page(void **state)
{
    (void)state;
    struct buffer chain = {0};
    three_pages(&chain);
    assert_true(open_chain_begin(&me, later_of(&chain), 1, NOW));
    assert_string_not_equal(read_page(&me, "one", NOW + CHAIN_GRACE_MS), "");
    assert_string_not_equal(read_page(&me, "two", NOW + 2 * CHAIN_GRACE_MS), "");
    assert_string_equal(read_page(&me, "two", NOW + 3 * CHAIN_GRACE_MS + 1), "");
    buffer_free(&chain);
}

static void who_gives_up_does_not_disturb_the_others(void **state)
{
    (void)state;
    struct buffer chain = {0};
    three_pages(&chain);
    assert_true(open_chain_begin(&me, later_of(&chain), 1, NOW));
    assert_true(open_chain_begin(&me, later_of(&chain), 1, NOW));
    assert_true(open_chain_give_up(&me, SPAN_OF("one"), NOW));
    assert_false(open_chain_give_up(&me, SPAN_OF("three"), NOW));
    assert_string_not_equal(read_page(&me, "one", NOW), "");
    assert_string_not_equal(read_page(&me, "two", NOW), "");
    buffer_free(&chain);
    forget_all(NOW);
}

static void what_was_read_to_its_end_makes_room_and_what_is_being_read_does_not(void **state)
{
    (void)state;
    char token[32];
    for (int i = 0; i < CHAINS_COUNT; i++) {
        snprintf(token, sizeof(token), "t%d", i);
        assert_true(open_sized(token, 10, NOW + (uint64_t)i));
    }
    assert_false(open_sized("more", 10, NOW + 100));
    assert_string_not_equal(read_page(&me, "t7", NOW + 101), "");
    assert_string_not_equal(read_page(&me, "t5", NOW + 102), "");
    assert_true(open_sized("more", 10, NOW + 103));
    assert_string_equal(read_page(&me, "t7", NOW + 104), "");
    assert_string_not_equal(read_page(&me, "t5", NOW + 104), "");
    assert_true(open_chain_give_up(&me, SPAN_OF("t9"), NOW + 105));
    assert_true(open_sized("most", 10, NOW + 106));
    assert_string_equal(read_page(&me, "t9", NOW + 107), "");
    assert_string_not_equal(read_page(&me, "t0", NOW + 107), "");
    forget_all(NOW + 107);
}

static void the_memory_for_open_chains_is_bounded(void **state)
{
    (void)state;
    assert_false(open_sized("large", CHAIN_LIMIT + 1, NOW));
    assert_true(open_sized("one", CHAIN_LIMIT - 1000, NOW));
    assert_true(open_sized("two", CHAIN_LIMIT - 1000, NOW));
    assert_false(open_sized("three", CHAIN_LIMIT - 1000, NOW));
    assert_true(open_sized("two", CHAIN_LIMIT - 1000, NOW));
    forget_all(NOW);
    assert_true(open_sized("three", CHAIN_LIMIT - 1000, NOW + 2 * CHAIN_GRACE_MS));
    forget_all(NOW + 2 * CHAIN_GRACE_MS);
}

/* ---- fork --------------------------------------------------------------------------------------
 */

static void a_child_goes_on_with_what_is_open_and_not_with_what_is_recorded(void **state)
{
    (void)state;
    struct buffer chain = {0};
    three_pages(&chain);
    assert_true(open_chain_begin(&me, later_of(&chain), 1, NOW));
    assert_true(recording_put(begun(&me, 1, 10), SPAN_OF("0"), NOW));
    pid_t child = fork();
    if (child == 0) {
        bool is_right = strcmp(read_page(&me, "one", NOW), "head 1|the body 1") == 0 &&
                        !recording_take(&me, 1, SPAN_OF("0"), NOW);
        _exit(is_right ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    struct recording *recording = recording_take(&me, 1, SPAN_OF("0"), NOW);
    assert_non_null(recording);
    recording_free(recording);
    buffer_free(&chain);
    forget_all(NOW);
}

static void *read_again_and_again(void *argument)
{
    const struct buffer *chain = argument;
    for (int i = 0; i < 500; i++) {
        struct buffer head = {0};
        struct buffer body = {0};
        struct open_page page;
        uint64_t now = NOW + (uint64_t)i;
        if (!open_chain_begin(&me, later_of(chain), 1, now) ||
            !open_chain_read(&me, SPAN_OF("one"), now, &head, &body, &page) ||
            !open_chain_read(&me, SPAN_OF("two"), now, &head, &body, &page))
            return argument;
        buffer_free(&head);
        buffer_free(&body);
    }
    return NULL;
}

static void forks_while_threads_read_leave_no_lock_behind(void **state)
{
    (void)state;
    struct buffer chain = {0};
    pthread_t threads[2];
    three_pages(&chain);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_again_and_again, &chain), 0);
    for (int i = 0; i < 50; i++) {
        pid_t child = fork();
        if (child == 0) {
            alarm(30);
            _exit(read_again_and_again(&chain) ? 1 : 0);
        }
        int status = -1;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
    for (int i = 0; i < 2; i++) {
        void *failed = NULL;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    buffer_free(&chain);
    forget_all(NOW + 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_come_back_in_their_order),
        cmocka_unit_test(another_number_of_pages_is_refused),
        cmocka_unit_test(only_the_first_page_is_without_a_token),
        cmocka_unit_test(a_chain_cut_anywhere_is_refused),
        cmocka_unit_test(sizes_that_are_not_true_are_refused),
        cmocka_unit_test(no_damage_leads_out_of_the_bytes),
        cmocka_unit_test(a_recording_is_found_by_its_token_once),
        cmocka_unit_test(nobody_elses_recording_is_found),
        cmocka_unit_test(a_token_given_again_ends_the_recording_that_had_it),
        cmocka_unit_test(a_recording_that_is_not_continued_is_forgotten),
        cmocka_unit_test(of_too_many_recordings_the_oldest_go),
        cmocka_unit_test(tokens_of_two_recordings_are_never_the_same),
        cmocka_unit_test(pages_are_served_in_any_order_and_again),
        cmocka_unit_test(a_chain_stays_for_the_grace_after_each_page),
        cmocka_unit_test(who_gives_up_does_not_disturb_the_others),
        cmocka_unit_test(what_was_read_to_its_end_makes_room_and_what_is_being_read_does_not),
        cmocka_unit_test(the_memory_for_open_chains_is_bounded),
        cmocka_unit_test(a_child_goes_on_with_what_is_open_and_not_with_what_is_recorded),
        cmocka_unit_test(forks_while_threads_read_leave_no_lock_behind),
    };
    return cmocka_run_group_tests_name("chain", tests, NULL, NULL);
}
