/* Input that ends at a page which must not be touched: reading one byte too far faults. */
#ifndef VCACHE_TESTS_GUARDED_H
#define VCACHE_TESTS_GUARDED_H

#include "base/bytes.h"
#include "unit.h"

#include <sys/mman.h>
#include <unistd.h>

struct guarded {
    uint8_t *pages;
    size_t size;
    struct span bytes;
};

static inline struct guarded guarded_copy(struct span bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t room = (bytes.size / page + 1) * page;
    uint8_t *pages =
        mmap(NULL, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(pages != MAP_FAILED);
    assert_int_equal(mprotect(pages + room, page, PROT_NONE), 0);
    uint8_t *at = pages + room - bytes.size;
    if (bytes.size > 0)
        memcpy(at, bytes.data, bytes.size);
    return (struct guarded){pages, room + page, {at, bytes.size}};
}

static inline void guarded_free(struct guarded *guarded)
{
    munmap(guarded->pages, guarded->size);
}

#endif
