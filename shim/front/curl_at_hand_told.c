/* At hand, what the program is told about it: see curl_at_hand.h. */
#include "front/curl_at_hand_parts.h"

#include <string.h>

static const double microseconds = 1e6;

/* ---- curl_easy_getinfo ------------------------------------------------------------------------
 */

/* As libcurl counts them: from the start, and never none. */
static curl_off_t since_begun(const struct curl_at_hand *at_hand, uint64_t then_us)
{
    return then_us > at_hand->begun_us ? (curl_off_t)(then_us - at_hand->begun_us) : 1;
}

/* Of what precedes the answer nothing takes any time. */
static curl_off_t moment(const struct curl_at_hand *at_hand, enum curl_moment moment)
{
    if (!at_hand->pattern.has_moment[moment])
        return 0;
    return moment == STARTTRANSFER ? since_begun(at_hand, at_hand->answered_us) : 1;
}

static curl_off_t total(const struct curl_at_hand *at_hand)
{
    return since_begun(at_hand, at_hand->ended_us ? at_hand->ended_us : at_hand->answered_us);
}

static curl_off_t per_second(const struct curl_at_hand *at_hand, size_t size)
{
    return (curl_off_t)((double)size * microseconds / (double)total(at_hand));
}

/* libcurl knows the length before it hands out the empty line. */
static bool knows_length(const struct curl_at_hand *at_hand)
{
    return at_hand->shown + sizeof("\r\n") - 1 >= at_hand->head.size;
}

static bool tell_size(const struct curl_at_hand *at_hand, CURLINFO info, curl_off_t *value)
{
    switch (info) {
    case CURLINFO_SIZE_UPLOAD:
    case CURLINFO_SIZE_UPLOAD_T:
    case CURLINFO_CONTENT_LENGTH_UPLOAD:
    case CURLINFO_CONTENT_LENGTH_UPLOAD_T:
        *value = (curl_off_t)at_hand->upload;
        return true;
    case CURLINFO_SIZE_DOWNLOAD:
    case CURLINFO_SIZE_DOWNLOAD_T:
        *value = (curl_off_t)at_hand->got;
        return true;
    case CURLINFO_CONTENT_LENGTH_DOWNLOAD:
    case CURLINFO_CONTENT_LENGTH_DOWNLOAD_T:
        *value = knows_length(at_hand) ? (curl_off_t)at_hand->response.length : -1;
        return true;
    case CURLINFO_SPEED_DOWNLOAD:
    case CURLINFO_SPEED_DOWNLOAD_T:
        *value = per_second(at_hand, at_hand->got);
        return true;
    case CURLINFO_SPEED_UPLOAD:
    case CURLINFO_SPEED_UPLOAD_T:
        *value = per_second(at_hand, at_hand->upload);
        return true;
    default:
        return false;
    }
}

static bool tell_time(const struct curl_at_hand *at_hand, CURLINFO info, curl_off_t *value)
{
    switch (info) {
    case CURLINFO_NAMELOOKUP_TIME:
    case CURLINFO_NAMELOOKUP_TIME_T:
        *value = moment(at_hand, NAMELOOKUP);
        return true;
    case CURLINFO_CONNECT_TIME:
    case CURLINFO_CONNECT_TIME_T:
        *value = moment(at_hand, CONNECT);
        return true;
    case CURLINFO_APPCONNECT_TIME:
    case CURLINFO_APPCONNECT_TIME_T:
        *value = moment(at_hand, APPCONNECT);
        return true;
    case CURLINFO_PRETRANSFER_TIME:
    case CURLINFO_PRETRANSFER_TIME_T:
        *value = moment(at_hand, PRETRANSFER);
        return true;
    case CURLINFO_STARTTRANSFER_TIME:
    case CURLINFO_STARTTRANSFER_TIME_T:
        *value = moment(at_hand, STARTTRANSFER);
        return true;
    case CURLINFO_TOTAL_TIME:
    case CURLINFO_TOTAL_TIME_T:
        *value = total(at_hand);
        return true;
    default:
        return false;
    }
}

void curl_at_hand_bound(const struct curl_handle *handle, CURLINFO info, void *value)
{
    /* CURLINFO_QUEUE_TIME_T and CURLINFO_POSTTRANSFER_TIME_T, of 8.6 and 8.10. */
    static const int later[] = {CURLINFO_OFF_T + 65, CURLINFO_OFF_T + 67};
    const struct curl_at_hand *at_hand = handle->at_hand;
    bool is_later = (int)info == later[0] || (int)info == later[1];
    if (at_hand && at_hand->is_last && is_later && *(curl_off_t *)value > total(at_hand))
        *(curl_off_t *)value = total(at_hand);
}

/* It is told once its line was handed out, or is being. */
static const char *content_type(const struct curl_at_hand *at_hand)
{
    const uint8_t *type = at_hand->response.type.data;
    const uint8_t *end = at_hand->head.data + at_hand->shown;
    if (!type || (end < type && memchr(end, '\n', (size_t)(type - end))))
        return NULL;
    return (const char *)at_hand->type.data;
}

bool curl_at_hand_tell(const struct curl_handle *handle, CURLINFO info, void *value)
{
    const struct curl_at_hand *at_hand = handle->at_hand;
    curl_off_t number;
    if (!at_hand || !at_hand->is_last)
        return false;
    if (info == CURLINFO_HEADER_SIZE) {
        *(long *)value = (long)at_hand->shown;
    } else if (info == CURLINFO_REQUEST_SIZE) {
        *(long *)value = at_hand->request_size;
    } else if (info == CURLINFO_CONTENT_TYPE) {
        *(const char **)value = content_type(at_hand);
    } else if (tell_size(at_hand, info, &number)) {
        if ((info & CURLINFO_TYPEMASK) == CURLINFO_DOUBLE)
            *(double *)value = (double)number;
        else
            *(curl_off_t *)value = number;
    } else if (tell_time(at_hand, info, &number)) {
        if ((info & CURLINFO_TYPEMASK) == CURLINFO_DOUBLE)
            *(double *)value = (double)number / microseconds;
        else
            *(curl_off_t *)value = number;
    } else {
        return false;
    }
    return true;
}

/* ---- curl_easy_header -------------------------------------------------------------------------
 */

/* The lines behind the status line, each as two strings. False without memory. */
static bool list_fields(struct curl_at_hand *at_hand)
{
    struct span rest = buffer_span(&at_hand->head);
    const uint8_t *end = memchr(rest.data, '\n', rest.size);
    struct buffer *fields = &at_hand->fields;
    if (fields->size > 0)
        return true;
    for (const uint8_t *at = end + 1; *at != '\r'; at = end + 1) {
        end = memchr(at, '\n', (size_t)(rest.data + rest.size - at));
        const uint8_t *colon = memchr(at, ':', (size_t)(end - at));
        struct span value = {colon + 1, (size_t)(end - 1 - (colon + 1))};
        buffer_append(fields, at, (size_t)(colon - at));
        buffer_append(fields, "", 1);
        buffer_append_span(fields, span_trimmed(value));
        buffer_append(fields, "", 1);
    }
    return !fields->failed;
}

/* Of one after the other; `left` are to be shown yet. A line that is being handed out is. */
struct field {
    const char *name;
    const char *value;
    size_t left;
};

static struct field before_first(const struct curl_at_hand *at_hand)
{
    return (struct field){.left = at_hand->lines};
}

static bool next_field(const struct curl_at_hand *at_hand, struct field *field)
{
    const char *start = (const char *)at_hand->fields.data;
    const char *at = field->value ? field->value + strlen(field->value) + 1 : start;
    if (field->left == 0 || !start || at == start + at_hand->fields.size)
        return false;
    *field = (struct field){at, at + strlen(at) + 1, field->left - 1};
    return true;
}

static bool is_called(const struct field *field, const char *name)
{
    return span_equal_ignoring_case(span_of_text(field->name), span_of_text(name));
}

/* How many have that name; and the index of `wanted` among them. */
static size_t count_fields(const struct curl_at_hand *at_hand, const char *name, const char *wanted,
                           size_t *index)
{
    size_t count = 0;
    struct field field = before_first(at_hand);
    while (next_field(at_hand, &field)) {
        if (field.name == wanted)
            *index = count;
        count += is_called(&field, name);
    }
    return count;
}

static void fill(const struct curl_at_hand *at_hand, const struct field *field,
                 struct curl_header *header)
{
    /* As libcurl does, so that nobody compares the whole of it. */
    static const unsigned reserved = 1U << 27;
    size_t index = 0;
    size_t amount = count_fields(at_hand, field->name, field->name, &index);
    *header = (struct curl_header){.name = (char *)field->name,
                                   .value = (char *)field->value,
                                   .amount = amount,
                                   .index = index,
                                   .origin = CURLH_HEADER | reserved,
                                   .anchor = (void *)field->name};
}

CURLHcode curl_at_hand_header(struct curl_at_hand *at_hand, const struct curl_wanted_header *wanted,
                              struct curl_header **found)
{
    static const unsigned origins =
        CURLH_HEADER | CURLH_TRAILER | CURLH_CONNECT | CURLH_1XX | CURLH_PSEUDO;
    if (!wanted->name || !found || wanted->origin == 0 || wanted->origin > origins ||
        wanted->request < -1)
        return CURLHE_BAD_ARGUMENT;
    if (!list_fields(at_hand))
        return CURLHE_OUT_OF_MEMORY;
    struct field field = before_first(at_hand);
    if (!next_field(at_hand, &field))
        return CURLHE_NOHEADERS;
    if (wanted->request > 0)
        return CURLHE_NOREQUEST;
    size_t amount =
        wanted->origin & CURLH_HEADER ? count_fields(at_hand, wanted->name, NULL, &(size_t){0}) : 0;
    if (amount == 0)
        return CURLHE_MISSING;
    if (wanted->index >= amount)
        return CURLHE_BADINDEX;
    size_t left = wanted->index;
    while (!is_called(&field, wanted->name) || left-- > 0)
        next_field(at_hand, &field);
    fill(at_hand, &field, &at_hand->header);
    *found = &at_hand->header;
    return CURLHE_OK;
}

struct curl_header *curl_at_hand_next_header(struct curl_at_hand *at_hand,
                                             const struct curl_wanted_header *wanted,
                                             const struct curl_header *last)
{
    if (wanted->request > 0 || !(wanted->origin & CURLH_HEADER) || !list_fields(at_hand))
        return NULL;
    struct field field = before_first(at_hand);
    bool is_there = next_field(at_hand, &field);
    if (last) {
        while (is_there && field.name != last->anchor)
            is_there = next_field(at_hand, &field);
        is_there = is_there && next_field(at_hand, &field);
    }
    if (!is_there)
        return NULL;
    fill(at_hand, &field, &at_hand->next_header);
    return &at_hand->next_header;
}

struct curl_at_hand *curl_at_hand_told(const struct curl_handle *handle)
{
    return handle && handle->at_hand && handle->at_hand->is_last ? handle->at_hand : NULL;
}
