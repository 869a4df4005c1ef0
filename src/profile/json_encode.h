/*
 * JSON for other programs: what is known about the profile, counters, and each stack with its
 * frames. Frames come leaf first; inlined functions are frames with the address of their caller.
 */
#ifndef WP_PROFILE_JSON_ENCODE_H
#define WP_PROFILE_JSON_ENCODE_H

#include "profile/encode.h"

wp_encode wp_json_encode;

#endif
