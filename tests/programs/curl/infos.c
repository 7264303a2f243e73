/* What curl_easy_getinfo says: see judge.h. */
#include "judge.h"

#include <math.h>
#include <string.h>

static const struct {
    const char *name;
    CURLINFO info;
} infos[] = {
    {"RESPONSE_CODE", CURLINFO_RESPONSE_CODE},
    {"EFFECTIVE_URL", CURLINFO_EFFECTIVE_URL},
    {"EFFECTIVE_METHOD", CURLINFO_EFFECTIVE_METHOD},
    {"CONTENT_TYPE", CURLINFO_CONTENT_TYPE},
    {"SIZE_UPLOAD", CURLINFO_SIZE_UPLOAD_T},
    {"SIZE_DOWNLOAD", CURLINFO_SIZE_DOWNLOAD_T},
    {"HEADER_SIZE", CURLINFO_HEADER_SIZE},
    {"REQUEST_SIZE", CURLINFO_REQUEST_SIZE},
    {"CONTENT_LENGTH_DOWNLOAD", CURLINFO_CONTENT_LENGTH_DOWNLOAD_T},
    {"CONTENT_LENGTH_UPLOAD", CURLINFO_CONTENT_LENGTH_UPLOAD_T},
    {"FILETIME", CURLINFO_FILETIME_T},
    {"REDIRECT_COUNT", CURLINFO_REDIRECT_COUNT},
    {"REDIRECT_URL", CURLINFO_REDIRECT_URL},
    {"HTTP_CONNECTCODE", CURLINFO_HTTP_CONNECTCODE},
    {"HTTP_VERSION", CURLINFO_HTTP_VERSION},
    {"HTTPAUTH_AVAIL", CURLINFO_HTTPAUTH_AVAIL},
    {"PROXYAUTH_AVAIL", CURLINFO_PROXYAUTH_AVAIL},
    {"PROXY_ERROR", CURLINFO_PROXY_ERROR},
    {"OS_ERRNO", CURLINFO_OS_ERRNO},
    {"PRIMARY_IP", CURLINFO_PRIMARY_IP},
    {"PRIMARY_PORT", CURLINFO_PRIMARY_PORT},
    {"CONDITION_UNMET", CURLINFO_CONDITION_UNMET},
    {"SSL_VERIFYRESULT", CURLINFO_SSL_VERIFYRESULT},
    {"PROXY_SSL_VERIFYRESULT", CURLINFO_PROXY_SSL_VERIFYRESULT},
    {"SCHEME", CURLINFO_SCHEME},
    {"PROTOCOL", CURLINFO_PROTOCOL},
    {"RETRY_AFTER", CURLINFO_RETRY_AFTER},
    {"REFERER", CURLINFO_REFERER},
    {"CAINFO", CURLINFO_CAINFO},
    {"CAPATH", CURLINFO_CAPATH},
};

/* The cookie's value is its seventh word (https://curl.se/docs/http-cookies.html). */
static void print_cookies(FILE *out, CURL *curl)
{
    struct curl_slist *cookies = NULL;
    if (curl_easy_getinfo(curl, CURLINFO_COOKIELIST, &cookies) != CURLE_OK)
        fputs("  no COOKIELIST\n", out);
    for (const struct curl_slist *cookie = cookies; cookie; cookie = cookie->next) {
        fputs("  COOKIELIST ", out);
        print_text(out, cookie->data, strlen(cookie->data));
    }
    curl_slist_free_all(cookies);
}

static void print_info(FILE *out, CURL *curl, const char *name, CURLINFO info)
{
    long number = 0;
    curl_off_t offset = 0;
    const char *text = NULL;
    CURLcode code;
    fprintf(out, "  %s ", name);
    switch (info & CURLINFO_TYPEMASK) {
    case CURLINFO_STRING:
        code = curl_easy_getinfo(curl, info, &text);
        fprintf(out, "%s", text ? text : "(none)");
        break;
    case CURLINFO_OFF_T:
        code = curl_easy_getinfo(curl, info, &offset);
        fprintf(out, "%lld", (long long)offset);
        break;
    default:
        code = curl_easy_getinfo(curl, info, &number);
        fprintf(out, "%ld", number);
    }
    fprintf(out, code == CURLE_OK ? "\n" : ": result %d\n", (int)code);
}

/* ---- times ----------------------------------------------------------------------------------- */

static double seconds_of(CURL *curl, CURLINFO info, CURLINFO info_t, bool *is_same)
{
    double seconds = -1;
    curl_off_t microseconds = -1;
    curl_easy_getinfo(curl, info, &seconds);
    curl_easy_getinfo(curl, info_t, &microseconds);
    *is_same &= fabs(seconds * 1e6 - (double)microseconds) < 2;
    return seconds;
}

static const char *judge_times(const struct handle *handle)
{
    bool is_same = true;
    bool is_rising = true;
    double last = 0;
    long connects = 0;
    const double times[] = {
        seconds_of(handle->curl, CURLINFO_NAMELOOKUP_TIME, CURLINFO_NAMELOOKUP_TIME_T, &is_same),
        seconds_of(handle->curl, CURLINFO_CONNECT_TIME, CURLINFO_CONNECT_TIME_T, &is_same),
        seconds_of(handle->curl, CURLINFO_APPCONNECT_TIME, CURLINFO_APPCONNECT_TIME_T, &is_same),
        seconds_of(handle->curl, CURLINFO_PRETRANSFER_TIME, CURLINFO_PRETRANSFER_TIME_T, &is_same),
        seconds_of(handle->curl, CURLINFO_STARTTRANSFER_TIME, CURLINFO_STARTTRANSFER_TIME_T,
                   &is_same),
        seconds_of(handle->curl, CURLINFO_TOTAL_TIME, CURLINFO_TOTAL_TIME_T, &is_same),
    };
    curl_easy_getinfo(handle->curl, CURLINFO_NUM_CONNECTS, &connects);
    if (handle->result != CURLE_OK)
        return "of a failure";
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        /* Of a connection that was there already libcurl leaves them 0. */
        if (times[i] == 0 && i < 3 && connects == 0)
            continue;
        is_rising &= times[i] >= last && times[i] > 0;
        last = times[i];
    }
    if (!is_rising)
        return "out of order";
    if (last > handle->seconds + 0.001)
        return "longer than it took";
    return is_same ? "plausible" : "different in seconds and microseconds";
}

static const char *judge_speed(const struct handle *handle)
{
    curl_off_t size = 0;
    curl_off_t speed = -1;
    double seconds = 0;
    double old = -1;
    curl_easy_getinfo(handle->curl, CURLINFO_SIZE_DOWNLOAD_T, &size);
    curl_easy_getinfo(handle->curl, CURLINFO_SPEED_DOWNLOAD_T, &speed);
    curl_easy_getinfo(handle->curl, CURLINFO_SPEED_DOWNLOAD, &old);
    curl_easy_getinfo(handle->curl, CURLINFO_TOTAL_TIME, &seconds);
    if (handle->result != CURLE_OK)
        return "of a failure";
    if (seconds <= 0 || fabs(old - (double)speed) > 1)
        return "odd";
    double expected = (double)size / seconds;
    /* libcurl reckons it a little before the end. */
    return (double)speed >= expected * 0.5 && (double)speed <= expected * 2 + 1 ? "plausible"
                                                                                : "odd";
}

/* ---- https://curl.se/libcurl/c/curl_easy_nextheader.html --------------------------------------
 */

static void print_header_api(FILE *out, CURL *curl)
{
    struct curl_header *header = NULL;
    struct curl_header *type = NULL;
    size_t count = 0;
    size_t size = 0;
    while ((header = curl_easy_nextheader(curl, CURLH_HEADER, -1, header))) {
        count++;
        size += strlen(header->name);
    }
    curl_easy_header(curl, "content-type", 0, CURLH_HEADER, -1, &type);
    fprintf(out, "  by name: %zu headers, names of %zu bytes, %s\n", count, size,
            type ? type->value : "no type");
}

/* An answer that came over no connection has no address of its own to tell. */
static const char *judge_local(CURL *curl)
{
    const char *address = NULL;
    long port = 0;
    long connects = -1;
    curl_easy_getinfo(curl, CURLINFO_LOCAL_IP, &address);
    curl_easy_getinfo(curl, CURLINFO_LOCAL_PORT, &port);
    curl_easy_getinfo(curl, CURLINFO_NUM_CONNECTS, &connects);
    if (connects < 0 || connects > 2)
        return "an odd number of connections";
    return (address && *address) == (port > 0) ? "plausible" : "half an address";
}

void infos_look(struct handle *handle, const char *where)
{
    static const char *const names[] = {
        "RESPONSE_CODE", "CONTENT_TYPE", "HEADER_SIZE",   "CONTENT_LENGTH_DOWNLOAD",
        "REQUEST_SIZE",  "SIZE_UPLOAD",  "EFFECTIVE_URL", "CONTENT_LENGTH_UPLOAD"};
    FILE *out = handle->judge->out;
    curl_off_t size = -1;
    fprintf(out, "  %s:\n", where);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        for (size_t j = 0; j < sizeof(infos) / sizeof(infos[0]); j++)
            if (strcmp(infos[j].name, names[i]) == 0)
                print_info(out, handle->curl, names[i], infos[j].info);
    curl_easy_getinfo(handle->curl, CURLINFO_SIZE_DOWNLOAD_T, &size);
    fprintf(out, "  SIZE_DOWNLOAD %s\n",
            size >= (curl_off_t)handle->body_size ? "with what it was given" : "less");
    print_header_api(out, handle->curl);
}

void infos_print(struct handle *handle)
{
    FILE *out = handle->judge->out;
    void *private = NULL;
    struct curl_certinfo *certificates = NULL;
    for (size_t i = 0; i < sizeof(infos) / sizeof(infos[0]); i++)
        print_info(out, handle->curl, infos[i].name, infos[i].info);
    print_cookies(out, handle->curl);
    curl_easy_getinfo(handle->curl, CURLINFO_PRIVATE, (char **)&private);
    if (handle->wants_certificates &&
        curl_easy_getinfo(handle->curl, CURLINFO_CERTINFO, &certificates) == CURLE_OK &&
        certificates)
        fprintf(out, "  %d certificates\n", certificates->num_of_certs);
    fprintf(out, "  %s\n", private == handle ? "its own" : "somebody else's");
    fprintf(out, "  times %s, speed %s, connection %s\n", judge_times(handle), judge_speed(handle),
            judge_local(handle->curl));
    print_header_api(out, handle->curl);
}
