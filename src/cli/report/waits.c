#include "cli/report/waits.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compare/comparison_select.h"
#include "profile/keyset.h"

#define FRAMES_MAX 64u /* of a row: what people look at */
#define NOT_A_FRAME "[no stack]"

struct waits_owner {
    struct wp_report_waits waits; /* first */
    const struct wp_comparison_options *selection;
    struct wp_keyset keys;  /* what a row is -> index */
    struct wp_keyset names; /* of functions and files: the row's strings */
    size_t row_capacity;
    const char **words; /* a key being made: pointers of `names` */
    size_t word_capacity;
};

static int
out_of_memory(struct wp_error *error)
{
    return wp_error_set(error, ENOMEM, "not enough memory for the report");
}

int
wp_report_waits_new(enum wp_region_profile type, const struct wp_comparison_options *selection,
                    struct wp_report_waits **waits, struct wp_error *error)
{
    struct waits_owner *owner = calloc(1, sizeof *owner);

    *waits = NULL;
    if (owner == NULL)
        return out_of_memory(error);
    owner->waits.type = type;
    owner->waits.total.has_error = true;
    owner->selection = selection;
    if (wp_keyset_init(&owner->keys) != 0 || wp_keyset_init(&owner->names) != 0) {
        wp_report_waits_free(&owner->waits);
        return out_of_memory(error);
    }
    *waits = &owner->waits;
    return 0;
}

static void
free_comments(struct wp_report_waits *waits)
{
    for (size_t i = 0; i < waits->comment_count; i++)
        free(waits->comments[i]);
    free(waits->comments);
    waits->comments = NULL;
    waits->comment_count = 0;
}

void
wp_report_waits_free(struct wp_report_waits *waits)
{
    struct waits_owner *owner = (struct waits_owner *)waits;

    if (owner == NULL)
        return;
    for (size_t i = 0; i < waits->row_count; i++)
        free(waits->rows[i].frames);
    free(waits->rows);
    free_comments(waits);
    free(owner->words);
    wp_keyset_free(&owner->keys);
    wp_keyset_free(&owner->names);
    free(owner);
}

/* One pointer for each text, as long as the waits live; NULL when out of memory. */
static const char *
keep_text(struct waits_owner *owner, const char *text)
{
    const struct wp_key *key = wp_keyset_put(&owner->names, text, strlen(text), NULL);

    return key != NULL ? key->bytes : NULL;
}

/* --- Rows
 * --------------------------------------------------------------------------------------- */

/* A stack of a capture on its way into a row. */
struct addition {
    const struct wp_pprof *capture;
    const struct wp_pprof_stack *stack;
    struct wp_selection *selection;
    const char *caller, *leaf, *kind; /* kept texts */
};

static const char *
keep_name(struct waits_owner *owner, const struct addition *addition, const char *text)
{
    const struct wp_selection_name *name =
        wp_selection_name(addition->selection, addition->capture, text);

    return name != NULL ? keep_text(owner, name->text) : NULL;
}

static int
name_stack(struct waits_owner *owner, struct addition *addition)
{
    const struct wp_pprof_stack *stack = addition->stack;
    const struct wp_pprof_frame *caller = wp_selection_caller(addition->capture, stack);

    addition->caller = keep_name(owner, addition, caller != NULL ? caller->name : NOT_A_FRAME);
    addition->leaf =
        keep_name(owner, addition, stack->depth > 0 ? stack->frames[0]->name : NOT_A_FRAME);
    addition->kind = keep_text(owner, stack->kind);
    return addition->caller != NULL && addition->leaf != NULL && addition->kind != NULL ? 0
                                                                                        : -ENOMEM;
}

static int
add_word(struct waits_owner *owner, size_t *count, const char *word)
{
    if (word == NULL ||
        wp_array_reserve(&owner->words, &owner->word_capacity, *count, sizeof *owner->words) != 0)
        return -ENOMEM;
    owner->words[(*count)++] = word;
    return 0;
}

static int
make_key(struct waits_owner *owner, const struct addition *addition, size_t *count)
{
    const struct wp_pprof_stack *stack = addition->stack;
    int status;

    *count = 0;
    status = add_word(owner, count, addition->kind);
    if (owner->selection->grouping == WP_COMPARE_FUNCTIONS) {
        if (status == 0)
            status = add_word(owner, count, addition->leaf);
        return status == 0 ? add_word(owner, count, addition->caller) : status;
    }
    for (size_t i = 0; i < stack->depth && status == 0; i++)
        status = add_word(owner, count, keep_name(owner, addition, stack->frames[i]->name));
    return status;
}

static const char *
base_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

/* The stack that shows what a row is: the one with the most delay of the captures so far. */
static int
show_stack(struct waits_owner *owner, struct wp_report_row *row, const struct addition *addition)
{
    const struct wp_pprof_stack *stack = addition->stack;
    size_t depth = stack->depth < FRAMES_MAX ? stack->depth : FRAMES_MAX;
    struct wp_report_frame *frames = calloc(depth + 1, sizeof *frames);
    const struct wp_pprof_frame *caller = wp_selection_caller(addition->capture, stack);
    size_t caller_frame = 0;
    bool failed = frames == NULL;

    for (size_t i = 0; i < depth && !failed; i++) {
        const struct wp_pprof_frame *frame = stack->frames[i];

        if (frame == caller && caller_frame == 0)
            caller_frame = i;
        frames[i].name = keep_text(owner, frame->name);
        frames[i].file = keep_text(owner, base_of(frame->file));
        frames[i].line = frame->line;
        frames[i].is_inlined = frame->is_inlined;
        failed = frames[i].name == NULL || frames[i].file == NULL;
    }
    if (failed) {
        free(frames);
        return -ENOMEM;
    }
    free(row->frames);
    row->frames = frames;
    row->depth = depth;
    row->caller_frame = caller_frame;
    row->stack_ns = stack->delay_ns;
    return 0;
}

static void
add_figures(struct wp_report_figures *figures, const struct wp_pprof_stack *stack)
{
    figures->delay_ns += stack->delay_ns;
    figures->contentions += stack->contentions;
    figures->samples += stack->samples;
    figures->variance += stack->variance;
    figures->has_error &= stack->has_error;
}

static int
add_stack(struct waits_owner *owner, struct addition *addition)
{
    struct wp_report_waits *waits = &owner->waits;
    const struct wp_key *key;
    struct wp_report_row *row;
    size_t words;
    bool added;

    if (name_stack(owner, addition) != 0 || make_key(owner, addition, &words) != 0)
        return -ENOMEM;
    key = wp_keyset_put(&owner->keys, owner->words, words * sizeof *owner->words, &added);
    if (key == NULL ||
        wp_array_reserve(&waits->rows, &owner->row_capacity, key->value, sizeof *row) != 0)
        return -ENOMEM;
    row = &waits->rows[key->value];
    if (added) {
        *row = (struct wp_report_row){
            .caller = addition->caller, .leaf = addition->leaf, .kind = addition->kind};
        row->figures.has_error = true;
        waits->row_count++;
    }
    add_figures(&row->figures, addition->stack);
    add_figures(&waits->total, addition->stack);
    if (row->frames == NULL || addition->stack->delay_ns > row->stack_ns)
        return show_stack(owner, row, addition);
    return 0;
}

static int
add_stacks(struct waits_owner *owner, struct wp_selection *selection,
           const struct wp_pprof *capture)
{
    int status = 0;

    for (size_t i = 0; i < capture->stack_count && status == 0; i++) {
        struct addition addition = {
            .capture = capture, .stack = &capture->stacks[i], .selection = selection};
        enum wp_selection_verdict verdict = wp_selection_judge(selection, capture, addition.stack);

        if (verdict == WP_SELECTION_UNKNOWN)
            return -ENOMEM;
        if (verdict == WP_SELECTION_IN)
            status = add_stack(owner, &addition);
    }
    return status;
}

/* --- The whole
 * ---------------------------------------------------------------------------------- */

static int
take_comments(struct wp_report_waits *waits, const struct wp_pprof *capture)
{
    char **lines = calloc(capture->comment_count + 1, sizeof *lines);

    if (lines == NULL)
        return -ENOMEM;
    free_comments(waits);
    waits->comments = lines;
    for (size_t i = 0; i < capture->comment_count; i++) {
        lines[i] = strdup(capture->comments[i]);
        if (lines[i] == NULL)
            return -ENOMEM;
        waits->comment_count++;
    }
    return 0;
}

static void
take_span(struct wp_report_waits *waits, const struct wp_pprof *capture)
{
    uint64_t from_ns = capture->time_ns - capture->duration_ns;
    bool is_first = waits->capture_count++ == 0;

    waits->duration_ns = capture->duration_ns != 0 && (is_first || waits->duration_ns != 0)
                             ? waits->duration_ns + capture->duration_ns
                             : 0;
    if (is_first || from_ns < waits->from_ns)
        waits->from_ns = from_ns;
    if (capture->time_ns > waits->until_ns)
        waits->until_ns = capture->time_ns;
}

int
wp_report_waits_add(struct wp_report_waits *waits, const struct wp_pprof *capture,
                    struct wp_error *error)
{
    struct waits_owner *owner = (struct waits_owner *)waits;
    struct wp_selection selection;
    int status = wp_selection_init(&selection, owner->selection, waits->type, error);

    if (status == 0 &&
        (add_stacks(owner, &selection, capture) != 0 ||
         (capture->time_ns >= waits->until_ns && take_comments(waits, capture) != 0)))
        status = out_of_memory(error);
    if (status == 0)
        take_span(waits, capture);
    wp_selection_free(&selection);
    return status;
}

static int
compare_rows(const void *left, const void *right)
{
    const struct wp_report_row *a = left, *b = right;

    if (a->figures.delay_ns != b->figures.delay_ns)
        return a->figures.delay_ns < b->figures.delay_ns ? 1 : -1;
    if (a->figures.contentions != b->figures.contentions)
        return a->figures.contentions < b->figures.contentions ? 1 : -1;
    return strcmp(a->caller, b->caller);
}

void
wp_report_waits_finish(struct wp_report_waits *waits)
{
    if (waits->row_count > 1)
        qsort(waits->rows, waits->row_count, sizeof waits->rows[0], compare_rows);
}
