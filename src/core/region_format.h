/*
 * The region: the file that a profiled program writes and `waitprof` reads.
 *
 * docs/region-format.md says in words what this header says in C: who writes which field, in which
 * order, and how a reader proceeds. Change both together and raise WP_REGION_VERSION.
 *
 * Everything is in the byte order and word size of the program (64 bit). All offsets are in bytes
 * from the start of the file unless a comment says otherwise. Fields marked [atomic] are written by
 * several threads, of several processes, while a reader looks on; all others are written once,
 * before `ready` is set (header) or before the record is published (tables).
 */
#ifndef WP_CORE_REGION_FORMAT_H
#define WP_CORE_REGION_FORMAT_H

#include <stdint.h>

#define WP_REGION_MAGIC "WPREGION"
#define WP_REGION_VERSION 4u

/* File name: COMMAND.PID.ID16.wpr, where ID16 is region_id in 16 hexadecimal digits. */
#define WP_REGION_SUFFIX ".wpr"

/* A stack keeps at most this many program frames; WAITPROF_DEPTH may lower it. */
#define WP_REGION_MAX_DEPTH 1024u
#define WP_REGION_DEFAULT_DEPTH 128u

/* The rates may be at most these; core/sampling.h relies on it. */
#define WP_REGION_MAX_BLOCK_RATE_NS UINT64_C(1000000000000) /* 1000 s */
#define WP_REGION_MAX_MUTEX_FRACTION UINT64_C(1000000)

/*
 * Loss and cost counters, one list. Each is the sum over all shards (wp_region_counters).
 *   X(name, text for people)
 */
#define WP_REGION_COUNTERS(X)                                                                      \
    X(waits, "calls that had to wait; under a budget, estimated from some")                        \
    X(block_samples, "waits kept for the block profile")                                           \
    X(mutex_waiters, "waiters registered for the mutex profile")                                   \
    X(mutex_samples, "unlocks charged in the mutex profile")                                       \
    X(lost_table_full, "samples whose stack found no room in the table")                           \
    X(lost_reentrant, "samples inside a sample (signal handlers)")                                 \
    X(lost_buffers, "samples that found no capture buffer")                                        \
    X(lost_waiters, "waiters that found no blame record")                                          \
    X(unwind_frame_pointer, "frames walked by frame pointer for want of unwind rules")             \
    X(unwind_failed, "stacks that end in [unwind failed]")                                         \
    X(unwind_truncated, "stacks that end in [truncated]")                                          \
    X(unwind_rule_misses, "unwind rules read from .eh_frame")                                      \
    X(module_table_full, "modules that found no room in the module table")                         \
    X(growth_failed, "times the region could not grow")                                            \
    X(wait_cost_ns, "nanoseconds spent on timing calls that had to wait, estimated from some")     \
    X(sample_cost_ns, "nanoseconds spent on keeping samples of waits, estimated likewise")         \
    X(unlock_cost_ns, "nanoseconds spent on charging unlocks, estimated likewise")                 \
    X(condition_cost_ns, "nanoseconds spent on conditions of waits that were passed over")         \
    X(waits_passed_over, "calls that had to wait, that others stand for (budget)")                 \
    X(mutex_shares, "waiters in the way of the charged unlocks, each time")                        \
    X(conditions_passed_over, "waits for conditions, that others stand for (budget)")              \
    X(conditions_unsplit, "waits for conditions that include that for the mutex (budget)")

enum wp_region_counter {
#define WP_REGION_COUNTER_ENUM(name, text) WP_COUNTER_##name,
    WP_REGION_COUNTERS(WP_REGION_COUNTER_ENUM)
#undef WP_REGION_COUNTER_ENUM
        WP_COUNTER_COUNT
};

#define WP_REGION_COUNTER_SHARDS 8u

/* One shard of every counter. Threads spread over the shards so that they share no cache line.
 * 192 bytes: three cache lines. */
struct wp_region_counters {
    uint64_t value[24]; /* [atomic] indexed by enum wp_region_counter, only grows */
};

/* Where a table lies. Invariant: offset + stride * capacity <= header.size_bytes; count <= capacity
 * may be exceeded by writers that lost a race for the last row: a reader clamps it. */
struct wp_region_table {
    uint32_t offset;   /* multiple of 64 */
    uint32_t stride;   /* bytes a row; a reader accepts larger strides of later minor revisions */
    uint32_t capacity; /* rows */
    uint32_t count;    /* [atomic] rows in use; unused (0) for modules and buckets */
};

enum wp_region_table_id {
    WP_TABLE_FUNCTIONS, /* struct wp_region_function, row = function id */
    WP_TABLE_WAITS,     /* uint64_t [atomic] a function: waits timed; row = shard of the counters */
    WP_TABLE_PROCESSES, /* struct wp_region_process */
    WP_TABLE_MODULES,   /* struct wp_region_module, open addressing by key; row 0 stays empty */
    WP_TABLE_STRINGS,   /* bytes; offset 0 is the empty string; every string ends in NUL */
    WP_TABLE_BUCKETS,   /* uint32_t heads of hash chains of stacks */
    WP_TABLE_THREADS,   /* struct wp_region_thread, in sets of WP_REGION_THREAD_SET rows */
    WP_TABLE_BUDGET,    /* struct wp_region_budget_turn, a ring: what the budget chose */
    WP_TABLE_STACKS,    /* 16-byte units holding struct wp_region_stack; unit 0 stays empty */
    WP_TABLE_COUNT
};

/* One change of the sampling rates, by the program or by `waitprof rate`. */
struct wp_region_rate_change {
    uint64_t realtime_ns;   /* CLOCK_REALTIME; 0: not written yet */
    uint64_t block_rate_ns; /* values in force from then on */
    uint64_t mutex_fraction;
    uint64_t reserved;
};

#define WP_REGION_RATE_CHANGES 32u /* ring; rate_change_count % 32 is the next to be written */

/* In a lease: this rate stays as it would be without the lease. */
#define WP_REGION_RATE_UNCHANGED UINT64_MAX

/* In block_rate_ns: no wait is kept, but wrappers go on to look at the clock, so that the program
 * notices when a lease ends that switched it off. Means 0 to everybody else. */
#define WP_REGION_BLOCK_RATE_PAUSED UINT64_MAX

/*
 * Rates for a time. Written by commands alone, which take turns (flock); the program only reads it.
 * Live while number != 0 and the deadline is ahead. core/region_rates.h says which rates follow.
 */
struct wp_region_lease {
    uint64_t number; /* [atomic] written last, 0 first when it ends; the larger is the later */
    uint64_t deadline_monotonic_ns;
    uint64_t block_rate_ns;  /* or WP_REGION_RATE_UNCHANGED */
    uint64_t mutex_fraction; /* likewise */
};

#define WP_REGION_LEASES 16u

/*
 * What recording may cost, and what the program chose to hold it (core/budget.h). The limits are
 * written by the constructor and by commands, all else by the program: by the thread that has its
 * turn.
 */
struct wp_region_budget {
    uint64_t cost_ns_per_s; /* [atomic] of one processor; 0: no limit */
    uint64_t samples_per_s; /* [atomic] of both profiles together; 0: no limit */

    /* The choice: rates are at least these, where they are not 0 and no lease names them. All 0
     * before the first turn. Without a limit they mean nothing. */
    uint64_t block_rate_ns;  /* [atomic] */
    uint64_t mutex_fraction; /* [atomic] */
    uint64_t wait_fraction;  /* [atomic] */

    uint64_t turn_ns;    /* [atomic] CLOCK_MONOTONIC of the next turn; 0: at the next event */
    uint64_t turn_count; /* [atomic] rows of the ring ever written */
    uint64_t unsplit;    /* [atomic] 1: waits for conditions include that for the mutex */

    /* The account of the thread that has its turn. */
    uint64_t last_turn_ns;           /* CLOCK_MONOTONIC */
    uint64_t last_waits;             /* counters then: waits that were looked at, */
    uint64_t last_samples;           /* samples of waits, */
    uint64_t last_unlocks;           /* charged unlocks */
    uint64_t last_costs[4];          /* what they had cost: as the counters *_cost_ns, */
    uint64_t last_conditions;        /* and waits for conditions that were passed over */
    uint64_t cost_sums[4];           /* ns that were measured of late of each class, */
    uint64_t cost_counts[4];         /* and of how many pieces; */
    uint64_t cost_unmeasured[4];     /* pieces since the latest measurement, not among those yet */
    uint64_t unit_costs[4];          /* the mean: ns of one; 0: not known yet */
    uint64_t row_begin_ns;           /* CLOCK_MONOTONIC: the second whose row is next */
    uint64_t row_cost_ns;            /* so far */
    uint64_t row_waits, row_samples; /* counters at its begin */

    uint64_t charges; /* [atomic] unlocks that may still be charged until the next turn, and 1; 0:
                         no limit */
    uint64_t spent;   /* [atomic] of what a turn may cost, since the latest; 2^32: all of it, and
                         the next is due at once */
    uint64_t spent_charges_ns; /* CLOCK_MONOTONIC of the latest turn that found no charges left */

    uint64_t unsplit_ns;         /* CLOCK_MONOTONIC of when `unsplit` was last looked into */
    uint64_t unsplit_conditions; /* the counter then */
    uint64_t conditions_debt_ns; /* what conditions cost of late beyond what they may */
};

#define WP_REGION_BUDGET_SPENT (UINT64_C(1) << 32)

/* A row of the ring: the second (or longer, if nothing happened) that ended then. */
struct wp_region_budget_turn {
    uint64_t realtime_ns;    /* CLOCK_REALTIME of its end; 0: being written */
    uint64_t span_ns;        /* since the row before */
    uint64_t block_rate_ns;  /* in force at its end */
    uint64_t mutex_fraction; /* likewise */
    uint64_t wait_fraction;  /* likewise */
    uint64_t cost_ns;        /* in that span, as the program reckons it */
    uint64_t waits;          /* in that span */
    uint64_t samples;        /* kept in that span, for both profiles */
    uint64_t unsplit;        /* at its end */
};

#define WP_REGION_BUDGET_TURNS 128u /* rows */

/* Flags of wp_region_header.flags */
#define WP_REGION_FLAG_EXITED 1u   /* [atomic] the program that made the region left by exit() */
#define WP_REGION_FLAG_SECCOMP 2u  /* [atomic] a process has got a seccomp filter */
#define WP_REGION_FLAG_FIXED 4u    /* the kernel cannot grow it safely: size fixed at start */
#define WP_REGION_FLAG_EXPORTED 8u /* the program ended and `waitprof` wrote its data elsewhere */
#define WP_REGION_FLAG_FORKED 16u  /* [atomic] a forked grandchild may still write here */

/*
 * Page 0 of the file.
 *
 * Invariants: ready becomes 1 (release) after all else is written. allocated_bytes <= size_bytes:
 * the file has blocks for [0, allocated_bytes) and is sparse behind. stack_units_used * 16 +
 * tables[STACKS].offset <= allocated_bytes for every stack that is published.
 */
struct wp_region_header {
    char magic[8];         /* WP_REGION_MAGIC without NUL */
    uint32_t version;      /* WP_REGION_VERSION; also tells the byte order */
    uint32_t header_bytes; /* sizeof(struct wp_region_header) */
    uint64_t size_bytes;   /* bound of the mapping and length of the file */
    uint64_t region_id;    /* random; identifies the region whatever the pid means */
    uint64_t run_id;       /* from WAITPROF_RUN (set by `waitprof run`), else 0 */
    uint64_t start_realtime_ns;
    uint64_t start_monotonic_ns;
    uint64_t start_ticks; /* field 22 of /proc/PID/stat: tells a reused pid; 0 unknown */
    uint32_t pid;         /* of the process that made the region, in its pid namespace */
    uint32_t uid;         /* its effective user then */
    uint32_t executable;  /* string: path of the executable */
    uint32_t directory;   /* string: working directory at start, for relative module paths */
    uint32_t arguments;   /* string: argv, each argument ending in NUL (see arguments_bytes) */
    uint32_t arguments_bytes;
    uint32_t command;   /* string: the command name (comm) */
    uint32_t max_depth; /* program frames kept of a stack */
    struct wp_region_table tables[WP_TABLE_COUNT];
    uint64_t allocated_bytes;  /* [atomic] only grows */
    uint64_t stack_units_used; /* [atomic] 16-byte units handed out in the stacks table */
    uint32_t ready;            /* [atomic] 1: the region may be read */
    uint32_t flags;            /* [atomic] WP_REGION_FLAG_* */
    uint64_t reserved[7];      /* so that the words that wrappers read share one cache line */

    /* The rates in force: read by the program at every event. They follow from the base rates, the
     * leases and the budget (core/region_rates.h); whoever changes those, or finds that the time
     * has come, works them out anew: the program, and anyone who may write the file. */
    uint64_t block_rate_ns;  /* [atomic] 0 off, 1 every event, N: on average one sample per N ns */
    uint64_t mutex_fraction; /* [atomic] 0 off, N: one of N contention events */
    uint64_t wait_fraction;  /* [atomic] 0 or 1: every wait is looked at; N: one of N, for all */
    uint64_t settle_at_ns;   /* [atomic] CLOCK_MONOTONIC: a lease ends, or the budget has its turn;
                                0: never */
    uint64_t base_block_rate_ns;  /* [atomic] in force without a lease */
    uint64_t base_mutex_fraction; /* [atomic] likewise */
    uint64_t settings_by_program; /* [atomic] changes of the base, by the program */
    uint64_t settings_by_command; /* [atomic] changes of base, leases and budget, by commands */

    struct wp_region_budget budget;
    uint64_t lease_count; /* leases ever given: the number of the latest */
    struct wp_region_lease leases[WP_REGION_LEASES];
    uint64_t rate_change_count; /* [atomic] changes ever made; 1 after start */
    struct wp_region_rate_change rate_changes[WP_REGION_RATE_CHANGES];

    struct wp_region_counters counters[WP_REGION_COUNTER_SHARDS] __attribute__((aligned(64)));
};

/* Flags of wp_region_function.flags */
#define WP_REGION_FUNCTION_UNBOUND 1u /* the program's libc lacks it */
#define WP_REGION_FUNCTION_HIDDEN 2u  /* the program's own function of that name comes first */
#define WP_REGION_FUNCTION_OFF 4u     /* its family was left out by WAITPROF_EVENTS */

/*
 * A wrapped function, or one of several kinds of events of one. Its row number is the function id
 * that stacks carry. Row 0 is "no function".
 */
struct wp_region_function {
    char name[40];    /* linker name, as `pthread_mutex_lock` */
    char kind[16];    /* "mutex", "rwlock.read", "cond.reacquire", "recv" ...; "" records nothing */
    char family[12];  /* as WAITPROF_EVENTS has them */
    uint32_t module;  /* module of the real function, 0 unknown */
    uint64_t vaddr;   /* link-time address of the real function in that module */
    char version[16]; /* symbol version where libc has several functions of the name, else "" */
    uint32_t flags;   /* WP_REGION_FUNCTION_* */
    uint32_t part_of; /* row of the function that this is another kind of, else 0 */
    uint8_t reserved[8];
};

/* A process of the family that writes here: the first, and each forked child that had an event. */
struct wp_region_process {
    uint32_t pid;                /* [atomic] 0: row being written */
    uint32_t parent;             /* row + 1 of the process it was forked from, 0 for the first */
    uint64_t start_monotonic_ns; /* when its first event was seen (children), or start */
};

/*
 * A thread that had to wait: what it waited so far, and what it waits for now. Rows are a cache:
 * a set is chosen by the hash of the key, a thread takes a free row of its set or that of the
 * thread that was not seen for longest, and one that finds its row taken takes another, from zero.
 * All fields are written by the thread itself, so that they cost it no more than plain stores.
 */
struct wp_region_thread {
    uint64_t key;               /* [atomic] (row + 1 of its process) << 32 | thread id; 0: free */
    uint64_t waits;             /* [atomic] waits that are over, since it has the row */
    uint64_t waited_ns;         /* [atomic] in those */
    uint64_t last_monotonic_ns; /* [atomic] when its latest wait began or ended */
    uint64_t waiting_since_ns;  /* [atomic] CLOCK_MONOTONIC; 0: it is in no wait that is seen */
    uint32_t waiting_function;  /* [atomic] id of the function that it waits in */
    uint32_t reserved[5];
};

#define WP_REGION_THREADS 1024u /* rows */
#define WP_REGION_THREAD_SET 8u /* rows of a set; the set is key_hash % (rows / 8) */

/*
 * An object mapped into the program: the executable, a library, the vDSO.
 * Slot = hash(path, build-id), linear probing, so that all processes agree without a lock.
 * key is claimed by compare-and-swap, then the rest is written, then ready is set (release).
 */
struct wp_region_module {
    uint64_t key;   /* [atomic] hash of path and build-id, never 0 when taken */
    uint32_t ready; /* [atomic] 1: fields below are valid */
    uint32_t path;  /* string; as the loader knows it, absolute for the executable */
    uint64_t bias;  /* load address minus link-time address, in the process that wrote the row */
    uint64_t text_vaddr; /* link-time address, size and file offset of the executable segment */
    uint64_t text_bytes;
    uint64_t text_offset;
    uint32_t build_id_bytes; /* 0: has none */
    uint32_t is_executable;  /* 1: the program itself */
    uint8_t build_id[32];
    uint8_t reserved[40];
};

enum wp_region_profile { WP_PROFILE_BLOCK = 1, WP_PROFILE_MUTEX = 2 };

/* contentions_fixed counts contentions in units of 1/65536. */
#define WP_REGION_COUNT_ONE 65536u

/*
 * One distinct stack of one profile, and what it has cost so far. Variable length: 64 bytes and
 * `depth` frames, rounded up to 16-byte units. Published by compare-and-swap of the chain's head
 * (release) after everything but the totals is written; never moved, never freed; two records with
 * equal identity (profile, function, frames) may exist, and a reader adds them up.
 */
struct wp_region_stack {
    uint32_t hash;     /* of profile, function and frames */
    uint32_t next;     /* unit of the next record in the chain, 0 ends it */
    uint16_t depth;    /* frames that follow, >= 1 unless function != 0; innermost first */
    uint16_t function; /* id of the API function, the leaf; 0 none */
    uint8_t profile;   /* enum wp_region_profile */
    uint8_t reserved[3];
    uint64_t contentions_fixed; /* [atomic] scaled to the whole population when sampled */
    uint64_t delay_ns;          /* [atomic] scaled likewise */
    uint64_t samples;           /* [atomic] kept samples */
    uint64_t variance_bits;     /* [atomic] bits of a double: estimated variance of delay, ns^2 */
    uint64_t squares_bits;      /* [atomic] likewise: sum of the squares of what samples added to
                                   delay, ns^2; less the variance: that of the waits' own squares */
    uint64_t last_monotonic_ns; /* [atomic] time of the latest sample */
    uint64_t frames[];          /* see WP_FRAME_* */
};

/*
 * A frame: module in bits 63..48, WP_FRAME_EXACT in bit 47, link-time address in bits 46..0.
 * The address is a return address (the call ends just before it) unless EXACT is set (a frame that
 * a signal interrupted). Module 0: the address is a run-time address outside of any module.
 * Module WP_FRAME_SPECIAL: the address is a WP_SPECIAL_* code, not an address.
 */
#define WP_FRAME_MODULE_SHIFT 48
#define WP_FRAME_EXACT (UINT64_C(1) << 47)
#define WP_FRAME_ADDRESS_MASK (WP_FRAME_EXACT - 1)
#define WP_FRAME_SPECIAL 0xffffu

/* Frames that name what is missing. X(code, text) */
#define WP_SPECIAL_FRAMES(X)                                                                       \
    X(1, TRUNCATED, "[truncated]")                                                                 \
    X(2, UNWIND_FAILED, "[unwind failed]")                                                         \
    X(3, LOST_TABLE_FULL, "[lost: table full]")                                                    \
    X(4, LOST_REENTRANT, "[lost: reentrant]")                                                      \
    X(5, LOST_BUFFERS, "[lost: no capture buffer]")                                                \
    X(6, BUDGET, "[not attributed: budget]")

enum wp_special_frame {
#define WP_SPECIAL_ENUM(code, name, text) WP_SPECIAL_##name = code,
    WP_SPECIAL_FRAMES(WP_SPECIAL_ENUM)
#undef WP_SPECIAL_ENUM
};

_Static_assert(sizeof(struct wp_region_counters) == 192, "whole cache lines");
_Static_assert(WP_COUNTER_COUNT <= 24, "counters fit their shard");
_Static_assert(sizeof(struct wp_region_header) <= 4096, "the header is one page");
_Static_assert(__builtin_offsetof(struct wp_region_header, block_rate_ns) % 64 == 0,
               "the rates share a cache line with nothing that changes often");
_Static_assert(sizeof(struct wp_region_function) == 112, "no padding");
_Static_assert(sizeof(struct wp_region_module) == 128, "no padding");
_Static_assert(sizeof(struct wp_region_thread) == 64, "no padding");
_Static_assert(sizeof(struct wp_region_budget_turn) == 72, "no padding");
_Static_assert(sizeof(struct wp_region_stack) == 64, "frames start a cache line");

#endif
