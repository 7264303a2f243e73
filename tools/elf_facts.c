/* ELF facts: see elf_facts.h. */
#include "elf_facts.h"

#include <gelf.h>
#include <libelf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Stays readable in stripped programs: the Go toolchain's own tools need these sections. */
static bool has_go_section(Elf *elf)
{
    size_t names;
    if (elf_getshdrstrndx(elf, &names) != 0)
        return false;
    for (Elf_Scn *section = elf_nextscn(elf, NULL); section; section = elf_nextscn(elf, section)) {
        GElf_Shdr header;
        if (!gelf_getshdr(section, &header))
            continue;
        const char *name = elf_strptr(elf, names, header.sh_name);
        if (name && (strcmp(name, ".go.buildinfo") == 0 || strcmp(name, ".note.go.buildid") == 0))
            return true;
    }
    return false;
}

static void read_loader(int fd, const GElf_Phdr *segment, char *loader, size_t size)
{
    char path[256];
    size_t wanted = segment->p_filesz < sizeof(path) ? segment->p_filesz : sizeof(path) - 1;
    ssize_t got = pread(fd, path, wanted, (off_t)segment->p_offset);
    if (got <= 0)
        return;
    path[got] = '\0';
    const char *slash = strrchr(path, '/');
    snprintf(loader, size, "%.*s", (int)size - 1, slash ? slash + 1 : path);
}

static bool has_soname(Elf *elf, const GElf_Phdr *segment)
{
    Elf_Data *data =
        elf_getdata_rawchunk(elf, (int64_t)segment->p_offset, segment->p_filesz, ELF_T_DYN);
    GElf_Dyn entry;
    for (int i = 0; data && gelf_getdyn(data, i, &entry); i++)
        if (entry.d_tag == DT_SONAME)
            return true;
    return false;
}

static void read_segments(Elf *elf, int fd, struct elf_facts *facts)
{
    size_t count;
    if (elf_getphdrnum(elf, &count) != 0)
        return;
    for (size_t i = 0; i < count; i++) {
        GElf_Phdr segment;
        if (!gelf_getphdr(elf, (int)i, &segment))
            continue;
        if (segment.p_type == PT_INTERP)
            read_loader(fd, &segment, facts->loader, sizeof(facts->loader));
        else if (segment.p_type == PT_DYNAMIC)
            facts->is_shared_object = has_soname(elf, &segment);
    }
}

bool elf_facts_read(int fd, struct elf_facts *facts)
{
    *facts = (struct elf_facts){0};
    if (elf_version(EV_CURRENT) == EV_NONE)
        return false;
    Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
    GElf_Ehdr header;
    bool is_elf = elf && elf_kind(elf) == ELF_K_ELF && gelf_getehdr(elf, &header);
    if (is_elf) {
        facts->class = header.e_ident[EI_CLASS];
        facts->byte_order = header.e_ident[EI_DATA];
        facts->machine = header.e_machine;
        read_segments(elf, fd, facts);
        facts->is_go = has_go_section(elf);
    }
    elf_end(elf);
    return is_elf;
}
