/*
 * The reader against the real writer: threads of another process insert and add while regions are
 * copied, until that process is killed in the middle of it.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/region.h"
#include "core/stack_table.h"
#include "profile/cmocka_all.h"
#include "profile/profile.h"
#include "profile/region_builder.h"
#include "profile/region_reader.h"

#define THREADS 3
#define ROUNDS 8
#define READS 16
#define STACKS 3000u
/* The stacks are so deep as their number says, so that records differ in length. */
#define DEPTH_OF(number) (2 + (number) % 19)

/* Frames that a reader can check: each follows from the number of the stack and the place in it. */
static uint64_t
frame_of(uint32_t number, uint32_t place)
{
    return (uint64_t)number << 8 | place | 1;
}

static void *
write_stacks(void *seed)
{
    uint64_t state = (uintptr_t)seed;

    for (;;) {
        uint32_t number = (uint32_t)wp_sampling_below(wp_sampling_next(&state), STACKS);
        struct wp_sample sample = {
            .contentions_fixed = WP_REGION_COUNT_ONE, .delay_ns = 10, .variance = 1};
        uint64_t frames[32];

        for (uint32_t i = 0; i < DEPTH_OF(number); i++)
            frames[i] = frame_of(number, i);
        wp_stack_table_add(wp_stack_table_intern(WP_PROFILE_BLOCK, 0, frames, DEPTH_OF(number)),
                           &sample, number);
    }
    return NULL;
}

/* The writer: maps the region and writes until it is killed. */
static void
be_the_program(int fd, size_t bytes)
{
    pthread_t threads[THREADS];

    wp_region_mapped = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (wp_region_mapped == MAP_FAILED)
        _exit(1);
    wp_stack_table_init();
    for (uintptr_t i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, write_stacks, (void *)(i + 1)) != 0)
            _exit(1);
    }
    pause();
}

static void
check_stack(const struct wp_reader_stack *stack)
{
    uint32_t number = (uint32_t)(stack->frames[0] >> 8);

    if (stack->frames[0] >> WP_FRAME_MODULE_SHIFT == WP_FRAME_SPECIAL) {
        assert_int_equal(stack->depth, 1);
        return;
    }
    assert_true(number < STACKS);
    assert_int_equal(stack->depth, DEPTH_OF(number));
    for (uint32_t i = 0; i < stack->depth; i++)
        assert_true(stack->frames[i] == frame_of(number, i));
}

/* Reads, checks every stack, and returns what there is. */
static struct wp_profile *
read_and_check(int fd)
{
    struct wp_profile *profile = wp_profile_new(WP_PROFILE_BLOCK);
    struct wp_snapshot *snapshot;
    struct wp_error error = {""};

    if (wp_reader_read(fd, "live.wpr", &snapshot, &error) != 0)
        fail_msg("%s", error.text);
    for (size_t i = 0; i < snapshot->stack_count; i++)
        check_stack(&snapshot->stacks[i]);
    assert_int_equal(wp_profile_add(profile, snapshot, &error), 0);
    wp_snapshot_free(snapshot);
    return profile;
}

/* Reads until the writer has begun, which may take its time on a busy machine. */
static struct wp_profile *
read_first(int fd)
{
    for (int tries = 0; tries < 20000; tries++) {
        struct wp_profile *profile = read_and_check(fd);

        if (profile->sample_count > 0)
            return profile;
        wp_profile_free(profile);
        usleep(1000);
    }
    fail_msg("the writer has written nothing");
    return NULL;
}

/* Totals only grow. Returns the delay. */
static double
check_growth(struct wp_profile *later, const struct wp_profile *earlier)
{
    double before = wp_profile_total(earlier).delay_ns;
    double now = wp_profile_total(later).delay_ns;
    struct wp_error error = {""};

    assert_true(now >= before);
    assert_int_equal(wp_profile_subtract(later, earlier, &error), 0);
    assert_true(wp_profile_total(later).delay_ns == now - before);
    return now;
}

static void
copies_of_a_region_being_written_are_sound_and_survive_a_kill(void **state)
{
    static const struct region_builder_sizes sizes = {.buckets = 512, .stack_units = 300000};

    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct region_builder builder;
        struct wp_region_header *header;
        struct wp_profile *earlier;
        double delay_ns = 0;
        pid_t pid;
        int fd;

        region_builder_init(&builder, &sizes);
        header = region_builder_header(&builder);
        header->allocated_bytes = (header->tables[WP_TABLE_STACKS].offset + 8191u) & ~4095u;
        fd = region_builder_memfd(&builder, builder.size_bytes);
        pid = fork();
        if (pid == 0)
            be_the_program(fd, builder.size_bytes);
        earlier = read_first(fd);
        for (int i = 0; i < READS / (round + 1); i++) {
            struct wp_profile *later = read_and_check(fd);
            struct wp_profile *kept = read_and_check(fd);

            delay_ns = check_growth(later, earlier);
            wp_profile_free(later);
            wp_profile_free(earlier);
            earlier = kept;
        }
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        wp_profile_free(earlier);
        earlier = read_and_check(fd);
        assert_true(wp_profile_total(earlier).delay_ns >= delay_ns);
        wp_profile_free(earlier);
        close(fd);
        region_builder_free(&builder);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_of_a_region_being_written_are_sound_and_survive_a_kill),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
