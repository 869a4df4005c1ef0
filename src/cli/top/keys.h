/*
 * The keys of the view: one list for what they do, for the help on the screen and for the manual.
 */
#ifndef WP_CLI_TOP_KEYS_H
#define WP_CLI_TOP_KEYS_H

#include <stdint.h>

/* Keys that are no character, above all of Unicode. X(name) */
#define WP_TOP_NAMED_KEYS(X)                                                                       \
    X(UP)                                                                                          \
    X(DOWN)                                                                                        \
    X(PAGE_UP)                                                                                     \
    X(PAGE_DOWN)                                                                                   \
    X(HOME)                                                                                        \
    X(END)                                                                                         \
    X(BACK_TAB)                                                                                    \
    X(ENTER)                                                                                       \
    X(BACKSPACE)

enum wp_top_named_key {
    WP_KEY_NONE = 0,
    WP_KEY_TAB = '\t',
    WP_KEY_ESCAPE = 27,
    WP_KEY_FIRST_NAMED = 0x110000,
#define WP_TOP_NAMED_KEY_ENUM(name) WP_KEY_##name,
    WP_TOP_NAMED_KEYS(WP_TOP_NAMED_KEY_ENUM)
#undef WP_TOP_NAMED_KEY_ENUM
};

#define WP_KEY_CONTROL(letter) ((letter)&0x1f)

enum wp_top_action {
    WP_TOP_NO_ACTION,
    WP_TOP_UP,
    WP_TOP_DOWN,
    WP_TOP_PAGE_UP,
    WP_TOP_PAGE_DOWN,
    WP_TOP_FIRST,
    WP_TOP_LAST,
    WP_TOP_OPEN,
    WP_TOP_BACK,
    WP_TOP_SHOW_BLOCK, /* these four in the order of enum wp_top_pane */
    WP_TOP_SHOW_MUTEX,
    WP_TOP_SHOW_KINDS,
    WP_TOP_SHOW_THREADS,
    WP_TOP_NEXT_PANE,
    WP_TOP_PREVIOUS_PANE,
    WP_TOP_SORT,
    WP_TOP_SORT_BACK,
    WP_TOP_GROUP,
    WP_TOP_KINDS_PROMPT,
    WP_TOP_FILTER_PROMPT,
    WP_TOP_CLEAR_FILTERS,
    WP_TOP_FREEZE,
    WP_TOP_SLOWER,
    WP_TOP_FASTER,
    WP_TOP_RATES_PROMPT,
    WP_TOP_END_LEASES,
    WP_TOP_REDRAW,
    WP_TOP_HELP,
    WP_TOP_QUIT,
};

struct wp_top_key {
    enum wp_top_action action;
    uint32_t codes[4]; /* 0: no more */
    const char *names; /* as people read them */
    const char *help;  /* half a sentence */
    const char *hint;  /* one word for the last line of the screen, NULL: not there */
};

extern const struct wp_top_key wp_top_keys[]; /* ends with WP_TOP_NO_ACTION */

enum wp_top_action wp_top_key_action(uint32_t code);

#endif
