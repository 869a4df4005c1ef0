/*
 * What keys do.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/top/view.h"
#include "profile/cmocka_all.h"
#include "top/scene.h"

#define S UINT64_C(1000000000)

struct fixture {
    struct scene scene;
    struct wp_top_model model;
    struct wp_top_facts facts;
    struct wp_top_view view;
    struct wp_canvas canvas;
    /* What the view had done. */
    unsigned changes, ends;
    struct wp_reader_rate_change change;
    uint64_t block_rate_ns, mutex_fraction;
    int refusal;
};

static int
change_rates(void *context, const struct wp_reader_rate_change *change,
             struct wp_reader_rate_result *result, struct wp_error *error)
{
    struct fixture *fixture = context;

    if (fixture->refusal != 0)
        return wp_error_set(error, fixture->refusal, "all leases run");
    fixture->changes++;
    fixture->change = *change;
    fixture->block_rate_ns = change->block_rate_ns != NULL ? *change->block_rate_ns : 77;
    fixture->mutex_fraction = change->mutex_fraction != NULL ? *change->mutex_fraction : 88;
    *result = (struct wp_reader_rate_result){
        .after = {.block_rate_ns = fixture->block_rate_ns,
                  .mutex_fraction = fixture->mutex_fraction},
        .lease = 1,
    };
    return 0;
}

static int
end_leases(void *context, size_t *ended, struct wp_error *error)
{
    struct fixture *fixture = context;

    (void)error;
    fixture->ends++;
    *ended = fixture->changes;
    return 0;
}

static void
look(struct fixture *fixture, double seconds)
{
    assert_int_equal(
        wp_top_model_update(&fixture->model, scene_look(&fixture->scene, seconds), NULL), 0);
    wp_top_view_refresh(&fixture->view);
    wp_top_view_draw(&fixture->view, &fixture->canvas);
}

static int
set_up(void **state)
{
    static struct fixture fixture;
    const struct wp_top_deeds deeds = {
        .change_rates = change_rates, .end_leases = end_leases, .context = &fixture};

    fixture = (struct fixture){.facts = {.command = "shop", .pid = 4242}};
    scene_init(&fixture.scene);
    scene_populate(&fixture.scene);
    *state = &fixture;
    wp_top_view_init(&fixture.view, &fixture.model, &fixture.facts, &deeds);
    fixture.view.look = scene_life;
    if (wp_canvas_resize(&fixture.canvas, 24, 80) != 0 ||
        wp_top_model_init(&fixture.model, scene_namer(&fixture.scene), NULL) != 0)
        return -1;
    look(&fixture, 10);
    return 0;
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
press(struct fixture *fixture, uint32_t code)
{
    wp_top_view_key(&fixture->view, code);
    wp_top_view_draw(&fixture->view, &fixture->canvas);
}

static void
type(struct fixture *fixture, const char *text)
{
    for (; *text != '\0'; text++)
        press(fixture, (unsigned char)*text);
}

static void
every_key_has_one_meaning(void **state)
{
    (void)state;
    for (size_t i = 0; wp_top_keys[i].action != WP_TOP_NO_ACTION; i++) {
        const struct wp_top_key *key = &wp_top_keys[i];

        assert_true(key->codes[0] != 0);
        for (size_t j = 0; j < 4 && key->codes[j] != 0; j++)
            assert_int_equal(wp_top_key_action(key->codes[j]), key->action);
    }
    assert_int_equal(wp_top_key_action('%'), WP_TOP_NO_ACTION);
    assert_int_equal(wp_top_key_action(0), WP_TOP_NO_ACTION);
}

static void
keys_switch_the_views(void **state)
{
    struct fixture *fixture = *state;
    struct wp_top_view *view = &fixture->view;

    assert_int_equal(wp_top_view_count(view), 4);
    press(fixture, '2');
    assert_int_equal(view->pane, WP_TOP_PANE_MUTEX);
    assert_int_equal(wp_top_view_count(view), 2);
    press(fixture, '\t');
    assert_int_equal(view->pane, WP_TOP_PANE_KINDS);
    press(fixture, '\t');
    assert_int_equal(view->pane, WP_TOP_PANE_THREADS);
    assert_int_equal(wp_top_view_count(view), 3);
    press(fixture, '\t');
    assert_int_equal(view->pane, WP_TOP_PANE_BLOCK);
    press(fixture, WP_KEY_BACK_TAB);
    assert_int_equal(view->pane, WP_TOP_PANE_THREADS);
}

static void
the_selection_stays_inside_and_follows_its_stack(void **state)
{
    struct fixture *fixture = *state;
    struct wp_top_position *position = &fixture->view.positions[WP_TOP_PANE_BLOCK];
    const struct wp_top_stack *lock;

    press(fixture, WP_KEY_UP);
    assert_int_equal(position->selected, 0);
    press(fixture, 'G');
    press(fixture, 'j');
    assert_int_equal(position->selected, 3);
    press(fixture, WP_KEY_PAGE_UP);
    assert_int_equal(position->selected, 0);
    press(fixture, 'j');
    lock = fixture->view.rows.rows[1].stack;
    assert_string_equal(lock->kind, "mutex");
    scene_go_on(&fixture->scene);
    scene_cost(fixture->scene.stacks[2], 5, 90 * S);
    look(fixture, 12);
    assert_ptr_equal(fixture->view.rows.rows[position->selected].stack, lock);
    assert_int_equal(position->selected, 1);
    scene_cost(fixture->scene.stacks[0], 5, 900 * S);
    look(fixture, 14);
    assert_int_equal(position->selected, 0);
}

/* At the top, the top is what is looked at. */
static void
the_top_row_stays_selected_whatever_it_is(void **state)
{
    struct fixture *fixture = *state;

    scene_cost(fixture->scene.stacks[2], 5, 90 * S);
    look(fixture, 12);
    assert_int_equal(fixture->view.positions[WP_TOP_PANE_BLOCK].selected, 0);
    assert_string_equal(fixture->view.rows.rows[0].stack->kind, "cond.reacquire");
}

static void
enter_opens_a_stack_and_q_goes_back_before_it_quits(void **state)
{
    struct fixture *fixture = *state;
    struct wp_top_view *view = &fixture->view;

    press(fixture, WP_KEY_ENTER);
    assert_non_null(view->opened.stack);
    press(fixture, 'q');
    assert_null(view->opened.stack);
    press(fixture, '?');
    assert_true(view->help);
    press(fixture, WP_KEY_ESCAPE);
    assert_false(view->help);
    press(fixture, WP_KEY_ESCAPE);
    assert_false(view->quit);
    press(fixture, 'q');
    assert_true(view->quit);
}

static void
threads_and_kinds_have_no_stack_to_open(void **state)
{
    struct fixture *fixture = *state;

    press(fixture, '3');
    press(fixture, '\r');
    press(fixture, '4');
    press(fixture, '\r');
    assert_null(fixture->view.opened.stack);
}

static void
sorting_goes_round_in_both_directions(void **state)
{
    struct fixture *fixture = *state;

    press(fixture, 'S');
    assert_int_equal(fixture->view.sort, WP_TOP_SORT_COUNT - 1);
    press(fixture, 's');
    assert_int_equal(fixture->view.sort, 0);
    press(fixture, '>');
    assert_int_equal(fixture->view.sort, 1);
}

static void
a_regex_is_written_edited_and_cleared(void **state)
{
    struct fixture *fixture = *state;
    struct wp_top_view *view = &fixture->view;

    type(fixture, "/cacheX");
    press(fixture, WP_KEY_BACKSPACE);
    press(fixture, '\r');
    assert_string_equal(view->filter_text, "cache");
    assert_int_equal(wp_top_view_count(view), 1);
    type(fixture, "/(");
    press(fixture, '\r');
    assert_true(view->message_warns);
    assert_string_equal(view->filter_text, "cache");
    type(fixture, "/zz");
    press(fixture, WP_KEY_ESCAPE);
    assert_string_equal(view->filter_text, "cache");
    press(fixture, '/');
    press(fixture, WP_KEY_CONTROL('u'));
    type(fixture, "recv|Cache");
    press(fixture, '\r');
    assert_int_equal(wp_top_view_count(view), 2);
    press(fixture, 'c');
    assert_string_equal(view->filter_text, "");
    assert_int_equal(wp_top_view_count(view), 4);
}

static void
a_text_of_wide_characters_is_erased_by_characters(void **state)
{
    struct fixture *fixture = *state;

    press(fixture, '/');
    press(fixture, 0xe9);
    press(fixture, 0x65e5);
    press(fixture, 0x1f600);
    assert_string_equal(fixture->view.input, "\xc3\xa9\xe6\x97\xa5\xf0\x9f\x98\x80");
    press(fixture, 0x7f);
    press(fixture, 0x7f);
    assert_string_equal(fixture->view.input, "\xc3\xa9");
    press(fixture, 0x7f);
    press(fixture, 0x7f);
    assert_string_equal(fixture->view.input, "");
}

static void
a_text_that_is_too_long_ends(void **state)
{
    struct fixture *fixture = *state;

    press(fixture, '/');
    for (unsigned i = 0; i < 1000; i++)
        press(fixture, 'x');
    assert_int_equal(strlen(fixture->view.input), WP_TOP_TEXT_BYTES - 1);
}

static void
kinds_are_checked_before_they_count(void **state)
{
    struct fixture *fixture = *state;
    struct wp_top_view *view = &fixture->view;

    type(fixture, "Knet\r");
    assert_string_equal(view->kinds, "net");
    assert_int_equal(wp_top_view_count(view), 1);
    press(fixture, '3');
    assert_int_equal(wp_top_view_count(view), 1);
    press(fixture, 'K');
    press(fixture, WP_KEY_CONTROL('u'));
    type(fixture, "mutecks\r");
    assert_true(view->message_warns);
    assert_non_null(strstr(view->message, "mutecks"));
    assert_string_equal(view->kinds, "net");
}

static void
rates_are_changed_for_five_minutes_or_as_told(void **state)
{
    struct fixture *fixture = *state;

    type(fixture, "r10us 1\r");
    assert_int_equal(fixture->changes, 1);
    assert_int_equal(fixture->block_rate_ns, 10000);
    assert_int_equal(fixture->mutex_fraction, 1);
    assert_int_equal(fixture->change.for_ns, 300 * S);
    assert_false(fixture->view.message_warns);
    assert_non_null(strstr(fixture->view.message, "block rate 10us, mutex fraction 1 for 5m"));
    type(fixture, "r- 0 30\r");
    assert_null(fixture->change.block_rate_ns);
    assert_int_equal(fixture->mutex_fraction, 0);
    assert_int_equal(fixture->change.for_ns, 30 * S);
    type(fixture, "r1ms\r");
    assert_null(fixture->change.mutex_fraction);
    assert_int_equal(fixture->changes, 3);
    press(fixture, 'R');
    assert_int_equal(fixture->ends, 1);
    assert_non_null(strstr(fixture->view.message, "put back"));
}

static void
wrong_rates_change_nothing_and_say_why(void **state)
{
    static const struct {
        const char *keys, *reason;
    } cases[] = {
        {"rfast\r", "fast is no block rate"},   {"r2000s\r", "2000s is no block rate"},
        {"r1 x\r", "x is no mutex fraction"},   {"r1 2000000\r", "is no mutex fraction"},
        {"r1 1 0\r", "0 is no time"},           {"r1 1 8d\r", "8d is no time"},
        {"r1 1 1m more\r", "more is one word"}, {"r- -\r", "stay as they are"},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        type(fixture, cases[i].keys);
        assert_non_null(strstr(fixture->view.message, cases[i].reason));
        assert_true(fixture->view.message_warns);
    }
    assert_int_equal(fixture->changes, 0);
    type(fixture, "r\r");
    assert_string_equal(fixture->view.message, "");
    fixture->refusal = EBUSY;
    type(fixture, "r1 1\r");
    assert_string_equal(fixture->view.message, "all leases run");
    fixture->facts.has_ended = true;
    press(fixture, 'r');
    assert_int_equal(fixture->view.prompt, WP_TOP_PROMPT_NONE);
    assert_true(fixture->view.message_warns);
}

static void
the_interval_has_steps_and_ends(void **state)
{
    struct fixture *fixture = *state;
    struct wp_top_view *view = &fixture->view;

    press(fixture, '-');
    assert_int_equal(view->interval_ns, S);
    press(fixture, '+');
    assert_int_equal(view->interval_ns, 2 * S);
    for (unsigned i = 0; i < 9; i++)
        press(fixture, '+');
    assert_int_equal(view->interval_ns, 60 * S);
    press(fixture, '-');
    assert_int_equal(view->interval_ns, 30 * S);
    view->interval_ns = 7 * S;
    press(fixture, '-');
    assert_int_equal(view->interval_ns, 5 * S);
}

static void
freezing_is_undone_by_the_same_key(void **state)
{
    struct fixture *fixture = *state;

    press(fixture, ' ');
    assert_true(fixture->view.frozen);
    press(fixture, 'f');
    assert_false(fixture->view.frozen);
}

static void
long_texts_scroll_to_their_end_and_no_further(void **state)
{
    struct fixture *fixture = *state;
    struct wp_top_view *view = &fixture->view;

    press(fixture, 'h');
    press(fixture, 'G');
    assert_true(view->scroll > 0);
    assert_int_equal(view->scroll, view->scroll_end);
    press(fixture, WP_KEY_PAGE_DOWN);
    assert_int_equal(view->scroll, view->scroll_end);
    assert_int_equal(wp_canvas_resize(&fixture->canvas, 100, 80), 0);
    wp_top_view_draw(view, &fixture->canvas);
    assert_int_equal(view->scroll, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_key_has_one_meaning),
        TEST(keys_switch_the_views),
        TEST(the_selection_stays_inside_and_follows_its_stack),
        TEST(the_top_row_stays_selected_whatever_it_is),
        TEST(enter_opens_a_stack_and_q_goes_back_before_it_quits),
        TEST(threads_and_kinds_have_no_stack_to_open),
        TEST(sorting_goes_round_in_both_directions),
        TEST(a_regex_is_written_edited_and_cleared),
        TEST(a_text_of_wide_characters_is_erased_by_characters),
        TEST(a_text_that_is_too_long_ends),
        TEST(kinds_are_checked_before_they_count),
        TEST(rates_are_changed_for_five_minutes_or_as_told),
        TEST(wrong_rates_change_nothing_and_say_why),
        TEST(the_interval_has_steps_and_ends),
        TEST(freezing_is_undone_by_the_same_key),
        TEST(long_texts_scroll_to_their_end_and_no_further),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
