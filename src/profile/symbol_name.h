/*
 * Names, made fit for every consumer: demangled, valid UTF-8, each kept once.
 */
#ifndef WP_PROFILE_SYMBOL_NAME_H
#define WP_PROFILE_SYMBOL_NAME_H

#include <stdbool.h>
#include <stddef.h>

#include "profile/keyset.h"

struct wp_symbol_pair {
    const char *linker_name;
    const char *name;
};

struct wp_symbol_names {
    struct wp_keyset texts;   /* cleaned texts */
    struct wp_keyset linkers; /* raw linker names; value = index of pairs */
    struct wp_symbol_pair *pairs;
    size_t pair_capacity;
};

int wp_symbol_names_init(struct wp_symbol_names *names); /* 0 or -ENOMEM */
void wp_symbol_names_free(struct wp_symbol_names *names);

/* The text, cleaned by wp_symbol_clean and kept: equal texts are equal pointers. "" if out of
 * memory. Valid until wp_symbol_names_free. */
const char *wp_symbol_names_text(struct wp_symbol_names *names, const char *text);

/* A linker name and what it means (C++ and Rust demangled without parameters, else the same). */
struct wp_symbol_pair wp_symbol_names_function(struct wp_symbol_names *names,
                                               const char *linker_name);

/*
 * True for the functions that C++ and Rust have between a program and libc, std::mutex::lock for
 * one, by name or by source file ("" unknown): of a template that was inlined the name may lack its
 * class. Rows by function pass over them: else all of a program's locks were one row of theirs.
 */
bool wp_symbol_is_runtime(const char *name, const char *file);

/*
 * Copies at most size - 1 bytes of text and a NUL: bytes that are not valid UTF-8, and U+FFFE and
 * U+FFFF, become U+FFFD, control characters '?'. Never cuts a character in two. Returns the length,
 * which is at most three times that of the text.
 */
size_t wp_symbol_clean(const char *text, char *out, size_t size);

#endif
