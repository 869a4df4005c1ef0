/*
 * What an executable file is: enough of its ELF headers to tell whether the loader will preload a
 * library into it.
 */
#ifndef WP_CLI_PROGRAM_ELF_H
#define WP_CLI_PROGRAM_ELF_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

struct wp_program_elf {
    uint16_t machine; /* EM_* */
    bool is_64_bit;
    char interpreter[PATH_MAX];  /* PT_INTERP; empty: none, so nothing is ever preloaded */
    bool is_go;                  /* made by the Go linker */
    bool has_sanitizer;          /* AddressSanitizer's or ThreadSanitizer's run-time library */
    bool defines_lock_functions; /* pthread_mutex_lock of its own, which wins over ours */
};

/* Reads the headers of the open file. 0, -ENOEXEC (no ELF file, or a damaged one), -ENOMEM. */
int wp_program_elf_read(int fd, struct wp_program_elf *facts);

#endif
