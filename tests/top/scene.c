#include "top/scene.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "profile/cmocka_all.h"

#define ONE WP_REGION_COUNT_ONE
#define MS UINT64_C(1000000)
#define S UINT64_C(1000000000)

static const char *const names[] = {
    "?",
    "shop::Cache<std::string, shop::Article>::get",
    "shop::Service::find_article",
    "shop::handle_request",
    "run_worker",
    "start_thread",
    "read_request",
    "serve_connection",
    "run_worker",
    "start_thread",
    "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e::\xe5\x8f\x97\xe4\xbf\xa1", /* wide characters */
    "evil\033[2J\x9b\xff\xe2\x80\xae name",                           /* not for terminals */
    ("a_function_with_a_name_that_goes_on_and_on_until_it_is_wider_than_any_terminal_that_is_still_"
     "in_use_in_any_office_of_the_world_and_then_some_more_of_it_to_be_on_the_safe_side"),
    "main",
};

const char *
scene_name(unsigned number)
{
    return names[number < sizeof names / sizeof names[0] ? number : 0];
}

static uint16_t
add_function(struct scene *scene, const char *name, const char *kind, const char *family)
{
    static uint64_t vaddr = 16;
    uint16_t number = region_builder_function(&scene->builder, name, kind, 0, vaddr++);

    strcpy(region_builder_function_row(&scene->builder, number)->family, family);
    return number;
}

void
scene_init(struct scene *scene)
{
    struct wp_region_header *header;

    *scene = (struct scene){0};
    region_builder_init(&scene->builder, NULL);
    assert_int_equal(add_function(scene, "pthread_mutex_lock", "mutex", "sync"), SCENE_LOCK);
    assert_int_equal(add_function(scene, "pthread_mutex_unlock", "mutex", "sync"), SCENE_UNLOCK);
    assert_int_equal(add_function(scene, "recv", "recv", "net"), SCENE_RECV);
    assert_int_equal(add_function(scene, "pthread_cond_wait", "cond", "sync"), SCENE_WAIT);
    assert_int_equal(add_function(scene, "pthread_cond_wait", "cond.reacquire", "sync"),
                     SCENE_REACQUIRE);
    region_builder_function_row(&scene->builder, SCENE_REACQUIRE)->part_of = SCENE_WAIT;
    header = region_builder_header(&scene->builder);
    header->start_monotonic_ns = SCENE_START_NS;
    header->start_realtime_ns = 1000 * S;
    header->block_rate_ns = header->base_block_rate_ns = 100000;
    header->mutex_fraction = header->base_mutex_fraction = 10;
}

void
scene_free(struct scene *scene)
{
    region_builder_free(&scene->builder);
}

/* As if all waits were alike, and much shorter than the rate. */
static double
sampling_variance(uint64_t samples, uint64_t delay_ns)
{
    return samples == 0 ? 0 : (double)delay_ns * (double)delay_ns / (double)samples;
}

struct wp_region_stack *
scene_add(struct scene *scene, enum wp_region_profile profile, enum scene_function function,
          unsigned first, uint16_t depth, uint64_t contentions, uint64_t delay_ns)
{
    uint64_t frames[8];
    struct wp_region_stack *stack;

    for (uint16_t i = 0; i < depth; i++)
        frames[i] = region_builder_frame(0, first + i);
    stack = region_builder_stack(
        &scene->builder, (uint32_t)scene->stack_count, profile, (uint16_t)function, frames, depth,
        (struct region_builder_cost){contentions * ONE, delay_ns, contentions,
                                     sampling_variance(contentions, delay_ns)});
    scene->stacks[scene->stack_count++] = stack;
    return stack;
}

void
scene_cost(struct wp_region_stack *stack, uint64_t contentions, uint64_t delay_ns)
{
    double variance;

    stack->contentions_fixed += contentions * ONE;
    stack->delay_ns += delay_ns;
    stack->samples += contentions;
    memcpy(&variance, &stack->variance_bits, sizeof variance);
    variance += sampling_variance(contentions, delay_ns);
    memcpy(&stack->variance_bits, &variance, sizeof variance);
    memcpy(&stack->squares_bits, &variance, sizeof variance);
}

struct wp_region_thread *
scene_thread(struct scene *scene, unsigned row, uint32_t process, uint32_t tid)
{
    struct wp_region_thread *rows = region_builder_rows(&scene->builder, WP_TABLE_THREADS);

    rows[row].key = (uint64_t)(process + 1) << 32 | tid;
    return &rows[row];
}

struct wp_snapshot *
scene_look(struct scene *scene, double seconds)
{
    uint64_t since_start_ns = (uint64_t)(seconds * 1e9);
    struct wp_snapshot *snapshot;
    struct wp_error error = {""};
    int fd = region_builder_memfd(&scene->builder, scene->builder.size_bytes);

    if (wp_reader_read(fd, "scene.wpr", &snapshot, &error) != 0)
        fail_msg("%s", error.text);
    close(fd);
    snapshot->read_monotonic_ns = SCENE_START_NS + since_start_ns;
    snapshot->read_realtime_ns = snapshot->start_realtime_ns + since_start_ns;
    if (snapshot->lease_count > 0)
        snapshot->leases[0].deadline_ns = snapshot->read_monotonic_ns + 61 * S;
    return snapshot;
}

static int
name_stacks(void *context, const struct wp_snapshot *snapshot, struct wp_top_stack *const *stacks,
            size_t count, struct wp_error *error)
{
    static const char *const functions[] = {
        [SCENE_LOCK] = "pthread_mutex_lock",
        [SCENE_UNLOCK] = "pthread_mutex_unlock",
        [SCENE_RECV] = "recv",
        [SCENE_WAIT] = "pthread_cond_wait",
        [SCENE_REACQUIRE] = "pthread_cond_wait",
    };
    struct scene *scene = context;
    /* Frames live as long as the test. */
    static struct wp_top_frame frames[256];
    static size_t used;

    (void)snapshot;
    (void)error;
    for (size_t i = 0; i < count; i++) {
        const struct wp_reader_stack *record = stacks[i]->record;
        size_t needed = record->depth + 1u;

        if (used + needed > sizeof frames / sizeof frames[0])
            used = 0;
        stacks[i]->frames = &frames[used];
        if (record->function != 0)
            frames[used++] =
                (struct wp_top_frame){.function = functions[record->function], .file = ""};
        for (unsigned j = 0; j < record->depth; j++) {
            unsigned number = (unsigned)(record->frames[j] & WP_FRAME_ADDRESS_MASK);

            frames[used++] = (struct wp_top_frame){.function = scene_name(number),
                                                   .file = "/src/shop/service.cc",
                                                   .line = 100 + number,
                                                   .inlined = number == 2};
        }
        stacks[i]->frame_count = (size_t)(&frames[used] - stacks[i]->frames);
        scene->named_count++;
    }
    return 0;
}

struct wp_top_namer
scene_namer(struct scene *scene)
{
    return (struct wp_top_namer){.name = name_stacks, .context = scene};
}

int
scene_life(const struct wp_snapshot *snapshot, enum wp_thread_choice choice,
           struct wp_thread_life *life, struct wp_error *error)
{
    (void)choice;
    (void)error;
    life->processes = snapshot->process_count;
    life->threads = calloc(snapshot->thread_count + 1, sizeof *life->threads);
    if (life->threads == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < snapshot->thread_count; i++) {
        struct wp_thread_state *thread = &life->threads[i];
        uint32_t tid = snapshot->threads[i].tid;

        thread->is_there = tid < 20;
        thread->state = 'S';
        snprintf(thread->name, sizeof thread->name, "thread-%u", tid);
    }
    return 0;
}

/* --- The scene that is drawn */

void
scene_populate(struct scene *scene)
{
    struct wp_region_header *header = region_builder_header(&scene->builder);
    struct wp_region_thread *thread;

    region_builder_process(&scene->builder, 4243, 1);
    scene_add(scene, WP_PROFILE_BLOCK, SCENE_LOCK, 1, 5, 400, 3 * S);
    scene_add(scene, WP_PROFILE_BLOCK, SCENE_RECV, 6, 4, 50, 5 * S);
    scene_add(scene, WP_PROFILE_BLOCK, SCENE_REACQUIRE, 3, 3, 7, 20 * MS);
    scene_add(scene, WP_PROFILE_BLOCK, SCENE_WAIT, 10, 3, 3, 1500);
    scene_add(scene, WP_PROFILE_MUTEX, SCENE_UNLOCK, 1, 5, 400, 3 * S);
    scene_add(scene, WP_PROFILE_MUTEX, SCENE_UNLOCK, 4, 2, 12, 90 * MS);
    *region_builder_waits(&scene->builder, 0, SCENE_LOCK) = 4000;
    *region_builder_waits(&scene->builder, 0, SCENE_RECV) = 500;
    header->counters[0].value[WP_COUNTER_waits] = 4500;
    header->counters[0].value[WP_COUNTER_block_samples] = 460;
    header->counters[0].value[WP_COUNTER_mutex_samples] = 40;
    header->counters[0].value[WP_COUNTER_wait_cost_ns] = 4500 * 200;
    header->counters[0].value[WP_COUNTER_sample_cost_ns] = 460 * 400;
    header->counters[0].value[WP_COUNTER_unlock_cost_ns] = 41000;
    thread = scene_thread(scene, 0, 0, 11);
    thread->waits = 100;
    thread->waited_ns = 4 * S;
    thread = scene_thread(scene, 1, 0, 12);
    thread->waits = 5;
    thread->waited_ns = 1 * S;
    thread->waiting_since_ns = SCENE_START_NS + 9500 * MS;
    thread->waiting_function = SCENE_RECV;
    scene_thread(scene, 2, 1, 13)->waits = 1;
    scene_thread(scene, 3, 1, 99)->waits = 1;
}

void
scene_go_on(struct scene *scene)
{
    struct wp_region_header *header = region_builder_header(&scene->builder);
    struct wp_region_thread *threads = region_builder_rows(&scene->builder, WP_TABLE_THREADS);

    scene_cost(scene->stacks[0], 200, 2 * S);
    scene_cost(scene->stacks[1], 10, 500 * MS);
    scene_cost(scene->stacks[4], 200, 2 * S);
    *region_builder_waits(&scene->builder, 0, SCENE_LOCK) += 2000;
    header->counters[0].value[WP_COUNTER_waits] += 2000;
    header->counters[0].value[WP_COUNTER_block_samples] += 210;
    header->counters[0].value[WP_COUNTER_wait_cost_ns] += 2000 * 200;
    header->counters[0].value[WP_COUNTER_sample_cost_ns] += 210 * 400;
    header->counters[0].value[WP_COUNTER_unlock_cost_ns] += 16000;
    header->counters[0].value[WP_COUNTER_lost_buffers] += 3;
    threads[0].waits += 50;
    threads[0].waited_ns += 1 * S;
    /* A lease that has a minute to go, whenever one looks. */
    header->leases[0] = (struct wp_region_lease){.number = 1,
                                                 .deadline_monotonic_ns = UINT64_MAX,
                                                 .block_rate_ns = 10000,
                                                 .mutex_fraction = WP_REGION_RATE_UNCHANGED};
    header->lease_count = 1;
    header->block_rate_ns = 10000;
}

void
scene_set_budget(struct scene *scene)
{
    static const struct wp_region_budget_turn turns[] = {
        {1010 * S, S, 1000, 2, 1, 4800000, 400000, 12000, 0},
        {1011 * S, S, 64000, 40, 1, 4900000, 900000, 11000, 0},
        {1012 * S, S, 1310720, 120, 4, 5000000, 1900000, 10000, 0},
    };
    struct wp_region_header *header = region_builder_header(&scene->builder);
    struct wp_region_budget_turn *rows = region_builder_rows(&scene->builder, WP_TABLE_BUDGET);

    memcpy(rows, turns, sizeof turns);
    header->budget.turn_count = 3;
    header->budget.cost_ns_per_s = 5000000;
    header->budget.block_rate_ns = 1310720;
    header->budget.mutex_fraction = 120;
    header->budget.wait_fraction = 4;
}
