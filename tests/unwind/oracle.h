/*
 * Compares walks of ours with libunwind's, frame by frame, from the same registers.
 */
#ifndef WP_TESTS_UNWIND_ORACLE_H
#define WP_TESTS_UNWIND_ORACLE_H

#include <stdint.h>
#include <ucontext.h>

#define ORACLE_MAX_FRAMES 512u

/* What became of the compared walks. */
struct oracle_tally {
    uint64_t walks;
    uint64_t frames;           /* compared and equal */
    uint64_t disagreements;    /* walks that differ, and none of the classes below explains it */
    uint64_t oracle_shorter;   /* libunwind stopped; all its frames agree; ours reached the end */
    uint64_t oracle_lost;      /* libunwind went to an address that is no code; equal up to there */
    uint64_t oracle_guessed;   /* libunwind has no rule either and guesses; equal up to there */
    uint64_t unsupported;      /* ours ended in [unwind failed] where libunwind went on */
    uint64_t by_frame_pointer; /* frames of ours without rules */
    uint64_t rule_misses;
};

extern struct oracle_tally oracle_tally;

/* Walks from `context`, as of an interrupted thread, both ways. Signal handlers. Prints the first
 * few disagreements to stderr. */
void oracle_compare(const ucontext_t *context);

/* Calls the same from here: by getcontext. */
void oracle_compare_here(void);

/* Tells our walker the main thread's stack. First of all. */
void oracle_start(void);

/* Prints the tally, with a title. */
void oracle_print(const char *title);

#endif
