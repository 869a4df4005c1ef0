/*
 * Go's text form of block and mutex profiles (debug=1): values are scaled already, so that
 * cycles/second is 10^9 and the sampling period 1; the real rates are in comments.
 */
#ifndef WP_PROFILE_TEXT_ENCODE_H
#define WP_PROFILE_TEXT_ENCODE_H

#include "profile/encode.h"

wp_encode wp_text_encode;

#endif
