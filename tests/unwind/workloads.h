/*
 * Work to be interrupted at every instruction. Each function leads through many frames of libc or
 * libstdc++, which have no frame pointers.
 */
#ifndef WP_TESTS_UNWIND_WORKLOADS_H
#define WP_TESTS_UNWIND_WORKLOADS_H

#ifdef __cplusplus
extern "C" {
#endif

void workload_sort(void);
void workload_regex(void);
void workload_print(void);
void workload_time(void);
void workload_aligned(void);
void workload_strings(void);

/* C++ */
void workload_cxx_sort(void);
void workload_cxx_streams(void);
void workload_cxx_exceptions(void);

#ifdef __cplusplus
}
#endif
#endif
