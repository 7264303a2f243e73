/* What cmocka needs before it is included, and a fresh directory for a cache. */
#ifndef VCACHE_TESTS_UNIT_H
#define VCACHE_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/config.h"

/* A configuration with its defaults and a cache directory of its own below /tmp. */
static inline void unit_config(struct config *config)
{
    char directory[] = "/tmp/vcache-unit-XXXXXX";
    config_read(config);
    assert_non_null(mkdtemp(directory));
    snprintf(config->directory, sizeof(config->directory), "%s", directory);
}

/* Removes what unit_config made, with all that was put there. */
static inline void unit_remove(const struct config *config)
{
    char command[PATH_MAX + 16];
    snprintf(command, sizeof(command), "rm -rf '%s'", config->directory);
    assert_int_equal(system(command), 0);
}

#endif
