/*
 * Configuration: the environment variables of vcache (settings.def), read once.
 *
 * Inside the shim a value that cannot be read means the default; the wrapper reports it before the
 * program starts, with the same parsers (config_check).
 */
#ifndef VCACHE_BASE_CONFIG_H
#define VCACHE_BASE_CONFIG_H

#include "base/bytes.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_ERROR, LOG_INFO, LOG_DEBUG };

enum setting {
#define SETTING(id, variable, standard, meaning) SETTING_##id,
#include "base/settings.def"
#undef SETTING
    SETTING_COUNT
};

struct setting_info {
    const char *variable; /* "VCACHE_TTL" */
    const char *standard; /* the default, as the user would write it; "" where it is computed */
    const char *meaning;
};

/* Indexed by enum setting. */
extern const struct setting_info setting_infos[SETTING_COUNT];

#define CONFIG_TTL_OVERRIDES 32

struct config {
    bool is_disabled;
    uint64_t ttl_ms;
    struct {
        char operation[64];
        uint64_t ttl_ms;
    } ttl_overrides[CONFIG_TTL_OVERRIDES];
    size_t ttl_override_count;
    char directory[PATH_MAX]; /* absolute; "" when there is none to be had */
    char hosts[1024];
    uint64_t session_idle_ms;
    uint64_t max_size;  /* bytes */
    char log[PATH_MAX]; /* "" none, "stderr", or a path */
    enum log_level log_level;
    uint64_t fence_ms;
    uint64_t stale_if_error_ms;
    bool connects_eagerly;
    uint64_t connect_timeout_ms;
};

/* Reads the environment of this process. Never fails: what cannot be read is the default. */
void config_read(struct config *config);

/*
 * Says whether `value` would be understood for `setting`. On false, `why` holds one sentence that
 * says what was expected ("seconds, as in 15 or 60,QueryPerf=20").
 */
bool config_check(enum setting setting, const char *value, char *why, size_t why_size);

/* The time to live for `operation`: its own if VCACHE_TTL names it, else the general one. */
uint64_t config_ttl_ms(const struct config *config, struct span operation);

/* Whether VCACHE_HOSTS selects the endpoint "host:port" (a glob without a port matches any port).
 */
bool config_selects(const struct config *config, const char *endpoint);
/* Whether it selects every endpoint, whatever its name: the default. */
bool config_selects_all(const struct config *config);

#endif
