#include "profile/cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compare/pprof_assert.h"
#include "compare/pprof_builder.h"
#include "compare/pprof_bytes.h"
#include "compare/pprof_file.h"
#include "compare/pprof_message.h"

static void
what_is_no_pprof_file_is_named(void **state)
{
    static const struct {
        const char *bytes;
        const char *why;
    } cases[] = {
        {"", "empty"},
        {"--- contention:\ncycles/second=1000\n", "without ?debug=1"},
        {"WPREGION and more", "waitprof export"},
        {"{\"waitprof\":\"0.1.0\"}", "--format pprof"},
        {"<html>404</html>", "HTML"},
        {"\177ELF\2\1\1", "a program"},
        {"main;worker;pthread_mutex_lock 17\n", "another kind"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        pprof_assert_refused_bytes(cases[i].bytes, strlen(cases[i].bytes), cases[i].why);
}

static void
profiles_of_other_things_are_named(void **state)
{
    static const struct {
        const char *types[2][2];
        const char *why;
    } cases[] = {
        {{{"samples", "count"}, {"cpu", "nanoseconds"}}, "is a CPU profile"},
        {{{"inuse_objects", "count"}, {"inuse_space", "bytes"}}, "is a heap profile"},
        {{{"goroutine", "count"}, {"x", "y"}}, "profile of goroutines"},
        {{{"contentions", "count"}, {"delay", "bytes"}}, "contentions/count, delay/bytes"},
        {{{"delay", "nanoseconds"}, {"delay", "nanoseconds"}}, "delay/nanoseconds, delay"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pprof_builder builder;

        pprof_builder_init(&builder);
        for (size_t j = 0; j < 2; j++) {
            Wp__Pprof__ValueType *type = builder.profile->sample_type[j];

            type->type = pprof_builder_string(&builder, cases[i].types[j][0]);
            type->unit = pprof_builder_string(&builder, cases[i].types[j][1]);
        }
        pprof_assert_refused(&builder, cases[i].why);
    }
}

static void
a_difference_of_profiles_is_no_capture(void **state)
{
    struct pprof_builder builder;
    uint64_t frame;

    (void)state;
    pprof_builder_init(&builder);
    frame = pprof_builder_frame(&builder, "f");
    pprof_builder_sample(&builder, &frame, 1, -1, -5);
    pprof_assert_refused(&builder, "difference of two profiles");
}

static void
block_and_mutex_in_one_file_are_refused(void **state)
{
    struct pprof_builder builder;

    (void)state;
    pprof_builder_init(&builder);
    pprof_builder_comment(&builder, "waitprof 0.1.0: block profile: x");
    pprof_builder_comment(&builder, "waitprof 0.1.0: mutex profile: x");
    pprof_assert_refused(&builder, "block and a mutex profile merged");
}

typedef void spoil(Wp__Pprof__Profile *profile);

static void
spoil_location_id(Wp__Pprof__Profile *profile)
{
    profile->sample[0]->location_id[0] = 99;
}

static void
spoil_location_twice(Wp__Pprof__Profile *profile)
{
    profile->location[1]->id = profile->location[0]->id;
}

static void
spoil_location_zero(Wp__Pprof__Profile *profile)
{
    profile->location[1]->id = 0;
}

static void
spoil_function_id(Wp__Pprof__Profile *profile)
{
    profile->location[0]->line[0]->function_id = UINT64_MAX;
}

static void
spoil_mapping_id(Wp__Pprof__Profile *profile)
{
    profile->location[0]->mapping_id = 1;
}

static void
spoil_name(Wp__Pprof__Profile *profile)
{
    profile->function[0]->name = INT64_MAX;
}

static void
spoil_file(Wp__Pprof__Profile *profile)
{
    profile->function[0]->filename = -1;
}

static void
spoil_comment(Wp__Pprof__Profile *profile)
{
    profile->comment[0] = 1000;
}

static void
spoil_label(Wp__Pprof__Profile *profile)
{
    profile->sample[0]->label[0]->str = INT64_MIN;
}

static void
spoil_values(Wp__Pprof__Profile *profile)
{
    profile->sample[0]->n_value = 1;
}

static void
spoil_variance(Wp__Pprof__Profile *profile)
{
    profile->sample[0]->variance = __builtin_nan("");
}

static void
spoil_squares(Wp__Pprof__Profile *profile)
{
    profile->sample[0]->squares = -1;
}

static void
hostile_messages_are_refused(void **state)
{
    static const struct {
        spoil *spoil;
        const char *why;
    } cases[] = {
        {spoil_location_id, "no location 99"},
        {spoil_location_twice, "two locations have the id 1"},
        {spoil_location_zero, "a location has the id 0"},
        {spoil_function_id, "no function 18446744073709551615"},
        {spoil_mapping_id, "no mapping 1"},
        {spoil_name, "no string 9223372036854775807"},
        {spoil_file, "no string -1"},
        {spoil_comment, "no string 1000"},
        {spoil_label, "no string -9223372036854775808"},
        {spoil_values, "1 values where 2"},
        {spoil_variance, "no number"},
        {spoil_squares, "no number"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pprof_builder builder;
        uint64_t frames[2];

        pprof_builder_init(&builder);
        frames[0] = pprof_builder_frame(&builder, "f");
        frames[1] = pprof_builder_frame(&builder, "g");
        pprof_builder_label(&builder, pprof_builder_sample(&builder, frames, 2, 1, 1), "kind", "x");
        pprof_builder_comment(&builder, "c");
        cases[i].spoil(builder.profile);
        pprof_assert_refused(&builder, cases[i].why);
    }
}

static void
few_bytes_that_are_many_frames_are_refused(void **state)
{
    struct pprof_builder builder;
    uint64_t location, function;

    (void)state;
    pprof_builder_init(&builder);
    location = pprof_builder_location(&builder, 0, 1);
    function = pprof_builder_function(&builder, "f", "");
    for (int i = 0; i < 10000; i++)
        pprof_builder_line(&builder, location, function, 1);
    for (int i = 0; i < 7000; i++)
        pprof_builder_sample(&builder, &location, 1, 1, 1);
    pprof_assert_refused(&builder, "more than 64 million frames");
}

static void
a_gzip_bomb_is_refused(void **state)
{
    const size_t length = 8 << 20;
    const size_t limit = 4 << 20;
    void *zeros = calloc(1, length);
    struct pprof_bytes packed = pprof_bytes_gzip(zeros, length);
    struct wp_pprof_bytes inflated;
    struct wp_error error = {""};

    (void)state;
    assert_true(packed.length < length / 100);
    assert_int_equal(
        wp_pprof_bytes_inflate(packed.bytes, packed.length, "f", limit, &inflated, &error),
        -EPROTO);
    assert_non_null(strstr(error.text, "expands to more than 4 MiB"));
    assert_int_equal(
        wp_pprof_bytes_inflate(packed.bytes, packed.length, "f", length, &inflated, &error), 0);
    assert_int_equal(inflated.length, length);
    free(inflated.bytes);
    free(packed.bytes);
    free(zeros);
}

static void
a_file_that_is_too_large_is_refused(void **state)
{
    char path[] = "pprof_file_XXXXXX";
    struct wp_pprof_bytes file;
    struct wp_error error = {""};
    int fd = mkstemp(path);

    (void)state;
    assert_int_equal(ftruncate(fd, (1 << 20) + 1), 0);
    assert_int_equal(wp_pprof_bytes_read(path, 1 << 20, &file, &error), -EPROTO);
    assert_non_null(strstr(error.text, "has more than 1 MiB"));
    assert_int_equal(ftruncate(fd, 1 << 20), 0);
    assert_int_equal(wp_pprof_bytes_read(path, 1 << 20, &file, &error), 0);
    assert_int_equal(file.length, 1 << 20);
    free(file.bytes);
    close(fd);
    unlink(path);
}

/* Samples of nothing take two bytes each in the file, and a hundred in memory. */
static void
a_message_that_takes_too_much_memory_is_refused(void **state)
{
    const size_t count = 100000;
    struct wp_pprof_limits limits = {.bytes = 1 << 20, .memory_bytes = 1 << 20};
    struct wp_pprof_message message;
    struct wp_error error = {""};
    uint8_t *bytes = calloc(count, 2);

    (void)state;
    for (size_t i = 0; i < count; i++)
        bytes[2 * i] = 0x12;
    assert_int_equal(wp_pprof_message_open(&message, bytes, 2 * count, "f", &limits, &error),
                     -EPROTO);
    assert_non_null(strstr(error.text, "takes more than 1 MiB of memory"));
    limits.memory_bytes = 64 << 20;
    assert_int_equal(wp_pprof_message_open(&message, bytes, 2 * count, "f", &limits, &error),
                     -EPROTO);
    assert_non_null(strstr(error.text, "of another kind"));
    free(bytes);
}

static void
every_cut_of_a_file_is_refused_or_sound(void **state)
{
    struct pprof_builder builder;
    struct pprof_bytes packed;
    uint64_t frames[2];

    (void)state;
    pprof_builder_init(&builder);
    frames[0] = pprof_builder_frame(&builder, "f");
    frames[1] = pprof_builder_frame(&builder, "g");
    pprof_builder_label(&builder, pprof_builder_sample(&builder, frames, 2, 1, 1), "kind", "x");
    pprof_builder_sample(&builder, frames, 1, 1, 1)->squares = 2;
    pprof_builder_comment(&builder, "c");
    packed = pprof_builder_pack(&builder);
    pprof_builder_free(&builder);
    for (size_t length = 0; length < packed.length; length++) {
        uint8_t *copy = malloc(length + 1); /* so that a sanitizer sees the end */
        struct wp_error error = {""};
        struct wp_pprof *pprof = NULL;
        int result;

        memcpy(copy, packed.bytes, length);
        copy = realloc(copy, length > 0 ? length : 1);
        result = wp_pprof_decode(copy, length, "f", &pprof, &error);
        assert_true(result == 0 ? pprof != NULL : error.text[0] != '\0');
        wp_pprof_free(pprof);
        free(copy);
    }
    free(packed.bytes);
}

static void
many_deep_stacks_are_read(void **state)
{
    enum { STACKS = 20000, DEPTH = 128, SITES = 5000 };
    struct pprof_builder builder;
    struct wp_pprof *pprof;
    uint64_t sites[SITES];
    uint64_t frames[DEPTH];

    (void)state;
    pprof_builder_init(&builder);
    for (size_t i = 0; i < SITES; i++) {
        char name[32];

        snprintf(name, sizeof name, "function_%zu", i);
        sites[i] = pprof_builder_frame(&builder, name);
    }
    for (size_t i = 0; i < STACKS; i++) {
        for (size_t j = 0; j < DEPTH; j++)
            frames[j] = sites[(i * 31 + j * j) % SITES];
        pprof_builder_sample(&builder, frames, DEPTH, 1, (int64_t)i);
    }
    pprof = pprof_assert_decoded(&builder);
    assert_int_equal(pprof->stack_count, STACKS);
    pprof_assert_number(pprof->delay_ns, (double)STACKS * (STACKS - 1) / 2);
    assert_int_equal(pprof->stacks[STACKS - 1].depth, DEPTH);
    assert_ptr_equal(pprof->stacks[0].frames[0], pprof->stacks[SITES].frames[0]);
    wp_pprof_free(pprof);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_pprof_file_is_named),
        cmocka_unit_test(profiles_of_other_things_are_named),
        cmocka_unit_test(a_difference_of_profiles_is_no_capture),
        cmocka_unit_test(block_and_mutex_in_one_file_are_refused),
        cmocka_unit_test(hostile_messages_are_refused),
        cmocka_unit_test(few_bytes_that_are_many_frames_are_refused),
        cmocka_unit_test(a_gzip_bomb_is_refused),
        cmocka_unit_test(a_file_that_is_too_large_is_refused),
        cmocka_unit_test(a_message_that_takes_too_much_memory_is_refused),
        cmocka_unit_test(every_cut_of_a_file_is_refused_or_sound),
        cmocka_unit_test(many_deep_stacks_are_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
