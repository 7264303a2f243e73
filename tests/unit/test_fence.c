/* Fences and generations: what a program under the shim may not be shown any more. */
#include "cache_fixture.h"

#include "cache/fence.h"

#include <pthread.h>
#include <sys/mman.h>

static const struct endpoint vcenter = {"https://vc.example.com:443"};
static const struct endpoint other = {"https://vc2.example.com:443"};

static bool is_fenced(struct fixture *fixture)
{
    return fence_read(fixture->cache, &vcenter).is_fenced;
}

static uint64_t generation(struct fixture *fixture)
{
    return fence_read(fixture->cache, &vcenter).generation;
}

static void write_to(struct cache *cache, const struct endpoint *endpoint)
{
    fence_lower(cache, fence_raise(cache, endpoint, 60000));
}

/* Where another process has raised a fence; shared with children. */
static struct fence_raised *elsewhere;

static void a_write_moves_the_generation_twice_and_fences_in_between(void **state)
{
    struct fixture *fixture = *state;
    assert_false(is_fenced(fixture));
    uint64_t before = generation(fixture);
    struct fence_raised raised = fence_raise(fixture->cache, &vcenter, 60000);
    assert_int_equal(generation(fixture), before + 1);
    assert_true(is_fenced(fixture));
    fence_lower(fixture->cache, raised);
    assert_int_equal(generation(fixture), before + 2);
    assert_false(is_fenced(fixture));
}

static void origins_are_fenced_apart(void **state)
{
    struct fixture *fixture = *state;
    uint64_t before = fence_read(fixture->cache, &other).generation;
    fence_raise(fixture->cache, &vcenter, 60000);
    assert_false(fence_read(fixture->cache, &other).is_fenced);
    assert_int_equal(fence_read(fixture->cache, &other).generation, before);
}

static void the_last_of_many_writes_ends_the_fence(void **state)
{
    struct fixture *fixture = *state;
    struct fence_raised raised[5];
    for (int i = 0; i < 5; i++)
        raised[i] = fence_raise(fixture->cache, &vcenter, 60000);
    for (int i = 0; i < 5; i++) {
        assert_true(is_fenced(fixture));
        fence_lower(fixture->cache, raised[i]);
    }
    assert_false(is_fenced(fixture));
    fence_lower(fixture->cache, raised[0]); /* one too many does no harm */
    assert_false(is_fenced(fixture));
    raised[0] = fence_raise(fixture->cache, &vcenter, 60000);
    assert_true(is_fenced(fixture));
    fence_lower(fixture->cache, raised[0]);
    assert_false(is_fenced(fixture));
}

static int raise_and_die(struct fixture *fixture)
{
    struct cache *cache = own_cache(fixture);
    fence_raise(cache, &vcenter, 300);
    kill(getpid(), SIGKILL);
    return 1;
}

static void a_killed_writers_fence_runs_out(void **state)
{
    struct fixture *fixture = *state;
    uint64_t before = generation(fixture);
    uint64_t start = clock_milliseconds();
    assert_int_equal(WTERMSIG(run_child(raise_and_die, fixture)), SIGKILL);
    assert_true(is_fenced(fixture) || clock_milliseconds() - start >= 300);
    assert_int_equal(generation(fixture), before + 1);
    sleep_ms(350);
    assert_false(is_fenced(fixture));
    /* And does not count in the next write's. */
    write_to(fixture->cache, &vcenter);
    assert_false(is_fenced(fixture));
}

static int raise_only(struct fixture *fixture)
{
    struct cache *cache = own_cache(fixture);
    *elsewhere = fence_raise(cache, &vcenter, 60000);
    return 0;
}

static int lower_only(struct fixture *fixture)
{
    struct cache *cache = own_cache(fixture);
    fence_lower(cache, *elsewhere);
    return 0;
}

static void a_fence_holds_for_all_processes(void **state)
{
    struct fixture *fixture = *state;
    uint64_t before = generation(fixture);
    assert_int_equal(run_child(raise_only, fixture), 0);
    assert_true(is_fenced(fixture));
    assert_int_equal(run_child(lower_only, fixture), 0);
    assert_false(is_fenced(fixture));
    assert_int_equal(generation(fixture), before + 2);
}

static void a_held_fence_stays_until_its_bound(void **state)
{
    struct fixture *fixture = *state;
    struct fence_raised raised = fence_raise(fixture->cache, &vcenter, 60000);
    fence_hold(fixture->cache, &vcenter, 300);
    fence_lower(fixture->cache, raised);
    assert_true(is_fenced(fixture));
    fence_hold(fixture->cache, &vcenter, 1); /* does not shorten it */
    sleep_ms(100);
    assert_true(is_fenced(fixture));
    sleep_ms(250);
    assert_false(is_fenced(fixture));
}

static int end_task(struct fixture *fixture)
{
    struct cache *cache = own_cache(fixture);
    fence_end_task(cache, &vcenter, SPAN_OF("task-1"));
    return 0;
}

static void a_task_fences_until_anybody_sees_its_end(void **state)
{
    struct fixture *fixture = *state;
    fence_hold_task(fixture->cache, &vcenter, SPAN_OF("task-1"), 60000);
    fence_hold_task(fixture->cache, &vcenter, SPAN_OF("task-1"), 60000);
    fence_hold_task(fixture->cache, &vcenter, SPAN_OF("task-2"), 60000);
    uint64_t before = generation(fixture);
    fence_end_task(fixture->cache, &vcenter, SPAN_OF("task-3"));
    assert_true(is_fenced(fixture));
    assert_int_equal(run_child(end_task, fixture), 0);
    assert_int_equal(generation(fixture), before + 1);
    assert_true(is_fenced(fixture));
    fence_end_task(fixture->cache, &vcenter, SPAN_OF("task-2"));
    assert_int_equal(generation(fixture), before + 2);
    assert_false(is_fenced(fixture));
    fence_end_task(fixture->cache, &vcenter, SPAN_OF("task-2"));
    assert_int_equal(generation(fixture), before + 2);
}

static void a_task_that_nobody_watches_is_given_up(void **state)
{
    struct fixture *fixture = *state;
    fence_hold_task(fixture->cache, &vcenter, SPAN_OF("task-1"), 200);
    assert_true(is_fenced(fixture));
    sleep_ms(500); /* tasks are timed in quarters of a second */
    assert_false(is_fenced(fixture));
}

static void more_tasks_than_there_is_room_for_fence_until_their_bound(void **state)
{
    struct fixture *fixture = *state;
    char name[32];
    for (int i = 0; i < 40; i++) {
        snprintf(name, sizeof(name), "task-%d", i);
        fence_hold_task(fixture->cache, &vcenter, span_of_text(name), 1000);
    }
    for (int i = 0; i < 40; i++) {
        snprintf(name, sizeof(name), "task-%d", i);
        fence_end_task(fixture->cache, &vcenter, span_of_text(name));
    }
    assert_true(is_fenced(fixture));
    sleep_ms(1300);
    assert_false(is_fenced(fixture));
}

static void an_invalidation_moves_one_generation_or_all(void **state)
{
    struct fixture *fixture = *state;
    uint64_t one = generation(fixture);
    uint64_t two = fence_read(fixture->cache, &other).generation;
    fence_invalidate(fixture->cache, &vcenter);
    assert_int_equal(generation(fixture), one + 1);
    assert_int_equal(fence_read(fixture->cache, &other).generation, two);
    fence_invalidate_all(fixture->cache);
    assert_int_equal(generation(fixture), one + 2);
    assert_int_equal(fence_read(fixture->cache, &other).generation, two + 1);
    assert_false(is_fenced(fixture));
}

static void *raise_and_lower(void *closure)
{
    for (int i = 0; i < 2000; i++)
        write_to(closure, &vcenter);
    return NULL;
}

static void no_write_is_lost_among_many(void **state)
{
    struct fixture *fixture = *state;
    pthread_t threads[8];
    uint64_t before = generation(fixture);
    for (int i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, raise_and_lower, fixture->cache), 0);
    for (int i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(generation(fixture), before + 32000);
    assert_false(is_fenced(fixture));
}

static void fences_work_while_the_gate_is_shut(void **state)
{
    struct fixture *fixture = *state;
    char path[PATH_MAX];
    uint64_t before = generation(fixture);
    path_in(path, &fixture->config, "locks");
    int fd = open(path, O_RDWR | O_CLOEXEC);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};
    assert_int_equal(fcntl(fd, F_OFD_SETLK, &lock), 0);
    assert_int_equal(run_child(raise_only, fixture), 0);
    assert_int_equal(generation(fixture), before + 1);
    assert_true(is_fenced(fixture));
    close(fd);
}

static void without_a_directory_everything_counts_as_fenced(void **state)
{
    struct fixture *fixture = *state;
    cache_close(fixture->cache);
    fixture->cache = own_cache(fixture);
    assert_int_equal(rmdir(fixture->config.directory), 0);
    assert_int_equal(cache_ready(fixture->cache, false), CACHE_ABSENT);
    assert_true(is_fenced(fixture));
    write_to(fixture->cache, &vcenter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(a_write_moves_the_generation_twice_and_fences_in_between),
        FIXTURE_TEST(origins_are_fenced_apart),
        FIXTURE_TEST(the_last_of_many_writes_ends_the_fence),
        FIXTURE_TEST(a_killed_writers_fence_runs_out),
        FIXTURE_TEST(a_fence_holds_for_all_processes),
        FIXTURE_TEST(a_held_fence_stays_until_its_bound),
        FIXTURE_TEST(a_task_fences_until_anybody_sees_its_end),
        FIXTURE_TEST(a_task_that_nobody_watches_is_given_up),
        FIXTURE_TEST(more_tasks_than_there_is_room_for_fence_until_their_bound),
        FIXTURE_TEST(an_invalidation_moves_one_generation_or_all),
        FIXTURE_TEST(no_write_is_lost_among_many),
        FIXTURE_TEST(fences_work_while_the_gate_is_shut),
        FIXTURE_TEST(without_a_directory_everything_counts_as_fenced),
    };
    elsewhere =
        mmap(NULL, sizeof(*elsewhere), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (elsewhere == MAP_FAILED)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
