/*
 * ELF facts: what of an executable decides whether a shared object can be preloaded into it, and
 * whether that helps.
 */
#ifndef VCACHE_TOOLS_ELF_FACTS_H
#define VCACHE_TOOLS_ELF_FACTS_H

#include <stdbool.h>

struct elf_facts {
    unsigned char class;      /* 32 or 64 bits (EI_CLASS) */
    unsigned char byte_order; /* EI_DATA */
    unsigned machine;         /* e_machine */
    char loader[64];          /* base name of the dynamic loader; "" when it names none */
    bool is_shared_object;    /* has a name of its own (DT_SONAME), as the loader itself has */
    bool is_go;               /* made by the Go compiler, which brings its own TLS */
};

/* False when the file of `fd` is not ELF or cannot be read as such. */
bool elf_facts_read(int fd, struct elf_facts *facts);

#endif
