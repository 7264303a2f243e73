/* Selection: see selection.h. */
#include "selection.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

bool selection_is_whole_endpoints(const struct selection *selection)
{
    return !selection->user && !selection->operation && !selection->object &&
           !selection->is_sessions_only && !selection->is_expired_only;
}

bool selection_is_everything(const struct selection *selection)
{
    return selection_is_whole_endpoints(selection) && !selection->endpoint;
}

bool selection_has_responses(const struct selection *selection)
{
    return !selection->is_sessions_only;
}

/* A session has neither operation nor object. */
bool selection_has_sessions(const struct selection *selection)
{
    return !selection->operation && !selection->object;
}

/* "https://host:443" is meant by a glob of the whole, of "host:443" and of "host". */
static bool matches_endpoint(const char *glob, const struct endpoint *endpoint)
{
    const char *scheme_end = strstr(endpoint->name, "://");
    const char *authority = scheme_end ? scheme_end + strlen("://") : endpoint->name;
    const char *colon = strrchr(authority, ':');
    char host[ENDPOINT_SIZE];
    int host_size = colon ? (int)(colon - authority) : (int)strlen(authority);
    snprintf(host, sizeof(host), "%.*s", host_size, authority);
    return fnmatch(glob, endpoint->name, FNM_CASEFOLD) == 0 ||
           fnmatch(glob, authority, FNM_CASEFOLD) == 0 || fnmatch(glob, host, FNM_CASEFOLD) == 0;
}

/* vSphere's user names are compared without case. */
static bool is_of_user(const struct selection *selection, const struct principal *principal)
{
    char user[SESSION_USER_SIZE];
    principal_user(selection->cache, principal, user);
    return strcasecmp(user, selection->user) == 0;
}

/* At `bound` milliseconds a response is stale; a session is still lent then. */
static bool is_older(const struct selection *selection, uint64_t then, uint64_t bound)
{
    return selection->now >= then && selection->now - then >= bound;
}

/* A body names the object as an element's text, <obj type="VirtualMachine">vm-42</obj>. What is
 * sealed cannot be searched, so it may speak of any object. */
static bool speaks_of(const struct selection *selection, const struct stored_response *response)
{
    const struct store_label *label = &response->label;
    char element[256];
    if (label->is_object_list_cut || label->is_sealed)
        return true;
    for (uint32_t i = 0; i < label->object_count && i < STORE_OBJECTS; i++)
        if (label->objects[i] == selection->object_digest)
            return true;
    snprintf(element, sizeof(element), ">%s<", selection->object);
    return span_contains(response->body, span_of_text(element));
}

bool selection_takes_endpoint(const struct selection *selection, const struct endpoint *endpoint)
{
    return !selection->endpoint || matches_endpoint(selection->endpoint, endpoint);
}

bool selection_takes_response(const struct selection *selection,
                              const struct stored_response *response)
{
    const struct store_label *label = &response->label;
    struct span operation = span_of_text(label->operation);
    if (!selection_takes_endpoint(selection, &label->endpoint))
        return false;
    if (selection->operation && strcmp(label->operation, selection->operation) != 0)
        return false;
    if (selection->is_expired_only &&
        !is_older(selection, label->requested_at, config_ttl_ms(selection->config, operation)))
        return false;
    if (selection->user && !is_of_user(selection, &label->principal))
        return false;
    return !selection->object || speaks_of(selection, response);
}

bool selection_takes_session(const struct selection *selection, const struct session_info *info)
{
    if (!selection_takes_endpoint(selection, &info->endpoint))
        return false;
    if (selection->is_expired_only &&
        !is_older(selection, info->used_at, selection->config->session_idle_ms + 1))
        return false;
    return !selection->user || strcasecmp(info->user, selection->user) == 0;
}
