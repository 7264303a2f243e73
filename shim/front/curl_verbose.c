/* CURLOPT_VERBOSE over a link: see curl_verbose.h. */
#include "front/curl_verbose.h"
#include "front/curl_cookies.h"
#include "front/curl_link.h"

#include <stdio.h>
#include <string.h>

/* As libcurl writes it where the program has set no function (curl_log.c of libcurl). */
static void write_line(const struct curl_handle *handle, curl_infotype type, const char *bytes,
                       size_t size)
{
    static const char marks[][3] = {"* ", "< ", "> "};
    FILE *to = (FILE *)curl_options_pointer(&handle->options, CURL_OPTION_STDERR);
    if (type > CURLINFO_HEADER_OUT)
        return;
    fwrite(marks[type], 2, 1, to ? to : stderr);
    fwrite(bytes, size, 1, to ? to : stderr);
}

/* To the program's own function, if it has set one. */
static int tell(struct curl_handle *handle, curl_infotype type, char *bytes, size_t size)
{
    curl_debug_callback function = NULL;
    const void *set = curl_options_pointer(&handle->options, CURL_OPTION_DEBUGFUNCTION);
    memcpy(&function, &set, sizeof(function));
    if (function)
        return function(handle->easy, type, bytes, size,
                        (void *)curl_options_pointer(&handle->options, CURL_OPTION_DEBUGDATA));
    write_line(handle, type, bytes, size);
    return 0;
}

/* With the cookies that libcurl does not know it sends. */
static int tell_head(struct curl_handle *handle, const char *bytes, size_t size)
{
    struct buffer head = {0};
    buffer_append(&head, bytes, size);
    int result = head.failed || !curl_cookies_send(handle, &head)
                     ? 0
                     : tell(handle, CURLINFO_HEADER_OUT, (char *)head.data, head.size);
    buffer_wipe(&head);
    buffer_free(&head);
    return result;
}

int curl_verbose_tell(CURL *easy, curl_infotype type, char *bytes, size_t size, void *handle_)
{
    struct curl_handle *handle = handle_;
    bool is_programs = easy == handle->easy;
    if (is_programs && type == CURLINFO_TEXT &&
        curl_link_is_spoken_of((struct span){(const uint8_t *)bytes, size}))
        return 0;
    return is_programs && type == CURLINFO_HEADER_OUT ? tell_head(handle, bytes, size)
                                                      : tell(handle, type, bytes, size);
}
