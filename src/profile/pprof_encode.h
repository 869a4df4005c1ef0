/*
 * The pprof format, compressed with gzip: what `go tool pprof`, Pyroscope and Parca read. The
 * contents are what Go writes for its block and mutex profiles: two sample types, period 1.
 */
#ifndef WP_PROFILE_PPROF_ENCODE_H
#define WP_PROFILE_PPROF_ENCODE_H

#include "profile/encode.h"

wp_encode wp_pprof_encode;

#endif
