/* Collapsing: of many that miss at once one asks the origin, and none waits for ever. */
#include "cache_fixture.h"

#include "cache/collapse.h"

#include <pthread.h>
#include <stdatomic.h>

static const struct cache_key one = {.id = {1, 2, 3, 4, 5, 6, 7, 8}};
static const struct cache_key two = {.id = {8, 7, 6, 5, 4, 3, 2, 1}};

enum { NO_BOUND_MS = 600000 }; /* more than anybody holds a claim here, on a machine that is busy */

static int set_up(void **state)
{
    fixture_set_up(state);
    struct fixture *fixture = *state;
    assert_int_equal(cache_ready(fixture->cache, true), CACHE_OK);
    return 0;
}

static void a_claim_is_held_by_one_at_a_time(void **state)
{
    struct fixture *fixture = *state;
    struct claim first, second, other;
    assert_int_equal(claim_take(fixture->cache, &one, 0, &first), CLAIM_HELD);
    assert_int_equal(claim_take(fixture->cache, &one, 0, &second), CLAIM_REFUSED);
    assert_int_equal(claim_take(fixture->cache, &two, 0, &other), CLAIM_HELD);
    claim_release(fixture->cache, &first);
    claim_release(fixture->cache, &first);
    assert_int_equal(claim_take(fixture->cache, &one, 0, &second), CLAIM_HELD);
    claim_release(fixture->cache, &second);
    claim_release(fixture->cache, &other);
}

static void waiting_has_a_bound(void **state)
{
    struct fixture *fixture = *state;
    struct claim first, second;
    assert_int_equal(claim_take(fixture->cache, &one, 0, &first), CLAIM_HELD);
    uint64_t start = clock_milliseconds();
    assert_int_equal(claim_take(fixture->cache, &one, 100, &second), CLAIM_REFUSED);
    assert_true(clock_milliseconds() - start >= 100);
    claim_release(fixture->cache, &first);
}

static void the_gate_is_nobodys_claim(void **state)
{
    struct fixture *fixture = *state;
    struct claim claims[3];
    struct cache_key keys[3] = {
        {.id = {0}}, {.id = {1}}, {.id = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}}};
    for (int i = 0; i < 3; i++)
        claim_take(fixture->cache, &keys[i], 0, &claims[i]);
    assert_true(works(fixture->cache));
    for (int i = 0; i < 3; i++)
        claim_release(fixture->cache, &claims[i]);
}

/* Counts in a file, for all to see, how often the origin was asked. */
static int ask_once(struct fixture *fixture)
{
    struct cache *cache = own_cache(fixture);
    struct claim claim;
    char path[PATH_MAX];
    EXPECT(is_ready(cache));
    if (has(cache, "answer", 1000, 1))
        return 0;
    enum claim_result result = claim_take(cache, &one, NO_BOUND_MS, &claim);
    EXPECT(result != CLAIM_REFUSED);
    if (result == CLAIM_HELD && !has(cache, "answer", 1000, 1)) {
        path_in(path, &fixture->config, "asked");
        int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
        EXPECT(write(fd, "x", 1) == 1);
        close(fd);
        sleep_ms(100);
        EXPECT(put_patiently(cache, "answer", 1000, 1) == CACHE_OK);
    }
    claim_release(cache, &claim);
    EXPECT(has(cache, "answer", 1000, 1));
    return 0;
}

static void of_many_processes_one_asks(void **state)
{
    struct fixture *fixture = *state;
    pid_t children[12];
    char path[PATH_MAX];
    struct stat asked;
    for (int i = 0; i < 12; i++)
        children[i] = start_child(ask_once, fixture);
    for (int i = 0; i < 12; i++)
        assert_int_equal(await_child(children[i]), 0);
    path_in(path, &fixture->config, "asked");
    assert_int_equal(stat(path, &asked), 0);
    assert_int_equal(asked.st_size, 1);
}

static int hold_for_ever(struct fixture *fixture)
{
    struct cache *cache = own_cache(fixture);
    struct claim claim;
    EXPECT(claim_take(cache, &one, 0, &claim) == CLAIM_HELD);
    raise(SIGSTOP);
    return 0;
}

static void *kill_soon(void *closure)
{
    sleep_ms(200);
    kill(*(pid_t *)closure, SIGKILL);
    return NULL;
}

static void a_killed_holder_lets_go(void **state)
{
    struct fixture *fixture = *state;
    struct claim claim;
    pthread_t thread;
    pid_t holder = start_child(hold_for_ever, fixture);
    await_stopped(holder);
    assert_int_equal(claim_take(fixture->cache, &one, 50, &claim), CLAIM_REFUSED);
    assert_int_equal(pthread_create(&thread, NULL, kill_soon, &holder), 0);
    /* Whether it dies while it is waited for, or sooner on a machine that is busy. */
    assert_int_not_equal(claim_take(fixture->cache, &one, NO_BOUND_MS, &claim), CLAIM_REFUSED);
    claim_release(fixture->cache, &claim);
    pthread_join(thread, NULL);
    await_child(holder);
}

enum { CONTESTANTS = 10 };

struct contest {
    struct cache *cache;
    atomic_int arrived;
    atomic_int holding; /* at this moment */
    atomic_int together;
    atomic_int waited;
    atomic_int refused;
    pthread_barrier_t barrier;
};

/* Whoever holds it does so until all have come, and a while longer: then most of them wait for it.
 * One that was off the processor all that time comes when it is free, and holds it, too. */
static void *contend(void *closure)
{
    struct contest *contest = closure;
    struct claim claim;
    pthread_barrier_wait(&contest->barrier);
    atomic_fetch_add(&contest->arrived, 1);
    switch (claim_take(contest->cache, &one, NO_BOUND_MS, &claim)) {
    case CLAIM_HELD:
        if (atomic_fetch_add(&contest->holding, 1) > 0)
            atomic_fetch_add(&contest->together, 1);
        while (atomic_load(&contest->arrived) < CONTESTANTS)
            sleep_ms(10);
        sleep_ms(1000);
        atomic_fetch_sub(&contest->holding, 1);
        break;
    case CLAIM_WAITED:
        atomic_fetch_add(&contest->waited, 1);
        break;
    case CLAIM_REFUSED:
        atomic_fetch_add(&contest->refused, 1);
        break;
    }
    claim_release(contest->cache, &claim);
    return NULL;
}

static void threads_exclude_each_other_too(void **state)
{
    struct fixture *fixture = *state;
    struct contest contest = {.cache = fixture->cache};
    pthread_t threads[CONTESTANTS];
    pthread_barrier_init(&contest.barrier, NULL, CONTESTANTS);
    for (int i = 0; i < CONTESTANTS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, contend, &contest), 0);
    for (int i = 0; i < CONTESTANTS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(contest.together, 0);
    assert_int_equal(contest.refused, 0);
    assert_true(contest.waited > 0);
    pthread_barrier_destroy(&contest.barrier);
}

static void a_forked_child_does_not_keep_its_parents_claim(void **state)
{
    struct fixture *fixture = *state;
    struct claim claim, again;
    assert_int_equal(claim_take(fixture->cache, &one, 0, &claim), CLAIM_HELD);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        claim_release(fixture->cache, &claim); /* not the child's to release */
        raise(SIGSTOP);
        _exit(0);
    }
    await_stopped(child);
    assert_int_equal(claim_take(fixture->cache, &one, 0, &again), CLAIM_REFUSED);
    /* As when the parent dies: only its own descriptor is closed. */
    close(claim.fd);
    assert_int_equal(claim_take(fixture->cache, &one, 0, &again), CLAIM_HELD);
    claim_release(fixture->cache, &again);
    end_child(child);
}

static void a_claim_whose_descriptor_was_reused_is_left_alone(void **state)
{
    struct fixture *fixture = *state;
    struct claim claim;
    struct stat status;
    assert_int_equal(claim_take(fixture->cache, &one, 0, &claim), CLAIM_HELD);
    int fd = claim.fd;
    close(fd);
    int null = open("/dev/null", O_RDWR);
    assert_int_equal(dup2(null, fd), fd);
    claim_release(fixture->cache, &claim);
    assert_int_equal(fstat(fd, &status), 0);
    assert_true(S_ISCHR(status.st_mode));
    if (null != fd)
        close(null);
    close(fd);
}

static void without_a_directory_claims_are_refused_at_once(void **state)
{
    struct fixture *fixture = *state;
    struct claim claim;
    unit_remove(&fixture->config);
    uint64_t start = clock_milliseconds();
    assert_int_equal(claim_take(fixture->cache, &one, NO_BOUND_MS, &claim), CLAIM_REFUSED);
    assert_true(clock_milliseconds() - start < NO_BOUND_MS);
    claim_release(fixture->cache, &claim);
}

#define COLLAPSE_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        COLLAPSE_TEST(a_claim_is_held_by_one_at_a_time),
        COLLAPSE_TEST(waiting_has_a_bound),
        COLLAPSE_TEST(the_gate_is_nobodys_claim),
        COLLAPSE_TEST(of_many_processes_one_asks),
        COLLAPSE_TEST(a_killed_holder_lets_go),
        COLLAPSE_TEST(threads_exclude_each_other_too),
        COLLAPSE_TEST(a_forked_child_does_not_keep_its_parents_claim),
        COLLAPSE_TEST(a_claim_whose_descriptor_was_reused_is_left_alone),
        COLLAPSE_TEST(without_a_directory_claims_are_refused_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
