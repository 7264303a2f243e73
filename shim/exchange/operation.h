/*
 * Operations: what each vim25 method means to a cache. The table is operations.gperf, a file to be
 * reviewed by a person, compiled into a perfect hash. Thread-safe, no errors: a name that is not in
 * the table is OPERATION_UNKNOWN, and that is a write.
 */
#ifndef VCACHE_EXCHANGE_OPERATION_H
#define VCACHE_EXCHANGE_OPERATION_H

#include "base/bytes.h"

enum operation_class {
    OPERATION_UNKNOWN,       /* not in the table: forwarded, fence, as a write */
    OPERATION_READ,          /* cached */
    OPERATION_PROPERTY_READ, /* cached, unless it reads something live (soap.h says) */
    OPERATION_PAGE,          /* continues or cancels a property read */
    OPERATION_VIEW,          /* CreateContainerView: lent with the session */
    OPERATION_DESTROY_VIEW,  /* DestroyView: kept if the view is shared */
    OPERATION_LIVE,          /* always forwarded, never stored, changes nothing */
    OPERATION_WAITING,       /* lives in the session: forwarded */
    OPERATION_LOGIN,         /* Login with a user name and a password */
    OPERATION_LOGOUT,
    OPERATION_SESSION, /* whatever else opens, changes or ends sessions */
    OPERATION_TASK,    /* starts a task */
    OPERATION_WRITE,
};

struct operation {
    const char *name;
    enum operation_class class;
    unsigned number; /* dense, from 1; 0 is "unknown": index of counters. Differs between builds */
    bool is_in_session; /* what it opens, changes or ends belongs to the session (waiting, leases):
                           the program must be alone in it */
};

/* NULL for a name that is not in the table. The result is static. */
const struct operation *operation_find(struct span name);

/* The operations by number - 1: 0 ≤ index < operation_count(), else NULL. For tools and tests. */
const struct operation *operation_at(size_t index);
size_t operation_count(void);

const char *operation_class_name(enum operation_class class);

/* The GETs that are vSphere reads are operations too, named "GET vimServiceVersions.xml", "GET vmx"
 * and "GET wsdl"; NULL for any other path. `path` is without the query. */
const struct operation *operation_of_get(struct span path);

#endif
