#include "agent/rendering.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "profile/cmocka_all.h"
#include "profile/loaded_module.h"
#include "profile/region_builder.h"
#include "profile/symbolize.h"

#define ONE WP_REGION_COUNT_ONE
#define STACKS 60u
#define DEPTH 8u
#define THREADS 4u
#define ROUNDS 3u

/* Code of the test that a region can name. */
void rendering_first(void);
void rendering_second(void);

void __attribute__((noinline)) rendering_first(void)
{
    __asm__ volatile("" ::: "memory");
}

void __attribute__((noinline)) rendering_second(void)
{
    __asm__ volatile("nop" ::: "memory");
}

struct region {
    struct region_builder builder;
    struct wp_region_stack *first; /* pthread_mutex_lock from rendering_first */
    uint16_t lock;
    uint16_t receive;
    uint64_t frames[2];
};

static uint64_t
frame_at(const struct loaded_module *module, uint32_t row, uintptr_t address)
{
    /* As a return address, which lies behind the call. */
    return region_builder_frame(row, address + 1 - module->bias);
}

static void
region_init(struct region *region)
{
    static const struct region_builder_sizes sizes = {.string_bytes = 16384, .stack_units = 4096};
    struct loaded_module module;

    memset(region, 0, sizeof *region);
    region_builder_init(&region->builder, &sizes);
    assert_true(loaded_module_find((const void *)(uintptr_t)rendering_first, &module));
    loaded_module_add(&module, &region->builder, 1);
    region->frames[0] = frame_at(&module, 1, (uintptr_t)rendering_first);
    region->frames[1] = frame_at(&module, 1, (uintptr_t)rendering_second);
    region->lock =
        region_builder_function(&region->builder, "pthread_mutex_lock", "mutex", 0, 0x100);
    region->receive = region_builder_function(&region->builder, "recv", "recv", 0, 0x200);
}

/* Two stacks of the block profile, one of the mutex profile. */
static void
region_fill(struct region *region)
{
    region->first = region_builder_stack(&region->builder, 0, WP_PROFILE_BLOCK, region->lock,
                                         &region->frames[0], 1,
                                         (struct region_builder_cost){ONE * 4, 4000, 4, 0});
    region_builder_stack(&region->builder, 1, WP_PROFILE_BLOCK, region->receive, &region->frames[1],
                         1, (struct region_builder_cost){ONE * 2, 9000, 2, 0});
    region_builder_stack(&region->builder, 2, WP_PROFILE_MUTEX, 0, &region->frames[1], 1,
                         (struct region_builder_cost){ONE, 700, 1, 0});
}

/* Many stacks through the code of the test; `salt` makes them others. */
static void
region_fill_widely(struct region *region, uint64_t salt)
{
    struct loaded_module module;
    uint64_t state = salt;

    assert_true(loaded_module_find((const void *)(uintptr_t)rendering_first, &module));
    for (uint32_t i = 0; i < STACKS; i++) {
        uint64_t frames[DEPTH];

        for (unsigned j = 0; j < DEPTH; j++) {
            state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            frames[j] = region_builder_frame(1, module.text_vaddr + 1 +
                                                    (state >> 33) % (module.text_bytes - 1));
        }
        region_builder_stack(&region->builder, i % 16, WP_PROFILE_BLOCK, region->lock, frames,
                             DEPTH, (struct region_builder_cost){ONE, 1000 + i, 1, 0});
    }
}

static struct wp_snapshot *
region_read(const struct region *region)
{
    struct wp_snapshot *snapshot;
    struct wp_error error = {""};
    int fd = region_builder_memfd(&region->builder, region->builder.size_bytes);

    if (wp_reader_read(fd, "test.wpr", &snapshot, &error) != 0)
        fail_msg("%s", error.text);
    close(fd);
    return snapshot;
}

static struct wp_renderer *
new_renderer(void)
{
    struct wp_renderer *renderer;

    assert_int_equal(wp_renderer_new(&renderer, NULL), 0);
    return renderer;
}

/* Renders; the text ends in NUL, the caller frees it. */
static char *
render(struct wp_renderer *renderer, const struct wp_rendering_request *request,
       struct wp_rendering *rendering)
{
    struct wp_error error = {""};
    char *text;

    if (wp_render(renderer, request, rendering, &error) != 0)
        fail_msg("%s", error.text);
    text = realloc(rendering->bytes, rendering->length + 1);
    assert_non_null(text);
    text[rendering->length] = '\0';
    return text;
}

static void
a_rendering_is_the_profile_as_the_encoder_has_it(void **state)
{
    struct wp_renderer *renderer = new_renderer();
    struct wp_rendering rendering;
    struct region region;
    struct wp_snapshot *snapshot;
    char *text;

    (void)state;
    region_init(&region);
    region_fill(&region);
    snapshot = region_read(&region);
    text =
        render(renderer,
               &(struct wp_rendering_request){
                   .type = WP_PROFILE_BLOCK, .now = snapshot, .encoder = wp_encoder_find("folded")},
               &rendering);
    assert_int_equal(rendering.stacks, 2);
    assert_int_equal(rendering.duration_ns, 0);
    /* By delay, most first. */
    assert_string_equal(text, "rendering_second;recv 9000\n"
                              "rendering_first;pthread_mutex_lock 4000\n");
    free(text);
    text =
        render(renderer,
               &(struct wp_rendering_request){
                   .type = WP_PROFILE_MUTEX, .now = snapshot, .encoder = wp_encoder_find("folded")},
               &rendering);
    assert_int_equal(rendering.stacks, 1);
    assert_string_equal(text, "rendering_second 700\n");
    free(text);
    text =
        render(renderer,
               &(struct wp_rendering_request){
                   .type = WP_PROFILE_BLOCK, .now = snapshot, .encoder = wp_encoder_find("pprof")},
               &rendering);
    assert_true(rendering.length > 2);
    assert_memory_equal(text, "\x1f\x8b", 2);
    free(text);
    wp_snapshot_free(snapshot);
    wp_renderer_free(renderer);
    region_builder_free(&region.builder);
}

static void
a_delta_is_what_came_between_two_snapshots(void **state)
{
    struct wp_renderer *renderer = new_renderer();
    struct wp_rendering rendering;
    struct region region;
    struct wp_snapshot *earlier, *now;
    char *text;

    (void)state;
    region_init(&region);
    region_fill(&region);
    earlier = region_read(&region);
    region.first->contentions_fixed += ONE;
    region.first->delay_ns += 30;
    now = region_read(&region);
    text = render(renderer,
                  &(struct wp_rendering_request){.type = WP_PROFILE_BLOCK,
                                                 .now = now,
                                                 .earlier = earlier,
                                                 .encoder = wp_encoder_find("folded")},
                  &rendering);
    assert_string_equal(text, "rendering_first;pthread_mutex_lock 30\n");
    assert_int_equal(rendering.stacks, 1);
    assert_int_equal(rendering.duration_ns, now->read_monotonic_ns - earlier->read_monotonic_ns);
    free(text);
    wp_snapshot_free(earlier);
    wp_snapshot_free(now);
    wp_renderer_free(renderer);
    region_builder_free(&region.builder);
}

static void
kinds_choose_what_is_rendered(void **state)
{
    struct wp_renderer *renderer = new_renderer();
    struct wp_rendering rendering;
    struct region region;
    struct wp_snapshot *snapshot;
    char *text;

    (void)state;
    region_init(&region);
    region_fill(&region);
    snapshot = region_read(&region);
    text = render(renderer,
                  &(struct wp_rendering_request){.type = WP_PROFILE_BLOCK,
                                                 .now = snapshot,
                                                 .kinds = "lock",
                                                 .encoder = wp_encoder_find("folded")},
                  &rendering);
    assert_string_equal(text, "rendering_first;pthread_mutex_lock 4000\n");
    free(text);
    wp_snapshot_free(snapshot);
    wp_renderer_free(renderer);
    region_builder_free(&region.builder);
}

static void
a_program_without_samples_has_profiles_too(void **state)
{
    struct wp_renderer *renderer = new_renderer();
    struct region region;
    struct wp_snapshot *snapshot;

    (void)state;
    region_init(&region);
    region_builder_header(&region.builder)->block_rate_ns = 0;
    region_builder_header(&region.builder)->base_block_rate_ns = 0;
    snapshot = region_read(&region);
    for (const struct wp_encoder *encoder = wp_encoders; encoder->name != NULL; encoder++) {
        struct wp_rendering rendering;
        char *text = render(
            renderer,
            &(struct wp_rendering_request){
                .type = WP_PROFILE_BLOCK, .now = snapshot, .earlier = snapshot, .encoder = encoder},
            &rendering);

        assert_int_equal(rendering.stacks, 0);
        assert_true(rendering.length > 0 || strcmp(encoder->name, "folded") == 0);
        free(text);
    }
    wp_snapshot_free(snapshot);
    wp_renderer_free(renderer);
    region_builder_free(&region.builder);
}

/* Compares what the renderer says of each address of a profile. */
static size_t
compare_symbols(struct wp_renderer *renderer, const struct wp_snapshot *snapshot,
                enum wp_region_profile type)
{
    struct wp_profile *profile = wp_profile_new(type);
    struct wp_symbolizer *symbolizer;
    struct wp_symbols *symbols;
    size_t named = 0;

    assert_int_equal(wp_profile_add(profile, snapshot, NULL), 0);
    assert_int_equal(wp_symbolizer_new(NULL, &symbolizer, NULL), 0);
    assert_int_equal(wp_symbolize(symbolizer, profile, &symbols, NULL), 0);
    for (size_t i = 0; i < symbols->location_count; i++) {
        const struct wp_location *location = &symbols->locations[i];
        char name[256] = "";
        bool has_name =
            wp_renderer_symbol(renderer, snapshot, location->address, name, sizeof name);

        assert_int_equal(has_name, location->line_count > 0);
        if (has_name)
            assert_string_equal(name, location->lines[0].function);
        named += has_name;
    }
    wp_symbols_free(symbols);
    wp_symbolizer_free(symbolizer);
    wp_profile_free(profile);
    return named;
}

static void
addresses_of_both_profiles_have_their_names(void **state)
{
    struct wp_renderer *renderer = new_renderer();
    struct region region;
    struct wp_snapshot *snapshot;
    char name[8];

    (void)state;
    region_init(&region);
    snapshot = region_read(&region);
    assert_int_equal(compare_symbols(renderer, snapshot, WP_PROFILE_BLOCK), 0);
    assert_false(wp_renderer_symbol(renderer, snapshot, 0, name, sizeof name));
    wp_snapshot_free(snapshot);
    /* Later there are more. */
    region_fill(&region);
    snapshot = region_read(&region);
    assert_int_equal(compare_symbols(renderer, snapshot, WP_PROFILE_BLOCK), 4);
    assert_int_equal(compare_symbols(renderer, snapshot, WP_PROFILE_MUTEX), 1);
    assert_false(wp_renderer_symbol(renderer, snapshot, 0, name, sizeof name));
    assert_false(wp_renderer_symbol(renderer, snapshot, UINT64_MAX, name, sizeof name));
    wp_snapshot_free(snapshot);
    wp_renderer_free(renderer);
    region_builder_free(&region.builder);
}

static void
names_are_cut_to_the_room_that_there_is(void **state)
{
    struct wp_renderer *renderer = new_renderer();
    struct region region;
    struct wp_snapshot *snapshot;
    char name[10] = "123456789";

    (void)state;
    region_init(&region);
    region_fill(&region);
    snapshot = region_read(&region);
    assert_true(wp_renderer_symbol(renderer, snapshot, (uintptr_t)rendering_first, name, 6));
    assert_string_equal(name, "rende");
    wp_snapshot_free(snapshot);
    wp_renderer_free(renderer);
    region_builder_free(&region.builder);
}

/* What is remembered does not grow with the same, nor past the limit with ever new addresses. */
static void
what_is_remembered_is_bounded(void **state)
{
    const struct wp_encoder *folded = wp_encoder_find("folded");
    struct wp_renderer *renderer = new_renderer();
    size_t remembered = 0;

    (void)state;
    wp_renderer_limit(renderer, 3 * STACKS * DEPTH);
    for (unsigned i = 0; i < 12; i++) {
        struct region region;
        struct wp_snapshot *snapshot;
        struct wp_rendering rendering;
        size_t before;
        char *text, *again;

        region_init(&region);
        region_fill(&region);
        region_fill_widely(&region, i);
        snapshot = region_read(&region);
        text = render(renderer,
                      &(struct wp_rendering_request){
                          .type = WP_PROFILE_BLOCK, .now = snapshot, .encoder = folded},
                      &rendering);
        before = wp_renderer_remembers(renderer);
        assert_true(before > 0);
        assert_true(before <= 4 * STACKS * DEPTH + 64);
        remembered += before;
        assert_non_null(strstr(text, "rendering_first;pthread_mutex_lock 4000\n"));
        again = render(renderer,
                       &(struct wp_rendering_request){
                           .type = WP_PROFILE_BLOCK, .now = snapshot, .encoder = folded},
                       &rendering);
        assert_string_equal(again, text);
        assert_true(wp_renderer_remembers(renderer) <= before);
        free(text);
        free(again);
        wp_snapshot_free(snapshot);
        region_builder_free(&region.builder);
    }
    assert_true(remembered > 12 * STACKS * DEPTH / 2);
    wp_renderer_free(renderer);
}

/* What a thread renders, and what it must get. */
struct job {
    struct wp_renderer *renderer;
    const struct wp_snapshot *snapshots[THREADS];
    const struct wp_encoder *encoder;
    char *expected[THREADS];
    size_t lengths[THREADS];
    unsigned number;
    unsigned wrong;
};

static void *
job_run(void *argument)
{
    struct job *job = argument;
    char name[256];

    for (unsigned i = 0; i < ROUNDS * THREADS; i++) {
        unsigned which = (job->number + i) % THREADS;
        const struct wp_rendering_request request = {
            .type = WP_PROFILE_BLOCK, .now = job->snapshots[which], .encoder = job->encoder};
        struct wp_rendering rendering;

        if (wp_render(job->renderer, &request, &rendering, NULL) != 0 ||
            rendering.length != job->lengths[which] ||
            memcmp(rendering.bytes, job->expected[which], rendering.length) != 0 ||
            !wp_renderer_symbol(job->renderer, job->snapshots[which], (uintptr_t)rendering_first,
                                name, sizeof name) ||
            strcmp(name, "rendering_first") != 0)
            job->wrong++;
        free(rendering.bytes);
    }
    return NULL;
}

static void
several_threads_render_at_once(void **state)
{
    struct wp_renderer *renderer = new_renderer();
    struct region regions[THREADS];
    struct job job = {.encoder = wp_encoder_find("pprof")}, jobs[THREADS];
    struct wp_snapshot *snapshots[THREADS];
    pthread_t threads[THREADS];

    (void)state;
    for (unsigned i = 0; i < THREADS; i++) {
        struct wp_rendering rendering;

        region_init(&regions[i]);
        region_builder_header(&regions[i].builder)->region_id += i;
        region_fill(&regions[i]);
        region_fill_widely(&regions[i], i);
        job.snapshots[i] = snapshots[i] = region_read(&regions[i]);
        job.expected[i] =
            render(renderer,
                   &(struct wp_rendering_request){
                       .type = WP_PROFILE_BLOCK, .now = snapshots[i], .encoder = job.encoder},
                   &rendering);
        job.lengths[i] = rendering.length;
    }
    wp_renderer_free(renderer);
    /* A new one that has to learn while all ask, and to forget now and then. */
    job.renderer = new_renderer();
    wp_renderer_limit(job.renderer, 2 * STACKS * DEPTH);
    for (unsigned i = 0; i < THREADS; i++) {
        jobs[i] = job;
        jobs[i].number = i;
        assert_int_equal(pthread_create(&threads[i], NULL, job_run, &jobs[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(jobs[i].wrong, 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        free(job.expected[i]);
        wp_snapshot_free(snapshots[i]);
        region_builder_free(&regions[i].builder);
    }
    wp_renderer_free(job.renderer);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rendering_is_the_profile_as_the_encoder_has_it),
        cmocka_unit_test(a_delta_is_what_came_between_two_snapshots),
        cmocka_unit_test(kinds_choose_what_is_rendered),
        cmocka_unit_test(a_program_without_samples_has_profiles_too),
        cmocka_unit_test(addresses_of_both_profiles_have_their_names),
        cmocka_unit_test(names_are_cut_to_the_room_that_there_is),
        cmocka_unit_test(what_is_remembered_is_bounded),
        cmocka_unit_test(several_threads_render_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
