#include "cli/top/threads.h"

#include <errno.h>
#include <stdlib.h>

/* A thread in the look before. */
struct wp_top_thread_past {
    uint64_t key; /* process << 32 | tid */
    uint64_t waits;
    uint64_t waited_ns;
};

static uint64_t
key_of(const struct wp_reader_thread *thread)
{
    return (uint64_t)thread->process << 32 | thread->tid;
}

/* How long its present wait has lasted at a look. */
static uint64_t
waiting_ns(const struct wp_reader_thread *thread, uint64_t read_ns)
{
    if (thread->waiting_since_ns == 0)
        return 0;
    return read_ns > thread->waiting_since_ns ? read_ns - thread->waiting_since_ns : 1;
}

/* All that it waited up to a look: the difference of two such is what it waited in between. */
static uint64_t
waited_ns(const struct wp_reader_thread *thread, uint64_t read_ns)
{
    uint64_t sum;

    if (__builtin_add_overflow(thread->waited_ns, waiting_ns(thread, read_ns), &sum))
        return UINT64_MAX;
    return sum;
}

static int
compare_past(const void *left, const void *right)
{
    const struct wp_top_thread_past *a = left, *b = right;

    return (a->key > b->key) - (a->key < b->key);
}

int
wp_top_threads_keep(struct wp_top_model *model)
{
    const struct wp_snapshot *snapshot = model->snapshot;
    struct wp_top_thread_past *past = calloc(snapshot->thread_count + 1, sizeof *past);

    free(model->threads_before);
    model->threads_before = past;
    model->thread_before_count = 0;
    if (past == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < snapshot->thread_count; i++) {
        const struct wp_reader_thread *thread = &snapshot->threads[i];

        past[i] = (struct wp_top_thread_past){
            .key = key_of(thread),
            .waits = thread->waits,
            .waited_ns = waited_ns(thread, snapshot->read_monotonic_ns),
        };
    }
    model->thread_before_count = snapshot->thread_count;
    qsort(past, snapshot->thread_count, sizeof *past, compare_past);
    return 0;
}

/* --- Rows */

static void
fill_row(struct wp_top_thread *row, const struct wp_top_model *model,
         const struct wp_reader_thread *thread)
{
    const struct wp_snapshot *snapshot = model->snapshot;
    const struct wp_top_thread_past sought = {.key = key_of(thread)};
    const struct wp_top_thread_past *past = NULL;
    uint64_t before_ns = 0;

    row->waits = thread->waits;
    row->waited_ns = waited_ns(thread, snapshot->read_monotonic_ns);
    row->waiting_ns = waiting_ns(thread, snapshot->read_monotonic_ns);
    row->function = row->waiting_ns != 0 ? snapshot->functions[thread->waiting_function].name : "";
    if (model->span_s <= 0)
        return;
    if (model->thread_before_count > 0)
        past = bsearch(&sought, model->threads_before, model->thread_before_count, sizeof *past,
                       compare_past);
    /* One that had lost its row in between has begun again from zero. */
    if (past != NULL && past->waited_ns <= row->waited_ns && past->waits <= row->waits) {
        before_ns = past->waited_ns;
        row->waits_per_s = (double)(row->waits - past->waits) / model->span_s;
    } else {
        row->waits_per_s = (double)row->waits / model->span_s;
    }
    row->share = (double)(row->waited_ns - before_ns) / 1e9 / model->span_s;
    if (row->share > 1)
        row->share = 1;
}

static int
compare_rows(const void *left, const void *right)
{
    const struct wp_top_thread *a = left, *b = right;

    if (a->share != b->share)
        return a->share > b->share ? -1 : 1;
    if (a->waited_ns != b->waited_ns)
        return a->waited_ns > b->waited_ns ? -1 : 1;
    if (a->pid != b->pid)
        return a->pid < b->pid ? -1 : 1;
    return (a->tid > b->tid) - (a->tid < b->tid);
}

static void
add_row(struct wp_top_threads *threads, const struct wp_top_model *model,
        const struct wp_reader_thread *thread, const struct wp_thread_state *life)
{
    struct wp_top_thread *row = &threads->rows[threads->count];

    if (thread->process >= model->snapshot->process_count || !life->is_there)
        return;
    row->life = *life;
    row->pid = life->pid != 0 ? life->pid : model->snapshot->processes[thread->process].pid;
    row->tid = life->tid != 0 ? life->tid : thread->tid;
    fill_row(row, model, thread);
    threads->waiting += row->waiting_ns != 0;
    threads->count++;
}

int
wp_top_threads_make(struct wp_top_threads *threads, const struct wp_top_model *model,
                    wp_thread_life_look_fn *look, struct wp_error *error)
{
    const struct wp_snapshot *snapshot = model->snapshot;
    struct wp_thread_life life;
    int status;

    wp_top_threads_free(threads);
    if (snapshot == NULL || look == NULL)
        return 0;
    status = look(snapshot, WP_THREADS_ALL, &life, error);
    if (status != 0)
        return status;
    threads->rows = calloc(snapshot->thread_count + 1, sizeof *threads->rows);
    if (threads->rows == NULL) {
        wp_thread_life_free(&life);
        return wp_error_set(error, ENOMEM, "not enough memory for the threads");
    }
    threads->processes = life.processes;
    for (size_t i = 0; i < snapshot->thread_count; i++)
        add_row(threads, model, &snapshot->threads[i], &life.threads[i]);
    wp_thread_life_free(&life);
    if (threads->count > 1)
        qsort(threads->rows, threads->count, sizeof *threads->rows, compare_rows);
    return 0;
}

void
wp_top_threads_free(struct wp_top_threads *threads)
{
    free(threads->rows);
    *threads = (struct wp_top_threads){0};
}
