/*
 * A made-up program for the tests of the view: its region at three moments, names for its stacks,
 * and what the kernel would say of its threads.
 */
#ifndef WP_TESTS_TOP_SCENE_H
#define WP_TESTS_TOP_SCENE_H

#include "cli/top/model.h"
#include "cli/top/threads.h"
#include "profile/region_builder.h"

/* Functions of the region. */
enum scene_function {
    SCENE_NONE,
    SCENE_LOCK,      /* pthread_mutex_lock, mutex */
    SCENE_UNLOCK,    /* pthread_mutex_unlock, mutex */
    SCENE_RECV,      /* recv, of net */
    SCENE_WAIT,      /* pthread_cond_wait, cond */
    SCENE_REACQUIRE, /* another kind of it, cond.reacquire */
};

struct scene {
    struct region_builder builder;
    struct wp_region_stack *stacks[16];
    size_t stack_count;
    size_t named_count; /* stacks that were named so far */
};

/* A region with the functions and without stacks and threads. */
void scene_init(struct scene *scene);
void scene_free(struct scene *scene);

/* Adds a stack whose frames have the names `first` and on (as scene_name has them). */
struct wp_region_stack *scene_add(struct scene *scene, enum wp_region_profile profile,
                                  enum scene_function function, unsigned first, uint16_t depth,
                                  uint64_t contentions, uint64_t delay_ns);

/* Lets a stack cost more, of so many samples. */
void scene_cost(struct wp_region_stack *stack, uint64_t contentions, uint64_t delay_ns);

/* Fills a row of the threads. */
struct wp_region_thread *scene_thread(struct scene *scene, unsigned row, uint32_t process,
                                      uint32_t tid);

/* Reads the region as it is now, at so many seconds after the program's start. */
struct wp_snapshot *scene_look(struct scene *scene, double seconds);
#define SCENE_START_NS UINT64_C(5000000000) /* CLOCK_MONOTONIC */

/* Name of the frame at an address: 1 and on. */
const char *scene_name(unsigned number);
struct wp_top_namer scene_namer(struct scene *scene);

/* Threads up to 19 are there, "thread-N"; others are gone. */
wp_thread_life_look_fn scene_life;

/* The scene that is drawn: block and mutex stacks, kinds, threads, at 10 s and 12 s. */
void scene_populate(struct scene *scene);
void scene_go_on(struct scene *scene);

/* A budget of 0.5 % that has had three turns. */
void scene_set_budget(struct scene *scene);

#endif
