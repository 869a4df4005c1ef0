/*
 * Compares walks of ours with libunwind's, frame by frame, from the same registers.
 */
#ifndef WP_TESTS_UNWIND_ORACLE_H
#define WP_TESTS_UNWIND_ORACLE_H

#include <stdbool.h>
#include <stdint.h>
#include <ucontext.h>

#define ORACLE_MAX_FRAMES 512u

/* What became of the compared walks. */
struct oracle_tally {
    uint64_t walks;
    uint64_t frames;        /* compared and equal */
    uint64_t disagreements; /* walks that differ, and no class below explains it */
    uint64_t
        other_register;   /* ours ended, named, where the tables measure the frame from a register
                                that a walk does not follow; equal up to there */
    uint64_t oracle_lost; /* libunwind went on to what is no code, ours ended; equal up to there */
    uint64_t both_failed; /* equal, and at the last frame, which is not the outermost, both end */
    uint64_t by_frame_pointer; /* frames of ours without rules */
    uint64_t rule_misses;
};

extern struct oracle_tally oracle_tally;

/* Walks from `context`, as of an interrupted thread, both ways. Signal handlers. Prints the first
 * few disagreements to stderr. */
void oracle_compare(const ucontext_t *context);

/* The same from the caller's frame, as of a return address. */
void oracle_compare_here(void);

/* Tells our walker the main thread's stack. First of all. */
void oracle_start(void);

/* Prints the tally, with a title; true if nothing is unexplained and something was compared. */
bool oracle_report(const char *title);

#endif
