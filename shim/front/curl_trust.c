/* Trust of a handle: see curl_trust.h. */
#include "front/curl_trust.h"

#include "base/late.h"
#include "cache/key.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SPAN_OF_VALUE(value) ((struct span){(const uint8_t *)&(value), sizeof(value)})

static const char purpose[] = "vcache trust of libcurl 1";

/* A file that is put in the place of another believes in others. */
static void append_file(struct buffer *to, const char *path)
{
    struct stat seen = {0};
    if (stat(path, &seen) != 0)
        memset(&seen, 0, sizeof(seen));
    buffer_append_sized(to, SPAN_OF_VALUE(seen.st_dev));
    buffer_append_sized(to, SPAN_OF_VALUE(seen.st_ino));
    buffer_append_sized(to, SPAN_OF_VALUE(seen.st_size));
    buffer_append_sized(to, SPAN_OF_VALUE(seen.st_mtim.tv_sec));
    buffer_append_sized(to, SPAN_OF_VALUE(seen.st_mtim.tv_nsec));
}

static bool is_file(enum curl_option_id id)
{
    switch (id) {
    case CURL_OPTION_CAINFO:
    case CURL_OPTION_CAPATH:
    case CURL_OPTION_CRLFILE:
    case CURL_OPTION_ISSUERCERT:
    case CURL_OPTION_SSLCERT:
    case CURL_OPTION_SSLKEY:
    case CURL_OPTION_PINNEDPUBLICKEY:
        return true;
    default:
        return false;
    }
}

static void append_list(struct buffer *to, const struct curl_slist *list)
{
    for (; list; list = list->next)
        buffer_append_sized(to, span_of_text(list->data));
}

static void append_option(struct buffer *to, const struct curl_options *options,
                          enum curl_option_id id)
{
    static const long standard_verify_host = 2;
    bool is_on = id == CURL_OPTION_SSL_VERIFYPEER;
    long standard = is_on ? 1 : id == CURL_OPTION_SSL_VERIFYHOST ? standard_verify_host : 0;
    long number;
    switch (curl_option_table[id].kind) {
    case CURL_NUMBER:
        number = curl_options_number(options, id, standard);
        buffer_append_sized(to, SPAN_OF_VALUE(number));
        break;
    case CURL_TEXT:
    case CURL_BLOB:
        buffer_append_sized(to, buffer_span(&options->values[id].bytes));
        if (is_file(id) && curl_options_text(options, id))
            append_file(to, curl_options_text(options, id));
        break;
    case CURL_LIST:
        append_list(to, curl_options_pointer(options, id));
        break;
    case CURL_OFFSET:
    case CURL_POINTER:
        break;
    }
}

/* The files that libcurl takes where the program names none. */
static void append_standard(struct buffer *to, const struct curl_handle *handle)
{
    const curl_version_info_data *version = handle->curl->curl_version_info(CURLVERSION_NOW);
    if (version->age < CURLVERSION_SEVENTH)
        return;
    const char *const files[] = {version->cainfo, version->capath};
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        buffer_append_sized(to, span_of_text(files[i] ? files[i] : ""));
        if (files[i])
            append_file(to, files[i]);
    }
}

static const char *const variables[] = {"https_proxy", "HTTPS_PROXY", "all_proxy",
                                        "ALL_PROXY",   "no_proxy",    "NO_PROXY"};
enum { VARIABLES = sizeof(variables) / sizeof(variables[0]) };

/* An environment's proxy is another way, too. */
static void append_way(struct buffer *to, const struct curl_options *options)
{
    static const enum curl_option_id texts[] = {CURL_OPTION_PROXY, CURL_OPTION_PRE_PROXY};
    for (size_t i = 0; i < VARIABLES; i++) {
        const char *value = getenv(variables[i]);
        buffer_append_sized(to, span_of_text(value ? value : ""));
    }
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        append_option(to, options, texts[i]);
}

static void append_all(struct buffer *said, const struct curl_handle *handle)
{
    const struct curl_options *options = &handle->options;
    for (int id = 0; id < CURL_OPTION_COUNT; id++) {
        if (curl_option_table[id].role != CURL_TRUST)
            continue;
        /* Which it is, so that two of them cannot be taken for each other. */
        buffer_append_sized(said, SPAN_OF_VALUE(id));
        append_option(said, options, (enum curl_option_id)id);
    }
    bool verifies = curl_options_number(options, CURL_OPTION_SSL_VERIFYPEER, 1) != 0;
    if (verifies && !curl_options_text(options, CURL_OPTION_CAINFO))
        append_standard(said, handle);
    append_way(said, options);
}

static bool digest(struct span said, struct trust *trust)
{
    const struct late_crypto *crypto = late_crypto();
    unsigned size = sizeof(trust->digest);
    return crypto && crypto->HMAC(crypto->EVP_sha256(), purpose, sizeof(purpose) - 1, said.data,
                                  said.size, trust->digest, &size) != NULL;
}

bool curl_trust_tell(struct curl_handle *handle)
{
    struct buffer said = {0};
    append_all(&said, handle);
    bool is_same = span_equal(buffer_span(&said), buffer_span(&handle->trusted));
    bool is_told = !said.failed && (is_same || digest(buffer_span(&said), &handle->trust));
    if (is_told && !is_same) {
        struct buffer before = handle->trusted;
        handle->trusted = said;
        said = before;
    }
    buffer_wipe(&said);
    buffer_free(&said);
    return is_told;
}

/* Whether a variable, "NAME=VALUE", is one of those. */
static bool names_way(const char *variable)
{
    enum { LOWER = 0x20 };
    int first = variable[0] | LOWER;
    int second = variable[0] ? variable[1] | LOWER : 0;
    bool may_be = (first == 'h' && second == 't') || (first == 'a' && second == 'l') ||
                  (first == 'n' && second == 'o');
    for (size_t i = 0; may_be && i < VARIABLES; i++) {
        size_t size = strlen(variables[i]);
        if (strncmp(variable, variables[i], size) == 0 && variable[size] == '=')
            return true;
    }
    return false;
}

/* In one pass: looked for one by one, they would cost more than all else that is at hand. */
uint64_t curl_trust_environment(void)
{
    static const uint64_t spread = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t digest = 0;
    for (char *const *variable = environ; variable && *variable; variable++)
        if (names_way(*variable))
            digest = (digest + key_checksum(*variable, strlen(*variable))) * spread;
    return digest;
}

uint64_t curl_manner_of(const struct curl_handle *handle)
{
    static const enum curl_option_id ids[] = {
        CURL_OPTION_SSLVERSION,    CURL_OPTION_SSL_CIPHER_LIST, CURL_OPTION_TLS13_CIPHERS,
        CURL_OPTION_SSL_EC_CURVES, CURL_OPTION_SSL_ENABLE_ALPN, CURL_OPTION_KEYPASSWD,
        CURL_OPTION_LOCALPORT,     CURL_OPTION_LOCALPORTRANGE,  CURL_OPTION_PROXYUSERPWD,
        CURL_OPTION_PROXYUSERNAME, CURL_OPTION_PROXYPASSWORD,   CURL_OPTION_CERTINFO};
    struct buffer said = {0};
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        buffer_append_sized(&said, SPAN_OF_VALUE(ids[i]));
        append_option(&said, &handle->options, ids[i]);
    }
    uint64_t manner = key_checksum(said.data, said.size);
    buffer_wipe(&said);
    buffer_free(&said);
    return manner;
}
