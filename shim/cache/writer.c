/* Writers: see writer.h. */
#include "cache/writer.h"

#include "base/clock.h"
#include "cache/limits.h"
#include "cache/pages.h"
#include "cache/reader.h"
#include "cache/ready.h"
#include "cache/shared.h"
#include "cache/trap.h"

#define LOOK_MS 1000
#define PAGES_BEFORE_WRITE 16

/* Before LMDB writes on the strength of what it reads. */
static bool pages_make_sense(struct environment *environment)
{
    uint64_t now = clock_milliseconds();
    if (now - environment->looked_at < LOOK_MS)
        return true;
    environment->looked_at = now;
    if (pages_are_sound(environment->data_fd, PAGES_BEFORE_WRITE))
        return true;
    atomic_store(&environment->is_damaged, true);
    return false;
}

enum cache_status writer_enter(struct cache *cache, struct environment **environment)
{
    /* Looks at the file that the gate's manners are in. */
    shared_get(cache, true);
    for (int tries = 0; tries < 2; tries++) {
        enum cache_status status = ready_environment(cache, environment, tries > 0);
        if (status != CACHE_OK)
            return status;
        status = gate_enter(&cache->gate, cache->locks_path, atomic_load(&cache->may_create));
        /* The directory may have gone since: the next try makes it. */
        if (status != CACHE_OK && status != CACHE_ABSENT)
            return status;
        if (status == CACHE_ABSENT)
            continue;
        if (atomic_load(&cache->environment) == *environment) {
            enum environment_condition condition = environment_examine_for_write(*environment);
            if (condition == ENVIRONMENT_SOUND && pages_make_sense(*environment) &&
                limits_allow_file((uint64_t)(*environment)->data_size))
                return CACHE_OK;
            if (condition == ENVIRONMENT_TAKEN)
                atomic_store(&cache->is_ended, true);
        }
        gate_leave(&cache->gate);
    }
    return CACHE_UNAVAILABLE;
}

struct run {
    struct environment *environment;
    writer_work *work;
    void *closure;
    bool is_open;
};

static int run(void *closure)
{
    struct run *run = closure;
    struct environment *environment = run->environment;
    const struct late_lmdb *lmdb = environment->lmdb;
    MDB_txn *transaction;
    int code = lmdb->mdb_txn_begin(environment->env, NULL, 0, &transaction);
    if (code == MDB_MAP_RESIZED && (code = reader_follow_growth(environment)) == 0)
        code = lmdb->mdb_txn_begin(environment->env, NULL, 0, &transaction);
    if (code != 0)
        return code;
    run->is_open = true;
    code = path_begin(&environment->view, environment->data_fd)
               ? run->work(environment, transaction, run->closure)
               : MDB_CORRUPTED;
    if (code == 0)
        code = lmdb->mdb_txn_commit(transaction);
    else
        lmdb->mdb_txn_abort(transaction);
    run->is_open = false;
    return code;
}

int writer_run(struct environment *environment, writer_work *work, void *closure)
{
    struct run all = {environment, work, closure, false};
    int code = trap_run(run, &all);
    /* Neither ended nor abandoned: LMDB's cursors point into stack frames that are no more, and
     * its writer mutex stays locked. */
    if (all.is_open)
        environment->is_stuck = true;
    return code;
}

void writer_leave(struct cache *cache)
{
    struct environment *environment = atomic_load(&cache->environment);
    /* Before anybody can come to wait for that mutex. */
    if (environment && environment->is_stuck)
        environment_retire(cache);
    gate_leave(&cache->gate);
}
