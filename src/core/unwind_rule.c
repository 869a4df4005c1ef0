#include "core/unwind_rule.h"

#include "core/unwind_arch.h"
#include "core/unwind_expression.h"

struct wp_atomic_pair wp_rule_table[WP_RULE_SETS][WP_RULE_WAYS] __attribute__((aligned(64)));

static uint32_t wp_rule_turn; /* [atomic] which way of a full set is overwritten next */

void
wp_rule_keep(uintptr_t address, uint32_t generation, uint64_t rule)
{
    struct wp_atomic_pair *set = wp_rule_set(address);
    uint64_t generation_bits = wp_rule_stamp(0, generation);
    uint32_t turn = wp_atomic_load_32(&wp_rule_turn);
    uint32_t way = turn % WP_RULE_WAYS;
    struct wp_atomic_pair found, entry;

    wp_atomic_store_32(&wp_rule_turn, turn + 1);
    for (uint32_t i = 0; i < WP_RULE_WAYS; i++) {
        uint64_t stamp = wp_atomic_load_64(&set[i].low);

        if (wp_atomic_load_64(&set[i].high) == 0 ||
            ((stamp ^ generation_bits) & wp_rule_stamp(0, UINT32_MAX)) != 0) {
            way = i;
            break;
        }
    }
    found = wp_atomic_pair_load(&set[way]);
    entry.low = wp_rule_stamp(address, generation) | ((found.low + 1) & WP_RULE_STAMP_VERSION_MASK);
    entry.high = rule | WP_RULE_SET_BIT;
    wp_atomic_pair_cas(&set[way], found, entry);
}

void
wp_rule_sweep(void)
{
    for (uint32_t i = 0; i < WP_RULE_SETS * WP_RULE_WAYS; i++) {
        struct wp_atomic_pair *entry = &wp_rule_table[i / WP_RULE_WAYS][i % WP_RULE_WAYS];
        struct wp_atomic_pair found = wp_atomic_pair_load(entry);
        struct wp_atomic_pair empty = {.low = (found.low + 1) & WP_RULE_STAMP_VERSION_MASK};

        /* Entries that were never used stay untouched: their pages were never needed. */
        if (found.high != 0)
            wp_atomic_pair_cas(entry, found, empty);
    }
}

uint64_t
wp_rule_make_special(enum wp_rule_special special)
{
    return WP_RULE_CFA_SPECIAL | (uint64_t)special << WP_RULE_FP_SHIFT | WP_RULE_SET_BIT;
}

/* Adds an offset in bytes to a rule. False if it does not fit. */
static bool
wp_rule_add_offset(uint64_t *rule, int64_t bytes, uint32_t shift, uint32_t bits)
{
    int64_t units = bytes / WP_RULE_UNIT;
    int64_t limit = INT64_C(1) << (bits - 1);

    if (bytes % WP_RULE_UNIT != 0 || units < -limit || units >= limit)
        return false;
    *rule |= ((uint64_t)units & ((UINT64_C(1) << bits) - 1)) << shift;
    return true;
}

/* Whether the expression is "frame pointer + offset", then dereferenced or not. */
static bool
wp_rule_is_fp_plus(const struct wp_cfi_object *object, int32_t place, bool dereferenced,
                   int64_t *offset)
{
    struct wp_cfi_reader reader = wp_unwind_expression_block(object, place);

    if (wp_cfi_read_unsigned(&reader, 1) != WP_OP_BREG0 + WP_UNWIND_DWARF_FP)
        return false;
    *offset = wp_cfi_read_sleb(&reader);
    if (dereferenced && wp_cfi_read_unsigned(&reader, 1) != WP_OP_DEREF)
        return false;
    return !reader.failed && reader.at == reader.end;
}

static bool
wp_rule_pack_cfa(const struct wp_cfi_object *object, const struct wp_cfi_rule *cfa, uint64_t *rule)
{
    int64_t offset = cfa->value;

    if (cfa->kind == WP_CFI_EXPRESSION) {
        if (!wp_rule_is_fp_plus(object, cfa->value, true, &offset))
            return false;
        *rule |= WP_RULE_CFA_AT_FP;
    } else if (cfa->kind != WP_CFI_REGISTER_PLUS) {
        return false;
    } else if (cfa->reg == WP_UNWIND_DWARF_FP) {
        *rule |= WP_RULE_CFA_FP;
    } else if (cfa->reg == WP_UNWIND_DWARF_SP) {
        *rule |= WP_RULE_CFA_SP;
    } else {
        return false;
    }
    return wp_rule_add_offset(rule, offset, WP_RULE_CFA_OFFSET_SHIFT, WP_RULE_CFA_OFFSET_BITS);
}

static bool
wp_rule_pack_fp(const struct wp_cfi_object *object, const struct wp_cfi_rule *fp, uint64_t *rule)
{
    int64_t offset = 0;
    enum wp_rule_fp form;

    switch (fp->kind) {
    case WP_CFI_UNSPECIFIED: /* callee-saved: the ABI's default */
    case WP_CFI_SAME:
        form = WP_RULE_FP_SAME;
        break;
    case WP_CFI_UNDEFINED:
        form = WP_RULE_FP_UNDEFINED;
        break;
    case WP_CFI_AT_CFA:
        form = WP_RULE_FP_AT_CFA;
        offset = fp->value;
        break;
    case WP_CFI_AT_EXPRESSION:
        if (!wp_rule_is_fp_plus(object, fp->value, false, &offset))
            return false;
        form = WP_RULE_FP_AT_FP;
        break;
    default:
        return false;
    }
    *rule |= (uint64_t)form << WP_RULE_FP_SHIFT;
    return wp_rule_add_offset(rule, offset, WP_RULE_FP_OFFSET_SHIFT, WP_RULE_FP_OFFSET_BITS);
}

static bool
wp_rule_pack_ra(const struct wp_cfi_rule *ra, uint64_t *rule)
{
    if (ra->kind == WP_CFI_UNDEFINED) {
        *rule |= (uint64_t)WP_RULE_RA_END << WP_RULE_RA_SHIFT;
        return true;
    }
    return ra->kind == WP_CFI_AT_CFA &&
           wp_rule_add_offset(rule, ra->value, WP_RULE_RA_OFFSET_SHIFT, WP_RULE_RA_OFFSET_BITS);
}

uint64_t
wp_rule_pack(const struct wp_cfi_object *object, const struct wp_cfi_row *row)
{
    uint64_t rule = WP_RULE_SET_BIT;

    if (row->sp.kind == WP_CFI_UNSPECIFIED && wp_rule_pack_cfa(object, &row->cfa, &rule) &&
        wp_rule_pack_fp(object, &row->fp, &rule) && wp_rule_pack_ra(&row->ra, &rule))
        return rule;
    return wp_rule_make_special(WP_RULE_COMPLEX);
}
