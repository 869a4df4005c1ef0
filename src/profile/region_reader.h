/*
 * Reads a region into private memory and checks every byte of it.
 *
 * The file is copied with pread, never mapped: somebody may truncate it while we look. It may be
 * written by a running program, may have been left by a killed one, or may be made to harm us: all
 * offsets, counts, strings, chains and depths are checked before use, all loops are bounded by what
 * was read. What docs/region-format.md calls invalid gives an error text, never a crash.
 */
#ifndef WP_PROFILE_REGION_READER_H
#define WP_PROFILE_REGION_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/region_format.h"
#include "profile/error.h"
#include "profile/region_find.h"

/* A region that claims more than this is refused, not read. */
#define WP_READER_MAX_BYTES (UINT64_C(4) << 30)

/* `text` as for people, in the order of enum wp_region_counter. */
struct wp_reader_counter {
    const char *name;
    const char *text;
};
extern const struct wp_reader_counter wp_reader_counters[WP_COUNTER_COUNT];

/* A row of the functions table; index = function id, row 0 is empty. */
struct wp_reader_function {
    const char *name; /* "" only in row 0 */
    const char *kind; /* "": records nothing */
    const char *family;
    const char *version; /* "": one function of that name */
    uint32_t flags;      /* WP_REGION_FUNCTION_* */
    uint32_t part_of;    /* an earlier row, that this is another kind of, else 0 */
    uint32_t module;
    uint64_t vaddr;
    uint64_t waits; /* WP_COUNTER_waits of this function, summed over the shards */
};

struct wp_reader_process {
    uint32_t pid;    /* in its own pid namespace */
    uint32_t parent; /* index + 1, 0 for the first */
    uint64_t start_monotonic_ns;
};

/* A row of the modules table; index = module number. known is false for free rows and for rows that
 * a program was killed in the middle of writing. */
struct wp_reader_module {
    bool known;
    bool is_executable;
    uint32_t age; /* modules recorded earlier have smaller ages; never changes for a row */
    const char *path;
    uint64_t bias;
    uint64_t text_vaddr;
    uint64_t text_bytes;
    uint64_t text_offset;
    size_t build_id_bytes;
    uint8_t build_id[32];
};

/* One published stack. frames (depth of them, innermost first) are checked WP_FRAME_* words. */
struct wp_reader_stack {
    const uint64_t *frames;
    uint16_t depth;
    uint16_t function;
    uint8_t profile; /* enum wp_region_profile */
    uint64_t contentions_fixed;
    uint64_t delay_ns;
    uint64_t samples;
    double variance; /* finite, >= 0 */
    double squares;  /* finite, >= variance: see struct wp_profile_sample */
    uint64_t last_monotonic_ns;
};

/* A thread that had to wait. Threads that are gone stay until others take their rows. */
struct wp_reader_thread {
    uint32_t tid;     /* in the pid namespace of its process */
    uint32_t process; /* index in the processes; beyond their count: unlisted */
    uint64_t waits;   /* that are over, since it has the row */
    uint64_t waited_ns;
    uint64_t last_monotonic_ns; /* when its latest wait began or ended */
    uint64_t waiting_since_ns;  /* CLOCK_MONOTONIC, 0: waits for nothing that is seen */
    uint16_t waiting_function;  /* index in the functions, 0 unknown */
};

/* A second, or longer, under a budget: what the program chose and what it cost. */
struct wp_reader_budget_turn {
    uint64_t realtime_ns; /* of its end */
    uint64_t span_ns;
    uint64_t block_rate_ns, mutex_fraction, wait_fraction; /* at its end */
    uint64_t cost_ns, waits, samples;                      /* in it */
    bool is_unsplit; /* at its end, as conditions_are_unsplit of the snapshot */
};

/* A lease on the rates that runs. */
struct wp_reader_lease {
    uint64_t number;      /* the larger is the later */
    uint64_t deadline_ns; /* CLOCK_MONOTONIC */
    bool has_block_rate, has_mutex_fraction;
    uint64_t block_rate_ns;
    uint64_t mutex_fraction;
};

/*
 * A copy of a region at one moment. All fields are checked, read-only, and live until
 * wp_snapshot_free. Strings end in NUL and may hold any other byte. Monotonic times are those of
 * our clock, whatever the program's time namespace, while a process of its family is seen to run;
 * else as the program's clock showed them.
 *
 * While the program runs, stacks are those published before the read began, with totals at least as
 * large as they were then; the totals of one stack are read one after the other, so that a sample
 * that lands in between may show in one and not yet in the other.
 */
struct wp_snapshot {
    struct wp_region_place place; /* where it was read from; path "" if from a descriptor */

    uint64_t region_id;
    uint64_t run_id;
    uint64_t start_realtime_ns;
    uint64_t start_monotonic_ns;
    uint64_t start_ticks;
    uint32_t pid; /* in its own pid namespace */
    uint32_t uid;
    uint32_t flags; /* WP_REGION_FLAG_* */
    uint32_t max_depth;
    uint64_t size_bytes;
    uint64_t allocated_bytes;
    uint64_t stack_bytes_used;
    uint64_t stack_bytes_capacity;
    const char *executable;
    const char *directory;
    const char *command;
    const char *const *arguments; /* argv, NULL at the end */
    size_t argument_count;

    uint64_t read_realtime_ns; /* our clocks when the copy was made */
    uint64_t read_monotonic_ns;

    uint64_t block_rate_ns; /* in force when it was read, leases that had run out left aside */
    uint64_t mutex_fraction;
    uint64_t wait_fraction;      /* at least 1; more: the budget lets one wait stand for so many */
    uint64_t base_block_rate_ns; /* in force without leases */
    uint64_t base_mutex_fraction;
    struct wp_reader_lease leases[WP_REGION_LEASES]; /* those that ran, latest first */
    size_t lease_count;
    uint64_t budget_cost_ns_per_s; /* of one processor; 0: no limit on the cost */
    uint64_t budget_samples_per_s; /* 0: no limit on samples */
    bool conditions_are_unsplit;   /* waits for conditions include that for the mutex: the budget
                                      cannot pay for telling them apart */
    struct wp_reader_budget_turn budget_turns[WP_REGION_BUDGET_TURNS]; /* oldest first */
    size_t budget_turns_known;
    uint64_t rate_change_count; /* changes ever made, including those no longer in the ring */
    struct wp_region_rate_change rate_changes[WP_REGION_RATE_CHANGES]; /* oldest first */
    size_t rate_changes_known;

    uint64_t counters[WP_COUNTER_COUNT]; /* summed over the shards */

    const struct wp_reader_function *functions;
    size_t function_count; /* with row 0 */
    const struct wp_reader_process *processes;
    size_t process_count;
    const struct wp_reader_module *modules;
    size_t module_count; /* rows, with row 0 */
    const struct wp_reader_stack *stacks;
    size_t stack_count;
    const struct wp_reader_thread *threads;
    size_t thread_count;
};

/* Opens, checks and copies. On success *snapshot is the caller's, to be freed with
 * wp_snapshot_free. -EAGAIN: the program is just making it; -EPROTO: not a region, another version,
 * truncated, torn or hostile. */
int wp_reader_open(const struct wp_region_place *place, struct wp_snapshot **snapshot,
                   struct wp_error *error);

/* The same from a descriptor of the file at `place`, which stays open. */
int wp_reader_read_place(int fd, const struct wp_region_place *place, struct wp_snapshot **snapshot,
                         struct wp_error *error);

/* The same of any regular file, without a look at the program's clock; `name` is for messages.
 * Leaves fd open. */
int wp_reader_read(int fd, const char *name, struct wp_snapshot **snapshot, struct wp_error *error);

void wp_snapshot_free(struct wp_snapshot *snapshot); /* NULL is fine */

/* Facts of the header alone, for lists and look-ups that must be cheap. `command` is cut to fit. */
struct wp_reader_summary {
    uint64_t region_id;
    uint64_t run_id;
    uint64_t start_realtime_ns;
    uint64_t start_ticks;
    uint32_t pid;
    uint32_t uid;
    uint32_t flags;
    uint64_t block_rate_ns;
    uint64_t mutex_fraction;
    uint64_t allocated_bytes;
    uint64_t stack_bytes_used;
    uint64_t counters[WP_COUNTER_COUNT];
    uint32_t process_pids[64]; /* the first so many of the processes table */
    size_t process_count;
    char command[64];
};
int wp_reader_summarize(const struct wp_region_place *place, struct wp_reader_summary *summary,
                        struct wp_error *error);

/* The same from a descriptor; `name` is for messages. Leaves fd open. */
int wp_reader_summarize_fd(int fd, const char *name, struct wp_reader_summary *summary,
                           struct wp_error *error);

enum wp_reader_state {
    WP_STATE_GONE,     /* no process of the family is left (or the pid is another program's now) */
    WP_STATE_CHILDREN, /* the first process is gone, a forked child still runs */
    WP_STATE_RUNNING,
};

/*
 * Whether the program still runs, by pid and start time, never by pid alone; where no such process
 * can be seen from here (a container), by whether its file is in use. *pid (may be NULL) is set to
 * the pid, as seen from here, of the first process or else of the child that runs, and to 0 when
 * there is none or it cannot be seen.
 */
enum wp_reader_state wp_snapshot_state(const struct wp_snapshot *snapshot, pid_t *pid);

/* The rates in force in a region. */
struct wp_reader_rates {
    uint64_t block_rate_ns;
    uint64_t mutex_fraction;
    uint64_t wait_fraction; /* at least 1 */
    uint64_t budget_cost_ns_per_s;
    uint64_t budget_samples_per_s;
    size_t leases; /* that run */
};

/* What to change. */
struct wp_reader_rate_change {
    const uint64_t *block_rate_ns;  /* NULL: leave it as it is */
    const uint64_t *mutex_fraction; /* NULL likewise */
    uint64_t for_ns;                /* 0: for good, else a lease of so long */
    /* For good, whatever for_ns is; 0: no limit. All of the change NULL: only read. */
    const uint64_t *budget_cost_ns_per_s;
    const uint64_t *budget_samples_per_s;
};

/* What came of it. */
struct wp_reader_rate_result {
    struct wp_reader_rates before, after;
    uint64_t lease;      /* its number, for wp_reader_end_lease; 0: none was asked for */
    size_t ended_leases; /* others that a change for good has ended */
};

/*
 * Changes the rates of a live region, for good or as a lease, and records the change in its ring.
 * For good: the base changes, and leases of the rates that are named end, so that what was asked
 * for is in force at once. A lease ends by itself, by the clock of the program, whatever becomes of
 * the caller. Works by pwrite of whole words: a program that reads a word while it changes uses
 * the old or the new value for one decision and the scaling of that decision. Commands take turns
 * (flock). -EBUSY: all WP_REGION_LEASES leases run, or somebody holds the lock for seconds.
 */
int wp_reader_change_rates(const struct wp_region_place *place,
                           const struct wp_reader_rate_change *change,
                           struct wp_reader_rate_result *result, struct wp_error *error);

/* Ends a lease before its time; one that is over already is no error. */
int wp_reader_end_lease(const struct wp_region_place *place, uint64_t lease,
                        struct wp_reader_rates *after, struct wp_error *error);

#endif
