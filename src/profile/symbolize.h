/*
 * Names for addresses: from the frames of a profile to functions, files, lines and inline frames,
 * by libdwfl; and the address that each location has in a profile.
 */
#ifndef WP_PROFILE_SYMBOLIZE_H
#define WP_PROFILE_SYMBOLIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "profile/error.h"
#include "profile/profile.h"

/* One function of a location. Strings are valid UTF-8 without control characters, live as long as
 * the symbolizer, and equal strings are equal pointers. */
struct wp_line {
    const char *function;    /* demangled */
    const char *linker_name; /* as the linker knows it; equal to function for C */
    const char *file;        /* absolute where the compiler said so, "" unknown */
    uint32_t line;           /* 0 unknown */
    uint32_t function_line;  /* where the function is declared, 0 unknown */
    uint64_t offset_bytes;   /* of the address from the start of the physical function */
};

/*
 * A place in the program: one address, and the chain of inlined functions there, innermost first,
 * the physical function last. line_count is 0 when no name was found.
 */
struct wp_location {
    uint64_t address; /* unique in the profile, not 0, the same at every read of a region */
    uint32_t module;  /* module number of the profile, 0 none */
    uint32_t line_count;
    uint64_t vaddr; /* link-time address in the module (run-time address if there is none) */
    const struct wp_line *lines;
};

/* What was found out about a module as a whole, and where it lies in the profile's address space.
 * The has_* words are true only if they hold for every location of the module. */
struct wp_module_symbols {
    bool used; /* some location lies in it */
    bool has_functions;
    bool has_filenames;
    bool has_line_numbers;
    bool has_inline_frames;
    uint64_t start; /* of its executable segment, page aligned; limit is behind its end */
    uint64_t limit;
    uint64_t file_offset;
    const char *trouble; /* why it could not be read, NULL if it could */
};

/* Symbols of one profile. Index spaces: locations are dense from 0; modules as in the profile. */
struct wp_symbols {
    const struct wp_profile *profile;
    struct wp_location *locations;
    size_t location_count;
    struct wp_module_symbols *modules;
    struct wp_symbols_index *index; /* internal */
};

/* Keeps what it learnt of a module (by path and build-id) from one profile to the next. Not for
 * use by several threads at once. */
struct wp_symbolizer;

struct wp_symbolizer_options {
    bool offline;    /* names no file at all: addresses only */
    bool debuginfod; /* ask the servers of DEBUGINFOD_URLS; off by default */
};

/* `options` may be NULL. On success the caller frees the symbolizer after all its symbols. Without
 * `debuginfod` it unsets DEBUGINFOD_URLS in this process, the only switch that libdwfl knows: start
 * programs before, and call it while there is one thread. */
int wp_symbolizer_new(const struct wp_symbolizer_options *options,
                      struct wp_symbolizer **symbolizer, struct wp_error *error);
void wp_symbolizer_free(struct wp_symbolizer *symbolizer);

/* How many addresses and modules it remembers: a measure of its memory. */
size_t wp_symbolizer_remembers(const struct wp_symbolizer *symbolizer);

/*
 * Names every location of the profile, each distinct address once. Modules that cannot be read are
 * no error: their locations stay without lines and `trouble` says why. On success the caller frees
 * *symbols; it refers to the profile, which must not change meanwhile (sorting is fine).
 */
int wp_symbolize(struct wp_symbolizer *symbolizer, const struct wp_profile *profile,
                 struct wp_symbols **symbols, struct wp_error *error);
void wp_symbols_free(struct wp_symbols *symbols); /* NULL is fine */

/*
 * The locations of a sample of the profile, leaf first: the API function, then its frames. Sets
 * *locations to indices that live as long as the symbols, and returns how many there are.
 */
size_t wp_symbols_stack(const struct wp_symbols *symbols, const struct wp_profile_sample *sample,
                        const uint32_t **locations);

/*
 * Text for a location that has no lines: "[libfoo.so.1+0x1234]", or "[0x7f..]" outside of any
 * module. Writes at most `size` bytes with NUL and returns `text`.
 */
const char *wp_symbols_unnamed(const struct wp_symbols *symbols, const struct wp_location *location,
                               char *text, size_t size);

#endif
