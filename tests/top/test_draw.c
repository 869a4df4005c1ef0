/*
 * How the view looks, without a terminal: pictures of several sizes, kept as texts in pictures/.
 * WAITPROF_REFRESH=1 in the environment writes them anew.
 */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#include "cli/top/figures.h"
#include "cli/top/view.h"
#include "profile/cmocka_all.h"
#include "top/scene.h"

#define PICTURE_BYTES 65536u

struct fixture {
    struct scene scene;
    struct wp_top_model model;
    struct wp_top_facts facts;
    struct wp_top_view view;
    struct wp_canvas canvas;
};

static int
set_up(void **state)
{
    static struct fixture fixture;
    const struct wp_top_deeds deeds = {0};

    fixture = (struct fixture){.facts = {.command = "shop", .pid = 4242}};
    scene_init(&fixture.scene);
    scene_populate(&fixture.scene);
    *state = &fixture;
    wp_top_view_init(&fixture.view, &fixture.model, &fixture.facts, &deeds);
    fixture.view.look = scene_life;
    return wp_top_model_init(&fixture.model, scene_namer(&fixture.scene), NULL);
}

static int
tear_down(void **state)
{
    struct fixture *fixture = *state;

    wp_top_view_free(&fixture->view);
    wp_top_model_free(&fixture->model);
    wp_canvas_free(&fixture->canvas);
    scene_free(&fixture->scene);
    return 0;
}

static void
look_twice(struct fixture *fixture)
{
    assert_int_equal(wp_top_model_update(&fixture->model, scene_look(&fixture->scene, 10), NULL),
                     0);
    scene_go_on(&fixture->scene);
    assert_int_equal(wp_top_model_update(&fixture->model, scene_look(&fixture->scene, 12), NULL),
                     0);
    wp_top_view_refresh(&fixture->view);
}

static void
draw(struct fixture *fixture, size_t rows, size_t columns)
{
    assert_int_equal(wp_canvas_resize(&fixture->canvas, rows, columns), 0);
    wp_top_view_draw(&fixture->view, &fixture->canvas);
}

/* The canvas as lines of UTF-8 without blanks at their ends. */
static void
read_canvas(const struct wp_canvas *canvas, char *text)
{
    for (size_t row = 0; row < canvas->rows; row++) {
        char *end = text;

        for (size_t column = 0; column < canvas->columns; column++) {
            wchar_t character = canvas->cells[row * canvas->columns + column].character;

            if (character == L'\0')
                continue;
            text += wctomb(text, character);
            if (character != L' ')
                end = text;
        }
        text = end;
        *text++ = '\n';
    }
    *text = '\0';
}

static void
read_file(const char *path, char *text, size_t size)
{
    FILE *file = fopen(path, "r");
    size_t length = 0;

    if (file != NULL) {
        length = fread(text, 1, size - 1, file);
        fclose(file);
    }
    text[length] = '\0';
}

static void
write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* Compares the picture with the one that is kept. */
static void
check_picture(struct fixture *fixture, const char *name, size_t rows, size_t columns)
{
    const char *refresh = getenv("WAITPROF_REFRESH");
    static char drawn[PICTURE_BYTES], kept[PICTURE_BYTES];
    char path[512];

    draw(fixture, rows, columns);
    read_canvas(&fixture->canvas, drawn);
    snprintf(path, sizeof path, "%s/%s.%zux%zu.txt", TOP_PICTURES, name, columns, rows);
    if (refresh != NULL && strcmp(refresh, "1") == 0)
        write_file(path, drawn);
    read_file(path, kept, sizeof kept);
    if (strcmp(drawn, kept) != 0)
        fail_msg("not as in %s:\n%s", path, drawn);
}

static const struct {
    size_t rows, columns;
} sizes[] = {{24, 80}, {50, 132}, {10, 40}, {5, 20}};

static void
check_sizes(struct fixture *fixture, const char *name)
{
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        check_picture(fixture, name, sizes[i].rows, sizes[i].columns);
}

static void
stacks_kinds_and_threads_look_as_kept(void **state)
{
    static const char *const names[] = {"block", "mutex", "kinds", "threads"};
    struct fixture *fixture = *state;

    look_twice(fixture);
    for (uint32_t i = 0; i < 4; i++) {
        wp_top_view_key(&fixture->view, '1' + i);
        check_sizes(fixture, names[i]);
    }
}

static void
a_stack_in_full_looks_as_kept(void **state)
{
    struct fixture *fixture = *state;

    look_twice(fixture);
    wp_top_view_key(&fixture->view, '\r');
    check_sizes(fixture, "opened");
}

static void
prompts_and_filters_look_as_kept(void **state)
{
    struct fixture *fixture = *state;

    look_twice(fixture);
    for (const char *key = "/Cache|recv\rKsync\rb/"; *key != '\0'; key++)
        wp_top_view_key(&fixture->view, (uint32_t)*key);
    check_sizes(fixture, "filtered");
}

static void
a_program_that_has_ended_looks_as_kept(void **state)
{
    struct fixture *fixture = *state;

    look_twice(fixture);
    fixture->facts.has_ended = true;
    wp_top_view_refresh(&fixture->view);
    check_sizes(fixture, "ended");
}

static void
intervals_have_one_unit_and_fit_their_column(void **state)
{
    static const struct {
        struct wp_top_interval interval;
        const char *text;
    } cases[] = {
        {{false, {1e9, 2e9}}, "-"},
        {{true, {1e9, 1e9}}, "exact"},
        {{true, {0.91e9, 1.1e9}}, "0.91-1.10 s"},
        {{true, {999e3, 12.34e6}}, "1.0-12.3 ms"},
        {{true, {3, 456}}, "3-456 ns"},
        {{true, {1e3, 99.94e6}}, "0.0-99.9 ms"},
        {{true, {9994e6, 9996e6}}, "10.0-10.0 s"},
        {{true, {1234e9, 98765e9}}, "1234-98765 s"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[WP_TOP_FIGURE_BYTES];

        assert_string_equal(wp_top_figure_interval(&cases[i].interval, text), cases[i].text);
        assert_true(strlen(text) <= 12);
    }
}

/* Without a budget its line is not there: see the other pictures. */
static void
a_budget_and_what_it_chose_look_as_kept(void **state)
{
    struct fixture *fixture = *state;

    scene_set_budget(&fixture->scene);
    assert_int_equal(wp_top_model_update(&fixture->model, scene_look(&fixture->scene, 12), NULL),
                     0);
    wp_top_view_refresh(&fixture->view);
    check_sizes(fixture, "budget");
}

static void
an_empty_profile_says_why(void **state)
{
    static char text[PICTURE_BYTES];
    struct fixture *fixture = *state;

    region_builder_header(&fixture->scene.builder)->mutex_fraction = 0;
    region_builder_header(&fixture->scene.builder)->base_mutex_fraction = 0;
    for (size_t i = 4; i < 6; i++)
        fixture->scene.stacks[i]->contentions_fixed = fixture->scene.stacks[i]->delay_ns = 0;
    assert_int_equal(wp_top_model_update(&fixture->model, scene_look(&fixture->scene, 10), NULL),
                     0);
    wp_top_view_key(&fixture->view, '2');
    draw(fixture, 24, 80);
    read_canvas(&fixture->canvas, text);
    assert_non_null(strstr(text, "This profile is switched off"));
    for (const char *key = "1/no such name\r"; *key != '\0'; key++)
        wp_top_view_key(&fixture->view, (uint32_t)*key);
    draw(fixture, 24, 80);
    read_canvas(&fixture->canvas, text);
    assert_non_null(strstr(text, "The filters leave nothing"));
}

/* Wherever a name comes from, the terminal gets printable characters only, wide ones in full. */
static void
check_cells(const struct wp_canvas *canvas)
{
    for (size_t row = 0; row < canvas->rows; row++) {
        for (size_t column = 0; column < canvas->columns; column++) {
            const struct wp_cell *cell = &canvas->cells[row * canvas->columns + column];

            assert_in_range(cell->role, 0, WP_ROLE_COUNT - 1);
            if (cell->character == L'\0') {
                assert_true(column > 0 && wcwidth(cell[-1].character) == 2);
                continue;
            }
            assert_true(iswprint((wint_t)cell->character));
            assert_true(wcwidth(cell->character) == 1 || column + 1 < canvas->columns);
            if (wcwidth(cell->character) == 2)
                assert_true(cell[1].character == L'\0');
        }
    }
}

static void
every_size_has_a_picture_of_printable_characters(void **state)
{
    static const char *const keys[] = {"1", "1\r", "2", "2\r", "3", "4", "h", "q/", "\033r"};
    struct fixture *fixture = *state;

    look_twice(fixture);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        for (const char *key = keys[i]; *key != '\0'; key++)
            wp_top_view_key(&fixture->view, (uint32_t)*key);
        for (size_t rows = 0; rows < 20; rows++) {
            for (size_t columns = 0; columns < 120; columns += columns < 40 ? 1 : 13) {
                draw(fixture, rows, columns);
                check_cells(&fixture->canvas);
            }
        }
    }
    draw(fixture, 100000, 100000);
    assert_int_equal(fixture->canvas.rows, WP_CANVAS_ROWS_MAX);
    assert_int_equal(fixture->canvas.columns, WP_CANVAS_COLUMNS_MAX);
}

/* In the C locale nothing beyond ASCII may be written. */
static void
a_locale_without_the_characters_gets_question_marks(void **state)
{
    struct fixture *fixture = *state;

    look_twice(fixture);
    assert_non_null(setlocale(LC_CTYPE, "C"));
    draw(fixture, 24, 80);
    assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
    for (size_t i = 0; i < fixture->canvas.rows * fixture->canvas.columns; i++)
        assert_in_range(fixture->canvas.cells[i].character, ' ', '~');
}

/* The role of the first cell of a text on the screen. */
static enum wp_role
role_of(const struct fixture *fixture, const char *text)
{
    const struct wp_canvas *canvas = &fixture->canvas;
    size_t length = strlen(text);

    for (size_t row = 0; row < canvas->rows; row++) {
        const struct wp_cell *cells = &canvas->cells[row * canvas->columns];

        for (size_t column = 0; column + length <= canvas->columns; column++) {
            size_t same = 0;

            while (same < length && cells[column + same].character == (wchar_t)text[same])
                same++;
            if (same == length)
                return (enum wp_role)cells[column].role;
        }
    }
    fail_msg("not on the screen: %s", text);
    return WP_ROLE_COUNT;
}

static void
losses_warn_and_the_selected_row_is_marked(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(wp_top_model_update(&fixture->model, scene_look(&fixture->scene, 10), NULL),
                     0);
    wp_top_view_refresh(&fixture->view);
    draw(fixture, 24, 100);
    assert_int_equal(role_of(fixture, "lost 0"), WP_ROLE_PLAIN);
    look_twice(fixture);
    draw(fixture, 24, 100);
    assert_int_equal(role_of(fixture, "lost 3"), WP_ROLE_WARNING);
    assert_int_equal(role_of(fixture, "pthread_mutex_lock"), WP_ROLE_SELECTED);
    assert_int_equal(role_of(fixture, "recv <-"), WP_ROLE_PLAIN);
    assert_int_equal(role_of(fixture, "delay/s"), WP_ROLE_BAR);
    wp_top_view_key(&fixture->view, 'j');
    draw(fixture, 24, 100);
    assert_int_equal(role_of(fixture, "recv <-"), WP_ROLE_SELECTED);
}

static void
a_long_list_scrolls_with_the_selection(void **state)
{
    static char text[PICTURE_BYTES];
    struct fixture *fixture = *state;

    look_twice(fixture);
    draw(fixture, 5, 80);
    read_canvas(&fixture->canvas, text);
    assert_non_null(strstr(text, "pthread_mutex_lock"));
    wp_top_view_key(&fixture->view, 'G');
    draw(fixture, 5, 80);
    read_canvas(&fixture->canvas, text);
    assert_null(strstr(text, "pthread_mutex_lock"));
    assert_non_null(strstr(text, "pthread_cond_wait"));
}

static void
the_help_has_every_key(void **state)
{
    static char text[PICTURE_BYTES];
    struct fixture *fixture = *state;

    look_twice(fixture);
    wp_top_view_key(&fixture->view, 'h');
    draw(fixture, 60, 132);
    read_canvas(&fixture->canvas, text);
    for (size_t i = 0; wp_top_keys[i].action != WP_TOP_NO_ACTION; i++) {
        char line[160];

        snprintf(line, sizeof line, " %-10s %s\n", wp_top_keys[i].names, wp_top_keys[i].help);
        if (strstr(text, line) == NULL)
            fail_msg("not in the help: %s", line);
    }
}

/* ".It Up, k" begins what the manual says of a key. */
static void
the_manual_has_every_key(void **state)
{
    static char text[8 * PICTURE_BYTES];

    (void)state;
    read_file(MANUAL, text, sizeof text);
    for (size_t i = 0; wp_top_keys[i].action != WP_TOP_NO_ACTION; i++) {
        char line[64];

        snprintf(line, sizeof line, "\n.It %s\n", wp_top_keys[i].names);
        if (strstr(text, line) == NULL)
            fail_msg("not in the manual: %s", line + 1);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(stacks_kinds_and_threads_look_as_kept),
        TEST(a_stack_in_full_looks_as_kept),
        TEST(prompts_and_filters_look_as_kept),
        TEST(a_program_that_has_ended_looks_as_kept),
        TEST(a_budget_and_what_it_chose_look_as_kept),
        cmocka_unit_test(intervals_have_one_unit_and_fit_their_column),
        TEST(an_empty_profile_says_why),
        TEST(every_size_has_a_picture_of_printable_characters),
        TEST(a_locale_without_the_characters_gets_question_marks),
        TEST(losses_warn_and_the_selected_row_is_marked),
        TEST(a_long_list_scrolls_with_the_selection),
        TEST(the_help_has_every_key),
        TEST(the_manual_has_every_key),
    };

    if (setlocale(LC_CTYPE, "C.UTF-8") == NULL) {
        printf("skipped: this machine has no locale C.UTF-8\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
