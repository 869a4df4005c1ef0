#include "profile/cmocka_all.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare/comparison.h"
#include "profile/keyset.h"

#define SIDE_MAX 4u

/* A stack: names of functions, innermost first, with ';' between them. What begins with '@' is an
 * address without symbols. */
struct stack_row {
    const char *functions;
    double contentions;
    double delay_ns;
    const char *kind; /* NULL: none */
    double samples, variance, squares;
};

/* Memory of the captures of a test. */
static struct wp_arena arena;

static int
free_arena(void **state)
{
    (void)state;
    wp_arena_free(&arena);
    return 0;
}

static void *
take(size_t bytes)
{
    void *memory = wp_arena_take(&arena, bytes > 0 ? bytes : 1);

    if (memory == NULL)
        abort();
    return memory;
}

/* Names of a file are one pointer each, as those that the reader makes. */
static const char *
file_text(const struct wp_pprof_frame *const *known, size_t count, const char *text, size_t length)
{
    for (size_t i = 0; i < count; i++) {
        if (strlen(known[i]->name) == length && memcmp(known[i]->name, text, length) == 0)
            return known[i]->name;
    }
    return wp_arena_string(&arena, text, length);
}

static void
fill_stack(struct wp_pprof_stack *stack, const struct stack_row *row, bool has_error)
{
    static uint64_t address = 0x1000;
    const struct wp_pprof_frame **frames = take(16 * sizeof(struct wp_pprof_frame *));
    const char *at = row->functions;

    while (*at != '\0') {
        struct wp_pprof_frame *frame = take(sizeof *frame);
        size_t length = strcspn(at, ";");

        frame->is_unnamed = at[0] == '@';
        frame->name = file_text(frames, stack->depth, at, length);
        frame->file = "file.c";
        frame->mapping = at[0] == '[' ? "" : "/bin/program";
        frame->address = address++;
        frame->line = (uint32_t)address;
        frames[stack->depth++] = frame;
        at += length + (at[length] == ';');
    }
    stack->frames = frames;
    stack->kind = row->kind != NULL ? row->kind : "";
    stack->contentions = row->contentions;
    stack->delay_ns = row->delay_ns;
    stack->has_error = has_error;
    stack->samples = row->samples;
    stack->variance = row->variance;
    stack->squares = row->squares;
}

/* A capture of some seconds, of ours if `type` says so. */
static struct wp_pprof *
make_capture(const char *path, enum wp_region_profile type, double seconds,
             const struct stack_row *rows, size_t count)
{
    struct wp_pprof *pprof = take(sizeof *pprof);
    struct wp_pprof_stack *stacks = take(count * sizeof *stacks);

    pprof->path = path;
    pprof->type = type;
    pprof->is_ours = pprof->has_errors = type != 0;
    pprof->duration_ns = pprof->span_ns = (uint64_t)(seconds * 1e9);
    for (size_t i = 0; i < count; i++) {
        fill_stack(&stacks[i], &rows[i], pprof->has_errors);
        pprof->has_kinds |= rows[i].kind != NULL;
    }
    pprof->stacks = stacks;
    pprof->stack_count = count;
    return pprof;
}

#define CAPTURE(type, seconds, rows)                                                               \
    make_capture("capture " #rows, type, seconds, rows, sizeof(rows) / sizeof(rows)[0])

/* One capture a side; options may be NULL. */
static int
try_compare(struct wp_pprof *base, struct wp_pprof *new,
            const struct wp_comparison_options *options, struct wp_comparison **comparison,
            struct wp_error *error)
{
    static const struct wp_comparison_options none;
    struct wp_pprof *const sides[2][1] = {{base}, {new}};
    struct wp_pprof *const *captures[] = {sides[0], sides[1]};
    const size_t counts[] = {base != NULL, new != NULL};

    error->text[0] = '\0';
    return wp_comparison_make(captures, counts, options != NULL ? options : &none, comparison,
                              error);
}

static struct wp_comparison *
compare(struct wp_pprof *base, struct wp_pprof *new, const struct wp_comparison_options *options)
{
    struct wp_comparison *comparison = NULL;
    struct wp_error error;

    if (try_compare(base, new, options, &comparison, &error) != 0)
        fail_msg("%s", error.text);
    return comparison;
}

static void
assert_refused(struct wp_pprof *base, struct wp_pprof *new,
               const struct wp_comparison_options *options, const char *why)
{
    struct wp_comparison *comparison = NULL;
    struct wp_error error;

    assert_int_equal(try_compare(base, new, options, &comparison, &error), -EINVAL);
    assert_null(comparison);
    if (strstr(error.text, why) == NULL)
        fail_msg("'%s' does not say '%s'", error.text, why);
}

static void
assert_number(double is, double should)
{
    if (fabs(is - should) > 1e-9 * fabs(should))
        fail_msg("%.17g is not %.17g", is, should);
}

static const struct wp_comparison_row *
find_row(const struct wp_comparison *comparison, const char *name)
{
    for (size_t i = 0; i < comparison->row_count; i++) {
        if (strcmp(comparison->rows[i].name, name) == 0)
            return &comparison->rows[i];
    }
    fail_msg("there is no row of %s", name);
    return NULL;
}

static void
stacks_of_equal_names_are_one_row(void **state)
{
    static const struct stack_row base[] = {{"lock;f;main", 1, 1000, NULL, 1, 1, 4},
                                            {"lock;g;main", 2, 6000, NULL, 2, 0, 9},
                                            {"lock;f;main", 3, 3000, NULL, 2, 2, 5}};
    static const struct stack_row new[] = {{"lock;f;main", 8, 16000, NULL, 3, 3, 36}};
    struct wp_comparison *comparison;
    const struct wp_comparison_row *row;

    (void)state;
    comparison =
        compare(CAPTURE(WP_PROFILE_BLOCK, 2, base), CAPTURE(WP_PROFILE_BLOCK, 4, new), NULL);
    assert_string_equal(comparison->unit, "s");
    assert_int_equal(comparison->type, WP_PROFILE_BLOCK);
    assert_int_equal(comparison->row_count, 2);
    row = find_row(comparison, "f");
    assert_string_equal(row->leaf, "lock");
    assert_string_equal(row->file, "file.c");
    assert_int_equal(row->delay[WP_SIDE_BASE].count, 1);
    assert_number(row->delay[WP_SIDE_BASE].value[0], 2000);
    assert_number(row->delay[WP_SIDE_NEW].value[0], 4000);
    assert_number(row->contentions[WP_SIDE_BASE].value[0], 2);
    assert_number(row->contentions[WP_SIDE_NEW].value[0], 2);
    assert_true(isnan(row->contentions[WP_SIDE_NEW].noise[0]));
    /* Errors are per unit squared. */
    assert_number(row->delay[WP_SIDE_BASE].noise[0], 9.0 / 4);
    assert_number(row->delay[WP_SIDE_NEW].noise[0], 36.0 / 16);
    assert_number(row->delay[WP_SIDE_BASE].sampling[0], 3.0 / 4);
    assert_number(row->samples[WP_SIDE_BASE], 3);
    assert_number(row->samples[WP_SIDE_NEW], 3);
    assert_number(row->change.base, 2000);
    assert_number(row->change.new, 4000);
    /* The stack that is shown is that of the most delay per second. */
    assert_number(row->stack->delay_ns, 16000);
    wp_comparison_free(comparison);
}

static void
what_a_capture_has_not_is_a_zero(void **state)
{
    static const struct stack_row base[] = {{"lock;gone", 1, 1000, NULL, 1, 0, 1}};
    static const struct stack_row new[] = {{"lock;fresh", 1, 1000, NULL, 0, 0, 0}};
    struct wp_comparison *comparison;
    const struct wp_comparison_row *row;

    (void)state;
    comparison = compare(CAPTURE(WP_PROFILE_BLOCK, 1, base), CAPTURE(0, 1, new), NULL);
    row = find_row(comparison, "fresh");
    assert_number(row->delay[WP_SIDE_BASE].value[0], 0);
    assert_number(row->delay[WP_SIDE_BASE].noise[0], 0);
    assert_number(row->samples[WP_SIDE_BASE], 0);
    /* Nothing is known of the errors of other tools. */
    assert_true(isnan(row->delay[WP_SIDE_NEW].noise[0]));
    assert_true(isnan(row->delay[WP_SIDE_NEW].sampling[0]));
    assert_true(isnan(row->samples[WP_SIDE_NEW]));
    row = find_row(comparison, "gone");
    assert_number(row->delay[WP_SIDE_NEW].value[0], 0);
    assert_true(isnan(row->delay[WP_SIDE_NEW].noise[0]));
    wp_comparison_free(comparison);
}

static void
rows_come_by_the_size_of_the_difference(void **state)
{
    static const struct stack_row base[] = {
        {"lock;same", 1, 90000, NULL, 0, 0, 0},
        {"lock;less", 1, 50000, NULL, 0, 0, 0},
        {"lock;more", 1, 10, NULL, 0, 0, 0},
    };
    static const struct stack_row new[] = {
        {"lock;same", 1, 90001, NULL, 0, 0, 0},
        {"lock;less", 1, 30000, NULL, 0, 0, 0},
        {"lock;more", 1, 10010, NULL, 0, 0, 0},
    };
    struct wp_comparison *comparison = compare(CAPTURE(0, 1, base), CAPTURE(0, 1, new), NULL);

    (void)state;
    assert_string_equal(comparison->rows[0].name, "less");
    assert_string_equal(comparison->rows[1].name, "more");
    assert_string_equal(comparison->rows[2].name, "same");
    assert_string_equal(comparison->total.name, "total");
    assert_number(comparison->total.delay[WP_SIDE_BASE].value[0], 140010);
    assert_number(comparison->total.delay[WP_SIDE_NEW].value[0], 130011);
    assert_number(comparison->total.change.new, 130011);
    assert_null(comparison->total.stack);
    wp_comparison_free(comparison);
}

static void
functions_are_grouped_as_in_the_report(void **state)
{
    static const struct wp_comparison_options options = {.grouping = WP_COMPARE_FUNCTIONS};
    static const struct stack_row base[] = {
        {"lock;f;a;main", 1, 100, NULL, 0, 0, 0},
        {"lock;f;b;main", 1, 200, NULL, 0, 0, 0},
        {"recv;f;a;main", 1, 1000, NULL, 0, 0, 0},
        {"lock;[unwind failed];g", 1, 10, NULL, 0, 0, 0},
        {"lock;@libx.so+0x12;h", 1, 20, NULL, 0, 0, 0},
        {"[lost: table full]", 1, 30, NULL, 0, 0, 0},
        {"", 1, 40, NULL, 0, 0, 0},
    };
    static const struct stack_row new[] = {{"lock;f;other;main", 1, 400, NULL, 0, 0, 0}};
    struct wp_comparison *comparison =
        compare(CAPTURE(WP_PROFILE_BLOCK, 1, base), CAPTURE(WP_PROFILE_BLOCK, 1, new), &options);
    const struct wp_comparison_row *row;

    (void)state;
    assert_int_equal(comparison->row_count, 6);
    for (size_t i = 0; i < comparison->row_count; i++) {
        row = &comparison->rows[i];
        if (strcmp(row->name, "f") == 0)
            assert_number(row->delay[WP_SIDE_BASE].value[0],
                          strcmp(row->leaf, "lock") == 0 ? 300 : 1000);
    }
    assert_number(find_row(comparison, "g")->delay[WP_SIDE_BASE].value[0], 10);
    assert_number(find_row(comparison, "@libx.so+0x12")->delay[WP_SIDE_BASE].value[0], 20);
    assert_number(find_row(comparison, "[lost: table full]")->delay[WP_SIDE_BASE].value[0], 30);
    assert_number(find_row(comparison, "[no stack]")->delay[WP_SIDE_BASE].value[0], 40);
    wp_comparison_free(comparison);
}

static void
what_gos_runtime_does_is_no_caller(void **state)
{
    static const struct wp_comparison_options options = {.grouping = WP_COMPARE_FUNCTIONS};
    static const struct stack_row go[] = {
        {"sync.(*Mutex).Lock;sync.(*RWMutex).Lock;internal/poll.x;main.work;main.main", 1, 100,
         NULL, 0, 0, 0}};
    static const struct stack_row c[] = {{"pthread_mutex_lock;sync.x;main", 1, 100, NULL, 0, 0, 0}};
    struct wp_comparison *comparison = compare(CAPTURE(0, 1, go), CAPTURE(0, 1, go), &options);

    (void)state;
    assert_int_equal(comparison->row_count, 1);
    assert_string_equal(comparison->rows[0].name, "main.work");
    assert_string_equal(comparison->rows[0].leaf, "sync.(*Mutex).Lock");
    wp_comparison_free(comparison);
    comparison =
        compare(CAPTURE(WP_PROFILE_BLOCK, 1, c), CAPTURE(WP_PROFILE_BLOCK, 1, c), &options);
    assert_string_equal(comparison->rows[0].name, "sync.x");
    wp_comparison_free(comparison);
}

static void
what_a_language_has_between_a_program_and_libc_is_no_caller(void **state)
{
    static const struct wp_comparison_options options = {.grouping = WP_COMPARE_FUNCTIONS};
    static const struct stack_row cplusplus[] = {
        {"pthread_mutex_lock;__gthread_mutex_lock;std::mutex::lock;"
         "std::lock_guard<std::mutex>::lock_guard;Cache::find;main",
         1, 300, NULL, 0, 0, 0},
        {"pthread_mutex_lock;__gthread_mutex_lock;std::mutex::lock;Queue::push;main", 1, 20, NULL,
         0, 0, 0}};
    struct wp_comparison *comparison = compare(CAPTURE(WP_PROFILE_BLOCK, 1, cplusplus),
                                               CAPTURE(WP_PROFILE_BLOCK, 1, cplusplus), &options);

    (void)state;
    assert_int_equal(comparison->row_count, 2);
    assert_string_equal(comparison->rows[0].name, "Cache::find");
    assert_string_equal(comparison->rows[1].name, "Queue::push");
    wp_comparison_free(comparison);
}

static void
parts_and_copies_of_a_function_are_the_function(void **state)
{
    static const struct stack_row base[] = {
        {"lock;f.constprop.0;main", 1, 100, NULL, 0, 0, 0},
        {"lock;C::g [clone .isra.1];main", 1, 5, NULL, 0, 0, 0}};
    static const struct stack_row new[] = {{"lock;f.part.2.cold;main", 1, 300, NULL, 0, 0, 0},
                                           {"lock;C::g;main", 1, 6, NULL, 0, 0, 0}};
    static const struct stack_row go[] = {{"sync.(*Mutex).Lock;main.cold", 1, 300, NULL, 0, 0, 0}};
    struct wp_comparison *comparison =
        compare(CAPTURE(WP_PROFILE_BLOCK, 1, base), CAPTURE(WP_PROFILE_BLOCK, 1, new), NULL);

    (void)state;
    assert_int_equal(comparison->row_count, 2);
    assert_string_equal(comparison->rows[0].name, "f");
    assert_string_equal(comparison->rows[1].name, "C::g");
    wp_comparison_free(comparison);
    comparison = compare(CAPTURE(0, 1, go), CAPTURE(0, 1, go), NULL);
    assert_string_equal(comparison->rows[0].name, "main.cold");
    wp_comparison_free(comparison);
}

static void
kinds_are_rows_where_all_captures_name_them(void **state)
{
    static const struct stack_row named[] = {{"wait;f", 1, 100, "cond", 0, 0, 0},
                                             {"wait;f", 1, 200, "cond.reacquire", 0, 0, 0}};
    static const struct stack_row plain[] = {{"wait;f", 1, 300, NULL, 0, 0, 0}};
    struct wp_pprof *empty = make_capture("empty", WP_PROFILE_BLOCK, 1, NULL, 0);
    struct wp_comparison *comparison =
        compare(CAPTURE(WP_PROFILE_BLOCK, 1, named), CAPTURE(WP_PROFILE_BLOCK, 1, plain), NULL);

    (void)state;
    assert_int_equal(comparison->row_count, 1);
    assert_string_equal(comparison->rows[0].kind, "");
    wp_comparison_free(comparison);
    comparison = compare(CAPTURE(WP_PROFILE_BLOCK, 1, named), empty, NULL);
    assert_int_equal(comparison->row_count, 2);
    assert_string_equal(comparison->rows[0].kind, "cond.reacquire");
    assert_string_equal(comparison->rows[1].kind, "cond");
    wp_comparison_free(comparison);
}

static void
values_may_be_per_operation(void **state)
{
    static const struct wp_comparison_options options = {.operations = {10, 40}};
    static const struct stack_row rows[] = {{"lock;f", 20, 2000, NULL, 1, 100, 400}};
    struct wp_comparison *comparison =
        compare(CAPTURE(WP_PROFILE_BLOCK, 0, rows), CAPTURE(WP_PROFILE_BLOCK, 3, rows), &options);

    (void)state;
    assert_string_equal(comparison->unit, "operation");
    assert_number(comparison->rows[0].delay[WP_SIDE_BASE].value[0], 200);
    assert_number(comparison->rows[0].delay[WP_SIDE_NEW].value[0], 50);
    assert_number(comparison->rows[0].delay[WP_SIDE_BASE].noise[0], 4);
    assert_number(comparison->rows[0].contentions[WP_SIDE_NEW].value[0], 0.5);
    wp_comparison_free(comparison);
}

static void
an_expression_selects_stacks_by_any_function(void **state)
{
    struct wp_comparison_options options = {.function = "^(inner|outer)$"};
    static const struct stack_row rows[] = {{"lock;inner;x", 1, 1, NULL, 1, 0, 2},
                                            {"lock;x;outer", 1, 10, NULL, 1, 0, 3},
                                            {"lock;x;outermost", 1, 100, NULL, 1, 0, 5}};
    struct wp_comparison *comparison =
        compare(CAPTURE(WP_PROFILE_BLOCK, 1, rows), CAPTURE(WP_PROFILE_BLOCK, 1, rows), &options);

    (void)state;
    assert_int_equal(comparison->row_count, 2);
    assert_number(comparison->total.delay[WP_SIDE_BASE].value[0], 11);
    assert_number(comparison->total.delay[WP_SIDE_BASE].noise[0], 5);
    assert_number(comparison->total.samples[WP_SIDE_BASE], 2);
    wp_comparison_free(comparison);
    options.function = "nothing has this name";
    comparison =
        compare(CAPTURE(WP_PROFILE_BLOCK, 1, rows), CAPTURE(WP_PROFILE_BLOCK, 1, rows), &options);
    assert_int_equal(comparison->row_count, 0);
    assert_number(comparison->total.change.new, 0);
    wp_comparison_free(comparison);
    options.function = "a(b";
    assert_refused(CAPTURE(WP_PROFILE_BLOCK, 1, rows), CAPTURE(WP_PROFILE_BLOCK, 1, rows), &options,
                   "'a(b' is no POSIX extended regular expression");
}

static const struct wp_comparison_function functions[] = {
    {"pthread_cond_wait", "cond", "sync"},     {"pthread_cond_wait", "cond.reacquire", "sync"},
    {"pthread_cond_wait", "mutex", "sync"},    {"pthread_mutex_lock", "mutex", "sync"},
    {"pthread_mutex_unlock", "mutex", "sync"}, {"recv", "recv", "net"},
};

/* The total of what a list of kinds leaves of `rows`. */
static double
total_of_kinds(struct wp_pprof *capture, const char *kinds, size_t *kindless)
{
    const struct wp_comparison_options options = {.kinds = kinds,
                                                  .functions = functions,
                                                  .function_count =
                                                      sizeof functions / sizeof functions[0]};
    struct wp_comparison *comparison = compare(capture, capture, &options);
    double total = comparison->total.delay[WP_SIDE_NEW].value[0];

    *kindless = comparison->kindless_stacks;
    wp_comparison_free(comparison);
    return total;
}

static void
kinds_select_by_label_and_else_by_leaf(void **state)
{
    static const struct stack_row rows[] = {
        {"pthread_mutex_lock;f", 1, 1, NULL, 0, 0, 0},
        {"pthread_cond_wait;f", 1, 10, NULL, 0, 0, 0},
        {"pthread_cond_wait;f", 1, 100, "cond.reacquire", 0, 0, 0},
        {"recv;f", 1, 1000, NULL, 0, 0, 0},
        {"unheard_of;f", 1, 10000, NULL, 0, 0, 0},
    };
    struct wp_pprof *block = CAPTURE(WP_PROFILE_BLOCK, 1, rows);
    size_t kindless;

    (void)state;
    assert_number(total_of_kinds(block, "mutex", &kindless), 1);
    assert_int_equal(kindless, 2); /* one of each side */
    assert_number(total_of_kinds(block, "cond", &kindless), 10);
    assert_number(total_of_kinds(block, "lock", &kindless), 101);
    assert_number(total_of_kinds(block, "sync", &kindless), 111);
    assert_number(total_of_kinds(block, "recv,cond.*", &kindless), 1100);
    assert_number(total_of_kinds(block, "net", &kindless), 1000);
}

static void
in_a_mutex_profile_pthread_cond_wait_is_an_unlock(void **state)
{
    static const struct stack_row rows[] = {{"pthread_mutex_unlock;f", 1, 1, NULL, 0, 0, 0},
                                            {"pthread_cond_wait;f", 1, 10, NULL, 0, 0, 0}};
    struct wp_pprof *mutex = CAPTURE(WP_PROFILE_MUTEX, 1, rows);
    size_t kindless;

    (void)state;
    assert_number(total_of_kinds(mutex, "mutex", &kindless), 11);
    assert_number(total_of_kinds(mutex, "cond", &kindless), 0);
    assert_int_equal(kindless, 0);
}

static void
kinds_of_a_capture_without_any_are_refused(void **state)
{
    static const struct stack_row known[] = {{"recv;f", 1, 1, NULL, 0, 0, 0}};
    static const struct stack_row unknown[] = {{"runtime.chanrecv1;f", 1, 1, NULL, 0, 0, 0}};
    const struct wp_comparison_options options = {.kinds = "recv",
                                                  .functions = functions,
                                                  .function_count =
                                                      sizeof functions / sizeof functions[0]};

    (void)state;
    assert_refused(CAPTURE(WP_PROFILE_BLOCK, 1, known), CAPTURE(0, 1, unknown), &options,
                   "nothing in capture unknown tells what kinds");
}

static void
what_cannot_be_compared_is_refused(void **state)
{
    static const struct stack_row rows[] = {{"lock;f", 1, 1, NULL, 0, 0, 0}};
    struct wp_comparison_options options = {.operations = {5, 0}};
    struct wp_pprof *block = CAPTURE(WP_PROFILE_BLOCK, 1, rows);

    (void)state;
    assert_refused(block, make_capture("m.pb.gz", WP_PROFILE_MUTEX, 1, rows, 1), NULL,
                   "capture rows is a block profile and m.pb.gz a mutex profile");
    assert_refused(block, make_capture("total.pb.gz", WP_PROFILE_BLOCK, 0, rows, 1), NULL,
                   "total.pb.gz does not say how long it took");
    assert_refused(block, NULL, NULL, "no captures of the new side");
    assert_refused(NULL, block, NULL, "no captures of the base side");
    assert_refused(block, block, &options, "for both sides");
    options.operations[1] = -3;
    assert_refused(block, block, &options, "positive");
    options.operations[1] = NAN;
    assert_refused(block, block, &options, "positive");
}

static void
captures_of_a_side_are_values_in_their_order(void **state)
{
    static const struct stack_row first[] = {{"lock;f", 1, 1000, NULL, 1, 0, 0}};
    static const struct stack_row second[] = {{"lock;g", 1, 50, NULL, 1, 0, 0}};
    static const struct stack_row third[] = {{"lock;f", 1, 1002, NULL, 2, 0, 0}};
    static const struct stack_row slow[] = {{"lock;f", 1, 90000, NULL, 1, 0, 0}};
    static const struct stack_row slower[] = {{"lock;f", 1, 90500, NULL, 1, 0, 0}};
    struct wp_pprof *const base[] = {CAPTURE(WP_PROFILE_BLOCK, 1, first),
                                     CAPTURE(WP_PROFILE_BLOCK, 1, second),
                                     CAPTURE(WP_PROFILE_BLOCK, 1, third)};
    struct wp_pprof *const new[] = {CAPTURE(WP_PROFILE_BLOCK, 1, slow),
                                    CAPTURE(WP_PROFILE_BLOCK, 1, slower)};
    struct wp_pprof *const *captures[] = {base, new};
    const size_t counts[] = {3, 2};
    const struct wp_comparison_options options = {0};
    struct wp_comparison *comparison = NULL;
    const struct wp_comparison_row *row;
    struct wp_error error;

    (void)state;
    assert_int_equal(wp_comparison_make(captures, counts, &options, &comparison, &error), 0);
    assert_int_equal(comparison->captures[WP_SIDE_BASE], 3);
    assert_int_equal(comparison->captures[WP_SIDE_NEW], 2);
    row = find_row(comparison, "f");
    assert_number(row->delay[WP_SIDE_BASE].value[0], 1000);
    assert_number(row->delay[WP_SIDE_BASE].value[1], 0);
    assert_number(row->delay[WP_SIDE_BASE].value[2], 1002);
    assert_number(row->samples[WP_SIDE_BASE], 3);
    assert_number(row->delay[WP_SIDE_NEW].value[1], 90500);
    assert_number(row->change.base, 2002.0 / 3);
    assert_int_equal(row->change.basis, WP_BASIS_CAPTURES);
    wp_comparison_free(comparison);
}

/* One function of five has become a hundred times slower. */
static void
only_what_has_changed_is_marked(void **state)
{
    enum { FUNCTIONS = 5, CAPTURES = 8 };
    struct wp_pprof *sides[WP_SIDE_COUNT][CAPTURES];
    struct wp_pprof *const *captures[] = {sides[0], sides[1]};
    const size_t counts[] = {CAPTURES, CAPTURES};
    const struct wp_comparison_options options = {0};
    struct wp_comparison *comparison = NULL;
    struct wp_error error;

    (void)state;
    for (size_t side = 0; side < WP_SIDE_COUNT; side++) {
        for (size_t i = 0; i < CAPTURES; i++) {
            struct stack_row rows[FUNCTIONS];

            for (size_t j = 0; j < FUNCTIONS; j++) {
                double delay = 1e6 + 1e4 * (double)((7 * i + 3 * j) % CAPTURES);
                char name[16];

                snprintf(name, sizeof name, "lock;f%zu", j);
                if (j == 3 && side == WP_SIDE_NEW)
                    delay *= 100;
                rows[j] = (struct stack_row){wp_arena_string(&arena, name, strlen(name)),
                                             10,
                                             delay,
                                             NULL,
                                             10,
                                             delay * delay / 10,
                                             delay * delay / 10};
            }
            sides[side][i] = make_capture("many", WP_PROFILE_BLOCK, 1, rows, FUNCTIONS);
        }
    }
    assert_int_equal(wp_comparison_make(captures, counts, &options, &comparison, &error), 0);
    assert_int_equal(comparison->row_count, FUNCTIONS);
    for (size_t i = 0; i < FUNCTIONS; i++)
        assert_int_equal(comparison->rows[i].change.is_change,
                         strcmp(comparison->rows[i].name, "f3") == 0);
    assert_true(comparison->total.change.is_change);
    wp_comparison_free(comparison);
}

static void
captures_without_stacks_are_compared(void **state)
{
    struct wp_pprof *empty = make_capture("empty", WP_PROFILE_BLOCK, 1, NULL, 0);
    struct wp_comparison *comparison = compare(empty, empty, NULL);

    (void)state;
    assert_int_equal(comparison->row_count, 0);
    assert_number(comparison->total.delay[WP_SIDE_NEW].value[0], 0);
    assert_false(comparison->total.change.is_change);
    wp_comparison_free(comparison);
    wp_comparison_free(NULL);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, free_arena)
    const struct CMUnitTest tests[] = {
        TEST(stacks_of_equal_names_are_one_row),
        TEST(what_a_capture_has_not_is_a_zero),
        TEST(rows_come_by_the_size_of_the_difference),
        TEST(functions_are_grouped_as_in_the_report),
        TEST(what_gos_runtime_does_is_no_caller),
        TEST(what_a_language_has_between_a_program_and_libc_is_no_caller),
        TEST(parts_and_copies_of_a_function_are_the_function),
        TEST(kinds_are_rows_where_all_captures_name_them),
        TEST(values_may_be_per_operation),
        TEST(an_expression_selects_stacks_by_any_function),
        TEST(kinds_select_by_label_and_else_by_leaf),
        TEST(in_a_mutex_profile_pthread_cond_wait_is_an_unlock),
        TEST(kinds_of_a_capture_without_any_are_refused),
        TEST(what_cannot_be_compared_is_refused),
        TEST(captures_of_a_side_are_values_in_their_order),
        TEST(only_what_has_changed_is_marked),
        TEST(captures_without_stacks_are_compared),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
