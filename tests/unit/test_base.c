/* Bytes, configuration, room. */
#include "unit.h"

#include "base/bytes.h"
#include "base/config.h"
#include "base/room.h"

#include <errno.h>
#include <sys/resource.h>
#include <unistd.h>

static void buffers_grow_and_keep_their_content(void **state)
{
    (void)state;
    struct buffer b = {0};
    for (int i = 0; i < 1000; i++)
        assert_true(buffer_append_text(&b, "0123456789"));
    assert_int_equal(b.size, 10000);
    assert_memory_equal(b.data + 9990, "0123456789", 10);
    buffer_wipe(&b);
    assert_int_equal(b.size, 0);
    for (size_t i = 0; i < b.capacity; i++)
        assert_int_equal(b.data[i], 0);
    buffer_free(&b);
}

static void a_buffer_that_cannot_grow_says_so_and_keeps_what_it_has(void **state)
{
    (void)state;
    struct buffer b = {0};
    assert_true(buffer_append_text(&b, "kept"));
    assert_false(buffer_reserve(&b, SIZE_MAX - 1));
    assert_true(b.failed);
    assert_false(buffer_append_text(&b, "more"));
    assert_int_equal(b.size, 4);
    assert_memory_equal(b.data, "kept", 4);
    buffer_free(&b);
}

static void spans_compare_as_field_names_do(void **state)
{
    (void)state;
    assert_true(span_equal_ignoring_case(SPAN_OF("Set-Cookie"), SPAN_OF("set-cookie")));
    assert_false(span_equal(SPAN_OF("Set-Cookie"), SPAN_OF("set-cookie")));
    assert_true(span_equal(span_trimmed(SPAN_OF(" \t a b \t")), SPAN_OF("a b")));
    assert_true(span_contains(SPAN_OF("session[52a]"), SPAN_OF("[52a")));
    assert_false(span_contains(SPAN_OF("short"), SPAN_OF("longer than it")));
}

static void lines_end_with_crlf(void **state)
{
    (void)state;
    struct span rest = SPAN_OF("one\r\n\r\nthree\nfour\r\n"), line;
    assert_true(span_take_line(&rest, &line) && span_equal(line, SPAN_OF("one")));
    assert_true(span_take_line(&rest, &line) && line.size == 0);
    assert_false(span_take_line(&rest, &line));
    assert_true(span_equal(rest, SPAN_OF("three\nfour\r\n")));
    rest = SPAN_OF("\nno line");
    assert_false(span_take_line(&rest, &line));
    rest = SPAN_OF("no end\r");
    assert_false(span_take_line(&rest, &line));
    rest = (struct span){0};
    assert_false(span_take_line(&rest, &line));
}

static const char *const variables[] = {"VCACHE_TTL",      "VCACHE_DIR",       "VCACHE_HOSTS",
                                        "VCACHE_MAX_SIZE", "VCACHE_LOG_LEVEL", "XDG_RUNTIME_DIR",
                                        "XDG_CACHE_HOME"};

static int clear_environment(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
        unsetenv(variables[i]);
    return 0;
}

static void an_empty_environment_means_the_defaults(void **state)
{
    (void)state;
    struct config config;
    config_read(&config);
    assert_int_equal(config.ttl_ms, 15000);
    assert_int_equal(config.max_size, 1 << 30);
    assert_int_equal(config.session_idle_ms, 600000);
    assert_false(config.is_disabled);
    assert_string_equal(config.hosts, "*");
}

static void a_value_that_cannot_be_read_means_the_default(void **state)
{
    (void)state;
    static const char *const bad[] = {"abc",         "-1",   "1e9", "5,",
                                      "5,QueryPerf", "5,=3", "5 ",  "1..2"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct config config;
        char why[128] = "";
        setenv("VCACHE_TTL", bad[i], 1);
        config_read(&config);
        assert_int_equal(config.ttl_ms, 15000);
        assert_int_equal(config.ttl_override_count, 0);
        assert_false(config_check(SETTING_TTL, bad[i], why, sizeof(why)));
        assert_true(why[0] != '\0');
    }
}

static void an_operation_may_have_its_own_ttl(void **state)
{
    (void)state;
    struct config config;
    setenv("VCACHE_TTL", "60,QueryPerf=20,FindByUuid=0.5", 1);
    config_read(&config);
    assert_int_equal(config_ttl_ms(&config, SPAN_OF("RetrieveProperties")), 60000);
    assert_int_equal(config_ttl_ms(&config, SPAN_OF("QueryPerf")), 20000);
    assert_int_equal(config_ttl_ms(&config, SPAN_OF("FindByUuid")), 500);
    setenv("VCACHE_TTL", "QueryPerf=20", 1);
    config_read(&config);
    assert_int_equal(config_ttl_ms(&config, SPAN_OF("RetrieveProperties")), 15000);
}

static void sizes_have_units(void **state)
{
    (void)state;
    struct config config;
    setenv("VCACHE_MAX_SIZE", "512M", 1);
    config_read(&config);
    assert_int_equal(config.max_size, 512u << 20);
    setenv("VCACHE_MAX_SIZE", "10", 1); /* smaller than anything could be stored in */
    config_read(&config);
    assert_int_equal(config.max_size, 1 << 30);
    setenv("VCACHE_MAX_SIZE", "99999999999G", 1);
    config_read(&config);
    assert_int_equal(config.max_size, 1 << 30);
}

static void the_directory_is_the_first_that_the_environment_names(void **state)
{
    (void)state;
    struct config config;
    setenv("HOME", "/home/somebody", 1);
    config_read(&config);
    assert_string_equal(config.directory, "/home/somebody/.cache/vcache");
    setenv("XDG_CACHE_HOME", "/var/cache/somebody", 1);
    config_read(&config);
    assert_string_equal(config.directory, "/var/cache/somebody/vcache");
    setenv("XDG_RUNTIME_DIR", "/run/user/1000", 1);
    config_read(&config);
    assert_string_equal(config.directory, "/run/user/1000/vcache");
    setenv("VCACHE_DIR", "/srv/cache", 1);
    config_read(&config);
    assert_string_equal(config.directory, "/srv/cache");
    setenv("VCACHE_DIR", "relative", 1);
    config_read(&config);
    assert_string_equal(config.directory, "/run/user/1000/vcache");
}

static void hosts_select_endpoints(void **state)
{
    (void)state;
    struct config config;
    setenv("VCACHE_HOSTS", "vc*.example.com, 10.0.0.5:8443", 1);
    config_read(&config);
    assert_true(config_selects(&config, "vc1.example.com:443"));
    assert_true(config_selects(&config, "10.0.0.5:8443"));
    assert_false(config_selects(&config, "10.0.0.5:443"));
    assert_false(config_selects(&config, "esx.example.com:443"));
}

static void what_was_appended_with_its_size_is_taken_whole(void **state)
{
    (void)state;
    struct buffer b = {0};
    struct span rest, part;
    assert_true(buffer_append_sized(&b, SPAN_OF("first")) && buffer_append_sized(&b, SPAN_OF("")));
    rest = buffer_span(&b);
    assert_true(span_take_sized(&rest, &part) && span_equal(part, SPAN_OF("first")));
    assert_true(span_take_sized(&rest, &part) && part.size == 0);
    assert_int_equal(rest.size, 0);
    assert_false(span_take_sized(&rest, &part));
    for (size_t cut = 0; cut < sizeof(uint64_t) + strlen("first"); cut++) {
        rest = (struct span){b.data, cut};
        assert_false(span_take_sized(&rest, &part));
        assert_int_equal(rest.size, cut);
    }
    memset(b.data, 0xff, sizeof(uint64_t));
    rest = buffer_span(&b);
    assert_false(span_take_sized(&rest, &part));
    buffer_free(&b);
}

static void there_is_room_for_as_many_descriptors_as_can_be_opened(void **state)
{
    (void)state;
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    int lowest = dup(0);
    close(lowest);
    struct rlimit few = {.rlim_cur = (rlim_t)lowest + 4, .rlim_max = limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    errno = ERANGE;
    assert_true(room_for_descriptors(4));
    assert_false(room_for_descriptors(5));
    assert_int_equal(errno, ERANGE);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_true(room_for_descriptors(32));
}

int main(void)
{
#define WITH_CLEAR_ENVIRONMENT(test)                                                               \
    cmocka_unit_test_setup_teardown(test, clear_environment, clear_environment)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buffers_grow_and_keep_their_content),
        cmocka_unit_test(a_buffer_that_cannot_grow_says_so_and_keeps_what_it_has),
        cmocka_unit_test(lines_end_with_crlf),
        cmocka_unit_test(spans_compare_as_field_names_do),
        cmocka_unit_test(what_was_appended_with_its_size_is_taken_whole),
        WITH_CLEAR_ENVIRONMENT(an_empty_environment_means_the_defaults),
        WITH_CLEAR_ENVIRONMENT(a_value_that_cannot_be_read_means_the_default),
        WITH_CLEAR_ENVIRONMENT(an_operation_may_have_its_own_ttl),
        WITH_CLEAR_ENVIRONMENT(sizes_have_units),
        WITH_CLEAR_ENVIRONMENT(the_directory_is_the_first_that_the_environment_names),
        WITH_CLEAR_ENVIRONMENT(hosts_select_endpoints),
        cmocka_unit_test(there_is_room_for_as_many_descriptors_as_can_be_opened),
    };
    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
