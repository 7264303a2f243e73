/*
 * vcache-flush: forgets stored responses and sessions. It never truncates or replaces a file, so
 * programs that have the cache open go on.
 */
#include "message.h"
#include "opened.h"
#include "selection.h"
#include "settings.h"

#include "base/clock.h"
#include "cache/fence.h"
#include "cache/key.h"
#include "cache/peers.h"
#include "cache/records.h"
#include "exchange/operation.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OWN_SETTINGS (SETTING_IN(SETTING_DIR) | SETTING_IN(SETTING_TTL))

/* A flush: what is selected, whether it is only counted, what came of it. Stays where it is: the
 * selection points into it. */
struct flush {
    struct selection selection;
    struct config config;
    bool is_dry;
    bool is_invalidating; /* endpoints found get a new generation */
    bool is_ttl_given;
    struct endpoint
        last; /* the last one that got it: entries of one endpoint often follow another */
    uint64_t responses;
    uint64_t sessions;
};

static const struct option own_options[] = {
    {"endpoint", required_argument, NULL, 'e'},  {"user", required_argument, NULL, 'u'},
    {"operation", required_argument, NULL, 'o'}, {"object", required_argument, NULL, 'b'},
    {"sessions", no_argument, NULL, 's'},        {"expired", no_argument, NULL, 'x'},
    {"dry-run", no_argument, NULL, 'n'},
};

static void help(void)
{
    fputs("Usage: vcache-flush [OPTION]...\n"
          "Forget stored responses and shared sessions: all, or those of which everything holds\n"
          "that is given.\n"
          "\n",
          stdout);
    help_entry("--endpoint GLOB", "of a vCenter or ESXi: vc.example.com, '*.lab', vc*:443");
    help_entry("--user NAME", "of the user who logged in with this name");
    help_entry("--operation NAME", "responses of this operation, as in RetrievePropertiesEx");
    help_entry("--object NAME", "responses that speak of this managed object, as in vm-42");
    help_entry("--sessions", "sessions, and no responses");
    help_entry("--expired", "responses older than VCACHE_TTL, sessions unused for longer than "
                            "VCACHE_SESSION_IDLE");
    help_entry("-n, --dry-run", "say how many that is and remove nothing");
    fputs("\n", stdout);
    settings_help(OWN_SETTINGS);
    fputs("\n", stdout);
    help_entry("--help", "print this");
    help_entry("--version", "print the version");
}

/* A name that no table has cannot be stored: it is a slip, and better said than "removed 0". */
static bool is_operation(const char *name)
{
    for (size_t i = 0; i < operation_count(); i++)
        if (strcmp(operation_at(i)->name, name) == 0)
            return true;
    return false;
}

static bool is_object_name(const char *name)
{
    return *name && strlen(name) < 200 && !strpbrk(name, "<>&\"' ");
}

static bool is_empty(const char *value)
{
    return value && !*value;
}

static bool take_operation(struct selection *selection, const char *name)
{
    selection->operation = name;
    if (is_operation(name))
        return true;
    complain("--operation '%s': there is no such operation; names are those of "
             "vcache-stat --operations, as in RetrievePropertiesEx",
             name);
    return false;
}

static bool take_object(struct selection *selection, const char *name)
{
    selection->object = name;
    if (is_object_name(name))
        return true;
    complain("--object '%s' is no managed object's name; expected: as in vm-42", name);
    return false;
}

/* Takes one option; false when its value makes no sense, which was complained of. `value` is "" for
 * an option that has none. */
static bool take_option(struct flush *flush, int option, const char *value)
{
    struct selection *selection = &flush->selection;
    switch (option) {
    case 'e':
        selection->endpoint = value;
        return true;
    case 'u':
        selection->user = value;
        return true;
    case 'o':
        return take_operation(selection, value);
    case 'b':
        return take_object(selection, value);
    case 's':
        selection->is_sessions_only = true;
        return true;
    case 'x':
        selection->is_expired_only = true;
        return true;
    case 'n':
        flush->is_dry = true;
        return true;
    default:
        flush->is_ttl_given = flush->is_ttl_given || option == SETTING_OPTION + SETTING_TTL;
        return option >= SETTING_OPTION && settings_take(option, value);
    }
}

/* Before what is found is removed, what is on its way is kept from being stored. */
static void invalidate(struct flush *flush, const struct endpoint *endpoint)
{
    if (!flush->is_invalidating || strcmp(flush->last.name, endpoint->name) == 0)
        return;
    flush->last = *endpoint;
    fence_invalidate(flush->selection.cache, endpoint);
}

static bool visit_response(const struct stored_response *response, void *closure)
{
    struct flush *flush = closure;
    if (!selection_takes_response(&flush->selection, response))
        return false;
    invalidate(flush, &response->label.endpoint);
    return true;
}

static bool visit_session(const struct session_info *info, void *closure)
{
    struct flush *flush = closure;
    if (!selection_takes_session(&flush->selection, info))
        return false;
    invalidate(flush, &info->endpoint);
    return true;
}

/* What is known of an endpoint's addresses is not counted: it is no answer. */
static bool visit_peer(const struct endpoint *endpoint, void *closure)
{
    const struct flush *flush = closure;
    return selection_takes_endpoint(&flush->selection, endpoint);
}

static bool visit_any_record(const struct record_key *key, struct span value, void *closure)
{
    (void)key;
    (void)value;
    (void)closure;
    return true;
}

/* Who is who, and what was bound to sessions: goes with everything else, and is not counted. */
static enum cache_status sweep_rest(struct cache *cache)
{
    uint64_t removed = 0;
    enum cache_status status =
        record_sweep(cache, RECORDS_BOUND, visit_any_record, NULL, false, &removed);
    if (status != CACHE_OK)
        return status;
    return record_sweep(cache, RECORDS_PRINCIPALS, visit_any_record, NULL, false, &removed);
}

/* One look at everything. What it removes is added to the sums; a dry one begins them anew. */
static enum cache_status sweep_once(struct flush *flush)
{
    const struct selection *selection = &flush->selection;
    enum cache_status status = CACHE_OK;
    uint64_t responses = 0;
    uint64_t sessions = 0;
    if (selection_has_responses(selection))
        status = store_sweep(selection->cache, visit_response, flush, flush->is_dry, &responses);
    if (status == CACHE_OK && selection_has_sessions(selection))
        status = session_sweep(selection->cache, visit_session, flush, flush->is_dry, &sessions);
    if (status == CACHE_OK && selection_is_whole_endpoints(selection) && !flush->is_dry)
        status = peer_sweep(selection->cache, visit_peer, flush);
    if (status == CACHE_OK && selection_is_everything(selection) && !flush->is_dry)
        status = sweep_rest(selection->cache);
    flush->responses = responses + (flush->is_dry ? 0 : flush->responses);
    flush->sessions = sessions + (flush->is_dry ? 0 : flush->sessions);
    return status;
}

static enum cache_status sweep(struct flush *flush)
{
    const struct selection *selection = &flush->selection;
    bool is_whole = selection_is_whole_endpoints(selection) && !flush->is_dry;
    flush->is_invalidating = is_whole && !selection_is_everything(selection);
    if (is_whole && selection_is_everything(selection))
        fence_invalidate_all(selection->cache);
    enum cache_status status;
    unsigned tries = 0;
    do
        status = sweep_once(flush);
    while (busy_is_waited_out(status, &tries));
    return status;
}

static void report(const struct flush *flush)
{
    bool has_responses = selection_has_responses(&flush->selection);
    bool has_sessions = selection_has_sessions(&flush->selection);
    fputs(flush->is_dry ? "would remove " : "removed ", stdout);
    if (has_responses)
        printf("%" PRIu64 " response%s%s", flush->responses, flush->responses == 1 ? "" : "s",
               has_sessions ? ", " : "");
    if (has_sessions || !has_responses)
        printf("%" PRIu64 " session%s", flush->sessions, flush->sessions == 1 ? "" : "s");
    putchar('\n');
}

/* Why a sweep ended early. */
static const char *reason_of(enum cache_status status, const struct cache *cache)
{
    if (status == CACHE_BUSY)
        return "Another process holds the cache and does not let go; try again.";
    if (status == CACHE_FULL)
        return "There is no room to write, on the disk or in memory.";
    return *cache_reason(cache) ? cache_reason(cache) : "The cache can no longer be used.";
}

static int flush_cache(struct flush *flush)
{
    struct cache *cache;
    enum cache_status status = opened_cache(&flush->config, &cache);
    if (status == CACHE_ABSENT) {
        printf("no cache yet in '%s', nothing to remove\n", flush->config.directory);
        return EXIT_SUCCESS;
    }
    if (status != CACHE_OK)
        return EXIT_FAILURE;
    flush->selection.cache = cache;
    flush->selection.config = &flush->config;
    flush->selection.now = clock_milliseconds();
    if (flush->selection.object && cache_secret(cache))
        flush->selection.object_digest =
            key_of_object(cache_secret(cache), span_of_text(flush->selection.object));
    status = sweep(flush);
    report(flush);
    if (status != CACHE_OK)
        complain("not all was looked at. %s", reason_of(status, cache));
    cache_close(cache);
    return status == CACHE_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* What is wrong with the options taken together, or NULL. */
static const char *contradiction(const struct flush *flush)
{
    const struct selection *selection = &flush->selection;
    if (is_empty(selection->endpoint) || is_empty(selection->user))
        return "--endpoint and --user need a name that is not empty";
    if (flush->is_ttl_given && !selection->is_expired_only)
        return "--ttl says what --expired means: give both";
    if (!selection_has_responses(selection) && !selection_has_sessions(selection))
        return "--sessions goes with neither --operation nor --object: a session has none";
    return NULL;
}

int main(int argc, char **argv)
{
    const struct option *options =
        settings_options(own_options, sizeof(own_options) / sizeof(own_options[0]), OWN_SETTINGS);
    struct flush flush = {0};
    argv[0] = program_invocation_short_name; /* for getopt's messages */
    for (int option; (option = getopt_long(argc, argv, "n", options, NULL)) != -1;) {
        if (option == OPTION_HELP) {
            help();
            return finish(EXIT_SUCCESS);
        }
        if (option == OPTION_VERSION) {
            print_version();
            return finish(EXIT_SUCCESS);
        }
        if (!take_option(&flush, option, optarg ? optarg : ""))
            return usage_hint();
    }
    if (optind < argc)
        return usage_error("'%s' is not an option; did you mean --endpoint or --object?",
                           argv[optind]);
    if (contradiction(&flush))
        return usage_error("%s", contradiction(&flush));
    if (!settings_are_readable(OWN_SETTINGS))
        return EXIT_USAGE;
    return finish(flush_cache(&flush));
}
