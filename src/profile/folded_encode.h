/*
 * One line a stack, "root;...;leaf delay_ns", as flame graph programs read it. Stacks that read the
 * same are one line; no comments, since those programs know none.
 */
#ifndef WP_PROFILE_FOLDED_ENCODE_H
#define WP_PROFILE_FOLDED_ENCODE_H

#include "profile/encode.h"

wp_encode wp_folded_encode;

#endif
