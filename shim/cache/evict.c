/* Eviction: see evict.h. */
#include "cache/evict.h"

#include "cache/entry.h"
#include "cache/reader.h"
#include "cache/statistics.h"
#include "cache/table.h"
#include "cache/writer.h"

#include <string.h>
#include <time.h>

#define ROUND_ENTRIES 128 /* in one transaction: about a millisecond */
#define ROUNDS 16
#define PAUSE_NS 5000000
#define HEADROOM_PAGES 64

struct age_key age_key_of(uint64_t requested_at, struct span id)
{
    struct age_key key;
    for (int i = 0; i < 8; i++)
        key.bytes[i] = (uint8_t)(requested_at >> (56 - 8 * i));
    memcpy(key.bytes + 8, id.data, 16);
    return key;
}

/* Eviction begins a tenth below the limit, in a small cache a bit more. */
static uint64_t high_water(const struct environment *environment)
{
    uint64_t headroom = environment->limit / 10;
    uint64_t least = HEADROOM_PAGES * (uint64_t)environment->page_size;
    return environment->limit - (headroom > least ? headroom : least);
}

bool evict_is_due(const struct environment *environment, uint64_t used, uint64_t needed)
{
    return used + needed > high_water(environment);
}

int evict_one(struct environment *environment, MDB_txn *transaction, struct span id)
{
    MDB_val value;
    uint64_t requested_at;
    int code = table_look(environment, TABLE_RESPONSES, id);
    if (code == 0)
        code = table_get(environment, transaction, TABLE_RESPONSES, id, &value);
    if (code != 0)
        return code;
    if (!entry_read_time((struct span){value.mv_data, value.mv_size}, &requested_at))
        return MDB_CORRUPTED;
    struct age_key age = age_key_of(requested_at, id);
    code = table_delete(environment, transaction, TABLE_AGES, TABLE_KEY(age.bytes));
    if (code != 0 && code != MDB_NOTFOUND)
        return code;
    return table_delete(environment, transaction, TABLE_RESPONSES, id);
}

struct round {
    uint64_t target; /* bytes in use to come down to */
    uint64_t evicted;
    bool is_done;
};

/* Removes the oldest, by its place in the order: the response itself need not be looked at. */
static int evict_oldest(struct environment *environment, MDB_txn *transaction, MDB_cursor *ages,
                        struct round *round)
{
    MDB_val key;
    MDB_val nothing;
    struct age_key age;
    int code = environment->lmdb->mdb_cursor_get(ages, &key, &nothing, MDB_FIRST);
    if (code == MDB_NOTFOUND) {
        round->is_done = true;
        return 0;
    }
    if (code != 0)
        return code;
    if (key.mv_size != sizeof(age))
        return MDB_CORRUPTED;
    memcpy(&age, key.mv_data, sizeof(age));
    code = table_delete(environment, transaction, TABLE_AGES, TABLE_KEY(age.bytes));
    if (code != 0)
        return code == MDB_NOTFOUND ? MDB_CORRUPTED : code;
    code = table_delete(environment, transaction, TABLE_RESPONSES,
                        (struct span){age.bytes + 8, sizeof(age) - 8});
    if (code == 0)
        round->evicted++;
    return code == MDB_NOTFOUND ? 0 : code;
}

static int evict_round(struct environment *environment, MDB_txn *transaction, void *closure)
{
    struct round *round = closure;
    MDB_cursor *ages;
    const struct age_key first = {{0}};
    int code = table_look(environment, TABLE_AGES, TABLE_KEY(first.bytes));
    if (code == 0)
        code =
            environment->lmdb->mdb_cursor_open(transaction, environment->tables[TABLE_AGES], &ages);
    for (int i = 0; code == 0 && i < ROUND_ENTRIES && !round->is_done; i++) {
        uint64_t used;
        code = environment_used(environment, transaction, &used);
        if (code == 0 && used <= round->target)
            round->is_done = true;
        else if (code == 0)
            code = evict_oldest(environment, transaction, ages, round);
    }
    /* A cursor of a write transaction is closed by its end; here a commit or an abort follows. */
    return code;
}

/* Bytes in use to come down to. */
static uint64_t target_of(const struct environment *environment, uint64_t needed, int step)
{
    uint64_t low = high_water(environment) - environment->limit / 10;
    if (step == 2)
        low /= 2;
    if (step == 3)
        low = 0;
    return low > needed ? low - needed : 0;
}

/* LMDB uses pages again only in the second transaction after the one that gave them up: here is one
 * between, which must change something to count. */
static int pass(struct environment *environment, MDB_txn *transaction, void *closure)
{
    (void)closure;
    MDB_val value = {sizeof("pass"), (void *)"pass"};
    return table_put(environment, transaction, TABLE_META, SPAN_OF("pass"), &value);
}

int evict(struct environment *environment, uint64_t needed, int step)
{
    struct round round = {.target = target_of(environment, needed, step), .is_done = step == 1};
    int code = 0;
    if (step == 0)
        reader_clear_dead(environment);
    else
        nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
    for (int i = 0; i < ROUNDS && code == 0 && !round.is_done; i++) {
        round.evicted = 0;
        code = writer_run(environment, evict_round, &round);
        if (code == 0)
            statistics_count_many(environment->cache, VERDICT_EVICTED, round.evicted);
    }
    if (code == 0)
        code = writer_run(environment, pass, NULL);
    /* Not even what is freed can be written down: the next step may find a reader gone. */
    return code == MDB_MAP_FULL && step + 1 < EVICT_STEPS ? evict(environment, needed, step + 1)
                                                          : code;
}
