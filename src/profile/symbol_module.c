#include "profile/symbol_module.h"

#include <elfutils/libdwelf.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "profile/procfs.h"

/* A symbol without a size reaches to the next one, but not further than this. */
#define SIZELESS_REACH_BYTES 4096u
#define BACKWARDS_MAX 16u
#define VDSO_MAX_BYTES (64u * 1024u)

struct module_symbol {
    uint64_t address; /* Dwfl address */
    uint64_t size_bytes;
    const char *name; /* the Dwfl's own */
    unsigned rank;    /* smaller is better among names of one address */
};

struct wp_symbol_module {
    Dwfl_Callbacks callbacks;
    char debuginfo_path[PATH_MAX];
    char *debuginfo_path_pointer;
    Dwfl *dwfl;
    Dwfl_Module *dwfl_module;
    uint64_t bias; /* Dwfl address minus link-time address */
    struct wp_symbol_dwarf *dwarf;
    struct module_symbol *symbols;
    size_t symbol_count;
};

/* --- Finding the file
 * --------------------------------------------------------------------------- */

/* True if the executable segment of the file is the recorded one. */
static bool
module_same_segment(Elf *elf, const struct wp_profile_module *module)
{
    size_t count;

    if (elf_getphdrnum(elf, &count) != 0)
        return false;
    for (size_t i = 0; i < count; i++) {
        GElf_Phdr segment;

        if (gelf_getphdr(elf, (int)i, &segment) == NULL || segment.p_type != PT_LOAD ||
            (segment.p_flags & PF_X) == 0)
            continue;
        if ((segment.p_vaddr & ~UINT64_C(4095)) == (module->text_vaddr & ~UINT64_C(4095)))
            return true;
    }
    return false;
}

static bool
module_matches(Elf *elf, const struct wp_profile_module *module)
{
    const void *build_id;
    ssize_t bytes;

    if (elf == NULL || elf_kind(elf) != ELF_K_ELF)
        return false;
    bytes = dwelf_elf_gnu_build_id(elf, &build_id);
    if (module->build_id_bytes == 0)
        return bytes <= 0 && module_same_segment(elf, module);
    return bytes > 0 && (size_t)bytes >= module->build_id_bytes &&
           memcmp(build_id, module->build_id, module->build_id_bytes) == 0;
}

/* Checks an open file; closes it and returns -1 if it is not the module. */
static int
module_check_fd(int fd, const struct wp_profile_module *module, const char **reason)
{
    struct stat status;
    bool matches = false;
    Elf *elf;

    if (fd < 0) {
        if (*reason == NULL || fd != -ENOENT)
            *reason = fd == -ENOENT ? "file not found" : "file cannot be opened";
        return -1;
    }
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode)) {
        elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
        matches = module_matches(elf, module);
        elf_end(elf);
    }
    if (matches)
        return fd;
    close(fd);
    *reason = "the file there now is another one (its build-id differs)";
    return -1;
}

static int
module_open_here(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    return fd < 0 ? -errno : fd;
}

/* The separate debug file that distributions install; it names functions as well as the stripped
 * file, which may be gone. */
static void
module_debug_path(const struct wp_profile_module *module, char *path, size_t size)
{
    size_t used = (size_t)snprintf(path, size, "/usr/lib/debug/.build-id/");

    for (size_t i = 0; i < module->build_id_bytes && used + 4 < size; i++)
        used += (size_t)snprintf(path + used, size - used, "%02x%s", module->build_id[i],
                                 i == 0 ? "/" : "");
    snprintf(path + used, size - used, ".debug");
}

/* Opens the file. `path` is set to the name that separate debug files are looked up beside. */
static int
module_open_file(const struct wp_profile_module *module, pid_t live_pid, char *path, size_t size,
                 const char **reason)
{
    int fd = -1;

    if (live_pid != 0 && module->path[0] == '/' && wp_procfs_has_other_root(live_pid)) {
        snprintf(path, size, "/proc/%d/root%s", (int)live_pid, module->path);
        fd = module_check_fd(wp_procfs_open(live_pid, module->path, O_RDONLY | O_NONBLOCK), module,
                             reason);
    }
    if (fd < 0 && module->path[0] == '/') {
        snprintf(path, size, "%s", module->path);
        fd = module_check_fd(module_open_here(path), module, reason);
    }
    if (fd < 0 && live_pid != 0 && module->is_executable) {
        snprintf(path, size, "/proc/%d/exe", (int)live_pid);
        fd = module_check_fd(module_open_here(path), module, reason);
    }
    if (fd < 0 && module->build_id_bytes > 1) {
        const char *ignored = *reason;

        module_debug_path(module, path, size);
        fd = module_check_fd(module_open_here(path), module, &ignored);
    }
    return fd;
}

/* A file of our own vDSO, if it is the module's: the same kernel maps the same into everybody. */
static int
module_open_vdso(const struct wp_profile_module *module, const char **reason)
{
    const char *image = (const char *)(uintptr_t)getauxval(AT_SYSINFO_EHDR);
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    int fd = memfd_create("vdso", MFD_CLOEXEC);

    if (image == NULL || fd < 0) {
        *reason = "this system has no vDSO";
        if (fd >= 0)
            close(fd);
        return -1;
    }
    /* Its length is nowhere to be had: write until the kernel says that there is no more. */
    for (size_t at = 0; at < VDSO_MAX_BYTES; at += page) {
        if (write(fd, image + at, page) != (ssize_t)page)
            break;
    }
    return module_check_fd(fd, module, reason);
}

/* --- Symbol tables
 * ------------------------------------------------------------------------------ */

/* Names for people come before names with underscores, global before local. */
static unsigned
module_symbol_rank(const GElf_Sym *symbol, const char *name)
{
    unsigned rank = (unsigned)strspn(name, "_") * 4;

    if (GELF_ST_BIND(symbol->st_info) == STB_LOCAL)
        rank += 2;
    if (GELF_ST_TYPE(symbol->st_info) == STT_NOTYPE)
        rank += 64;
    return rank;
}

static int
module_symbol_order(const void *left, const void *right)
{
    const struct module_symbol *a = left;
    const struct module_symbol *b = right;

    if (a->address != b->address)
        return a->address < b->address ? -1 : 1;
    if ((a->size_bytes == 0) != (b->size_bytes == 0))
        return a->size_bytes == 0 ? 1 : -1;
    if (a->rank != b->rank)
        return a->rank < b->rank ? -1 : 1;
    return strcmp(a->name, b->name);
}

/* True for symbols that stand for code. */
static bool
module_is_code(const GElf_Sym *symbol, GElf_Word section, const char *name)
{
    unsigned char type = GELF_ST_TYPE(symbol->st_info);

    if (name == NULL || name[0] == '\0' || name[0] == '$' || section == SHN_UNDEF ||
        section == SHN_ABS)
        return false;
    return type == STT_FUNC || type == STT_GNU_IFUNC || type == STT_NOTYPE;
}

/* Sorts and keeps the best name of each address. */
static void
module_sort_symbols(struct wp_symbol_module *module)
{
    size_t kept = 0;

    if (module->symbol_count < 2)
        return;
    qsort(module->symbols, module->symbol_count, sizeof *module->symbols, module_symbol_order);
    for (size_t i = 0; i < module->symbol_count; i++) {
        if (i == 0 || module->symbols[i].address != module->symbols[kept - 1].address)
            module->symbols[kept++] = module->symbols[i];
    }
    module->symbol_count = kept;
}

static void
module_read_symbols(struct wp_symbol_module *module)
{
    int count = dwfl_module_getsymtab(module->dwfl_module);

    if (count <= 0)
        return;
    module->symbols = calloc((size_t)count, sizeof *module->symbols);
    if (module->symbols == NULL)
        return;
    for (int i = 0; i < count; i++) {
        GElf_Sym symbol;
        GElf_Addr address;
        GElf_Word section;
        const char *name = dwfl_module_getsym_info(module->dwfl_module, i, &symbol, &address,
                                                   &section, NULL, NULL);

        if (!module_is_code(&symbol, section, name))
            continue;
        module->symbols[module->symbol_count++] = (struct module_symbol){
            .address = address,
            .size_bytes = symbol.st_size,
            .name = name,
            .rank = module_symbol_rank(&symbol, name),
        };
    }
    module_sort_symbols(module);
}

static const struct module_symbol *
module_find_symbol(const struct wp_symbol_module *module, uint64_t address)
{
    size_t low = 0;
    size_t high = module->symbol_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (module->symbols[middle].address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    for (unsigned step = 0; low > 0 && step < BACKWARDS_MAX; step++) {
        const struct module_symbol *symbol = &module->symbols[--low];
        uint64_t offset = address - symbol->address;

        if (offset < symbol->size_bytes)
            return symbol;
        if (step == 0 && symbol->size_bytes == 0 && offset < SIZELESS_REACH_BYTES)
            return symbol;
    }
    return NULL;
}

/* --- The module
 * --------------------------------------------------------------------------------- */

static int
module_find_elf(Dwfl_Module *dwfl_module, void **user_data, const char *name, Dwarf_Addr base,
                char **file_name, Elf **elf)
{
    (void)dwfl_module;
    (void)user_data;
    (void)name;
    (void)base;
    (void)file_name;
    (void)elf;
    return -1; /* the file is open before libdwfl could ask */
}

/* Hands the file to libdwfl, which closes it at the end; closes it on failure. */
static int
module_report(struct wp_symbol_module *module, int fd, const char *path, pid_t live_pid)
{
    GElf_Addr bias;

    snprintf(module->debuginfo_path, sizeof module->debuginfo_path, "+:.debug:/usr/lib/debug");
    if (live_pid != 0 && wp_procfs_has_other_root(live_pid))
        snprintf(module->debuginfo_path, sizeof module->debuginfo_path,
                 "+:.debug:/proc/%d/root/usr/lib/debug:/usr/lib/debug", (int)live_pid);
    module->debuginfo_path_pointer = module->debuginfo_path;
    module->callbacks.find_elf = module_find_elf;
    module->callbacks.find_debuginfo = dwfl_standard_find_debuginfo;
    module->callbacks.section_address = dwfl_offline_section_address;
    module->callbacks.debuginfo_path = &module->debuginfo_path_pointer;
    module->dwfl = dwfl_begin(&module->callbacks);
    if (module->dwfl == NULL) {
        close(fd);
        return -ENOMEM;
    }
    dwfl_report_begin(module->dwfl);
    module->dwfl_module = dwfl_report_elf(module->dwfl, "module", path, fd, 0, true);
    dwfl_report_end(module->dwfl, NULL, NULL);
    if (module->dwfl_module == NULL) {
        close(fd);
        return -EPROTO;
    }
    if (dwfl_module_getelf(module->dwfl_module, &bias) == NULL)
        return -EPROTO;
    module->bias = bias;
    return 0;
}

struct wp_symbol_module *
wp_symbol_module_open(const struct wp_profile_module *module, pid_t live_pid, char *trouble,
                      size_t size)
{
    const char *reason = NULL;
    char path[PATH_MAX + 32] = "";
    struct wp_symbol_module *opened;
    int fd;

    elf_version(EV_CURRENT);
    if (strcmp(module->path, "[vdso]") == 0)
        fd = module_open_vdso(module, &reason);
    else
        fd = module_open_file(module, live_pid, path, sizeof path, &reason);
    if (fd < 0) {
        snprintf(trouble, size, "%s", reason == NULL ? "its path is not known" : reason);
        return NULL;
    }
    opened = calloc(1, sizeof *opened);
    if (opened == NULL) {
        close(fd);
        snprintf(trouble, size, "not enough memory");
        return NULL;
    }
    if (module_report(opened, fd, path, live_pid) != 0) {
        snprintf(trouble, size, "libdw cannot read it: %s", dwfl_errmsg(-1));
        wp_symbol_module_close(opened);
        return NULL;
    }
    opened->dwarf = wp_symbol_dwarf_open(opened->dwfl_module);
    module_read_symbols(opened);
    return opened;
}

void
wp_symbol_module_close(struct wp_symbol_module *module)
{
    if (module == NULL)
        return;
    wp_symbol_dwarf_close(module->dwarf);
    free(module->symbols);
    if (module->dwfl != NULL)
        dwfl_end(module->dwfl);
    free(module);
}

bool
wp_symbol_module_has_dwarf(const struct wp_symbol_module *module)
{
    return module->dwarf != NULL;
}

size_t
wp_symbol_module_lookup(struct wp_symbol_module *module, uint64_t vaddr,
                        struct wp_symbol_names *names, struct wp_line *lines)
{
    uint64_t address = vaddr + module->bias;
    const struct module_symbol *symbol;
    struct wp_symbol_pair pair;
    struct wp_line *physical;
    size_t count = 0;

    if (module->dwarf != NULL)
        count = wp_symbol_dwarf_lookup(module->dwarf, address, names, lines);
    if (count > 0 && lines[count - 1].function[0] != '\0')
        return count;
    symbol = module_find_symbol(module, address);
    if (symbol == NULL)
        return 0;
    if (count == 0) {
        memset(&lines[0], 0, sizeof lines[0]);
        lines[0].file = "";
        count = 1;
    }
    physical = &lines[count - 1];
    pair = wp_symbol_names_function(names, symbol->name);
    physical->function = pair.name;
    physical->linker_name = pair.linker_name;
    physical->offset_bytes = address - symbol->address;
    return count;
}
