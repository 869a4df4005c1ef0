#include "cli/program_elf.h"

#include <elf.h>
#include <errno.h>
#include <gelf.h>
#include <libelf.h>
#include <stdio.h>
#include <string.h>

static void
read_interpreter(Elf *elf, const GElf_Phdr *segment, struct wp_program_elf *facts)
{
    Elf_Data *data =
        elf_getdata_rawchunk(elf, (int64_t)segment->p_offset, segment->p_filesz, ELF_T_BYTE);

    if (data != NULL && data->d_size > 0)
        snprintf(facts->interpreter, sizeof facts->interpreter, "%.*s", (int)data->d_size,
                 (const char *)data->d_buf);
}

/* The Go linker's build id note; it survives `strip`, which takes the section names. */
static bool
has_go_note(Elf *elf, const GElf_Phdr *segment)
{
    Elf_Data *data =
        elf_getdata_rawchunk(elf, (int64_t)segment->p_offset, segment->p_filesz, ELF_T_NHDR);
    size_t position = 0, name, description;
    GElf_Nhdr note;

    while (data != NULL &&
           (position = gelf_getnote(data, position, &note, &name, &description)) > 0) {
        if (note.n_namesz == sizeof "Go" &&
            memcmp((const char *)data->d_buf + name, "Go", sizeof "Go") == 0)
            return true;
    }
    return false;
}

static void
read_segments(Elf *elf, struct wp_program_elf *facts)
{
    size_t count = 0;

    if (elf_getphdrnum(elf, &count) != 0)
        return;
    for (size_t i = 0; i < count; i++) {
        GElf_Phdr segment;

        if (gelf_getphdr(elf, (int)i, &segment) == NULL)
            continue;
        if (segment.p_type == PT_INTERP)
            read_interpreter(elf, &segment, facts);
        else if (segment.p_type == PT_NOTE && has_go_note(elf, &segment))
            facts->is_go = true;
    }
}

static void
read_needed(Elf *elf, Elf_Scn *section, const GElf_Shdr *header, struct wp_program_elf *facts)
{
    Elf_Data *data = elf_getdata(section, NULL);
    GElf_Dyn entry;

    for (int i = 0; data != NULL && gelf_getdyn(data, i, &entry) != NULL; i++) {
        const char *name;

        if (entry.d_tag != DT_NEEDED)
            continue;
        name = elf_strptr(elf, header->sh_link, entry.d_un.d_val);
        if (name != NULL &&
            (strncmp(name, "libasan.so", 10) == 0 || strncmp(name, "libtsan.so", 10) == 0))
            facts->has_sanitizer = true;
    }
}

static void
read_symbols(Elf *elf, Elf_Scn *section, const GElf_Shdr *header, struct wp_program_elf *facts)
{
    Elf_Data *data = elf_getdata(section, NULL);
    GElf_Sym symbol;

    for (int i = 0; data != NULL && gelf_getsym(data, i, &symbol) != NULL; i++) {
        const char *name;

        if (symbol.st_shndx == SHN_UNDEF)
            continue;
        name = elf_strptr(elf, header->sh_link, symbol.st_name);
        if (name == NULL)
            continue;
        if (strcmp(name, "pthread_mutex_lock") == 0)
            facts->defines_lock_functions = true;
        else if (strcmp(name, "__asan_init") == 0 || strcmp(name, "__tsan_init") == 0)
            facts->has_sanitizer = true;
    }
}

static void
read_sections(Elf *elf, struct wp_program_elf *facts)
{
    Elf_Scn *section = NULL;
    size_t names = 0;

    if (elf_getshdrstrndx(elf, &names) != 0)
        return;
    while ((section = elf_nextscn(elf, section)) != NULL) {
        GElf_Shdr header;
        const char *name;

        if (gelf_getshdr(section, &header) == NULL)
            continue;
        name = elf_strptr(elf, names, header.sh_name);
        if (name != NULL && strcmp(name, ".go.buildinfo") == 0)
            facts->is_go = true;
        if (header.sh_type == SHT_DYNAMIC)
            read_needed(elf, section, &header, facts);
        else if (header.sh_type == SHT_DYNSYM)
            read_symbols(elf, section, &header, facts);
    }
}

int
wp_program_elf_read(int fd, struct wp_program_elf *facts)
{
    GElf_Ehdr header;
    Elf *elf;

    memset(facts, 0, sizeof *facts);
    elf_version(EV_CURRENT);
    elf = elf_begin(fd, ELF_C_READ, NULL);
    if (elf == NULL)
        return -ENOMEM;
    if (elf_kind(elf) != ELF_K_ELF || gelf_getehdr(elf, &header) == NULL) {
        elf_end(elf);
        return -ENOEXEC;
    }
    facts->machine = header.e_machine;
    facts->is_64_bit = header.e_ident[EI_CLASS] == ELFCLASS64;
    read_segments(elf, facts);
    read_sections(elf, facts);
    elf_end(elf);
    return 0;
}
