/* NAME=VALUE: see judge.h. */
#include "judge.h"

#include <stdlib.h>
#include <string.h>

static struct curl_slist *list_of(const char *value)
{
    struct curl_slist *list = NULL;
    char *copy = strdup(value);
    char *rest = copy;
    for (char *item = strsep(&rest, "|"); item; item = strsep(&rest, "|"))
        list = curl_slist_append(list, item);
    free(copy);
    return list;
}

static void set_list(struct handle *handle, CURLoption option, const char *value)
{
    struct curl_slist *list = NULL;
    bool adds = *value == '+';
    if (adds && handle->list_count > 0) {
        list = handle->lists[handle->list_count - 1];
        struct curl_slist *more = list_of(value + 1);
        for (const struct curl_slist *item = more; item; item = item->next)
            list = curl_slist_append(list, item->data);
        curl_slist_free_all(more);
    } else {
        list = list_of(value + adds);
        if (handle->list_count == MOST_LISTS)
            judge_fail("too many lists");
        handle->lists[handle->list_count++] = list;
    }
    curl_easy_setopt(handle->curl, option, list);
}

void options_add_line(struct handle *handle, const char *line)
{
    if (handle->list_count == 0)
        judge_fail("no list");
    curl_slist_append(handle->lists[handle->list_count - 1], line);
}

/* What the file of that name holds. */
static CURLcode set_blob(CURL *curl, CURLoption option, const char *name)
{
    char bytes[16384];
    FILE *file = fopen(name, "re");
    if (!file)
        judge_fail("no file %s", name);
    struct curl_blob blob = {bytes, fread(bytes, 1, sizeof(bytes), file), CURL_BLOB_COPY};
    fclose(file);
    return curl_easy_setopt(curl, option, &blob);
}

static void free_forms(struct handle *handle)
{
    curl_mime_free(handle->mime);
    curl_formfree(handle->form);
    handle->mime = NULL;
    handle->form = NULL;
}

/* A form with that text in its one field, or none. */
static CURLcode set_mime(struct handle *handle, const char *text)
{
    CURLcode code = curl_easy_setopt(handle->curl, CURLOPT_MIMEPOST, NULL);
    free_forms(handle);
    if (!text)
        return code;
    handle->mime = curl_mime_init(handle->curl);
    curl_mimepart *part = curl_mime_addpart(handle->mime);
    curl_mime_name(part, "message");
    curl_mime_data(part, text, CURL_ZERO_TERMINATED);
    return curl_easy_setopt(handle->curl, CURLOPT_MIMEPOST, handle->mime);
}

static CURLcode set_form(struct handle *handle, const char *text)
{
    struct curl_httppost *last = NULL;
    free_forms(handle);
    if (text)
        curl_formadd(&handle->form, &last, CURLFORM_COPYNAME, "message", CURLFORM_COPYCONTENTS,
                     text, CURLFORM_END);
    return curl_easy_setopt(handle->curl, CURLOPT_HTTPPOST, handle->form);
}

static CURLcode set_object(struct handle *handle, CURLoption option, const char *text)
{
    if (option == CURLOPT_MIMEPOST)
        return set_mime(handle, text);
    if (option == CURLOPT_HTTPPOST)
        return set_form(handle, text);
    return curl_easy_setopt(handle->curl, option, text);
}

static CURLcode set_by_type(struct handle *handle, const struct curl_easyoption *option,
                            const char *value)
{
    const char *text = *value == '@' ? message_of(value + 1) : value;
    switch (option->type) {
    case CURLOT_LONG:
    case CURLOT_VALUES:
        return curl_easy_setopt(handle->curl, option->id, strtol(value, NULL, 0));
    case CURLOT_OFF_T:
        return curl_easy_setopt(handle->curl, option->id, (curl_off_t)strtoll(value, NULL, 0));
    case CURLOT_STRING:
    case CURLOT_OBJECT:
        if (strcmp(value, "(null)") == 0)
            text = NULL;
        return set_object(handle, option->id, text);
    case CURLOT_SLIST:
        set_list(handle, option->id, value);
        return CURLE_OK;
    case CURLOT_BLOB:
        return set_blob(handle->curl, option->id, value);
    default:
        if (!told_set_manner(handle, option->name, value))
            judge_fail("no word for %s", option->name);
        return CURLE_OK;
    }
}

void options_apply(struct handle *handle, const char *step)
{
    const char *value = strchr(step, '=');
    char name[64] = "";
    memcpy(name, step,
           (size_t)(value - step) < sizeof(name) - 1 ? (size_t)(value - step) : sizeof(name) - 1);
    const struct curl_easyoption *option = curl_easy_option_by_name(name);
    if (!option)
        judge_fail("no option is called %s", name);
    if (option->id == CURLOPT_CERTINFO)
        handle->wants_certificates = true;
    CURLcode code = set_by_type(handle, option, value + 1);
    if (code != CURLE_OK)
        fprintf(handle->judge->out, "%s: %s\n", name, curl_easy_strerror(code));
}

void options_free(struct handle *handle)
{
    free_forms(handle);
    for (size_t i = 0; i < handle->list_count; i++)
        curl_slist_free_all(handle->lists[i]);
    handle->list_count = 0;
}
