/*
 * Processor time that a profiled family of processes has used.
 */
#ifndef WP_CLI_TUNE_CPU_TIME_H
#define WP_CLI_TUNE_CPU_TIME_H

#include "profile/region_reader.h"

/*
 * Nanoseconds of all processes of the snapshot that still run and can be seen from here, in the
 * kernel's clock ticks; negative: of none of them it is known. What ended processes used is gone,
 * so a difference of two may be too small, never too large, if both are of one snapshot.
 */
double wp_cpu_time_of(const struct wp_snapshot *snapshot);

#endif
