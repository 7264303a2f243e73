/* What programs are told of names: see resolved.h. */
#include "front/resolved.h"
#include "front/brief.h"
#include "front/real.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

enum { ANSWERS = 16 };

/* IPv4 as it is mapped to IPv6. */
struct answer {
    unsigned count;
    struct in6_addr addresses[RESOLVED_ADDRESSES];
};

static struct answer answers[ANSWERS];
static unsigned answers_noted;
static atomic_bool is_locked;

/* ---- addresses ---- */

static bool read_address(const struct sockaddr *address, struct in6_addr *plain)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    if (address->sa_family == AF_INET) {
        memcpy(&v4, address, sizeof(v4));
        *plain = (struct in6_addr){{{[10] = 0xff, [11] = 0xff}}};
        memcpy(&plain->s6_addr[12], &v4.sin_addr, sizeof(v4.sin_addr));
        return true;
    }
    if (address->sa_family != AF_INET6)
        return false;
    memcpy(&v6, address, sizeof(v6));
    *plain = v6.sin6_addr;
    return !IN6_IS_ADDR_LINKLOCAL(plain);
}

/* False: a socket of that family cannot reach it. */
static bool write_address(struct sockaddr_storage *address, const struct in6_addr *plain)
{
    if (address->ss_family == AF_INET6) {
        memcpy((char *)address + offsetof(struct sockaddr_in6, sin6_addr), plain, sizeof(*plain));
        return true;
    }
    memcpy((char *)address + offsetof(struct sockaddr_in, sin_addr), &plain->s6_addr[12], 4);
    return IN6_IS_ADDR_V4MAPPED(plain);
}

static unsigned place_of(const struct answer *answer, const struct in6_addr *plain)
{
    unsigned i = 0;
    while (i < answer->count && memcmp(&answer->addresses[i], plain, sizeof(*plain)) != 0)
        i++;
    return i;
}

/* ---- answers ---- */

/* An address is in it once for each kind of socket that the program did not rule out. */
static void note(const struct addrinfo *found)
{
    struct answer answer = {0};
    struct in6_addr plain;
    for (; found && answer.count < RESOLVED_ADDRESSES; found = found->ai_next)
        if (found->ai_addr && read_address(found->ai_addr, &plain) &&
            place_of(&answer, &plain) == answer.count)
            answer.addresses[answer.count++] = plain;
    if (answer.count < 2 || !brief_lock(&is_locked))
        return;
    answers[answers_noted++ % ANSWERS] = answer;
    brief_unlock(&is_locked);
}

/* Locked. */
static const struct answer *last_with(const struct in6_addr *plain)
{
    for (unsigned back = 1; back <= ANSWERS && back <= answers_noted; back++) {
        const struct answer *answer = &answers[(answers_noted - back) % ANSWERS];
        if (place_of(answer, plain) < answer->count)
            return answer;
    }
    return NULL;
}

bool resolved_next(const struct dial_peer *peer, struct dial_peer *next)
{
    struct in6_addr plain;
    bool is_found = false;
    *next = *peer;
    if (!read_address((const struct sockaddr *)&peer->address, &plain) || !brief_lock(&is_locked))
        return false;
    const struct answer *answer = last_with(&plain);
    for (unsigned i = answer ? place_of(answer, &plain) + 1 : 0;
         answer && !is_found && i < answer->count; i++)
        is_found = write_address(&next->address, &answer->addresses[i]);
    brief_unlock(&is_locked);
    return is_found;
}

void resolved_forget_unfinished(void)
{
    if (atomic_load(&is_locked))
        answers_noted = 0;
    brief_unlock(&is_locked);
}

/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): libc's names are reserved */

EXPORT int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                       struct addrinfo **found)
{
    int result = libc_real()->getaddrinfo(name, service, hints, found);
    int saved = errno;
    if (result == 0)
        note(*found);
    errno = saved;
    return result;
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
