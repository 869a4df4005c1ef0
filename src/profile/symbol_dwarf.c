#include "profile/symbol_dwarf.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TREE_DEPTH_MAX 48u
/* Ranges that overlap are rare; so far back is looked for one that covers an address. */
#define BACKWARDS_MAX 16u

/* Part of a compilation unit, or of a function. `item` is the index of either. */
struct dwarf_range {
    uint64_t low;
    uint64_t high;
    uint32_t item;
};

struct dwarf_ranges {
    struct dwarf_range *rows;
    size_t capacity;
    size_t count;
};

struct dwarf_unit {
    Dwarf_Die die;   /* with the line table */
    Dwarf_Die split; /* with the functions: the same, or that of the .dwo file */
    bool has_functions;
    struct dwarf_ranges ranges; /* of functions */
    Dwarf_Die *functions;
    size_t function_capacity;
    size_t function_count;
};

struct wp_symbol_dwarf {
    uint64_t bias; /* Dwfl address minus DWARF address */
    struct dwarf_unit *units;
    size_t unit_capacity;
    size_t unit_count;
    struct dwarf_ranges ranges; /* of units */
};

static void
dwarf_ranges_add(struct dwarf_ranges *ranges, Dwarf_Die *die, uint32_t item)
{
    Dwarf_Addr base;
    Dwarf_Addr low;
    Dwarf_Addr high;
    ptrdiff_t offset = 0;

    while ((offset = dwarf_ranges(die, offset, &base, &low, &high)) > 0) {
        if (low >= high || wp_array_reserve(&ranges->rows, &ranges->capacity, ranges->count,
                                            sizeof *ranges->rows) != 0)
            continue;
        ranges->rows[ranges->count++] =
            (struct dwarf_range){.low = low, .high = high, .item = item};
    }
}

static int
dwarf_range_order(const void *left, const void *right)
{
    const struct dwarf_range *a = left;
    const struct dwarf_range *b = right;

    if (a->low != b->low)
        return a->low < b->low ? -1 : 1;
    /* The narrower one last: it is found first. */
    if (a->high != b->high)
        return a->high > b->high ? -1 : 1;
    return (a->item > b->item) - (a->item < b->item);
}

static void
dwarf_ranges_sort(struct dwarf_ranges *ranges)
{
    if (ranges->count > 1)
        qsort(ranges->rows, ranges->count, sizeof *ranges->rows, dwarf_range_order);
}

/* The range with the greatest beginning that covers the address, or NULL. */
static const struct dwarf_range *
dwarf_ranges_find(const struct dwarf_ranges *ranges, uint64_t address)
{
    size_t low = 0;
    size_t high = ranges->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (ranges->rows[middle].low <= address)
            low = middle + 1;
        else
            high = middle;
    }
    for (unsigned step = 0; low > 0 && step < BACKWARDS_MAX; step++) {
        const struct dwarf_range *range = &ranges->rows[--low];

        if (address < range->high)
            return range;
    }
    return NULL;
}

struct wp_symbol_dwarf *
wp_symbol_dwarf_open(Dwfl_Module *module)
{
    struct wp_symbol_dwarf *dwarf;
    Dwarf_Die *die = NULL;
    Dwarf_Addr bias;

    if (dwfl_module_getdwarf(module, &bias) == NULL)
        return NULL;
    dwarf = calloc(1, sizeof *dwarf);
    if (dwarf == NULL)
        return NULL;
    dwarf->bias = bias;
    while ((die = dwfl_module_nextcu(module, die, &bias)) != NULL) {
        struct dwarf_unit *unit;

        if (wp_array_reserve(&dwarf->units, &dwarf->unit_capacity, dwarf->unit_count,
                             sizeof *dwarf->units) != 0)
            break;
        unit = &dwarf->units[dwarf->unit_count];
        memset(unit, 0, sizeof *unit);
        unit->die = *die;
        dwarf_ranges_add(&dwarf->ranges, die, (uint32_t)dwarf->unit_count++);
    }
    dwarf_ranges_sort(&dwarf->ranges);
    return dwarf;
}

void
wp_symbol_dwarf_close(struct wp_symbol_dwarf *dwarf)
{
    if (dwarf == NULL)
        return;
    for (size_t i = 0; i < dwarf->unit_count; i++) {
        free(dwarf->units[i].ranges.rows);
        free(dwarf->units[i].functions);
    }
    free(dwarf->units);
    free(dwarf->ranges.rows);
    free(dwarf);
}

/* True for what may hold the definitions of functions. */
static bool
dwarf_is_container(int tag)
{
    return tag == DW_TAG_namespace || tag == DW_TAG_class_type || tag == DW_TAG_structure_type ||
           tag == DW_TAG_union_type || tag == DW_TAG_module || tag == DW_TAG_subprogram ||
           tag == DW_TAG_lexical_block;
}

/* Collects the functions below a DIE. The recursion is bounded by depth, the loop by the data. */
static void
dwarf_collect_functions(struct dwarf_unit *unit, Dwarf_Die *parent, unsigned depth)
{
    Dwarf_Die die;

    if (depth > TREE_DEPTH_MAX || dwarf_child(parent, &die) != 0)
        return;
    do {
        int tag = dwarf_tag(&die);

        if (tag == DW_TAG_subprogram &&
            wp_array_reserve(&unit->functions, &unit->function_capacity, unit->function_count,
                             sizeof *unit->functions) == 0) {
            size_t before = unit->ranges.count;

            dwarf_ranges_add(&unit->ranges, &die, (uint32_t)unit->function_count);
            if (unit->ranges.count > before)
                unit->functions[unit->function_count++] = die;
        }
        if (dwarf_is_container(tag))
            dwarf_collect_functions(unit, &die, depth + 1);
    } while (dwarf_siblingof(&die, &die) == 0);
}

static void
dwarf_index_unit(struct dwarf_unit *unit)
{
    uint8_t unit_type = DW_UT_compile;
    Dwarf_Die split;

    unit->has_functions = true;
    unit->split = unit->die;
    memset(&split, 0, sizeof split);
    if (dwarf_cu_info(unit->die.cu, NULL, &unit_type, NULL, &split, NULL, NULL, NULL) == 0 &&
        unit_type == DW_UT_skeleton && split.addr != NULL)
        unit->split = split;
    dwarf_collect_functions(unit, &unit->split, 0);
    dwarf_ranges_sort(&unit->ranges);
}

/* The functions at an address, outermost first; returns how many. */
static size_t
dwarf_inline_chain(Dwarf_Die *function, uint64_t pc, Dwarf_Die *chain)
{
    Dwarf_Die scope = *function;
    size_t count = 1;

    chain[0] = *function;
    for (unsigned depth = 0; depth < 4 * TREE_DEPTH_MAX && count < WP_SYMBOL_LINES_MAX; depth++) {
        Dwarf_Die die;
        bool found = false;

        if (dwarf_child(&scope, &die) != 0)
            break;
        do {
            int tag = dwarf_tag(&die);

            found = (tag == DW_TAG_inlined_subroutine || tag == DW_TAG_lexical_block ||
                     tag == DW_TAG_try_block || tag == DW_TAG_catch_block) &&
                    dwarf_haspc(&die, pc) > 0;
            if (found && tag == DW_TAG_inlined_subroutine)
                chain[count++] = die;
        } while (!found && dwarf_siblingof(&die, &die) == 0);
        if (!found)
            break;
        scope = die;
    }
    return count;
}

/* A file's name as an absolute path where the unit says in which directory it was compiled. */
static const char *
dwarf_file(struct dwarf_unit *unit, const char *file, struct wp_symbol_names *names)
{
    Dwarf_Attribute attribute;
    const char *directory;
    char path[PATH_MAX];

    if (file == NULL || strcmp(file, "???") == 0)
        return "";
    if (file[0] == '/' || dwarf_attr(&unit->die, DW_AT_comp_dir, &attribute) == NULL)
        return wp_symbol_names_text(names, file);
    directory = dwarf_formstring(&attribute);
    if (directory == NULL)
        return wp_symbol_names_text(names, file);
    snprintf(path, sizeof path, "%s/%s", directory, file);
    return wp_symbol_names_text(names, path);
}

static void
dwarf_line(struct dwarf_unit *unit, uint64_t pc, struct wp_symbol_names *names,
           struct wp_line *line)
{
    Dwarf_Line *row = dwarf_getsrc_die(&unit->die, pc);
    int number = 0;

    line->file = "";
    if (row == NULL || dwarf_lineno(row, &number) != 0 || number <= 0)
        return;
    line->line = (uint32_t)number;
    line->file = dwarf_file(unit, dwarf_linesrc(row, NULL, NULL), names);
}

/* Where the function of an inlined DIE was called. */
static void
dwarf_call_site(struct dwarf_unit *unit, Dwarf_Die *inlined, struct wp_symbol_names *names,
                struct wp_line *line)
{
    Dwarf_Attribute attribute;
    Dwarf_Word number;
    Dwarf_Files *files;
    size_t file_count;

    line->file = "";
    if (dwarf_attr(inlined, DW_AT_call_line, &attribute) != NULL &&
        dwarf_formudata(&attribute, &number) == 0 && number <= INT32_MAX)
        line->line = (uint32_t)number;
    if (dwarf_attr(inlined, DW_AT_call_file, &attribute) != NULL &&
        dwarf_formudata(&attribute, &number) == 0 &&
        dwarf_getsrcfiles(&unit->split, &files, &file_count) == 0 && number < file_count)
        line->file = dwarf_file(unit, dwarf_filesrc(files, number, NULL, NULL), names);
}

static void
dwarf_function_name(Dwarf_Die *die, struct wp_symbol_names *names, struct wp_line *line)
{
    Dwarf_Attribute attribute;
    const char *linker_name = NULL;
    struct wp_symbol_pair pair;
    int declared = 0;

    if (dwarf_attr_integrate(die, DW_AT_linkage_name, &attribute) != NULL ||
        dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &attribute) != NULL)
        linker_name = dwarf_formstring(&attribute);
    if (linker_name == NULL)
        linker_name = dwarf_diename(die);
    pair = wp_symbol_names_function(names, linker_name == NULL ? "" : linker_name);
    line->function = pair.name;
    line->linker_name = pair.linker_name;
    if (dwarf_decl_line(die, &declared) == 0 && declared > 0)
        line->function_line = (uint32_t)declared;
}

size_t
wp_symbol_dwarf_lookup(struct wp_symbol_dwarf *dwarf, uint64_t address,
                       struct wp_symbol_names *names, struct wp_line *lines)
{
    uint64_t pc = address - dwarf->bias;
    const struct dwarf_range *range = dwarf_ranges_find(&dwarf->ranges, pc);
    Dwarf_Die chain[WP_SYMBOL_LINES_MAX];
    struct dwarf_unit *unit;
    Dwarf_Addr entry = 0;
    size_t count;

    if (range == NULL)
        return 0;
    unit = &dwarf->units[range->item];
    if (!unit->has_functions)
        dwarf_index_unit(unit);
    memset(lines, 0, sizeof *lines);
    range = dwarf_ranges_find(&unit->ranges, pc);
    if (range == NULL) {
        lines[0].function = "";
        lines[0].linker_name = "";
        dwarf_line(unit, pc, names, &lines[0]);
        return lines[0].line != 0;
    }
    count = dwarf_inline_chain(&unit->functions[range->item], pc, chain);
    if (dwarf_entrypc(&chain[0], &entry) != 0 || entry > pc)
        entry = pc;
    for (size_t i = 0; i < count; i++) {
        Dwarf_Die *die = &chain[count - 1 - i];

        memset(&lines[i], 0, sizeof lines[i]);
        lines[i].offset_bytes = pc - entry;
        dwarf_function_name(die, names, &lines[i]);
        if (i == 0)
            dwarf_line(unit, pc, names, &lines[i]);
        else
            dwarf_call_site(unit, die + 1, names, &lines[i]);
    }
    return count;
}
