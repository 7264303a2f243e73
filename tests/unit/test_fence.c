/* Fences and generations: what a program under the shim may not be shown any more. */
#include "cache_fixture.h"

#include "cache/fence.h"
#include "cache/shared.h"

#include <pthread.h>
#include <sys/mman.h>

static const struct endpoint vcenter = {"https://vc.example.com:443"};
static const struct endpoint by_address = {"https://192.0.2.1:443"};
static const struct endpoint other = {"https://vc2.example.com:443"};

#define UUID SPAN_OF("dbed6e0c-bd88-4ef6-b594-21283e1c677f")
#define OTHER_UUID SPAN_OF("4c4c4544-0056-3010-8052-b3c04f4e354a")

static bool is_fenced(struct fixture *fixture)
{
    return fence_read(fixture->cache, &vcenter).is_fenced;
}

static bool is_fenced_for(struct fixture *fixture, const struct endpoint *endpoint)
{
    return fence_read(fixture->cache, endpoint).is_fenced;
}

static uint64_t generation_for(struct fixture *fixture, const struct endpoint *endpoint)
{
    return fence_read(fixture->cache, endpoint).generation;
}

static uint64_t generation(struct fixture *fixture)
{
    return generation_for(fixture, &vcenter);
}

/* One vCenter by two names, and another one. */
static void learn_all(struct fixture *fixture)
{
    fence_learn(fixture->cache, &vcenter, UUID);
    fence_learn(fixture->cache, &by_address, UUID);
    fence_learn(fixture->cache, &other, OTHER_UUID);
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

static void a_killed_writers_fence_runs_out_though_others_go_on_writing(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(WTERMSIG(run_child(raise_and_die, fixture)), SIGKILL);
    for (int i = 0; i < 8; i++) {
        struct fence_raised raised = fence_raise(fixture->cache, &vcenter, 300);
        sleep_ms(50);
        fence_lower(fixture->cache, raised);
    }
    assert_false(is_fenced(fixture));
}

static void a_writer_slower_than_its_bound_ends_no_other_fence(void **state)
{
    struct fixture *fixture = *state;
    struct fence_raised slow = fence_raise(fixture->cache, &vcenter, 100);
    sleep_ms(150);
    assert_false(is_fenced(fixture));
    struct fence_raised raised = fence_raise(fixture->cache, &vcenter, 60000);
    fence_lower(fixture->cache, slow);
    assert_true(is_fenced(fixture));
    fence_lower(fixture->cache, raised);
    assert_false(is_fenced(fixture));
}

static void more_writes_than_there_is_room_for_fence_until_their_bound(void **state)
{
    struct fixture *fixture = *state;
    struct fence_raised raised[40];
    uint64_t start = clock_milliseconds();
    for (int i = 0; i < 40; i++)
        raised[i] = fence_raise(fixture->cache, &vcenter, 400);
    for (int i = 0; i < 40; i++)
        fence_lower(fixture->cache, raised[i]);
    assert_true(is_fenced(fixture) || clock_milliseconds() - start >= 400);
    sleep_ms(450);
    assert_false(is_fenced(fixture));
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
    uint64_t begun = clock_milliseconds();
    fence_hold(fixture->cache, &vcenter, 300);
    fence_lower(fixture->cache, raised);
    fence_hold(fixture->cache, &vcenter, 1); /* does not shorten it */
    while (is_fenced(fixture))
        sleep_ms(10);
    assert_true(clock_milliseconds() - begun >= 300);
}

static int reads_of_vcenter_are_free(struct fixture *fixture)
{
    EXPECT(!fence_read(own_cache(fixture), &vcenter).is_fenced);
    return 0;
}

static int reads_of_vcenter_are_fenced(struct fixture *fixture)
{
    EXPECT(fence_read(own_cache(fixture), &vcenter).is_fenced);
    return 0;
}

static void remove_directory(const struct fixture *fixture)
{
    unit_remove(&fixture->config);
    sleep_ms(30); /* readers compare the path every 20 ms */
}

static void what_is_under_way_when_the_directory_is_removed_fences_in_the_next(void **state)
{
    struct fixture *fixture = *state;
    learn_all(fixture);
    fence_hold_task(fixture->cache, &by_address, SPAN_OF("task-1"), 60000);
    fence_hold(fixture->cache, &other, 300);
    struct fence_raised raised = fence_raise(fixture->cache, &other, 60000);
    remove_directory(fixture);
    /* Made by one that knows of nothing; one that does looks at it. */
    assert_int_equal(run_child(reads_of_vcenter_are_free, fixture), 0);
    uint64_t before = generation(fixture);
    assert_true(is_fenced(fixture));
    assert_int_equal(run_child(reads_of_vcenter_are_fenced, fixture), 0);
    fence_learn(fixture->cache, &vcenter, UUID);
    assert_true(is_fenced(fixture));
    fence_lower(fixture->cache, raised);
    sleep_ms(350);
    assert_true(is_fenced(fixture));
    assert_true(is_fenced_for(fixture, &by_address));
    fence_end_task(fixture->cache, &by_address, SPAN_OF("task-1"));
    assert_false(is_fenced_for(fixture, &by_address));
    assert_int_not_equal(generation(fixture), before);
}

static void what_had_ended_when_the_directory_is_removed_does_not_fence(void **state)
{
    struct fixture *fixture = *state;
    fence_hold_task(fixture->cache, &vcenter, SPAN_OF("task-1"), 60000);
    fence_end_task(fixture->cache, &vcenter, SPAN_OF("task-1"));
    fence_hold(fixture->cache, &vcenter, 1);
    write_to(fixture->cache, &vcenter);
    remove_directory(fixture);
    assert_false(is_fenced(fixture));
}

static void a_file_that_was_cut_is_not_looked_into(void **state)
{
    struct fixture *fixture = *state;
    char path[PATH_MAX];
    fence_hold_task(fixture->cache, &vcenter, SPAN_OF("task-1"), 60000);
    path_in(path, &fixture->config, "shared");
    assert_int_equal(truncate(path, 0), 0);
    remove_directory(fixture);
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
    uint64_t start = clock_milliseconds();
    fence_hold_task(fixture->cache, &vcenter, SPAN_OF("task-1"), 200);
    assert_true(is_fenced(fixture) || clock_milliseconds() - start >= 200);
    sleep_ms(500); /* tasks are timed in quarters of a second */
    assert_false(is_fenced(fixture));
}

static void more_tasks_than_there_is_room_for_fence_until_their_bound(void **state)
{
    struct fixture *fixture = *state;
    char name[32];
    uint64_t start = clock_milliseconds();
    for (int i = 0; i < 40; i++) {
        snprintf(name, sizeof(name), "task-%d", i);
        fence_hold_task(fixture->cache, &vcenter, span_of_text(name), 1000);
    }
    for (int i = 0; i < 40; i++) {
        snprintf(name, sizeof(name), "task-%d", i);
        fence_end_task(fixture->cache, &vcenter, span_of_text(name));
    }
    assert_true(is_fenced(fixture) || clock_milliseconds() - start >= 1000);
    sleep_ms(1300);
    assert_false(is_fenced(fixture));
}

static void an_invalidation_moves_one_generation_or_all(void **state)
{
    struct fixture *fixture = *state;
    learn_all(fixture);
    uint64_t one = generation(fixture);
    uint64_t two = generation_for(fixture, &other);
    fence_invalidate(fixture->cache, &vcenter);
    assert_int_not_equal(generation(fixture), one);
    assert_int_equal(generation_for(fixture, &other), two);
    one = generation(fixture);
    fence_invalidate_all(fixture->cache);
    assert_int_not_equal(generation(fixture), one);
    assert_int_not_equal(generation_for(fixture, &other), two);
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

/* ---- one origin, several names ---- */

static void known_origins_are_fenced_apart(void **state)
{
    struct fixture *fixture = *state;
    learn_all(fixture);
    uint64_t before = generation_for(fixture, &other);
    fence_raise(fixture->cache, &vcenter, 60000);
    fence_hold_task(fixture->cache, &vcenter, SPAN_OF("task-1"), 60000);
    assert_false(is_fenced_for(fixture, &other));
    assert_int_equal(generation_for(fixture, &other), before);
}

static void names_of_one_origin_share_its_fence(void **state)
{
    struct fixture *fixture = *state;
    learn_all(fixture);
    uint64_t before = generation_for(fixture, &by_address);
    struct fence_raised raised = fence_raise(fixture->cache, &vcenter, 60000);
    assert_true(is_fenced_for(fixture, &by_address));
    fence_lower(fixture->cache, raised);
    assert_false(is_fenced_for(fixture, &by_address));
    assert_int_not_equal(generation_for(fixture, &by_address), before);
    fence_hold(fixture->cache, &by_address, 60000);
    assert_true(is_fenced(fixture));
}

static void a_task_of_one_name_ends_under_another(void **state)
{
    struct fixture *fixture = *state;
    learn_all(fixture);
    fence_hold_task(fixture->cache, &vcenter, SPAN_OF("task-1"), 60000);
    assert_true(is_fenced_for(fixture, &by_address));
    uint64_t before = generation(fixture);
    fence_end_task(fixture->cache, &other, SPAN_OF("task-1")); /* another vCenter's */
    assert_true(is_fenced_for(fixture, &by_address));
    fence_end_task(fixture->cache, &by_address, SPAN_OF("task-1"));
    assert_false(is_fenced(fixture));
    assert_false(is_fenced_for(fixture, &by_address));
    assert_int_not_equal(generation(fixture), before);
}

static int learn_and_write(struct fixture *fixture)
{
    struct cache *cache = own_cache(fixture);
    fence_learn(cache, &by_address, UUID);
    write_to(cache, &by_address);
    return 0;
}

static void what_one_process_learns_all_know(void **state)
{
    struct fixture *fixture = *state;
    fence_learn(fixture->cache, &vcenter, UUID);
    uint64_t before = generation(fixture);
    assert_int_equal(run_child(learn_and_write, fixture), 0);
    assert_int_not_equal(generation(fixture), before);
}

static void what_is_not_known_is_anybodys(void **state)
{
    struct fixture *fixture = *state;
    fence_learn(fixture->cache, &vcenter, UUID);
    /* What is written there may be written here, by another name. */
    uint64_t before = generation(fixture);
    struct fence_raised raised = fence_raise(fixture->cache, &by_address, 60000);
    assert_true(is_fenced(fixture));
    fence_hold_task(fixture->cache, &by_address, SPAN_OF("task-1"), 60000);
    fence_lower(fixture->cache, raised);
    assert_true(is_fenced(fixture));
    fence_end_task(fixture->cache, &by_address, SPAN_OF("task-1"));
    assert_false(is_fenced(fixture));
    assert_int_not_equal(generation(fixture), before);
    /* And the other way round. */
    before = generation_for(fixture, &by_address);
    raised = fence_raise(fixture->cache, &vcenter, 60000);
    assert_true(is_fenced_for(fixture, &by_address));
    fence_hold_task(fixture->cache, &vcenter, SPAN_OF("task-2"), 60000);
    fence_lower(fixture->cache, raised);
    assert_true(is_fenced_for(fixture, &by_address));
    fence_end_task(fixture->cache, &vcenter, SPAN_OF("task-2"));
    assert_false(is_fenced_for(fixture, &by_address));
    assert_int_not_equal(generation_for(fixture, &by_address), before);
}

static void of_two_vcenters_that_are_not_known_tasks_of_one_name_are_two(void **state)
{
    struct fixture *fixture = *state;
    fence_hold_task(fixture->cache, &vcenter, SPAN_OF("task-1"), 60000);
    fence_hold_task(fixture->cache, &other, SPAN_OF("task-1"), 60000);
    fence_end_task(fixture->cache, &vcenter, SPAN_OF("task-1"));
    assert_true(is_fenced_for(fixture, &other));
    fence_end_task(fixture->cache, &other, SPAN_OF("task-1"));
    assert_false(is_fenced_for(fixture, &other));
}

static void an_origin_without_a_uuid_is_its_names_alone(void **state)
{
    struct fixture *fixture = *state;
    learn_all(fixture);
    const struct endpoint host = {"https://esx1.example.com:443"};
    const struct endpoint host2 = {"https://esx2.example.com:443"};
    fence_learn(fixture->cache, &host, (struct span){0});
    fence_learn(fixture->cache, &host2, (struct span){0});
    uint64_t before = generation(fixture);
    uint64_t before2 = generation_for(fixture, &host2);
    fence_raise(fixture->cache, &host, 60000);
    assert_true(is_fenced_for(fixture, &host));
    assert_false(is_fenced_for(fixture, &host2));
    assert_int_equal(generation_for(fixture, &host2), before2);
    assert_int_equal(generation(fixture), before);
}

/* ---- the moment of learning ---- */

static void what_was_stored_before_it_was_known_is_valid_until_a_write(void **state)
{
    struct fixture *fixture = *state;
    write_to(fixture->cache, &other);
    uint64_t before = generation(fixture);
    fence_learn(fixture->cache, &vcenter, UUID);
    assert_int_equal(generation(fixture), before);
    fence_learn(fixture->cache, &vcenter, UUID);
    fence_learn(fixture->cache, &by_address, UUID);
    fence_learn(fixture->cache, &other, OTHER_UUID);
    write_to(fixture->cache, &other);
    assert_int_equal(generation(fixture), before);
    write_to(fixture->cache, &by_address);
    assert_int_not_equal(generation(fixture), before);
}

static void what_is_learnt_while_a_write_is_under_way_hides_no_part_of_it(void **state)
{
    struct fixture *fixture = *state;
    fence_learn(fixture->cache, &by_address, UUID);
    uint64_t before = generation_for(fixture, &by_address);
    struct fence_raised raised = fence_raise(fixture->cache, &vcenter, 60000);
    fence_learn(fixture->cache, &vcenter, UUID);
    assert_true(is_fenced(fixture));
    assert_true(is_fenced_for(fixture, &by_address));
    uint64_t during = generation_for(fixture, &by_address);
    assert_int_not_equal(during, before);
    fence_hold_task(fixture->cache, &vcenter, SPAN_OF("task-1"), 60000);
    fence_lower(fixture->cache, raised);
    assert_true(is_fenced_for(fixture, &by_address));
    assert_int_not_equal(generation_for(fixture, &by_address), during);
    fence_end_task(fixture->cache, &vcenter, SPAN_OF("task-1"));
    assert_false(is_fenced(fixture));
    assert_false(is_fenced_for(fixture, &by_address));
}

static void a_task_from_before_it_was_known_ends_by_its_name(void **state)
{
    struct fixture *fixture = *state;
    fence_hold_task(fixture->cache, &vcenter, SPAN_OF("task-1"), 60000);
    learn_all(fixture);
    assert_true(is_fenced_for(fixture, &by_address));
    fence_end_task(fixture->cache, &vcenter, SPAN_OF("task-1"));
    assert_false(is_fenced_for(fixture, &by_address));
    assert_false(is_fenced(fixture));
}

static void a_name_that_is_another_vcenters_now_may_be_anybodys(void **state)
{
    struct fixture *fixture = *state;
    learn_all(fixture);
    uint64_t before = generation(fixture);
    fence_learn(fixture->cache, &vcenter, OTHER_UUID);
    assert_int_not_equal(generation(fixture), before);
    const struct endpoint *const names[] = {&by_address, &other};
    for (size_t i = 0; i < 2; i++) {
        before = generation(fixture);
        write_to(fixture->cache, names[i]);
        assert_int_not_equal(generation(fixture), before);
        before = generation_for(fixture, names[i]);
        write_to(fixture->cache, &vcenter);
        assert_int_not_equal(generation_for(fixture, names[i]), before);
    }
    /* Which of the two it is cannot be told any more. */
    fence_learn(fixture->cache, &vcenter, UUID);
    before = generation_for(fixture, &other);
    write_to(fixture->cache, &vcenter);
    assert_int_not_equal(generation_for(fixture, &other), before);
}

static void a_table_of_names_that_is_full_makes_the_rest_anybodys(void **state)
{
    struct fixture *fixture = *state;
    struct endpoint name = {{0}};
    fence_learn(fixture->cache, &vcenter, UUID);
    for (int i = 0; i < 2 * SHARED_ENDPOINTS; i++) {
        snprintf(name.name, sizeof(name.name), "https://esx%d.example.com:443", i);
        fence_learn(fixture->cache, &name, (struct span){0});
    }
    fence_learn(fixture->cache, &by_address, UUID);
    uint64_t before = generation_for(fixture, &by_address);
    write_to(fixture->cache, &vcenter);
    assert_int_not_equal(generation_for(fixture, &by_address), before);
    before = generation(fixture);
    write_to(fixture->cache, &by_address);
    assert_int_not_equal(generation(fixture), before);
}

static void damage_to_the_table_of_names_makes_them_anybodys(void **state)
{
    struct fixture *fixture = *state;
    learn_all(fixture);
    struct shared *shared = shared_get(fixture->cache, true);
    for (size_t i = 0; i < SHARED_ENDPOINTS; i++)
        shared->endpoints[i].origin ^= UINT64_C(1) << 40;
    uint64_t before = generation(fixture);
    write_to(fixture->cache, &other);
    assert_int_not_equal(generation(fixture), before);
    for (size_t i = 0; i < SHARED_ENDPOINTS; i++)
        memset((void *)&shared->endpoints[i], 0xa5, sizeof(shared->endpoints[i]));
    before = generation(fixture);
    write_to(fixture->cache, &other);
    assert_int_not_equal(generation(fixture), before);
    fence_learn(fixture->cache, &vcenter, UUID);
}

/* A vCenter with a value that one program writes by one name and another reads by another name,
 * while both names become known. */
struct race {
    struct cache *cache;
    struct endpoint written, read;
    atomic_uint value, completed;
    atomic_bool is_over;
    bool is_stale;
};

static void *write_values(void *closure)
{
    struct race *race = closure;
    for (int i = 0; i < 20; i++) {
        struct fence_raised raised = fence_raise(race->cache, &race->written, 60000);
        unsigned value = atomic_fetch_add(&race->value, 1) + 1;
        fence_lower(race->cache, raised);
        atomic_store(&race->completed, value);
    }
    atomic_store(&race->is_over, true);
    return NULL;
}

static void *read_values(void *closure)
{
    struct race *race = closure;
    uint64_t stored_in = 0;
    unsigned stored = 0;
    bool has_stored = false;
    do {
        unsigned completed = atomic_load(&race->completed);
        struct fence_state before = fence_read(race->cache, &race->read);
        if (has_stored && !before.is_fenced && before.generation == stored_in)
            race->is_stale = race->is_stale || stored < completed;
        unsigned value = atomic_load(&race->value);
        struct fence_state after = fence_read(race->cache, &race->read);
        if (before.is_fenced || after.is_fenced || before.generation != after.generation)
            continue;
        stored = value;
        stored_in = before.generation;
        has_stored = true;
    } while (!atomic_load(&race->is_over));
    return NULL;
}

static void *learn_names(void *closure)
{
    struct race *race = closure;
    while (atomic_load(&race->value) < 7)
        ;
    fence_learn(race->cache, &race->read, span_of_text(race->read.name));
    while (atomic_load(&race->value) < 14)
        ;
    fence_learn(race->cache, &race->written, span_of_text(race->read.name));
    return NULL;
}

static void nothing_slips_through_while_names_become_known(void **state)
{
    struct fixture *fixture = *state;
    static void *(*const work[])(void *) = {write_values, read_values, learn_names};
    for (int i = 0; i < 200; i++) {
        struct race race = {.cache = fixture->cache};
        pthread_t threads[3];
        snprintf(race.written.name, sizeof(race.written.name), "https://vc%d:443", i);
        snprintf(race.read.name, sizeof(race.read.name), "https://192.0.2.1:%d", i);
        for (int j = 0; j < 3; j++)
            assert_int_equal(pthread_create(&threads[j], NULL, work[j], &race), 0);
        for (int j = 0; j < 3; j++)
            pthread_join(threads[j], NULL);
        assert_false(race.is_stale);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(a_write_moves_the_generation_twice_and_fences_in_between),
        FIXTURE_TEST(the_last_of_many_writes_ends_the_fence),
        FIXTURE_TEST(a_killed_writers_fence_runs_out),
        FIXTURE_TEST(a_killed_writers_fence_runs_out_though_others_go_on_writing),
        FIXTURE_TEST(a_writer_slower_than_its_bound_ends_no_other_fence),
        FIXTURE_TEST(more_writes_than_there_is_room_for_fence_until_their_bound),
        FIXTURE_TEST(a_fence_holds_for_all_processes),
        FIXTURE_TEST(a_held_fence_stays_until_its_bound),
        FIXTURE_TEST(what_is_under_way_when_the_directory_is_removed_fences_in_the_next),
        FIXTURE_TEST(what_had_ended_when_the_directory_is_removed_does_not_fence),
        FIXTURE_TEST(a_file_that_was_cut_is_not_looked_into),
        FIXTURE_TEST(a_task_fences_until_anybody_sees_its_end),
        FIXTURE_TEST(a_task_that_nobody_watches_is_given_up),
        FIXTURE_TEST(more_tasks_than_there_is_room_for_fence_until_their_bound),
        FIXTURE_TEST(an_invalidation_moves_one_generation_or_all),
        FIXTURE_TEST(no_write_is_lost_among_many),
        FIXTURE_TEST(fences_work_while_the_gate_is_shut),
        FIXTURE_TEST(without_a_directory_everything_counts_as_fenced),
        FIXTURE_TEST(known_origins_are_fenced_apart),
        FIXTURE_TEST(names_of_one_origin_share_its_fence),
        FIXTURE_TEST(a_task_of_one_name_ends_under_another),
        FIXTURE_TEST(what_one_process_learns_all_know),
        FIXTURE_TEST(what_is_not_known_is_anybodys),
        FIXTURE_TEST(of_two_vcenters_that_are_not_known_tasks_of_one_name_are_two),
        FIXTURE_TEST(an_origin_without_a_uuid_is_its_names_alone),
        FIXTURE_TEST(what_was_stored_before_it_was_known_is_valid_until_a_write),
        FIXTURE_TEST(what_is_learnt_while_a_write_is_under_way_hides_no_part_of_it),
        FIXTURE_TEST(a_task_from_before_it_was_known_ends_by_its_name),
        FIXTURE_TEST(a_name_that_is_another_vcenters_now_may_be_anybodys),
        FIXTURE_TEST(a_table_of_names_that_is_full_makes_the_rest_anybodys),
        FIXTURE_TEST(damage_to_the_table_of_names_makes_them_anybodys),
        FIXTURE_TEST(nothing_slips_through_while_names_become_known),
    };
    elsewhere =
        mmap(NULL, sizeof(*elsewhere), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (elsewhere == MAP_FAILED)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
