/*
 * Selection: which stored responses and sessions a flush is about. All that is given must hold.
 */
#ifndef VCACHE_TOOLS_SELECTION_H
#define VCACHE_TOOLS_SELECTION_H

#include "base/config.h"
#include "cache/cache.h"
#include "cache/session.h"
#include "cache/store.h"

#include <stdbool.h>

struct selection {
    const char *endpoint;  /* glob, or NULL */
    const char *user;      /* or NULL */
    const char *operation; /* or NULL */
    const char *object;    /* or NULL */
    bool is_sessions_only;
    bool is_expired_only;

    /* What the answers need. */
    struct cache *cache;
    const struct config *config;
    uint64_t now;           /* clock_milliseconds() */
    uint64_t object_digest; /* key_of_object(object) */
};

/* Whether it selects whole tables of an endpoint's entries, or all of them. */
bool selection_is_everything(const struct selection *selection);
bool selection_is_whole_endpoints(const struct selection *selection);

/* Whether responses, or sessions, can be meant at all. */
bool selection_has_responses(const struct selection *selection);
bool selection_has_sessions(const struct selection *selection);

/* Whether it is one of those named, or none was. */
bool selection_takes_endpoint(const struct selection *selection, const struct endpoint *endpoint);

bool selection_takes_response(const struct selection *selection,
                              const struct stored_response *response);
bool selection_takes_session(const struct selection *selection, const struct session_info *info);

#endif
