/*
 * Data that wrappers read on every call is declared WP_HIDDEN: -fvisibility=hidden covers
 * definitions only, and a mere declaration makes the compiler go through the global offset table.
 */
#ifndef WP_CORE_VISIBILITY_H
#define WP_CORE_VISIBILITY_H

#define WP_HIDDEN __attribute__((visibility("hidden")))

#endif
