#include "cli/top/keys.h"

#include <stddef.h>

const struct wp_top_key wp_top_keys[] = {
    {WP_TOP_UP, {WP_KEY_UP, 'k'}, "Up, k", "select the row above; scroll up", NULL},
    {WP_TOP_DOWN, {WP_KEY_DOWN, 'j'}, "Down, j", "select the row below; scroll down", NULL},
    {WP_TOP_PAGE_UP, {WP_KEY_PAGE_UP, WP_KEY_CONTROL('b')}, "PgUp, ^B", "a page up", NULL},
    {WP_TOP_PAGE_DOWN, {WP_KEY_PAGE_DOWN, WP_KEY_CONTROL('f')}, "PgDn, ^F", "a page down", NULL},
    {WP_TOP_FIRST, {WP_KEY_HOME, 'g'}, "Home, g", "to the first row", NULL},
    {WP_TOP_LAST, {WP_KEY_END, 'G'}, "End, G", "to the last row", NULL},
    {WP_TOP_OPEN, {WP_KEY_ENTER, '\r', '\n'}, "Enter", "show the selected stack in full", "open"},
    {WP_TOP_BACK, {WP_KEY_ESCAPE}, "Esc", "back", NULL},
    {WP_TOP_SHOW_BLOCK, {'1'}, "1", "who waits: stacks of the block profile", NULL},
    {WP_TOP_SHOW_MUTEX, {'2'}, "2", "who makes them wait: stacks of the mutex profile", NULL},
    {WP_TOP_SHOW_KINDS, {'3'}, "3", "what they wait for: kinds", NULL},
    {WP_TOP_SHOW_THREADS, {'4'}, "4", "which threads wait, and where they wait now", NULL},
    {WP_TOP_NEXT_PANE, {WP_KEY_TAB}, "Tab", "the next of these views", "view"},
    {WP_TOP_PREVIOUS_PANE, {WP_KEY_BACK_TAB}, "Shift-Tab", "the one before", NULL},
    {WP_TOP_SORT, {'s', '>'}, "s, >", "sort by the next column", "sort"},
    {WP_TOP_SORT_BACK, {'S', '<'}, "S, <", "sort by the column before", NULL},
    {WP_TOP_GROUP, {'b'}, "b", "one row a stack, or one row a calling function", NULL},
    {WP_TOP_KINDS_PROMPT,
     {'K'},
     "K",
     "only waits of some kinds: mutex, net, 'rwlock*', lock",
     "kind"},
    {WP_TOP_FILTER_PROMPT, {'/'}, "/", "only stacks with a function or file like a regex", "regex"},
    {WP_TOP_CLEAR_FILTERS, {'c'}, "c", "clear both filters", NULL},
    {WP_TOP_FREEZE, {'f', ' '}, "f, Space", "freeze the view, or let it run again", "freeze"},
    {WP_TOP_SLOWER, {'+', '='}, "+", "look less often", NULL},
    {WP_TOP_FASTER, {'-'}, "-", "look more often", NULL},
    {WP_TOP_RATES_PROMPT, {'r'}, "r", "change the sampling rates for a time", "rates"},
    {WP_TOP_END_LEASES, {'R'}, "R", "put back the rates that were changed here", NULL},
    {WP_TOP_REDRAW, {WP_KEY_CONTROL('l')}, "^L", "draw the screen anew", NULL},
    {WP_TOP_HELP, {'h', '?'}, "h, ?", "this help", "help"},
    {WP_TOP_QUIT, {'q'}, "q", "back, or quit", "quit"},
    {WP_TOP_NO_ACTION, {0}, NULL, NULL, NULL},
};

enum wp_top_action
wp_top_key_action(uint32_t code)
{
    for (size_t i = 0; wp_top_keys[i].action != WP_TOP_NO_ACTION; i++) {
        const struct wp_top_key *key = &wp_top_keys[i];

        for (size_t j = 0; j < sizeof key->codes / sizeof key->codes[0]; j++) {
            if (key->codes[j] != 0 && key->codes[j] == code)
                return key->action;
        }
    }
    return WP_TOP_NO_ACTION;
}
