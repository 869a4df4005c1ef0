/*
 * The line in which the user writes filters and rates.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/quantity.h"
#include "cli/top/view.h"
#include "cli/view_options.h"
#include "core/region_format.h"

#define SECOND_NS UINT64_C(1000000000)
#define LEASE_NS (300 * SECOND_NS)
#define LEASE_LEAST_NS SECOND_NS
#define LEASE_MOST_NS (UINT64_C(7) * 86400 * SECOND_NS)

const char *
wp_top_prompt_label(enum wp_top_prompt prompt)
{
    switch (prompt) {
    case WP_TOP_PROMPT_KINDS:
        return "Kinds: ";
    case WP_TOP_PROMPT_FILTER:
        return "Regex: ";
    case WP_TOP_PROMPT_RATES:
        return "Block rate, mutex fraction, for (5m): ";
    default:
        return "";
    }
}

void
wp_top_prompt_open(struct wp_top_view *view, enum wp_top_prompt prompt)
{
    if (prompt == WP_TOP_PROMPT_RATES && view->facts->has_ended) {
        wp_top_view_say(view, true, "the program has ended: it has no rates to change");
        return;
    }
    view->prompt = prompt;
    view->input[0] = '\0';
    if (prompt == WP_TOP_PROMPT_KINDS)
        memcpy(view->input, view->kinds, sizeof view->input);
    if (prompt == WP_TOP_PROMPT_FILTER)
        memcpy(view->input, view->filter_text, sizeof view->input);
}

/* --- What the line means */

static void
set_kinds(struct wp_top_view *view)
{
    struct wp_error error = {""};
    const char *kinds = view->input[0] != '\0' ? view->input : NULL;

    if (view->model->snapshot == NULL)
        return;
    if (wp_view_check_kinds(kinds, view->model->snapshot, &error) != 0) {
        wp_top_view_say(view, true, "%s", error.text);
        return;
    }
    memcpy(view->kinds, view->input, sizeof view->kinds);
    wp_top_view_refresh(view);
}

static void
set_filter(struct wp_top_view *view)
{
    struct wp_error error = {""};
    regex_t filter;

    if (view->input[0] != '\0' && wp_top_filter_compile(&filter, view->input, &error) != 0) {
        wp_top_view_say(view, true, "%s", error.text);
        return;
    }
    if (view->filter_text[0] != '\0')
        regfree(&view->filter);
    memcpy(view->filter_text, view->input, sizeof view->filter_text);
    if (view->filter_text[0] != '\0')
        view->filter = filter;
    view->filter_number++;
    wp_top_view_refresh(view);
}

struct wanted_rates {
    uint64_t block_rate_ns, mutex_fraction, for_ns;
    bool has_block_rate, has_mutex_fraction;
};

/* One of the words of the line; "-" leaves a rate as it is. NULL, or what is wrong. */
static const char *
read_word(struct wanted_rates *wanted, unsigned index, const char *word)
{
    bool given = strcmp(word, "-") != 0;

    if (index == 0 && given) {
        wanted->has_block_rate = true;
        if (wp_quantity_parse_time(word, 1, &wanted->block_rate_ns) != 0 ||
            wanted->block_rate_ns > WP_REGION_MAX_BLOCK_RATE_NS)
            return "is no block rate (0, 1, 100us, up to 1000s)";
    } else if (index == 1 && given) {
        wanted->has_mutex_fraction = true;
        if (wp_quantity_parse_number(word, &wanted->mutex_fraction) != 0 ||
            wanted->mutex_fraction > WP_REGION_MAX_MUTEX_FRACTION)
            return "is no mutex fraction (0, 1, 10, up to 1000000)";
    } else if (index == 2) {
        if (wp_quantity_parse_time(word, SECOND_NS, &wanted->for_ns) != 0 ||
            wanted->for_ns < LEASE_LEAST_NS || wanted->for_ns > LEASE_MOST_NS)
            return "is no time for new rates (1s to 7d)";
    } else if (index > 2) {
        return "is one word too many";
    }
    return NULL;
}

/* Reads "BLOCK_RATE MUTEX_FRACTION TIME", the last two may be missing. */
static int
read_rates(const char *text, struct wanted_rates *wanted, struct wp_error *error)
{
    char copy[WP_TOP_TEXT_BYTES];
    char *rest = NULL, *word;
    unsigned index = 0;

    *wanted = (struct wanted_rates){.for_ns = LEASE_NS};
    snprintf(copy, sizeof copy, "%s", text);
    for (word = strtok_r(copy, ", ", &rest); word != NULL; word = strtok_r(NULL, ", ", &rest)) {
        const char *trouble = read_word(wanted, index++, word);

        if (trouble != NULL)
            return wp_error_set(error, EINVAL, "%s %s", word, trouble);
    }
    if (!wanted->has_block_rate && !wanted->has_mutex_fraction)
        return wp_error_set(error, EINVAL, "the rates stay as they are");
    return 0;
}

static void
confirm_rates(struct wp_top_view *view, const struct wp_reader_rates *rates, uint64_t for_ns)
{
    char block[WP_QUANTITY_TEXT_BYTES], time[WP_QUANTITY_TEXT_BYTES];

    wp_top_view_say(view, false,
                    "block rate %s, mutex fraction %" PRIu64
                    " for %s; R puts the rates back, so does leaving",
                    wp_quantity_format_exact_time(rates->block_rate_ns, block),
                    rates->mutex_fraction, wp_quantity_format_exact_time(for_ns, time));
}

static void
set_rates(struct wp_top_view *view)
{
    struct wp_reader_rate_result result;
    struct wanted_rates wanted;
    struct wp_error error = {""};
    int status = read_rates(view->input, &wanted, &error);

    if (status == 0) {
        const struct wp_reader_rate_change change = {
            .block_rate_ns = wanted.has_block_rate ? &wanted.block_rate_ns : NULL,
            .mutex_fraction = wanted.has_mutex_fraction ? &wanted.mutex_fraction : NULL,
            .for_ns = wanted.for_ns,
        };

        status = view->deeds.change_rates(view->deeds.context, &change, &result, &error);
    }
    if (status != 0)
        wp_top_view_say(view, true, "%s", error.text);
    else
        confirm_rates(view, &result.after, wanted.for_ns);
}

/* --- Editing */

static void
append(char *input, uint32_t code)
{
    size_t length = strlen(input);
    unsigned char bytes[4];
    size_t count = 0;

    if (code < 0x80) {
        bytes[count++] = (unsigned char)code;
    } else if (code < 0x800) {
        bytes[count++] = (unsigned char)(0xc0 | code >> 6);
    } else if (code < 0x10000) {
        bytes[count++] = (unsigned char)(0xe0 | code >> 12);
        bytes[count++] = (unsigned char)(0x80 | (code >> 6 & 0x3f));
    } else {
        bytes[count++] = (unsigned char)(0xf0 | code >> 18);
        bytes[count++] = (unsigned char)(0x80 | (code >> 12 & 0x3f));
        bytes[count++] = (unsigned char)(0x80 | (code >> 6 & 0x3f));
    }
    if (code >= 0x80)
        bytes[count++] = (unsigned char)(0x80 | (code & 0x3f));
    if (length + count >= WP_TOP_TEXT_BYTES)
        return;
    memcpy(input + length, bytes, count);
    input[length + count] = '\0';
}

static void
erase(char *input)
{
    size_t length = strlen(input);

    while (length > 0 && (input[length - 1] & 0xc0) == 0x80)
        length--;
    input[length > 0 ? length - 1 : 0] = '\0';
}

static void
accept(struct wp_top_view *view)
{
    enum wp_top_prompt prompt = view->prompt;

    view->prompt = WP_TOP_PROMPT_NONE;
    view->message[0] = '\0';
    if (prompt == WP_TOP_PROMPT_KINDS)
        set_kinds(view);
    else if (prompt == WP_TOP_PROMPT_FILTER)
        set_filter(view);
    else if (view->input[0] != '\0')
        set_rates(view);
}

void
wp_top_prompt_key(struct wp_top_view *view, uint32_t code)
{
    switch (code) {
    case WP_KEY_ENTER:
    case '\r':
    case '\n':
        accept(view);
        return;
    case WP_KEY_ESCAPE:
    case WP_KEY_CONTROL('g'):
        view->prompt = WP_TOP_PROMPT_NONE;
        return;
    case WP_KEY_BACKSPACE:
    case WP_KEY_CONTROL('h'):
    case 0x7f:
        erase(view->input);
        return;
    case WP_KEY_CONTROL('u'):
        view->input[0] = '\0';
        return;
    default:
        if (code >= ' ' && code < WP_KEY_FIRST_NAMED)
            append(view->input, code);
    }
}
