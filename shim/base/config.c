/* Configuration: see config.h. */
#include "base/config.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct setting_info setting_infos[SETTING_COUNT] = {
#define SETTING(id, variable, standard, meaning) [SETTING_##id] = {variable, standard, meaning},
#include "base/settings.def"
#undef SETTING
};

/* Digits with an optional fraction ("0.5"), in thousandths; nothing may follow `size` bytes. */
static bool parse_seconds(const char *text, size_t size, uint64_t *milliseconds)
{
    char copy[32];
    if (size == 0 || size >= sizeof(copy) || text[0] < '0' || text[0] > '9')
        return false;
    memcpy(copy, text, size);
    copy[size] = '\0';
    if (strspn(copy, "0123456789.") != size)
        return false;
    char *end;
    double seconds = strtod(copy, &end);
    if (*end || seconds > 1e9)
        return false;
    *milliseconds = (uint64_t)(seconds * 1000.0 + 0.5);
    return true;
}

static bool parse_plain_seconds(const char *text, uint64_t *milliseconds)
{
    return parse_seconds(text, strlen(text), milliseconds);
}

static bool parse_size(const char *text, uint64_t *bytes)
{
    if (*text < '0' || *text > '9')
        return false;
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    unsigned shift = 0;
    if (*end == 'K' || *end == 'k')
        shift = 10;
    else if (*end == 'M' || *end == 'm')
        shift = 20;
    else if (*end == 'G' || *end == 'g')
        shift = 30;
    if (shift)
        end++;
    if (errno || *end || value > (UINT64_MAX >> 1 >> shift))
        return false;
    *bytes = (uint64_t)value << shift;
    return true;
}

static bool parse_level(const char *text, enum log_level *level)
{
    static const char *const names[] = {"error", "info", "debug"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(text, names[i]) == 0) {
            *level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

static bool parse_connect(const char *text, bool *is_eager)
{
    *is_eager = strcmp(text, "eager") == 0;
    return *is_eager || strcmp(text, "lazy") == 0;
}

static bool parse_switch(const char *text, bool *is_on)
{
    if (strcmp(text, "1") != 0 && strcmp(text, "0") != 0)
        return false;
    *is_on = text[0] == '1';
    return true;
}

/* One "operation=seconds". */
static bool parse_override(const char *text, size_t size, struct config *config)
{
    const char *equals = memchr(text, '=', size);
    size_t name = equals ? (size_t)(equals - text) : 0;
    if (name == 0 || name >= sizeof(config->ttl_overrides[0].operation) ||
        config->ttl_override_count == CONFIG_TTL_OVERRIDES)
        return false;
    uint64_t ttl;
    if (!parse_seconds(equals + 1, size - name - 1, &ttl))
        return false;
    size_t at = config->ttl_override_count++;
    memcpy(config->ttl_overrides[at].operation, text, name);
    config->ttl_overrides[at].operation[name] = '\0';
    config->ttl_overrides[at].ttl_ms = ttl;
    return true;
}

static bool parse_ttl(const char *text, struct config *config)
{
    for (bool is_first = true;; is_first = false) {
        size_t size = strcspn(text, ",");
        bool is_override = memchr(text, '=', size) != NULL;
        if (is_override ? !parse_override(text, size, config)
                        : !is_first || !parse_seconds(text, size, &config->ttl_ms))
            return false;
        if (!text[size])
            return true;
        text += size + 1;
    }
}

static bool copy_text(char *to, size_t size, const char *text)
{
    size_t length = strlen(text);
    if (length >= size)
        return false;
    memcpy(to, text, length + 1);
    return true;
}

static bool parse_directory(const char *text, struct config *config)
{
    return text[0] == '/' && copy_text(config->directory, sizeof(config->directory), text);
}

/* Parses one setting into `config`. On false `config` holds nothing to rely on for it. */
static bool parse(enum setting setting, const char *text, struct config *config)
{
    switch (setting) {
    case SETTING_TTL:
        return parse_ttl(text, config);
    case SETTING_DIR:
        return parse_directory(text, config);
    case SETTING_DISABLE:
        return parse_switch(text, &config->is_disabled);
    case SETTING_HOSTS:
        return text[0] && copy_text(config->hosts, sizeof(config->hosts), text);
    case SETTING_SESSION_IDLE:
        return parse_plain_seconds(text, &config->session_idle_ms);
    case SETTING_STALE_IF_ERROR:
        return parse_plain_seconds(text, &config->stale_if_error_ms);
    case SETTING_MAX_SIZE:
        return parse_size(text, &config->max_size) && config->max_size >= 1 << 20;
    case SETTING_LOG:
        return copy_text(config->log, sizeof(config->log), text);
    case SETTING_LOG_LEVEL:
        return parse_level(text, &config->log_level);
    case SETTING_FENCE:
        return parse_plain_seconds(text, &config->fence_ms);
    case SETTING_CONNECT:
        return parse_connect(text, &config->connects_eagerly);
    case SETTING_CONNECT_TIMEOUT:
        return parse_plain_seconds(text, &config->connect_timeout_ms) &&
               config->connect_timeout_ms > 0;
    case SETTING_COUNT:
        break;
    }
    return false;
}

static const char *expectation(enum setting setting)
{
    switch (setting) {
    case SETTING_TTL:
        return "seconds, with operation=seconds pairs after it if you like: 60 or 60,QueryPerf=20";
    case SETTING_DIR:
        return "an absolute path of at most 4095 bytes";
    case SETTING_DISABLE:
        return "0 or 1";
    case SETTING_HOSTS:
        return "globs of endpoints separated by commas, at most 1023 bytes in all";
    case SETTING_SESSION_IDLE:
    case SETTING_STALE_IF_ERROR:
    case SETTING_FENCE:
        return "seconds, as in 60";
    case SETTING_CONNECT_TIMEOUT:
        return "seconds, more than 0, as in 60";
    case SETTING_MAX_SIZE:
        return "a size of at least 1M, as in 512M or 1G";
    case SETTING_LOG:
        return "a file's path of at most 4095 bytes, or stderr";
    case SETTING_LOG_LEVEL:
        return "error, info or debug";
    case SETTING_CONNECT:
        return "lazy or eager";
    case SETTING_COUNT:
        break;
    }
    return "";
}

bool config_check(enum setting setting, const char *value, char *why, size_t why_size)
{
    struct config scratch = {0};
    if (parse(setting, value, &scratch))
        return true;
    snprintf(why, why_size, "%s", expectation(setting));
    return false;
}

/* The default directory: the first of three whose base the environment names (DESIGN, section 9).
 */
static void default_directory(struct config *config)
{
    static const struct {
        const char *variable;
        const char *below;
    } bases[] = {
        {"XDG_RUNTIME_DIR", "vcache"}, {"XDG_CACHE_HOME", "vcache"}, {"HOME", ".cache/vcache"}};
    config->directory[0] = '\0';
    for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
        const char *base = secure_getenv(bases[i].variable);
        if (!base || base[0] != '/')
            continue;
        int size =
            snprintf(config->directory, sizeof(config->directory), "%s/%s", base, bases[i].below);
        if (size > 0 && (size_t)size < sizeof(config->directory))
            return;
        config->directory[0] = '\0';
    }
}

void config_read(struct config *config)
{
    *config = (struct config){0};
    default_directory(config);
    for (int i = 0; i < SETTING_COUNT; i++) {
        enum setting setting = (enum setting)i;
        if (*setting_infos[i].standard)
            parse(setting, setting_infos[i].standard, config);
        const char *value = secure_getenv(setting_infos[i].variable);
        struct config before = *config;
        if (value && *value && !parse(setting, value, config))
            *config = before;
    }
}

uint64_t config_ttl_ms(const struct config *config, struct span operation)
{
    for (size_t i = 0; i < config->ttl_override_count; i++)
        if (span_equal(operation, span_of_text(config->ttl_overrides[i].operation)))
            return config->ttl_overrides[i].ttl_ms;
    return config->ttl_ms;
}

bool config_selects_all(const struct config *config)
{
    return strcmp(config->hosts, "*") == 0;
}

bool config_selects(const struct config *config, const char *endpoint)
{
    if (config_selects_all(config))
        return true;
    char globs[sizeof(config->hosts)];
    char host[512];
    memcpy(globs, config->hosts, sizeof(globs));
    const char *colon = strrchr(endpoint, ':');
    size_t host_size = colon ? (size_t)(colon - endpoint) : strlen(endpoint);
    if (host_size >= sizeof(host))
        return false;
    memcpy(host, endpoint, host_size);
    host[host_size] = '\0';
    char *rest = NULL;
    for (char *glob = strtok_r(globs, ", ", &rest); glob; glob = strtok_r(NULL, ", ", &rest))
        if (fnmatch(glob, endpoint, FNM_CASEFOLD) == 0 || fnmatch(glob, host, FNM_CASEFOLD) == 0)
            return true;
    return false;
}
