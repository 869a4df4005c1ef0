#include "profile/layout.h"

#include <stdlib.h>

#include "profile/cmocka_all.h"

/* So many modules at one place. */
#define MODULES 5u

struct space {
    struct wp_profile profile;
    struct wp_profile_module rows[MODULES + 1];
    struct wp_module_symbols placed[MODULES + 1];
};

static void
space_init(struct space *space)
{
    *space = (struct space){0};
    space->profile.modules = space->rows;
    space->profile.module_count = MODULES + 1;
    for (unsigned i = 1; i <= MODULES; i++)
        space->rows[i] = (struct wp_profile_module){
            .known = true, .bias = 0x7f0000000000, .text_vaddr = 0x1234, .text_bytes = 0x3000};
}

static void
places_never_overlap(void **state)
{
    struct space space;

    (void)state;
    space_init(&space);
    space.rows[2].bias = 0x7f0000002000;
    space.rows[3].bias = UINT64_MAX - 0xfff;
    wp_layout_place(&space.profile, space.placed);
    assert_true(space.placed[1].start == 0x7f0000001000);
    for (unsigned i = 1; i <= MODULES; i++) {
        assert_true(space.placed[i].start < space.placed[i].limit);
        for (unsigned j = 1; j < i; j++)
            assert_true(space.placed[i].limit <= space.placed[j].start ||
                        space.placed[j].limit <= space.placed[i].start);
    }
}

static void
every_location_has_an_address_of_its_own(void **state)
{
    static const uint64_t offsets[] = {0, 1, 0x1233, 0x1234, 0x4233, 0x4234, 0x7fffffffffff};
    uint64_t addresses[(MODULES + 1) * sizeof offsets / sizeof offsets[0]];
    struct space space;
    size_t count = 0;

    (void)state;
    space_init(&space);
    space.rows[4].text_bytes = 0;
    space.rows[5].known = false;
    wp_layout_place(&space.profile, space.placed);
    for (uint32_t module = 0; module <= MODULES; module++) {
        for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++)
            addresses[count++] =
                wp_layout_address(&space.profile, space.placed, module, offsets[i]);
    }
    for (size_t i = 0; i < count; i++) {
        assert_true(addresses[i] != 0);
        for (size_t j = 0; j < i; j++)
            assert_true(addresses[i] != addresses[j]);
    }
}

static void
an_address_in_place_is_that_of_the_program(void **state)
{
    struct space space;

    (void)state;
    space_init(&space);
    wp_layout_place(&space.profile, space.placed);
    assert_true(wp_layout_address(&space.profile, space.placed, 1, 0x2345) == 0x7f0000002345);
    assert_true(wp_layout_address(&space.profile, space.placed, 0, 0x1111) == 0x1111);
    assert_true(wp_layout_address(&space.profile, space.placed, 0, 0x7f0000002345) !=
                0x7f0000002345);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_never_overlap),
        cmocka_unit_test(every_location_has_an_address_of_its_own),
        cmocka_unit_test(an_address_in_place_is_that_of_the_program),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
