/* The cache's directory and files: whose they are, and what happens when they are not as they were
 * left. Whatever that is, the process lives, and writes into no file but the cache's. */
#include "cache_fixture.h"

#include "cache/environment.h"
#include "cache/fence.h"
#include "cache/handle.h"
#include "cache/key.h"
#include "cache/shared.h"
#include "cache/statistics.h"

#include <dirent.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#if defined(__SANITIZE_ADDRESS__)
#define IS_SANITIZED true
#else
#define IS_SANITIZED false
#endif

static const struct endpoint vcenter = {"https://vc.example.com:443"};

static mode_t mode_of(const struct fixture *fixture, const char *name)
{
    char path[PATH_MAX];
    struct stat status;
    path_in(path, &fixture->config, name);
    return stat(path, &status) == 0 ? status.st_mode & 07777 : 0;
}

static uint64_t times_remade(struct cache *cache)
{
    struct statistics statistics;
    assert_int_equal(statistics_get(cache, &statistics), CACHE_OK);
    return statistics.verdicts[VERDICT_REMADE];
}

static void reopen(struct fixture *fixture)
{
    cache_close(fixture->cache);
    fixture->cache = own_cache(fixture);
    assert_non_null(fixture->cache);
}

/* ---- the directory ---- */

static void all_files_are_their_owners_alone_whatever_the_umask(void **state)
{
    struct fixture *fixture = *state;
    static const mode_t umasks[] = {0, 022, 0777};
    static const char *const names[] = {"data.mdb", "lock.mdb", "shared", "locks"};
    for (size_t i = 0; i < 3; i++) {
        unit_remove(&fixture->config);
        reopen(fixture);
        mode_t before = umask(umasks[i]);
        assert_true(works(fixture->cache));
        umask(before);
        assert_int_equal(mode_of(fixture, ""), 0700);
        for (size_t j = 0; j < 4; j++)
            assert_int_equal(mode_of(fixture, names[j]), 0600);
    }
}

static void what_is_missing_above_the_directory_is_made(void **state)
{
    struct fixture *fixture = *state;
    size_t size = strlen(fixture->config.directory);
    cache_close(fixture->cache);
    snprintf(fixture->config.directory + size, sizeof(fixture->config.directory) - size, "%s",
             "/.cache/deep/vcache");
    fixture->cache = own_cache(fixture);
    assert_true(works(fixture->cache));
    assert_int_equal(mode_of(fixture, "."), 0700);
    assert_int_equal(mode_of(fixture, "../.."), 0700);
    fixture->config.directory[size] = '\0';
}

static void a_directory_open_to_others_is_closed_to_them(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(chmod(fixture->config.directory, 0777), 0);
    assert_true(works(fixture->cache));
    assert_int_equal(mode_of(fixture, ""), 0700);
}

static void refuses(struct fixture *fixture, const char *reason_part)
{
    assert_int_equal(cache_ready(fixture->cache, true), CACHE_UNAVAILABLE);
    assert_non_null(strstr(cache_reason(fixture->cache), reason_part));
    assert_int_equal(put(fixture->cache, "x", 10, 1), CACHE_UNAVAILABLE);
    assert_true(fence_read(fixture->cache, &vcenter).is_fenced);
    fence_lower(fixture->cache, fence_raise(fixture->cache, &vcenter, 1000));
    statistics_count(fixture->cache, VERDICT_HIT);
}

static void a_symbolic_link_is_refused(void **state)
{
    struct fixture *fixture = *state;
    char real[PATH_MAX];
    struct stat status;
    snprintf(real, sizeof(real), "%.4000s.real", fixture->config.directory);
    assert_int_equal(rename(fixture->config.directory, real), 0);
    assert_int_equal(symlink(real, fixture->config.directory), 0);
    refuses(fixture, "symbolic link");
    assert_int_equal(unlink(fixture->config.directory), 0);
    assert_int_equal(rename(real, fixture->config.directory), 0);
    char path[PATH_MAX];
    path_in(path, &fixture->config, "locks");
    assert_int_equal(stat(path, &status), -1);
}

static void somebody_elses_directory_is_refused(void **state)
{
    struct fixture *fixture = *state;
    if (geteuid() != 0)
        skip();
    assert_int_equal(chown(fixture->config.directory, 65534, 65534), 0);
    refuses(fixture, "somebody else");
}

static void somebody_elses_files_are_refused(void **state)
{
    struct fixture *fixture = *state;
    static const char *const names[] = {"data.mdb", "lock.mdb", "locks"};
    char path[PATH_MAX];
    if (geteuid() != 0)
        skip();
    for (size_t i = 0; i < 3; i++) {
        unit_remove(&fixture->config);
        reopen(fixture);
        assert_true(works(fixture->cache));
        path_in(path, &fixture->config, names[i]);
        assert_int_equal(chown(path, 65534, 65534), 0);
        reopen(fixture);
        assert_int_equal(cache_ready(fixture->cache, true), CACHE_UNAVAILABLE);
    }
}

static void files_that_are_links_are_not_followed(void **state)
{
    struct fixture *fixture = *state;
    static const char *const names[] = {"data.mdb", "lock.mdb", "locks", "shared"};
    char path[PATH_MAX];
    char victim[PATH_MAX];
    char content[32] = {0};
    for (size_t i = 0; i < 4; i++) {
        unit_remove(&fixture->config);
        assert_int_equal(mkdir(fixture->config.directory, 0700), 0);
        path_in(victim, &fixture->config, "victim");
        path_in(path, &fixture->config, names[i]);
        FILE *file = fopen(victim, "w");
        assert_non_null(file);
        fputs("precious", file);
        fclose(file);
        assert_int_equal(symlink(victim, path), 0);
        reopen(fixture);
        cache_ready(fixture->cache, true);
        put(fixture->cache, "x", 100000, 1);
        fence_raise(fixture->cache, &vcenter, 10);
        file = fopen(victim, "r");
        assert_non_null(file);
        assert_non_null(fgets(content, sizeof(content), file));
        assert_null(fgets(content + 8, sizeof(content) - 8, file));
        fclose(file);
        assert_string_equal(content, "precious");
    }
}

static int use_read_only_mount(struct fixture *fixture)
{
    struct cache *cache = own_cache(fixture);
    EXPECT(mount("none", fixture->config.directory, "tmpfs", MS_RDONLY, "mode=0700") == 0);
    EXPECT(cache_ready(cache, true) == CACHE_UNAVAILABLE);
    EXPECT(put(cache, "x", 10, 1) == CACHE_UNAVAILABLE);
    EXPECT(fence_read(cache, &vcenter).is_fenced);
    return 0;
}

static bool can_mount(void)
{
    pid_t child = fork();
    if (child == 0)
        _exit(unshare(CLONE_NEWNS) == 0 &&
                      mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0
                  ? 0
                  : 1);
    return await_child(child) == 0;
}

/* In a name space of its own, so that nothing stays mounted. */
static int run_in_mounts(child_work *work, struct fixture *fixture)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        alarm(120);
        _exit(unshare(CLONE_NEWNS) == 0 &&
                      mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0
                  ? work(fixture)
                  : 1);
    }
    return await_child(child);
}

static void a_read_only_directory_means_no_cache(void **state)
{
    if (!can_mount())
        skip();
    assert_int_equal(run_in_mounts(use_read_only_mount, *state), 0);
}

static int use_full_disk(struct fixture *fixture)
{
    char path[PATH_MAX];
    static uint8_t zeros[4096];
    EXPECT(mount("none", fixture->config.directory, "tmpfs", 0, "size=1m,mode=0700") == 0);
    struct cache *cache = own_cache(fixture);
    EXPECT(put_patiently(cache, "before", 20000, 9) == CACHE_OK);
    path_in(path, &fixture->config, "filler");
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    EXPECT(fd >= 0);
    while (write(fd, zeros, sizeof(zeros)) > 0)
        ;
    close(fd);
    bool was_full = false;
    for (unsigned i = 0; i < 200; i++) {
        char name[32];
        snprintf(name, sizeof(name), "%u", i);
        enum cache_status status = put(cache, name, 30000, (uint8_t)i);
        EXPECT(status == CACHE_OK || status == CACHE_FULL);
        was_full = was_full || status == CACHE_FULL;
        if (status == CACHE_OK)
            EXPECT(has(cache, name, 30000, (uint8_t)i));
    }
    EXPECT(was_full);
    uint64_t generation = fence_read(cache, &vcenter).generation;
    fence_raise(cache, &vcenter, 60000);
    EXPECT(fence_read(cache, &vcenter).generation == generation + 1);
    EXPECT(fence_read(cache, &vcenter).is_fenced);
    for (unsigned i = 0; i < VERDICT_COUNT; i++)
        statistics_count(cache, (enum verdict)i);
    EXPECT(unlink(path) == 0);
    EXPECT(works(cache));
    return 0;
}

static int start_on_full_disk(struct fixture *fixture)
{
    EXPECT(mount("none", fixture->config.directory, "tmpfs", 0, "size=64k,mode=0700") == 0);
    struct cache *cache = own_cache(fixture);
    EXPECT(cache_ready(cache, true) == CACHE_FULL);
    EXPECT(strstr(cache_reason(cache), "no room"));
    EXPECT(fence_read(cache, &vcenter).is_fenced);
    return 0;
}

static void a_full_disk_loses_responses_and_nothing_else(void **state)
{
    if (!can_mount())
        skip();
    assert_int_equal(run_in_mounts(use_full_disk, *state), 0);
    assert_int_equal(run_in_mounts(start_on_full_disk, *state), 0);
}

static void tools_make_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct cache_extent extent;
    struct stat status;
    assert_int_equal(rmdir(fixture->config.directory), 0);
    assert_int_equal(cache_ready(fixture->cache, false), CACHE_ABSENT);
    assert_true(*cache_reason(fixture->cache));
    assert_int_not_equal(cache_extent(fixture->cache, &extent), CACHE_OK);
    assert_true(fence_read(fixture->cache, &vcenter).is_fenced);
    assert_int_equal(stat(fixture->config.directory, &status), -1);
    assert_int_equal(mkdir(fixture->config.directory, 0700), 0);
    assert_int_equal(cache_ready(fixture->cache, false), CACHE_ABSENT);
    assert_int_equal(rmdir(fixture->config.directory), 0);
    assert_int_equal(cache_ready(fixture->cache, true), CACHE_OK);
    assert_string_equal(cache_reason(fixture->cache), "");
    assert_int_equal(cache_ready(fixture->cache, false), CACHE_OK);
}

static int expect_no_cache(struct fixture *fixture)
{
    struct cache *cache = own_cache(fixture);
    EXPECT(cache_ready(cache, true) == CACHE_UNAVAILABLE);
    EXPECT(put(cache, "x", 10000, 1) == CACHE_UNAVAILABLE);
    return 0;
}

static int limit_file_size(struct fixture *fixture)
{
    struct rlimit limit = {100000, 100000};
    EXPECT(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    return expect_no_cache(fixture);
}

static int limit_file_size_later(struct fixture *fixture)
{
    struct cache *cache = own_cache(fixture);
    struct rlimit limit = {100000, 100000};
    EXPECT(works(cache));
    EXPECT(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    EXPECT(put(cache, "x", 1000000, 1) == CACHE_UNAVAILABLE);
    EXPECT(has(cache, "works?", 5000, 42));
    return 0;
}

static int limit_memory(struct fixture *fixture)
{
    struct rlimit limit = {512 << 20, 512 << 20};
    EXPECT(setrlimit(RLIMIT_AS, &limit) == 0);
    return expect_no_cache(fixture);
}

static void the_programs_limits_are_kept(void **state)
{
    assert_int_equal(run_child(limit_file_size, *state), 0);
    assert_int_equal(run_child(limit_file_size_later, *state), 0);
    if (!IS_SANITIZED) /* which needs all address space there is */
        assert_int_equal(run_child(limit_memory, *state), 0);
}

/* ---- files that are not as they were left, before they are opened ---- */

static void write_file(const struct fixture *fixture, const char *name, off_t offset,
                       const void *bytes, size_t size)
{
    char path[PATH_MAX];
    path_in(path, &fixture->config, name);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, size, offset), size);
    close(fd);
}

static void write_garbage(const struct fixture *fixture, const char *name, off_t offset,
                          size_t size)
{
    uint8_t *bytes = malloc(size);
    unsigned random = 1;
    for (size_t i = 0; i < size; i++) {
        random = random * 1103515245 + 12345;
        bytes[i] = (uint8_t)(random >> 16);
    }
    write_file(fixture, name, offset, bytes, size);
    free(bytes);
}

static void cut_file(const struct fixture *fixture, const char *name, off_t size)
{
    char path[PATH_MAX];
    path_in(path, &fixture->config, name);
    assert_int_equal(truncate(path, size), 0);
}

static void remove_file(const struct fixture *fixture, const char *name)
{
    char path[PATH_MAX];
    path_in(path, &fixture->config, name);
    assert_int_equal(unlink(path), 0);
}

static void garbage_data(const struct fixture *fixture)
{
    write_garbage(fixture, "data.mdb", 0, 100000);
}

static void garbage_beginning(const struct fixture *fixture)
{
    write_garbage(fixture, "data.mdb", 0, 30);
}

static void one_byte_of_data(const struct fixture *fixture)
{
    cut_file(fixture, "data.mdb", 1);
}

static void no_data(const struct fixture *fixture)
{
    cut_file(fixture, "data.mdb", 0);
}

static void half_of_data(const struct fixture *fixture)
{
    cut_file(fixture, "data.mdb", 40000);
}

static void zeros_of_data(const struct fixture *fixture)
{
    cut_file(fixture, "data.mdb", 0);
    cut_file(fixture, "data.mdb", 1 << 20);
}

static void garbage_lock(const struct fixture *fixture)
{
    cut_file(fixture, "lock.mdb", 0);
    write_garbage(fixture, "lock.mdb", 0, 8192);
}

static void no_lock(const struct fixture *fixture)
{
    remove_file(fixture, "lock.mdb");
}

static void garbage_shared(const struct fixture *fixture)
{
    write_garbage(fixture, "shared", 0, 100);
}

static void one_byte_of_shared(const struct fixture *fixture)
{
    cut_file(fixture, "shared", 1);
}

static void another_boot(const struct fixture *fixture)
{
    char path[PATH_MAX];
    struct shared_head head;
    path_in(path, &fixture->config, "shared");
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    assert_int_equal(read(fd, &head, sizeof(head)), sizeof(head));
    close(fd);
    head.boot_id[3] ^= 1;
    head.check = key_checksum(&head, offsetof(struct shared_head, check));
    write_file(fixture, "shared", 0, &head, sizeof(head));
}

static void files_that_were_damaged_or_of_another_boot_are_made_anew(void **state)
{
    struct fixture *fixture = *state;
    void (*const damages[])(const struct fixture *) = {
        garbage_data,   garbage_beginning,  one_byte_of_data, no_data,
        half_of_data,   zeros_of_data,      garbage_lock,     no_lock,
        garbage_shared, one_byte_of_shared, another_boot,
    };
    for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
        unit_remove(&fixture->config);
        reopen(fixture);
        assert_int_equal(put_patiently(fixture->cache, "old", 100000, 1), CACHE_OK);
        uint64_t generation = fence_read(fixture->cache, &vcenter).generation;
        cache_close(fixture->cache);
        damages[i](fixture);
        fixture->cache = own_cache(fixture);
        assert_int_equal(cache_ready(fixture->cache, true), CACHE_OK);
        assert_false(has(fixture->cache, "old", 100000, 1));
        assert_true(works(fixture->cache));
        assert_int_equal(times_remade(fixture->cache), 1);
        assert_true(fence_read(fixture->cache, &vcenter).generation != generation);
    }
}

static void a_newer_format_is_left_alone(void **state)
{
    struct fixture *fixture = *state;
    struct shared_head head = {0};
    char path[PATH_MAX];
    assert_true(works(fixture->cache));
    struct shared *shared = shared_get(fixture->cache, true);
    memcpy(&head, &shared->head, sizeof(head));
    head.format++;
    head.check = key_checksum(&head, offsetof(struct shared_head, check));
    cache_close(fixture->cache);
    write_file(fixture, "shared", 0, &head, sizeof(head));
    fixture->cache = own_cache(fixture);
    refuses(fixture, "newer");
    path_in(path, &fixture->config, "data.mdb");
    assert_int_equal(access(path, F_OK), 0);
}

static void a_secret_is_kept_and_drawn_anew_with_the_cache(void **state)
{
    struct fixture *fixture = *state;
    struct cache_secret before = *cache_secret(fixture->cache);
    reopen(fixture);
    assert_memory_equal(&before, cache_secret(fixture->cache), sizeof(before));
    cache_close(fixture->cache);
    garbage_data(fixture);
    fixture->cache = own_cache(fixture);
    assert_memory_not_equal(&before, cache_secret(fixture->cache), sizeof(before));
}

/* ---- pages in the middle that are not as they were written ---- */

static unsigned page_seed;

static void damage_pages(const struct fixture *fixture)
{
    unsigned random = page_seed;
    uint8_t page[4096];
    for (int i = 0; i < 40; i++) {
        random = random * 1103515245 + 12345;
        off_t at = (off_t)(2 + (random >> 8) % 90) * 4096;
        for (size_t j = 0; j < sizeof(page); j++) {
            random = random * 1103515245 + 12345;
            page[j] = page_seed % 3 == 0 ? 0 : page_seed % 3 == 1 ? 0xFF : (uint8_t)(random >> 16);
        }
        write_file(fixture, "data.mdb", at, page, sizeof(page));
    }
}

static int use_damaged(struct fixture *fixture)
{
    struct cache *cache = own_cache(fixture);
    char name[32];
    size_t size;
    uint8_t seed;
    if (page_seed % 2)
        EXPECT(cache_ready(cache, true) == CACHE_OK);
    damage_pages(fixture);
    for (unsigned i = 0; i < 300; i++) {
        snprintf(name, sizeof(name), "%u", i % 100);
        if (i % 7 == 0)
            put(cache, name, i * 10UL, (uint8_t)i);
        EXPECT(get(cache, name, &size, &seed) >= 0);
    }
    EXPECT(works(cache));
    return 0;
}

static void garbage_pages_are_survived(void **state)
{
    struct fixture *fixture = *state;
    unsigned rounds = getenv("VCACHE_TEST_SLOW") ? 6 : 60;
    char name[32];
    for (page_seed = 0; page_seed < rounds; page_seed++) {
        unit_remove(&fixture->config);
        reopen(fixture);
        for (unsigned i = 0; i < 100; i++) {
            snprintf(name, sizeof(name), "%u", i);
            assert_int_equal(put_patiently(fixture->cache, name, i * 30UL, (uint8_t)i), CACHE_OK);
        }
        cache_close(fixture->cache);
        assert_int_equal(run_child(use_damaged, fixture), 0);
        fixture->cache = own_cache(fixture);
        assert_true(works(fixture->cache));
    }
}

/* ---- while they are open ---- */

static void a_file_cut_while_open_is_replaced(void **state)
{
    struct fixture *fixture = *state;
    static const off_t sizes[] = {0, 4096, 100000};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(put_patiently(fixture->cache, "old", 200000, 1), CACHE_OK);
        cut_file(fixture, "data.mdb", sizes[i]);
        sleep_ms(2);
        assert_false(has(fixture->cache, "old", 200000, 1));
        assert_true(works(fixture->cache));
        assert_int_equal(times_remade(fixture->cache), i + 1);
    }
}

static void a_directory_removed_while_open_is_made_again(void **state)
{
    struct fixture *fixture = *state;
    struct stored_response response;
    assert_int_equal(put_patiently(fixture->cache, "old", 200000, 1), CACHE_OK);
    struct cache_key key = key_named(fixture->cache, "old");
    assert_int_equal(store_get(fixture->cache, &key, &response, NULL), CACHE_OK);
    uint64_t generation = fence_read(fixture->cache, &vcenter).generation;
    unit_remove(&fixture->config);
    sleep_ms(2);
    assert_false(has(fixture->cache, "old", 200000, 1));
    assert_true(works(fixture->cache));
    sleep_ms(50);
    assert_true(fence_read(fixture->cache, &vcenter).generation != generation);
    assert_true(is_pattern(response.body));
    store_release(&response);
    assert_true(works(fixture->cache));
}

static void a_lock_file_removed_while_open_is_noticed_by_writers(void **state)
{
    struct fixture *fixture = *state;
    assert_true(works(fixture->cache));
    remove_file(fixture, "lock.mdb");
    put(fixture->cache, "x", 10, 1); /* under a key of the old cache, whose secret is gone */
    assert_true(works(fixture->cache));
    assert_int_equal(times_remade(fixture->cache), 1);
    assert_int_equal(mode_of(fixture, "lock.mdb"), 0600);
    remove_file(fixture, "locks");
    sleep_ms(2);
    put(fixture->cache, "x", 10, 1);
    assert_int_equal(cache_ready(fixture->cache, true), CACHE_OK);
    assert_true(works(fixture->cache));
}

static int open_descriptors(void)
{
    int count = 0;
    DIR *list = opendir("/proc/self/fd");
    while (list && readdir(list))
        count++;
    if (list)
        closedir(list);
    return count;
}

static void nothing_is_left_open_by_a_cache_that_is_removed_again_and_again(void **state)
{
    struct fixture *fixture = *state;
    assert_true(works(fixture->cache));
    int before = open_descriptors();
    for (int i = 0; i < 40; i++) {
        unit_remove(&fixture->config);
        sleep_ms(1);
        put(fixture->cache, "x", 10, 1);
    }
    assert_int_equal(open_descriptors(), before);
}

/* ---- descriptors ---- */

static void descriptors_are_closed_on_exec_and_leave_the_standard_ones_alone(void **state)
{
    struct fixture *fixture = *state;
    struct stat ours;
    char path[PATH_MAX];
    bool is_before[1024];
    for (int fd = 0; fd < 1024; fd++)
        is_before[fd] = fcntl(fd, F_GETFD) >= 0;
    assert_true(works(fixture->cache));
    for (int fd = 0; fd < 1024; fd++) {
        if (!is_before[fd] && fcntl(fd, F_GETFD) >= 0) {
            assert_true(fd > STDERR_FILENO);
            assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        }
    }
    path_in(path, &fixture->config, "data.mdb");
    assert_int_equal(stat(path, &ours), 0);
}

static int use_without_standard(struct fixture *fixture)
{
    int report = fcntl(STDERR_FILENO, F_DUPFD, 100);
    close(0);
    close(1);
    close(2);
    struct cache *cache = own_cache(fixture);
    bool is_working = works(cache);
    bool are_free = fcntl(0, F_GETFD) < 0 && fcntl(1, F_GETFD) < 0 && fcntl(2, F_GETFD) < 0;
    dup2(report, STDERR_FILENO);
    EXPECT(is_working);
    EXPECT(are_free);
    return 0;
}

static void a_program_without_standard_descriptors_does_not_print_into_the_cache(void **state)
{
    assert_int_equal(run_child(use_without_standard, *state), 0);
}

/* Closes all, and opens files of the program's own where the cache's were. */
static int take_descriptors(struct fixture *fixture)
{
    struct cache *cache = own_cache(fixture);
    char path[PATH_MAX];
    int files[10];
    struct stat status;
    EXPECT(works(cache));
    close_range(3, ~0U, 0);
    for (int i = 0; i < 10; i++) {
        snprintf(path, sizeof(path), "%.4000s/mine-%d", fixture->config.directory, i);
        files[i] = open(path, O_RDWR | O_CREAT, 0600);
        EXPECT(files[i] >= 0);
    }
    for (unsigned i = 0; i < 20; i++) {
        EXPECT(put(cache, "x", 50000, 1) == CACHE_UNAVAILABLE);
        sleep_ms(1);
    }
    EXPECT(!has(cache, "works?", 5000, 42));
    EXPECT(cache_ready(cache, true) == CACHE_UNAVAILABLE);
    EXPECT(strstr(cache_reason(cache), "descriptors"));
    cache_close(cache);
    for (int i = 0; i < 10; i++) {
        EXPECT(fstat(files[i], &status) == 0); /* still open */
        EXPECT(status.st_size == 0);
    }
    return 0;
}

static int close_descriptors_and_go_on(struct fixture *fixture)
{
    struct cache *cache = own_cache(fixture);
    EXPECT(works(cache));
    close_range(3, ~0U, 0);
    for (int i = 0; i < 10; i++)
        EXPECT(put(cache, "x", 50000, 1) != CACHE_OK);
    /* Fences need no descriptor, and a child has its own. */
    uint64_t generation = fence_read(cache, &vcenter).generation;
    fence_raise(cache, &vcenter, 10);
    EXPECT(fence_read(cache, &vcenter).generation == generation + 1);
    pid_t child = fork();
    if (child == 0)
        _exit(works(cache) ? 0 : 1);
    EXPECT(await_child(child) == 0);
    return 0;
}

static void a_program_that_takes_the_descriptors_keeps_its_files(void **state)
{
    assert_int_equal(run_child(take_descriptors, *state), 0);
    assert_int_equal(run_child(close_descriptors_and_go_on, *state), 0);
}

/* ---- fork ---- */

static int child_goes_on(struct cache *cache, int inherited)
{
    char name[32];
    EXPECT(open_descriptors() < inherited);
    snprintf(name, sizeof(name), "%d", (int)getpid());
    for (uint8_t i = 0; i < 50; i++) {
        EXPECT(has(cache, "parent's", 100000, 3));
        EXPECT(put_patiently(cache, name, i * 1000UL, i) == CACHE_OK);
        EXPECT(has(cache, name, i * 1000UL, i));
    }
    return 0;
}

static void parent_and_children_go_on_after_fork(void **state)
{
    struct fixture *fixture = *state;
    pid_t children[4];
    char name[32];
    assert_int_equal(put_patiently(fixture->cache, "parent's", 100000, 3), CACHE_OK);
    int inherited = open_descriptors();
    fflush(NULL);
    for (int i = 0; i < 4; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            pid_t grandchild = fork();
            int result = child_goes_on(fixture->cache, inherited);
            if (grandchild == 0)
                _exit(result);
            _exit(await_child(grandchild) == 0 ? result : 1);
        }
    }
    for (uint8_t i = 0; i < 50; i++)
        assert_true(works(fixture->cache));
    for (int i = 0; i < 4; i++) {
        assert_int_equal(await_child(children[i]), 0);
        snprintf(name, sizeof(name), "%d", (int)children[i]);
        assert_true(has(fixture->cache, name, 49000, 49));
    }
}

/* A child that no fork handler saw. */
static void a_child_of_a_bare_clone_goes_on(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(put_patiently(fixture->cache, "parent's", 100000, 3), CACHE_OK);
    fflush(NULL);
    pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, 0);
    if (child == 0)
        _exit(has(fixture->cache, "parent's", 100000, 3) && works(fixture->cache) ? 0 : 1);
    assert_int_equal(await_child(child), 0);
    assert_true(works(fixture->cache));
}

static int churn(struct fixture *fixture)
{
    struct cache *cache = own_cache(fixture);
    for (uint8_t i = 0; i < 200; i++)
        EXPECT(put(cache, "lent", 100000, i) != CACHE_UNAVAILABLE);
    return 0;
}

static void a_child_does_not_end_its_parents_loans(void **state)
{
    struct fixture *fixture = *state;
    struct stored_response response;
    assert_int_equal(put_patiently(fixture->cache, "lent", 100000, 3), CACHE_OK);
    struct cache_key key = key_named(fixture->cache, "lent");
    assert_int_equal(store_get(fixture->cache, &key, &response, NULL), CACHE_OK);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        store_release(&response);
        _exit(works(fixture->cache) ? 0 : 1);
    }
    assert_int_equal(await_child(child), 0);
    assert_int_equal(run_child(churn, fixture), 0);
    assert_int_equal(response.body.data[0], 3);
    assert_true(is_pattern(response.body));
    store_release(&response);
}

/* ---- many readers ---- */

static int take_all_readers(struct fixture *fixture)
{
    struct cache *cache = own_cache(fixture);
    MDB_txn *transaction;
    int code = 0;
    EXPECT(cache_ready(cache, true) == CACHE_OK);
    struct environment *environment = atomic_load(&cache->environment);
    for (int i = 0; i < 100000 && code == 0; i++)
        code = environment->lmdb->mdb_txn_begin(environment->env, NULL, MDB_RDONLY, &transaction);
    EXPECT(code == MDB_READERS_FULL);
    raise(SIGSTOP);
    return 0;
}

static void a_full_table_of_readers_is_waited_out_and_cleared_of_the_dead(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(put_patiently(fixture->cache, "x", 1000, 1), CACHE_OK);
    assert_true(has(fixture->cache, "x", 1000, 1));
    pid_t greedy = start_child(take_all_readers, fixture);
    await_stopped(greedy);
    assert_true(has(fixture->cache, "x", 1000, 1));
    assert_int_equal(run_child(expect_no_cache, fixture), 0);
    end_child(greedy);
    reopen(fixture);
    assert_true(has(fixture->cache, "x", 1000, 1));
    assert_true(works(fixture->cache));
}

static int use_larger(struct fixture *fixture)
{
    struct config config = fixture->config;
    char name[32];
    config.max_size = 16 << 20;
    struct cache *cache = cache_open(&config);
    for (unsigned i = 0; i < 12; i++) {
        snprintf(name, sizeof(name), "%u", i);
        EXPECT(put_patiently(cache, name, 1 << 20, (uint8_t)i) == CACHE_OK);
    }
    return 0;
}

static void processes_with_different_limits_share_a_cache(void **state)
{
    struct fixture *fixture = *state;
    cache_close(fixture->cache);
    fixture->config.max_size = 4 << 20;
    fixture->cache = own_cache(fixture);
    assert_true(works(fixture->cache));
    assert_int_equal(run_child(use_larger, fixture), 0);
    assert_true(has(fixture->cache, "11", 1 << 20, 11));
    assert_true(works(fixture->cache));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(all_files_are_their_owners_alone_whatever_the_umask),
        FIXTURE_TEST(what_is_missing_above_the_directory_is_made),
        FIXTURE_TEST(a_directory_open_to_others_is_closed_to_them),
        FIXTURE_TEST(a_symbolic_link_is_refused),
        FIXTURE_TEST(somebody_elses_directory_is_refused),
        FIXTURE_TEST(somebody_elses_files_are_refused),
        FIXTURE_TEST(files_that_are_links_are_not_followed),
        FIXTURE_TEST(a_read_only_directory_means_no_cache),
        FIXTURE_TEST(a_full_disk_loses_responses_and_nothing_else),
        FIXTURE_TEST(tools_make_nothing),
        FIXTURE_TEST(the_programs_limits_are_kept),
        FIXTURE_TEST(files_that_were_damaged_or_of_another_boot_are_made_anew),
        FIXTURE_TEST(a_newer_format_is_left_alone),
        FIXTURE_TEST(a_secret_is_kept_and_drawn_anew_with_the_cache),
        FIXTURE_TEST(garbage_pages_are_survived),
        FIXTURE_TEST(a_file_cut_while_open_is_replaced),
        FIXTURE_TEST(a_directory_removed_while_open_is_made_again),
        FIXTURE_TEST(a_lock_file_removed_while_open_is_noticed_by_writers),
        FIXTURE_TEST(nothing_is_left_open_by_a_cache_that_is_removed_again_and_again),
        FIXTURE_TEST(descriptors_are_closed_on_exec_and_leave_the_standard_ones_alone),
        FIXTURE_TEST(a_program_without_standard_descriptors_does_not_print_into_the_cache),
        FIXTURE_TEST(a_program_that_takes_the_descriptors_keeps_its_files),
        FIXTURE_TEST(parent_and_children_go_on_after_fork),
        FIXTURE_TEST(a_child_of_a_bare_clone_goes_on),
        FIXTURE_TEST(a_child_does_not_end_its_parents_loans),
        FIXTURE_TEST(a_full_table_of_readers_is_waited_out_and_cleared_of_the_dead),
        FIXTURE_TEST(processes_with_different_limits_share_a_cache),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
