/* Witnesses: see curl_witness.h. */
#include "front/curl_witness.h"
#include "front/curl_disguise.h"
#include "front/curl_link.h"
#include "front/curl_origin.h"
#include "front/curl_pool.h"

#include <stdlib.h>
#include <string.h>

struct curl_witness {
    struct curl_kind kind;
    struct curl_peer peer;
    struct curl_origin *origin;
    char authority[]; /* that the kind names */
};

static struct curl_witness *witness_new(struct curl_handle *handle)
{
    const char *url = curl_handle_url(handle);
    struct span authority = url ? curl_authority_of(url) : (struct span){0};
    struct curl_witness *witness = calloc(1, sizeof(*witness) + authority.size + 1);
    if (!witness)
        return NULL;
    if (authority.size > 0)
        memcpy(witness->authority, authority.data, authority.size);
    witness->kind = curl_kind_of(handle, witness->authority);
    witness->origin = curl_pool_take(&witness->kind, &witness->peer);
    if (!witness->origin) {
        CURL *easy = curl_disguise_for_origin(handle);
        witness->origin = easy ? curl_origin_open(handle->curl, easy) : NULL;
    }
    return witness;
}

CURL *curl_witness_of(struct curl_handle *handle)
{
    CURL *easy = curl_links_origin(handle);
    if (easy || handle->is_waiting)
        return easy;
    if (!handle->witness)
        handle->witness = witness_new(handle);
    if (!handle->witness || !handle->witness->origin ||
        curl_origin_finish(handle->witness->origin) != CURL_ORIGIN_READY)
        return NULL;
    return curl_origin_easy(handle->witness->origin);
}

void curl_witness_dismiss(struct curl_handle *handle)
{
    struct curl_witness *witness = handle->witness;
    handle->witness = NULL;
    if (!witness)
        return;
    if (witness->origin && curl_origin_state(witness->origin) == CURL_ORIGIN_READY)
        curl_pool_put(&witness->kind, witness->origin, &witness->peer);
    else
        curl_origin_close(witness->origin);
    free(witness);
}
