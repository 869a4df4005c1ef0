/* src/core/module.c and module_image.c */
#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/module.h"
#include "core/module_image.h"
#include "core/region_fixture.h"

#define EXECUTABLE "/somewhere/program"

static struct wp_region_header *region;

struct place {
    const struct link_map *map;
    uintptr_t start;
    uintptr_t end;
};

static struct place
place_of(const void *address)
{
    struct dl_find_object found;

    assert_int_equal(_dl_find_object((void *)(uintptr_t)address, &found), 0);
    return (struct place){found.dlfo_link_map, (uintptr_t)found.dlfo_map_start,
                          (uintptr_t)found.dlfo_map_end};
}

static const struct wp_region_module *
row_of(uint16_t number)
{
    return (
        const struct wp_region_module *)((const char *)wp_region_rows(region, WP_TABLE_MODULES) +
                                         (size_t)number * sizeof(struct wp_region_module));
}

static const char *
path_of(uint16_t number)
{
    return (const char *)wp_region_rows(region, WP_TABLE_STRINGS) + row_of(number)->path;
}

static uint16_t
number_of(const void *address, uintptr_t *bias)
{
    struct place place = place_of(address);

    return wp_module_number(place.map, place.start, place.end, bias);
}

static void
a_library_is_recorded_as_the_loader_knows_it(void **state)
{
    struct place place = place_of((void *)(uintptr_t)getpid);
    uintptr_t bias = 0;
    uint16_t number = number_of((void *)(uintptr_t)getpid, &bias);
    const struct wp_region_module *row = row_of(number);

    (void)state;
    assert_true(number > 0);
    assert_int_equal(row->ready, 1);
    assert_string_equal(path_of(number), place.map->l_name);
    assert_int_equal(bias, place.map->l_addr);
    assert_int_equal(row->bias, place.map->l_addr);
    assert_int_equal(row->is_executable, 0);
    assert_int_equal(row->build_id_bytes, 20);
    assert_true((uintptr_t)getpid - bias - row->text_vaddr < row->text_bytes);
    assert_true(row->text_vaddr - row->text_offset < 0x1000000);
}

static void
the_program_has_the_path_that_was_given(void **state)
{
    uintptr_t bias;
    uint16_t number = number_of((void *)(uintptr_t)number_of, &bias);

    (void)state;
    assert_string_equal(path_of(number), EXECUTABLE);
    assert_int_equal(row_of(number)->is_executable, 1);
}

static void
the_vdso_is_named(void **state)
{
    uintptr_t start = getauxval(AT_SYSINFO_EHDR), bias;
    uint16_t number;

    (void)state;
    if (start == 0)
        skip();
    number = number_of((void *)start, &bias);
    assert_string_equal(path_of(number), "[vdso]");
    assert_int_equal(row_of(number)->is_executable, 0);
}

static void
a_module_keeps_its_number(void **state)
{
    uintptr_t bias;
    uint16_t first = number_of((void *)(uintptr_t)getpid, &bias);
    uint16_t program = number_of((void *)(uintptr_t)number_of, &bias);

    (void)state;
    assert_int_equal(number_of((void *)(uintptr_t)getpid, &bias), first);
    wp_module_forget();
    assert_int_equal(number_of((void *)(uintptr_t)getpid, &bias), first);
    assert_int_not_equal(first, program);
}

static void
a_row_whose_writer_died_is_completed(void **state)
{
    uintptr_t bias;
    uint16_t number = number_of((void *)(uintptr_t)getpid, &bias);
    struct wp_region_module *row = (struct wp_region_module *)(uintptr_t)row_of(number);
    uint64_t key = row->key;

    (void)state;
    memset(row, 0, sizeof(*row));
    row->key = key;
    assert_int_equal(number_of((void *)(uintptr_t)getpid, &bias), number);
    assert_int_equal(row->ready, 1);
    assert_int_equal(row->build_id_bytes, 20);
    assert_int_equal(row->bias, bias);
}

static void
a_handle_turns_addresses_into_frames(void **state)
{
    struct place place = place_of((void *)(uintptr_t)getpid);
    uint32_t generation = wp_module_generation();
    uint16_t handle = wp_module_handle(place.map, place.start, place.end, generation);
    uintptr_t bias;
    uint64_t number = number_of((void *)(uintptr_t)getpid, &bias);
    uint64_t frame = wp_module_frame(handle, (uintptr_t)getpid);

    (void)state;
    assert_int_not_equal(handle, 0);
    assert_int_equal(wp_module_handle(place.map, place.start, place.end, generation), handle);
    assert_int_equal(frame >> WP_FRAME_MODULE_SHIFT, number);
    assert_int_equal(frame & WP_FRAME_ADDRESS_MASK, (uintptr_t)getpid - bias);
    assert_int_equal(wp_module_frame(0, 0x1234), 0x1234);
}

static void
handles_run_out_but_not_for_the_next_generation(void **state)
{
    struct place place = place_of((void *)(uintptr_t)getpid);
    uint64_t before = region_fixture_counter(WP_COUNTER_module_table_full);
    uint32_t generation;
    uint32_t given = 0;

    (void)state;
    wp_module_forget();
    generation = wp_module_generation();
    /* The same object at other addresses: another mapping each time. */
    for (uintptr_t i = 0; i < 4 * WP_MODULE_HANDLES; i++)
        given += wp_module_handle(place.map, place.start, place.end + 4096 * i, generation) != 0;
    assert_in_range(given, WP_MODULE_HANDLES / 2, WP_MODULE_HANDLES - 1);
    assert_int_equal(region_fixture_counter(WP_COUNTER_module_table_full) - before,
                     4 * WP_MODULE_HANDLES - given);
    /* A walk of the generation before takes nothing. */
    wp_module_forget();
    assert_int_not_equal(
        wp_module_handle(place.map, place.start, place.end, wp_module_generation()), 0);
    assert_int_equal(wp_module_handle(place.map, place.start, place.end + 4096 * 5000, generation),
                     0);
}

static void *
take_handles(void *unused)
{
    static const void *addresses[] = {(void *)(uintptr_t)getpid, (void *)(uintptr_t)number_of};
    uintptr_t wrong = 0;

    (void)unused;
    for (uint32_t i = 0; i < 20000; i++) {
        const void *address = addresses[i % 2];
        struct dl_find_object found;
        uint32_t generation = wp_module_generation();
        uintptr_t bias;
        uint64_t number, frame;
        uint16_t handle;

        _dl_find_object((void *)(uintptr_t)address, &found);
        handle = wp_module_handle(found.dlfo_link_map, (uintptr_t)found.dlfo_map_start,
                                  (uintptr_t)found.dlfo_map_end, generation);
        frame = wp_module_frame(handle, (uintptr_t)address);
        number = wp_module_number(found.dlfo_link_map, (uintptr_t)found.dlfo_map_start,
                                  (uintptr_t)found.dlfo_map_end, &bias);
        /* In a later generation the handle may serve another module already. */
        if (handle != 0 && wp_module_generation() == generation &&
            frame != ((number << WP_FRAME_MODULE_SHIFT) | ((uintptr_t)address - bias)))
            wrong++;
        if (i % 500 == 0)
            wp_module_forget();
    }
    return (void *)wrong;
}

static void
threads_agree_on_handles(void **state)
{
    pthread_t threads[4];

    (void)state;
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_handles, NULL), 0);
    for (int i = 0; i < 4; i++) {
        void *wrong;

        pthread_join(threads[i], &wrong);
        assert_null(wrong);
    }
}

static void
images_that_are_none_are_refused(void **state)
{
    static uint8_t page[8192] __attribute__((aligned(4096)));
    struct wp_module_image image;
    ElfW(Ehdr) *elf = (ElfW(Ehdr) *)page;
    uintptr_t start = (uintptr_t)page;

    (void)state;
    assert_false(wp_module_image_open(&image, start, start + sizeof(page), 0));
    memcpy(page, (const void *)place_of((void *)(uintptr_t)getpid).start, 4096);
    assert_true(wp_module_image_open(&image, start, start + sizeof(page), start));
    assert_false(wp_module_image_open(&image, start, start + 100, start));
    /* The segments reach beyond this mapping: none counts, and so there is no build-id. */
    uint32_t bytes;
    assert_null(wp_module_image_build_id(start, start + sizeof(page), start, &bytes));
    assert_int_equal(bytes, 0);
    elf->e_phnum = 1000;
    assert_false(wp_module_image_open(&image, start, start + sizeof(page), start));
}

static int
open_region(void **state)
{
    (void)state;
    region = region_fixture_open(4u << 20);
    if (region == NULL)
        return -1;
    wp_module_init(region, EXECUTABLE);
    return 0;
}

static int
close_region(void **state)
{
    (void)state;
    region_fixture_close();
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_library_is_recorded_as_the_loader_knows_it),
        cmocka_unit_test(the_program_has_the_path_that_was_given),
        cmocka_unit_test(the_vdso_is_named),
        cmocka_unit_test(a_module_keeps_its_number),
        cmocka_unit_test(a_row_whose_writer_died_is_completed),
        cmocka_unit_test(a_handle_turns_addresses_into_frames),
        cmocka_unit_test(handles_run_out_but_not_for_the_next_generation),
        cmocka_unit_test(threads_agree_on_handles),
        cmocka_unit_test(images_that_are_none_are_refused),
    };

    return cmocka_run_group_tests(tests, open_region, close_region);
}
