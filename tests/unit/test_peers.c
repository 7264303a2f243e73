/* Peers: what is known of an address, and how it is forgotten. */
#include "cache_fixture.h"

#include "cache/peers.h"

#include <fnmatch.h>

static struct peer_address address_number(unsigned number)
{
    struct peer_address address = {{0}};
    memcpy(address.bytes, &number, sizeof(number));
    return address;
}

static struct peer peer_named(const char *endpoint, const char *server_name, uint64_t offer)
{
    struct peer peer = {
        .greeting = {span_of_text(server_name), offer},
        .outcome = {0x304, 0x1302, SPAN_OF("http/1.1")},
        .chain = {{SPAN_OF("the leaf"), SPAN_OF("the authority")}, 2},
    };
    snprintf(peer.endpoint.name, sizeof(peer.endpoint.name), "%s", endpoint);
    return peer;
}

/* Whether the address's record has this very greeting, outcome and chain. */
static bool is_recalled(struct fixture *fixture, const struct peer_address *address,
                        const struct peer *peer)
{
    struct buffer record = {0};
    struct peer known;
    bool is_found = false;
    if (peer_recall(fixture->cache, address, &record) == CACHE_OK)
        for (size_t i = 0; !is_found && peer_at(buffer_span(&record), i, &known); i++)
            is_found = strcmp(known.endpoint.name, peer->endpoint.name) == 0 &&
                       span_equal(known.greeting.server_name, peer->greeting.server_name) &&
                       known.greeting.offer == peer->greeting.offer &&
                       known.outcome.version == peer->outcome.version &&
                       known.outcome.cipher == peer->outcome.cipher &&
                       span_equal(known.outcome.protocol, peer->outcome.protocol) &&
                       known.chain.count == peer->chain.count &&
                       span_equal(known.chain.certificates[0], peer->chain.certificates[0]);
    buffer_free(&record);
    return is_found;
}

static void learn(struct fixture *fixture, const struct peer_address *address,
                  const struct peer *peer)
{
    assert_int_equal(peer_learn(fixture->cache, address, peer), CACHE_OK);
}

static void what_was_learned_is_recalled(void **state)
{
    struct fixture *fixture = *state;
    struct peer_address here = address_number(1), there = address_number(2);
    struct peer peer = peer_named("https://vc:443", "vc", 1);
    assert_false(is_recalled(fixture, &here, &peer));
    learn(fixture, &here, &peer);
    assert_true(is_recalled(fixture, &here, &peer));
    assert_false(is_recalled(fixture, &there, &peer));
}

static void one_address_has_many_greetings(void **state)
{
    struct fixture *fixture = *state;
    struct peer_address here = address_number(1);
    struct peer one = peer_named("https://vc:443", "vc", 1);
    struct peer two = peer_named("https://vc:443", "vc", 2);
    struct peer three = peer_named("https://10.0.0.5:443", "", 1);
    two.outcome.version = 0x303;
    learn(fixture, &here, &one);
    learn(fixture, &here, &two);
    learn(fixture, &here, &three);
    assert_true(is_recalled(fixture, &here, &one));
    assert_true(is_recalled(fixture, &here, &two));
    assert_true(is_recalled(fixture, &here, &three));
}

static void a_greeting_has_the_outcome_that_was_last(void **state)
{
    struct fixture *fixture = *state;
    struct peer_address here = address_number(1);
    struct peer before = peer_named("https://vc:443", "vc", 1);
    struct peer after = before;
    after.outcome.protocol = SPAN_OF("");
    learn(fixture, &here, &before);
    learn(fixture, &here, &after);
    assert_true(is_recalled(fixture, &here, &after));
    assert_false(is_recalled(fixture, &here, &before));
}

static void another_certificate_replaces_all(void **state)
{
    struct fixture *fixture = *state;
    struct peer_address here = address_number(1);
    struct peer one = peer_named("https://vc:443", "vc", 1);
    struct peer two = peer_named("https://vc:443", "vc", 2);
    learn(fixture, &here, &one);
    two.chain.certificates[0] = SPAN_OF("another leaf");
    learn(fixture, &here, &two);
    assert_true(is_recalled(fixture, &here, &two));
    assert_false(is_recalled(fixture, &here, &one));
}

static void no_more_greetings_than_there_is_room_for(void **state)
{
    struct fixture *fixture = *state;
    struct peer_address here = address_number(1);
    for (unsigned i = 0; i <= PEER_GREETINGS; i++) {
        struct peer peer = peer_named("https://vc:443", "vc", i);
        learn(fixture, &here, &peer);
    }
    struct peer first = peer_named("https://vc:443", "vc", 0);
    struct peer last = peer_named("https://vc:443", "vc", PEER_GREETINGS);
    assert_false(is_recalled(fixture, &here, &first));
    assert_true(is_recalled(fixture, &here, &last));
}

static void a_record_of_which_a_byte_is_altered_or_missing_is_none(void **state)
{
    struct fixture *fixture = *state;
    struct peer_address here = address_number(1);
    struct peer peer = peer_named("https://vc:443", "vc", 1);
    struct buffer record = {0};
    learn(fixture, &here, &peer);
    assert_int_equal(peer_recall(fixture->cache, &here, &record), CACHE_OK);
    for (size_t i = 0; i < record.size; i++) {
        record.data[i] ^= 1;
        assert_false(peer_at(buffer_span(&record), 0, &peer));
        record.data[i] ^= 1;
        assert_false(peer_at((struct span){record.data, i}, 0, &peer));
    }
    assert_true(peer_at(buffer_span(&record), 0, &peer));
    buffer_free(&record);
}

static bool is_named(const struct endpoint *endpoint, void *glob)
{
    return fnmatch(glob, endpoint->name, 0) == 0;
}

static void an_endpoint_is_forgotten_with_its_addresses(void **state)
{
    struct fixture *fixture = *state;
    struct peer_address here = address_number(1), there = address_number(2);
    struct peer one = peer_named("https://vc:443", "vc", 1);
    struct peer other = peer_named("https://other:443", "other", 1);
    uint64_t answered_at;
    learn(fixture, &here, &one);
    learn(fixture, &there, &other);
    peer_touch(fixture->cache, &here);
    peer_touch(fixture->cache, &there);
    assert_int_equal(peer_sweep(fixture->cache, is_named, "https://vc:*"), CACHE_OK);
    assert_false(is_recalled(fixture, &here, &one));
    assert_true(is_recalled(fixture, &there, &other));
    assert_false(peer_is_known(fixture->cache, &here, &answered_at));
    assert_true(peer_is_known(fixture->cache, &there, &answered_at));
    peer_forget(fixture->cache, &there);
    assert_false(is_recalled(fixture, &there, &other));
    assert_false(peer_is_known(fixture->cache, &there, &answered_at));
}

static void an_address_is_known_by_when_it_last_answered(void **state)
{
    struct fixture *fixture = *state;
    struct peer_address here = address_number(1);
    uint64_t answered_at = 0;
    assert_false(peer_is_known(fixture->cache, &here, &answered_at));
    uint64_t before = clock_milliseconds();
    peer_touch(fixture->cache, &here);
    assert_true(peer_is_known(fixture->cache, &here, &answered_at));
    assert_in_range(answered_at, before, clock_milliseconds());
}

static void asking_for_an_address_makes_no_cache(void **state)
{
    struct fixture *fixture = *state;
    struct peer_address here = address_number(1);
    struct stat status;
    uint64_t answered_at;
    char path[PATH_MAX];
    path_in(path, &fixture->config, "shared");
    assert_false(peer_is_known(fixture->cache, &here, &answered_at));
    assert_int_not_equal(stat(path, &status), 0);
}

static void of_more_addresses_than_there_is_room_for_the_last_ones_are_known(void **state)
{
    struct fixture *fixture = *state;
    enum { MANY = 5000, LAST = 100 };
    uint64_t answered_at;
    unsigned known = 0;
    for (unsigned i = 0; i < MANY; i++) {
        struct peer_address address = address_number(i);
        peer_touch(fixture->cache, &address);
        assert_true(peer_is_known(fixture->cache, &address, &answered_at));
    }
    for (unsigned i = 0; i < MANY; i++) {
        struct peer_address address = address_number(i);
        known += peer_is_known(fixture->cache, &address, &answered_at);
    }
    assert_in_range(known, LAST, MANY - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(what_was_learned_is_recalled),
        FIXTURE_TEST(one_address_has_many_greetings),
        FIXTURE_TEST(a_greeting_has_the_outcome_that_was_last),
        FIXTURE_TEST(another_certificate_replaces_all),
        FIXTURE_TEST(no_more_greetings_than_there_is_room_for),
        FIXTURE_TEST(a_record_of_which_a_byte_is_altered_or_missing_is_none),
        FIXTURE_TEST(an_endpoint_is_forgotten_with_its_addresses),
        FIXTURE_TEST(an_address_is_known_by_when_it_last_answered),
        FIXTURE_TEST(asking_for_an_address_makes_no_cache),
        FIXTURE_TEST(of_more_addresses_than_there_is_room_for_the_last_ones_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
