/* Easy handles, as the program uses them: see curl_front.h. */
#include "front/curl_at_hand.h"
#include "front/curl_certificates.h"
#include "front/curl_disguise.h"
#include "front/curl_front.h"
#include "front/curl_link.h"
#include "front/curl_observe.h"
#include "front/curl_origin.h"
#include "front/curl_pool.h"
#include "front/curl_witness.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what is known of a handle ---- */

CURL *curl_init(struct curl_route route)
{
    CURL *easy = route.curl->curl_easy_init();
    if (!route.passes && easy)
        curl_handle_make(route.curl, easy);
    return easy;
}

static void begin_as_copy(struct curl_handle *copy, const struct curl_handle *handle)
{
    curl_options_copy(&copy->options, &handle->options);
    copy->plain = handle->plain;
    curl_handle_word_url(copy);
}

CURL *curl_duplicate(struct curl_route route, CURL *easy)
{
    struct curl_handle *handle = route.passes ? NULL : curl_handle_find(easy);
    bool was_disguised = handle && handle->is_disguised;
    /* Within a transfer of its own, by a callback: libcurl copies the options as they are now. */
    if (was_disguised)
        curl_disguise_take_off(handle);
    if (was_disguised)
        curl_at_hand_step_aside(handle);
    CURL *copy = route.curl->curl_easy_duphandle(easy);
    if (was_disguised) {
        curl_at_hand_step_in(handle);
        curl_disguise_put_on(handle);
    }
    struct curl_handle *made = handle && copy ? curl_handle_make(route.curl, copy) : NULL;
    if (made)
        begin_as_copy(made, handle);
    return copy;
}

void curl_reset(struct curl_route route, CURL *easy)
{
    struct curl_handle *handle = route.passes ? NULL : curl_handle_find(easy);
    route.curl->curl_easy_reset(easy);
    if (!handle)
        return;
    handle->is_disguised = false;
    handle->is_linked = false;
    curl_at_hand_forget(handle);
    curl_plain_reset(&handle->plain);
    curl_options_reset(&handle->options);
    curl_handle_word_url(handle);
}

void curl_cleanup(struct curl_route route, CURL *easy)
{
    struct curl_handle *handle = route.passes ? NULL : curl_handle_find(easy);
    if (handle) {
        curl_multi_leave(handle);
        curl_handle_free(handle);
    }
    route.curl->curl_easy_cleanup(easy);
}

CURLSHcode curl_cleanup_share(struct curl_route route, CURLSH *share)
{
    if (!route.passes)
        curl_pool_close(share);
    return route.curl->curl_share_cleanup(share);
}

/* ---- options ---- */

void curl_transfer_forget(struct curl_handle *handle)
{
    curl_witness_dismiss(handle);
    curl_certificates_free(handle->shown);
    handle->shown = NULL;
    curl_origin_close(handle->unreached);
    handle->unreached = NULL;
}

static CURLcode set_real(const struct curl *curl, CURL *easy, CURLoption option,
                         const union curl_argument *argument)
{
    if (option < CURLOPTTYPE_OBJECTPOINT)
        return curl->curl_easy_setopt(easy, option, argument->number);
    if (option < CURLOPTTYPE_FUNCTIONPOINT)
        return curl->curl_easy_setopt(easy, option, argument->object);
    if (option < CURLOPTTYPE_OFF_T)
        return curl->curl_easy_setopt(easy, option, argument->function);
    if (option < CURLOPTTYPE_BLOB)
        return curl->curl_easy_setopt(easy, option, argument->offset);
    return curl->curl_easy_setopt(easy, option, argument->object);
}

static void note_set(struct curl_handle *handle, CURLoption option,
                     const union curl_argument *argument)
{
    bool is_same = curl_options_are_as(&handle->options, option, argument);
    curl_plain_notice(&handle->plain, option, argument, is_same);
    curl_options_set(&handle->options, option, argument);
    if (option == CURLOPT_URL || option == CURLOPT_DEFAULT_PROTOCOL)
        curl_handle_word_url(handle);
}

CURLcode curl_set(struct curl_route route, CURL *easy, CURLoption option,
                  const union curl_argument *argument)
{
    struct curl_handle *handle = route.passes ? NULL : curl_handle_find(easy);
    if (!handle)
        return set_real(route.curl, easy, option, argument);
    if (option == CURLOPT_SHARE)
        curl_transfer_forget(handle);
    /* Within a transfer: it is for the next one. */
    bool waits = (handle->is_disguised && curl_options_are_changed(option)) ||
                 curl_at_hand_keeps(handle, option);
    CURLcode code = waits ? CURLE_OK : set_real(route.curl, easy, option, argument);
    if (code == CURLE_OK)
        note_set(handle, option, argument);
    else
        curl_plain_change(&handle->plain);
    return code;
}

CURLcode curl_pause(struct curl_route route, CURL *easy, int pause)
{
    struct curl_handle *handle = route.passes ? NULL : curl_handle_find(easy);
    if (handle && curl_at_hand_pause(handle, pause))
        return CURLE_OK;
    return route.curl->curl_easy_pause(easy, pause);
}

/* ---- transfers ---- */

bool curl_transfer_begin(struct curl_handle *handle)
{
    handle->failure = CURLE_OK;
    handle->must_repeat = false;
    handle->is_redirected_within = false;
    handle->peer = (struct curl_peer){0};
    handle->request_added = 0;
    curl_transfer_forget(handle);
    free(handle->effective);
    handle->effective = NULL;
    handle->is_linked = curl_disguise_put_on(handle);
    curl_at_hand_begin(handle);
    return handle->is_linked;
}

static char *error_buffer(const struct curl_handle *handle)
{
    return (char *)curl_options_pointer(&handle->options, CURL_OPTION_ERRORBUFFER);
}

/* libcurl words the URL anew; over a link it was another scheme's, and without the port that goes
 * without saying to HTTPS. */
static void note_effective_url(struct curl_handle *handle)
{
    static const char plain[] = "http://";
    const char *url = curl_handle_url(handle);
    const char *found = NULL;
    struct span authority = url ? curl_authority_of(url) : (struct span){0};
    if (handle->curl->curl_easy_getinfo(handle->easy, CURLINFO_EFFECTIVE_URL, &found) || !found ||
        strncmp(found, plain, sizeof(plain) - 1) != 0)
        return;
    found += sizeof(plain) - 1;
    int host = (int)strcspn(found, "/?#");
    bool names_port =
        authority.size > 4 && memcmp(authority.data + authority.size - 4, ":443", 4) == 0;
    char *effective = NULL;
    if (asprintf(&effective, "https://%.*s%s%s", host, found, names_port ? ":443" : "",
                 found + host) < 0)
        return;
    free(handle->effective);
    handle->effective = effective;
}

/* Over the link libcurl was connected, and says that it waited for an answer. */
static void word_time_out(char *text)
{
    static const char waited[] = "Operation timed out after ";
    if (strncmp(text, waited, sizeof(waited) - 1) != 0)
        return;
    long milliseconds = strtol(text + sizeof(waited) - 1, NULL, 10);
    snprintf(text, CURL_ERROR_SIZE, "Connection timed out after %ld milliseconds", milliseconds);
}

CURLcode curl_transfer_end(struct curl_handle *handle, CURLcode code)
{
    char *text = error_buffer(handle);
    note_effective_url(handle);
    if (code == CURLE_OK) {
        curl_links_rest(handle);
        curl_origin_close(handle->unreached);
        handle->unreached = NULL;
    }
    if (code == CURLE_OPERATION_TIMEDOUT && handle->unreached && text)
        word_time_out(text);
    curl_disguise_take_off(handle);
    if (code == CURLE_OK)
        curl_at_hand_learn(handle);
    if (handle->failure == CURLE_OK || code == CURLE_OK || code == CURLE_OPERATION_TIMEDOUT ||
        code == CURLE_ABORTED_BY_CALLBACK)
        return code;
    if (text)
        memcpy(text, handle->failure_text, CURL_ERROR_SIZE);
    return handle->failure;
}

void curl_transfer_give_up(struct curl_handle *handle)
{
    curl_disguise_take_off(handle);
    handle->is_linked = false;
}

/* ---- curl_easy_perform ---- */

enum { POLL_MS = 1000, DESCRIPTORS = 8 };

static CURLMcode wait_for(struct curl_handle *handle)
{
    int fds[DESCRIPTORS];
    struct curl_waitfd waits[DESCRIPTORS];
    size_t count = curl_links_descriptors(handle, fds, DESCRIPTORS);
    for (size_t i = 0; i < count; i++)
        waits[i] = (struct curl_waitfd){.fd = fds[i], .events = CURL_WAIT_POLLIN};
    return handle->curl->curl_multi_poll(handle->own, waits, (unsigned)count, POLL_MS, NULL);
}

/* Drives the transfer to its end, as libcurl's own curl_easy_perform does. */
static CURLcode drive(struct curl_handle *handle)
{
    const struct curl *curl = handle->curl;
    CURLMcode failure = CURLM_OK;
    int running = 1;
    for (;;) {
        failure = curl->curl_multi_perform(handle->own, &running);
        if (failure || running == 0 || handle->must_repeat)
            break;
        if (!curl_links_pump(handle))
            failure = wait_for(handle);
        if (failure || handle->must_repeat)
            break;
    }
    int left;
    const CURLMsg *message = failure ? NULL : curl->curl_multi_info_read(handle->own, &left);
    if (message)
        return message->data.result;
    return failure == CURLM_OUT_OF_MEMORY ? CURLE_OUT_OF_MEMORY : CURLE_BAD_FUNCTION_ARGUMENT;
}

bool curl_perform_over_link(struct curl_handle *handle, CURLcode *code)
{
    const struct curl *curl = handle->curl;
    if (!handle->own)
        handle->own = curl->curl_multi_init();
    if (!handle->own || !curl_transfer_begin(handle))
        return false;
    if (curl->curl_multi_add_handle(handle->own, handle->easy) != CURLM_OK) {
        curl_transfer_give_up(handle);
        return false;
    }
    handle->is_waiting = true;
    *code = drive(handle);
    curl->curl_multi_remove_handle(handle->own, handle->easy);
    handle->is_waiting = false;
    if (handle->must_repeat) {
        curl_transfer_give_up(handle);
        /* Its descriptors may be those that were missing. */
        curl->curl_multi_cleanup(handle->own);
        handle->own = NULL;
        return false;
    }
    *code = curl_transfer_end(handle, *code);
    return true;
}

CURLcode curl_perform(struct curl_route route, CURL *easy)
{
    struct curl_handle *handle = route.passes ? NULL : curl_handle_find(easy);
    /* In a multi, or in its own transfer: libcurl knows what to say of that. */
    bool is_free = handle && !handle->is_waiting && !handle->multi;
    CURLcode code = CURLE_OK;
    if (is_free && curl_at_hand_perform(handle, &code))
        return code;
    if (is_free && curl_is_for_link(handle) && curl_perform_over_link(handle, &code))
        return code;
    if (!is_free) {
        curl_at_hand_occupy(handle);
        code = route.curl->curl_easy_perform(easy);
        curl_at_hand_vacate(handle);
        return code;
    }
    handle->is_linked = false;
    curl_at_hand_forget(handle);
    curl_observe_begin(handle);
    code = route.curl->curl_easy_perform(easy);
    curl_observe_end(handle);
    return code;
}
