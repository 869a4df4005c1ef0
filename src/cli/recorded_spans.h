/*
 * When a program was recorded: the file ".recorded" in its directory of profiles, by which a time
 * without a profile is told from one that nobody looked at.
 *
 * A line for each span of time without a break, of a fixed length: "FROM UNTIL\n", both as in names
 * of profiles. As long as it goes on, UNTIL of the last line is written over in place: that needs
 * no room on a full disk, and whatever kills the command loses the last slice at most.
 */
#ifndef WP_CLI_RECORDED_SPANS_H
#define WP_CLI_RECORDED_SPANS_H

#include <stddef.h>
#include <stdint.h>

#define WP_RECORDED_SPANS_NAME ".recorded"

struct wp_recorded_span {
    uint64_t from_ns, until_ns; /* CLOCK_REALTIME */
};

/* Adds a span to the file in a directory; one that begins where the last ended is put on to it. 0
 * or a negative errno, and the file says what it said before. One command at a time. */
int wp_recorded_spans_add(int directory, uint64_t from_ns, uint64_t until_ns);

/* All spans of the file, in its order; lines that are none are left out, without a file there are
 * none. The caller frees *spans. 0 or -ENOMEM. */
int wp_recorded_spans_read(int directory, struct wp_recorded_span **spans, size_t *count);

#endif
