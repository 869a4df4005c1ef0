#include "cli/serve/programs.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/message.h"
#include "cli/serve/memory_budget.h"
#include "cli/serve/statistics.h"

/* Requests for programs that do not exist make us look for them at most so often. */
#define MISS_NS UINT64_C(200000000)

struct wp_programs {
    pthread_mutex_t lock; /* over everything */
    struct wp_target_set *set;
    uint64_t grace_ns;
    uint64_t refreshed_ns;
    struct wp_program *first; /* running and ended */
};

struct wp_held_snapshot *
wp_held_snapshot_hold(struct wp_held_snapshot *held)
{
    __atomic_add_fetch(&held->references, 1, __ATOMIC_RELAXED);
    return held;
}

void
wp_held_snapshot_release(struct wp_held_snapshot *held)
{
    if (held == NULL || __atomic_sub_fetch(&held->references, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    wp_memory_budget_give(held->bytes);
    wp_snapshot_free(held->snapshot);
    free(held);
}

struct wp_program *
wp_program_hold(struct wp_program *program)
{
    __atomic_add_fetch(&program->references, 1, __ATOMIC_RELAXED);
    return program;
}

void
wp_program_release(struct wp_program *program)
{
    if (program == NULL || __atomic_sub_fetch(&program->references, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    wp_held_snapshot_release(program->served[0]);
    wp_held_snapshot_release(program->served[1]);
    pthread_mutex_destroy(&program->delta_lock);
    wp_target_release(program->target);
    free(program);
}

bool
wp_program_has_ended(const struct wp_program *program)
{
    return __atomic_load_n(&program->gone_since_ns, __ATOMIC_RELAXED) != 0;
}

int
wp_program_read(const struct wp_program *program, struct wp_held_snapshot **held,
                struct wp_error *error)
{
    struct wp_held_snapshot *made = calloc(1, sizeof *made);
    int status;

    if (made == NULL)
        return wp_error_set(error, ENOMEM, "out of memory");
    status = wp_target_read(program->target, &made->snapshot, error);
    if (status != 0) {
        free(made);
        return status;
    }
    made->references = 1;
    made->bytes = made->snapshot->allocated_bytes;
    wp_memory_budget_take(made->bytes);
    *held = made;
    return 0;
}

static struct wp_program *
make_program(struct wp_target *target)
{
    struct wp_program *program = calloc(1, sizeof *program);

    if (program == NULL)
        return NULL;
    program->references = 1;
    program->target = wp_target_hold(target);
    pthread_mutex_init(&program->delta_lock, NULL);
    if (target->seen_pid != 0)
        snprintf(program->name, sizeof program->name, "%d", (int)target->seen_pid);
    else
        snprintf(program->name, sizeof program->name, "%016" PRIx64, target->region_id);
    return program;
}

static struct wp_program *
find_target(struct wp_programs *programs, const struct wp_target *target)
{
    struct wp_program *program = programs->first;

    while (program != NULL && program->target != target)
        program = program->next;
    return program;
}

/* Gives every running target its program; one for which there was no memory gets it next time. */
static void
add_running(struct wp_programs *programs)
{
    struct wp_target *const *targets;
    size_t count = wp_target_set_list(programs->set, &targets);

    for (size_t i = 0; i < count; i++) {
        struct wp_program *program = find_target(programs, targets[i]);

        if (program != NULL)
            continue;
        program = make_program(targets[i]);
        if (program == NULL)
            continue;
        program->next = programs->first;
        programs->first = program;
    }
}

static void
mark_gone(struct wp_programs *programs, const struct wp_target_changes *changes)
{
    for (size_t i = 0; i < changes->gone_count; i++) {
        struct wp_program *program = find_target(programs, changes->gone[i]);

        if (program == NULL)
            continue;
        __atomic_store_n(&program->gone_since_ns, wp_statistics_now_ns(), __ATOMIC_RELAXED);
        wp_message_detail("%s (pid %s) has ended", program->target->command, program->name);
    }
}

static void
drop_old(struct wp_programs *programs)
{
    uint64_t now_ns = wp_statistics_now_ns();
    struct wp_program **link = &programs->first;

    while (*link != NULL) {
        struct wp_program *program = *link;

        if (!wp_program_has_ended(program) ||
            now_ns - program->gone_since_ns < programs->grace_ns) {
            link = &program->next;
            continue;
        }
        *link = program->next;
        wp_program_release(program);
    }
}

static void
tell_trouble(const char *text, void *context)
{
    (void)context;
    wp_message_detail("%s", text);
}

static int
refresh(struct wp_programs *programs, struct wp_error *error)
{
    struct wp_target_changes changes = {0};
    int status = wp_target_set_refresh(programs->set, &changes, tell_trouble, NULL, error);

    mark_gone(programs, &changes);
    add_running(programs);
    drop_old(programs);
    programs->refreshed_ns = wp_statistics_now_ns();
    return status;
}

int
wp_programs_new(const struct wp_target_selection *selection, uint64_t grace_ns,
                struct wp_programs **programs, struct wp_error *error)
{
    struct wp_programs *made = calloc(1, sizeof *made);
    int status;

    if (made == NULL)
        return wp_error_set(error, ENOMEM, "out of memory");
    made->grace_ns = grace_ns;
    pthread_mutex_init(&made->lock, NULL);
    status = wp_target_set_new(selection, &made->set, error);
    if (status == 0)
        status = refresh(made, error);
    if (status != 0) {
        wp_programs_free(made);
        return status;
    }
    *programs = made;
    return 0;
}

void
wp_programs_free(struct wp_programs *programs)
{
    struct wp_program *program;

    if (programs == NULL)
        return;
    while ((program = programs->first) != NULL) {
        programs->first = program->next;
        wp_program_release(program);
    }
    wp_target_set_free(programs->set);
    pthread_mutex_destroy(&programs->lock);
    free(programs);
}

void
wp_programs_refresh(struct wp_programs *programs)
{
    struct wp_error error = {""};

    pthread_mutex_lock(&programs->lock);
    if (refresh(programs, &error) != 0)
        wp_message_detail("%s", error.text);
    pthread_mutex_unlock(&programs->lock);
}

/* The only program of those that run, or else of those that have ended lately. */
static int
find_only(const struct wp_programs *programs, struct wp_program **found, struct wp_error *error)
{
    size_t count[2] = {0, 0}; /* by whether they have ended */
    struct wp_program *last[2] = {NULL, NULL};

    for (struct wp_program *program = programs->first; program != NULL; program = program->next) {
        bool has_ended = wp_program_has_ended(program);

        count[has_ended]++;
        last[has_ended] = program;
    }
    *found = count[0] != 0 ? last[0] : last[1];
    if (count[0] == 1 || (count[0] == 0 && count[1] == 1))
        return 0;
    *found = NULL;
    if (count[0] + count[1] == 0)
        return wp_error_set(error, ESRCH, "no profiled program runs; see `waitprof ls`");
    return wp_error_set(error, ENOTUNIQ, "several programs are served here: name one by its path");
}

static struct wp_program *
find_named(const struct wp_programs *programs, const char *word)
{
    struct wp_target *target = wp_target_set_find(programs->set, word);

    for (struct wp_program *program = programs->first; program != NULL; program = program->next) {
        char id[WP_PROGRAM_NAME_BYTES];

        if (target != NULL ? program->target == target : strcmp(program->name, word) == 0)
            return program;
        snprintf(id, sizeof id, "%016" PRIx64, program->target->region_id);
        if (target == NULL && strcasecmp(id, word) == 0)
            return program;
    }
    return NULL;
}

static int
find_now(const struct wp_programs *programs, const char *word, struct wp_program **found,
         struct wp_error *error)
{
    if (word[0] == '\0')
        return find_only(programs, found, error);
    *found = find_named(programs, word);
    return *found != NULL
               ? 0
               : wp_error_set(error, ESRCH,
                              "%s: no program of this pid or region id is served here", word);
}

int
wp_programs_find(struct wp_programs *programs, const char *word, struct wp_program **program,
                 struct wp_error *error)
{
    int status;

    pthread_mutex_lock(&programs->lock);
    status = find_now(programs, word, program, error);
    if (status == -ESRCH && wp_statistics_now_ns() - programs->refreshed_ns > MISS_NS) {
        refresh(programs, NULL);
        status = find_now(programs, word, program, error);
    }
    if (status == 0)
        wp_program_hold(*program);
    pthread_mutex_unlock(&programs->lock);
    return status;
}

int
wp_programs_list(struct wp_programs *programs, struct wp_program_list *list)
{
    struct wp_target *const *targets;
    size_t count;

    pthread_mutex_lock(&programs->lock);
    count = wp_target_set_list(programs->set, &targets);
    *list = (struct wp_program_list){.rows = calloc(count + 1, sizeof(struct wp_program *))};
    for (size_t i = 0; i < count && list->rows != NULL; i++) {
        struct wp_program *program = find_target(programs, targets[i]);

        if (program != NULL)
            list->rows[list->count++] = wp_program_hold(program);
    }
    pthread_mutex_unlock(&programs->lock);
    return list->rows != NULL ? 0 : -ENOMEM;
}

void
wp_program_list_free(struct wp_program_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        wp_program_release(list->rows[i]);
    free(list->rows);
    *list = (struct wp_program_list){0};
}
