/*
 * Compares our reading of unwind tables with elfutils' (libdw), rule by rule: for every entry of
 * every given ELF file, at every row.
 *
 *   compare_rules FILE...
 *   compare_rules --corrupt ROUNDS FILE...
 *
 * With --corrupt nothing is compared: bytes of the tables are changed at random, and rules are
 * looked up. Memory around the segment that holds the tables is inaccessible then.
 *
 * A file is mapped as the loader would map it, but not relocated; nothing in it is run. Both read
 * .eh_frame; the code of the two has nothing in common. What is compared: CFA, frame pointer,
 * return address, stack pointer, and whether the frame is a signal trampoline's; for packed rules
 * what comes out of the packed word; expressions operation by operation.
 */
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/unwind_arch.h"
#include "core/unwind_cfi.h"
#include "core/unwind_expression.h"
#include "core/unwind_rule.h"

#define SHOWN_DISAGREEMENTS 20u

struct tally {
    uint64_t entries;
    uint64_t rows; /* compared */
    uint64_t packed;
    uint64_t expressions; /* evaluated at each use */
    uint64_t signals;
    uint64_t other_registers; /* CFA in a register that a walk knows only behind a signal frame */
    uint64_t ends;            /* outermost frames */
    uint64_t unread;          /* we have no row where libdw has one */
    uint64_t disagreements;
};

struct object {
    const char *path;
    Elf *elf;
    Dwarf_CFI *cfi;
    uint8_t *image;
    size_t image_bytes;
    struct wp_cfi_object mapped;
    uint64_t first_vaddr;
};

static struct tally total;

static void
disagree(struct tally *tally, const struct object *object, uint64_t address, const char *what)
{
    if (tally->disagreements++ + total.disagreements < SHOWN_DISAGREEMENTS)
        fprintf(stderr, "%s: %#" PRIx64 ": %s\n", object->path, address, what);
}

/* --- Mapping --------------------------------------------------------------------------------- */

static bool
map_segments(struct object *object, int file, const GElf_Ehdr *header)
{
    uint64_t end = 0, eh_frame = 0;
    GElf_Phdr segment;

    object->first_vaddr = UINT64_MAX;
    for (int i = 0; i < header->e_phnum; i++) {
        gelf_getphdr(object->elf, i, &segment);
        if (segment.p_type == PT_GNU_EH_FRAME)
            eh_frame = segment.p_vaddr;
        if (segment.p_type != PT_LOAD)
            continue;
        if (segment.p_vaddr < object->first_vaddr)
            object->first_vaddr = segment.p_vaddr & ~UINT64_C(4095);
        if (segment.p_vaddr + segment.p_memsz > end)
            end = segment.p_vaddr + segment.p_memsz;
    }
    if (eh_frame == 0)
        return false;
    object->image_bytes = end - object->first_vaddr;
    object->image = mmap(NULL, object->image_bytes, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (object->image == MAP_FAILED)
        return false;
    for (int i = 0; i < header->e_phnum; i++) {
        gelf_getphdr(object->elf, i, &segment);
        if (segment.p_type != PT_LOAD)
            continue;
        uint8_t *at = object->image + (segment.p_vaddr - object->first_vaddr);
        if (pread(file, at, segment.p_filesz, (off_t)segment.p_offset) != (ssize_t)segment.p_filesz)
            return false;
        if (eh_frame - segment.p_vaddr < segment.p_memsz) {
            object->mapped.start = (uintptr_t)at;
            object->mapped.end = (uintptr_t)at + segment.p_memsz;
            object->mapped.header = (uintptr_t)at + (eh_frame - segment.p_vaddr);
        }
    }
    return true;
}

static uint64_t
mapped_address(const struct object *object, uint64_t vaddr)
{
    return (uintptr_t)object->image + (vaddr - object->first_vaddr);
}

/* --- One row --------------------------------------------------------------------------------- */

/* Whether our expression block is the given operations. Ours may start with one that libdw adds or
 * leaves out: `skip` of theirs are passed over. */
static bool
same_expression(const struct wp_cfi_object *object, int32_t place, const Dwarf_Op *ops,
                size_t count)
{
    struct wp_cfi_reader reader = wp_unwind_expression_block(object, place);

    /* libdw puts DW_OP_call_frame_cfa before a register's expression, and DW_OP_stack_value behind
     * the expression of a value. */
    if (count > 0 && ops[0].atom == DW_OP_call_frame_cfa) {
        ops++;
        count--;
    }
    if (count > 0 && ops[count - 1].atom == DW_OP_stack_value)
        count--;
    for (size_t i = 0; i < count; i++) {
        uint8_t operation = (uint8_t)wp_cfi_read_unsigned(&reader, 1);

        if (operation != ops[i].atom)
            return false;
        if (operation >= DW_OP_breg0 && operation <= DW_OP_breg31) {
            if (wp_cfi_read_sleb(&reader) != (int64_t)ops[i].number)
                return false;
        } else if (operation == DW_OP_const1u || operation == DW_OP_const1s) {
            if ((uint8_t)wp_cfi_read_unsigned(&reader, 1) != (uint8_t)ops[i].number)
                return false;
        } else if (operation == DW_OP_plus_uconst || operation == DW_OP_constu) {
            if (wp_cfi_read_uleb(&reader) != ops[i].number)
                return false;
        } else if (operation == DW_OP_const2u || operation == DW_OP_const2s) {
            if ((uint16_t)wp_cfi_read_unsigned(&reader, 2) != (uint16_t)ops[i].number)
                return false;
        }
    }
    return !reader.failed && reader.at == reader.end;
}

static bool
same_cfa(const struct wp_cfi_object *object, const struct wp_cfi_row *row, Dwarf_Frame *frame)
{
    Dwarf_Op *ops;
    size_t count;

    if (dwarf_frame_cfa(frame, &ops, &count) != 0)
        return false;
    if (row->cfa.kind == WP_CFI_EXPRESSION)
        return same_expression(object, row->cfa.value, ops, count);
    return row->cfa.kind == WP_CFI_REGISTER_PLUS && count == 1 &&
           ((ops[0].atom == DW_OP_bregx && ops[0].number == row->cfa.reg &&
             (int64_t)ops[0].number2 == row->cfa.value) ||
            (ops[0].atom == (uint8_t)(DW_OP_breg0 + row->cfa.reg) &&
             (int64_t)ops[0].number == row->cfa.value));
}

/* libdw: count 0 and ops NULL: same value; ops set: undefined. */
static bool
same_register(const struct wp_cfi_object *object, const struct wp_cfi_rule *rule, int reg,
              Dwarf_Frame *frame)
{
    Dwarf_Op ops_memory[3], *ops;
    size_t count;

    if (dwarf_frame_register(frame, reg, ops_memory, &ops, &count) != 0)
        return false;
    switch (rule->kind) {
    case WP_CFI_UNSPECIFIED:
        /* libdw's defaults for this processor: the stack pointer is the CFA; the rest undefined,
         * callee-saved registers the same. */
        if (reg == (int)WP_UNWIND_DWARF_SP)
            return count == 0 || (count == 2 && ops[0].atom == DW_OP_call_frame_cfa &&
                                  ops[1].atom == DW_OP_stack_value);
        return count == 0;
    case WP_CFI_SAME:
        return count == 0 && ops == NULL;
    case WP_CFI_UNDEFINED:
        return count == 0 && ops == ops_memory;
    case WP_CFI_AT_CFA:
        return (rule->value == 0 && count == 1 && ops[0].atom == DW_OP_call_frame_cfa) ||
               (count == 2 && ops[0].atom == DW_OP_call_frame_cfa &&
                ops[1].atom == DW_OP_plus_uconst && (int64_t)ops[1].number == rule->value);
    case WP_CFI_CFA_PLUS:
        return count == 3 && ops[0].atom == DW_OP_call_frame_cfa &&
               ops[1].atom == DW_OP_plus_uconst && (int64_t)ops[1].number == rule->value &&
               ops[2].atom == DW_OP_stack_value;
    case WP_CFI_REGISTER_PLUS:
        return count == 1 && (ops[0].atom == (uint8_t)(DW_OP_reg0 + rule->reg) ||
                              (ops[0].atom == DW_OP_regx && ops[0].number == rule->reg));
    case WP_CFI_AT_EXPRESSION:
        return (count == 0 || ops[count - 1].atom != DW_OP_stack_value) &&
               same_expression(object, rule->value, ops, count);
    case WP_CFI_EXPRESSION:
        return count > 0 && ops[count - 1].atom == DW_OP_stack_value &&
               same_expression(object, rule->value, ops, count);
    default:
        return false;
    }
}

/* Whether the packed word says what the row says. */
static bool
same_packed(const struct wp_cfi_row *row, uint64_t rule)
{
    bool cfa_is_fp = row->cfa.reg == WP_UNWIND_DWARF_FP;

    if (wp_rule_cfa(rule) != WP_RULE_CFA_AT_FP &&
        (row->cfa.kind != WP_CFI_REGISTER_PLUS || WP_RULE_OFFSET(rule, CFA) != row->cfa.value ||
         cfa_is_fp != (wp_rule_cfa(rule) == WP_RULE_CFA_FP)))
        return false;
    if (row->fp.kind == WP_CFI_AT_CFA &&
        (wp_rule_fp(rule) != WP_RULE_FP_AT_CFA || WP_RULE_OFFSET(rule, FP) != row->fp.value))
        return false;
    if (row->fp.kind == WP_CFI_UNSPECIFIED && wp_rule_fp(rule) != WP_RULE_FP_SAME)
        return false;
    if (row->ra.kind == WP_CFI_UNDEFINED)
        return wp_rule_ra(rule) == WP_RULE_RA_END;
    return wp_rule_ra(rule) == WP_RULE_RA_AT_CFA && WP_RULE_OFFSET(rule, RA) == row->ra.value;
}

static void
classify(struct tally *tally, const struct object *object, uint64_t address,
         const struct wp_cfi_row *row, bool is_signal)
{
    uint64_t rule = wp_rule_pack(&object->mapped, row);

    tally->rows++;
    if (row->ra.kind == WP_CFI_UNDEFINED)
        tally->ends++;
    if (is_signal) {
        tally->signals++;
    } else if (wp_rule_cfa(rule) != WP_RULE_CFA_SPECIAL) {
        tally->packed++;
        if (!same_packed(row, rule))
            disagree(tally, object, address, "the packed rule is not the row");
    } else if (row->cfa.kind == WP_CFI_REGISTER_PLUS && row->cfa.reg != WP_UNWIND_DWARF_FP &&
               row->cfa.reg != WP_UNWIND_DWARF_SP) {
        tally->other_registers++;
    } else {
        tally->expressions++;
    }
}

static void
compare_row(struct tally *tally, const struct object *object, uint64_t address, Dwarf_Frame *frame,
            bool libdw_signal)
{
    uintptr_t mapped = mapped_address(object, address);
    struct wp_cfi_entry entry;
    struct wp_cfi_row row;

    entry.object = object->mapped;
    if (wp_cfi_find(&entry, mapped) != WP_CFI_FOUND || !wp_cfi_evaluate(&entry, mapped, &row)) {
        tally->unread++;
        disagree(tally, object, address, "no row of ours");
        return;
    }
    if (entry.is_signal != libdw_signal)
        disagree(tally, object, address, "signal trampoline or not");
    if (!same_cfa(&object->mapped, &row, frame))
        disagree(tally, object, address, "CFA");
    if (!same_register(&object->mapped, &row.fp, WP_UNWIND_DWARF_FP, frame))
        disagree(tally, object, address, "frame pointer");
    if (!same_register(&object->mapped, &row.ra, WP_UNWIND_DWARF_RA, frame))
        disagree(tally, object, address, "return address");
    if (!same_register(&object->mapped, &row.sp, WP_UNWIND_DWARF_SP, frame))
        disagree(tally, object, address, "stack pointer");
    classify(tally, object, address, &row, entry.is_signal);
}

/* --- One file -------------------------------------------------------------------------------- */

/* All rows of the code [address, end): at the first and the last byte of each. */
static void
compare_range(struct tally *tally, const struct object *object, uint64_t address, uint64_t end)
{
    while (address < end) {
        Dwarf_Addr row_start, row_end;
        Dwarf_Frame *frame;
        bool is_signal;

        if (dwarf_cfi_addrframe(object->cfi, address, &frame) != 0) {
            disagree(tally, object, address, dwarf_errmsg(-1));
            return;
        }
        dwarf_frame_info(frame, &row_start, &row_end, &is_signal);
        compare_row(tally, object, address, frame, is_signal);
        if (row_end > address + 1)
            compare_row(tally, object, (row_end < end ? row_end : end) - 1, frame, is_signal);
        free(frame);
        if (row_end <= address)
            return;
        address = row_end;
    }
}

/* The entries as libdw lists them; where their code lies, as the encoded first words say: relative
 * to themselves, four bytes, which is how all compilers write them. Others are read by us alone and
 * counted as a disagreement. */
static void
compare_entries(struct tally *tally, const struct object *object, const GElf_Shdr *section,
                Elf_Data *data)
{
    unsigned char ident[EI_NIDENT];
    Dwarf_Off offset = 0, next;
    Dwarf_CFI_Entry entry;

    memcpy(ident, elf_getident(object->elf, NULL), EI_NIDENT);
    for (; dwarf_next_cfi(ident, data, true, offset, &next, &entry) == 0; offset = next) {
        int32_t begin;
        uint32_t bytes;
        uint64_t place;

        if (dwarf_cfi_cie_p(&entry))
            continue;
        memcpy(&begin, entry.fde.start, 4);
        memcpy(&bytes, entry.fde.start + 4, 4);
        place = section->sh_addr + (uint64_t)(entry.fde.start - (const uint8_t *)data->d_buf);
        tally->entries++;
        compare_range(tally, object, place + (uint64_t)(int64_t)begin,
                      place + (uint64_t)(int64_t)begin + bytes);
    }
}

static void
print_tally(const char *name, const struct tally *tally)
{
    printf("%-28s %7" PRIu64 " entries %8" PRIu64 " rows: %8" PRIu64 " packed, %5" PRIu64
           " expressions, %4" PRIu64 " in other registers, %3" PRIu64 " signal, %3" PRIu64
           " ends; %" PRIu64 " unread, %" PRIu64 " disagreements\n",
           name, tally->entries, tally->rows, tally->packed, tally->expressions,
           tally->other_registers, tally->signals, tally->ends, tally->unread,
           tally->disagreements);
}

static void
add_tally(const struct tally *tally)
{
    uint64_t *sum = (uint64_t *)&total;
    const uint64_t *part = (const uint64_t *)tally;

    for (size_t i = 0; i < sizeof(total) / sizeof(*sum); i++)
        sum[i] += part[i];
}

static bool
open_object(struct object *object, int *file, GElf_Ehdr *header)
{
    *file = open(object->path, O_RDONLY | O_CLOEXEC);
    object->elf = *file < 0 ? NULL : elf_begin(*file, ELF_C_READ, NULL);
    if (object->elf != NULL && gelf_getehdr(object->elf, header) != NULL &&
        map_segments(object, *file, header))
        return true;
    fprintf(stderr, "compare_rules: %s: cannot be mapped: %s\n", object->path, strerror(errno));
    return false;
}

static void
close_object(struct object *object, int file)
{
    munmap(object->image, object->image_bytes);
    elf_end(object->elf);
    close(file);
}

static bool
compare_file(const char *path)
{
    struct object object = {.path = path};
    struct tally tally = {0};
    Elf_Scn *section = NULL;
    GElf_Ehdr header;
    size_t names;
    int file;

    if (!open_object(&object, &file, &header) || elf_getshdrstrndx(object.elf, &names) != 0)
        return false;
    object.cfi = dwarf_getcfi_elf(object.elf);
    while ((section = elf_nextscn(object.elf, section)) != NULL) {
        GElf_Shdr description;

        gelf_getshdr(section, &description);
        if (strcmp(elf_strptr(object.elf, names, description.sh_name), ".eh_frame") == 0)
            compare_entries(&tally, &object, &description, elf_getdata(section, NULL));
    }
    print_tally(strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path, &tally);
    add_tally(&tally);
    dwarf_cfi_end(object.cfi);
    close_object(&object, file);
    return tally.rows != 0;
}

/* --- Corruption ------------------------------------------------------------------------------ */

static uint64_t
random_number(void)
{
    static uint64_t state = 88172645463325252u;

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

/* Makes the image around the object's segment inaccessible, page by page. */
static void
fence(const struct object *object)
{
    uintptr_t page_mask = (uintptr_t)sysconf(_SC_PAGESIZE) - 1;
    uintptr_t start = object->mapped.start & ~page_mask;
    uintptr_t end = (object->mapped.end + page_mask) & ~page_mask;
    uintptr_t image = (uintptr_t)object->image;

    if (start > image)
        mprotect((void *)image, start - image, PROT_NONE);
    if (end < image + object->image_bytes)
        mprotect((void *)end, image + object->image_bytes - end, PROT_NONE);
}

#define ROUNDS_BEFORE_REPAIR 256u

/* Changes one byte; one time in sixteen in the header, where it does most harm. */
static void
change_byte(uint8_t *tables, uint64_t bytes)
{
    uint64_t place = random_number() % (random_number() % 16 == 0 ? 16 : bytes);

    tables[place] = (uint8_t)random_number();
}

static bool
corrupt_file(const char *path, uint64_t rounds)
{
    struct object object = {.path = path};
    uint64_t found = 0, bytes;
    GElf_Ehdr header;
    uint8_t *tables, *whole;
    int file;

    if (!open_object(&object, &file, &header))
        return false;
    fence(&object);
    tables = (uint8_t *)object.mapped.header;
    bytes = object.mapped.end - object.mapped.header;
    whole = malloc(bytes);
    memcpy(whole, tables, bytes);
    for (uint64_t round = 0; round < rounds; round++) {
        struct wp_cfi_entry entry = {.object = object.mapped};
        struct wp_cfi_row row;
        uintptr_t address = (uintptr_t)object.image + random_number() % object.image_bytes;

        if (round % ROUNDS_BEFORE_REPAIR == 0)
            memcpy(tables, whole, bytes);
        for (int i = 0; i < 32; i++)
            change_byte(tables + 16, bytes - 16);
        if (round % ROUNDS_BEFORE_REPAIR > ROUNDS_BEFORE_REPAIR / 2)
            change_byte(tables, bytes);
        if (wp_cfi_find(&entry, address) == WP_CFI_FOUND && wp_cfi_evaluate(&entry, address, &row))
            found++;
    }
    printf("%s: %" PRIu64 " lookups in corrupt tables, %" PRIu64 " gave a rule\n", path, rounds,
           found);
    free(whole);
    close_object(&object, file);
    return found != 0 && found != rounds;
}

int
main(int argc, char **argv)
{
    bool corrupt = argc > 3 && strcmp(argv[1], "--corrupt") == 0;
    bool good = argc > 1;

    elf_version(EV_CURRENT);
    for (int i = corrupt ? 3 : 1; i < argc; i++)
        good &=
            corrupt ? corrupt_file(argv[i], strtoull(argv[2], NULL, 10)) : compare_file(argv[i]);
    if (!corrupt)
        print_tally("total", &total);
    return !good || total.disagreements != 0;
}
