#include "profile/symbol_name.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifdef WP_HAVE_IBERTY
#include <libiberty/demangle.h>
#endif

/* Consumers cut or refuse names that are longer. */
#define NAME_MAX_BYTES 4096u

/* Length of the valid UTF-8 sequence at `text` (RFC 3629: no overlong forms, no surrogates), 0 if
 * there is none. The text ends in NUL, which ends every sequence too. */
static size_t
name_utf8_length(const unsigned char *text)
{
    static const struct {
        unsigned char mask;
        unsigned char lead;
        size_t length;
        uint32_t least;
    } forms[] = {{0x80, 0x00, 1, 0},
                 {0xe0, 0xc0, 2, 0x80},
                 {0xf0, 0xe0, 3, 0x800},
                 {0xf8, 0xf0, 4, 0x10000}};

    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        uint32_t code = text[0] & (unsigned char)~forms[i].mask;

        if ((text[0] & forms[i].mask) != forms[i].lead)
            continue;
        for (size_t j = 1; j < forms[i].length; j++) {
            if ((text[j] & 0xc0) != 0x80)
                return 0;
            code = code << 6 | (text[j] & 0x3f);
        }
        if (code < forms[i].least || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
            return 0;
        return forms[i].length;
    }
    return 0;
}

/* C0, DEL and C1: some terminals obey U+009B as they do ESC [. */
static bool
name_is_control(const unsigned char *at, size_t length)
{
    return (length == 1 && (*at < 0x20 || *at == 0x7f)) ||
           (length == 2 && at[0] == 0xc2 && at[1] < 0xa0);
}

/* U+FFFE and U+FFFF, which XML forbids. */
static bool
name_is_no_character(const unsigned char *at, size_t length)
{
    return length == 3 && at[0] == 0xef && at[1] == 0xbf && at[2] >= 0xbe;
}

size_t
wp_symbol_clean(const char *text, char *out, size_t size)
{
    static const char replacement[] = "\xef\xbf\xbd";
    const unsigned char *at = (const unsigned char *)text;
    size_t used = 0;

    while (*at != '\0') {
        size_t length = name_utf8_length(at);
        const char *from = (const char *)at;
        size_t bytes = length;

        if (length == 0 || name_is_no_character(at, length)) {
            from = replacement;
            bytes = sizeof replacement - 1;
            length = length == 0 ? 1 : length;
        } else if (name_is_control(at, length)) {
            from = "?";
            bytes = 1;
        }
        if (used + bytes >= size)
            break;
        memcpy(out + used, from, bytes);
        used += bytes;
        at += length;
    }
    out[used] = '\0';
    return used;
}

int
wp_symbol_names_init(struct wp_symbol_names *names)
{
    memset(names, 0, sizeof *names);
    if (wp_keyset_init(&names->texts) != 0 || wp_keyset_init(&names->linkers) != 0)
        return -ENOMEM;
    return 0;
}

void
wp_symbol_names_free(struct wp_symbol_names *names)
{
    wp_keyset_free(&names->texts);
    wp_keyset_free(&names->linkers);
    free(names->pairs);
}

const char *
wp_symbol_names_text(struct wp_symbol_names *names, const char *text)
{
    char clean[NAME_MAX_BYTES];
    size_t length = wp_symbol_clean(text, clean, sizeof clean);
    const struct wp_key *key = wp_keyset_put(&names->texts, clean, length, NULL);

    return key == NULL ? "" : key->bytes;
}

#ifdef WP_HAVE_IBERTY
/* Without parameters, as pprof shows names by default; who wants them asks pprof, which has the
 * linker name. NULL if it is not a mangled name. The caller frees it. */
static char *
name_demangle(const char *linker_name)
{
    if (strnlen(linker_name, NAME_MAX_BYTES) >= NAME_MAX_BYTES)
        return NULL;
    return cplus_demangle(linker_name, DMGL_AUTO | DMGL_ANSI);
}
#else
static char *
name_demangle(const char *linker_name)
{
    (void)linker_name;
    return NULL;
}
#endif

struct wp_symbol_pair
wp_symbol_names_function(struct wp_symbol_names *names, const char *linker_name)
{
    struct wp_symbol_pair pair = {"", ""};
    bool added;
    struct wp_key *key = wp_keyset_put(&names->linkers, linker_name, strlen(linker_name), &added);
    char *demangled;

    if (key == NULL)
        return pair;
    if (!added)
        return names->pairs[key->value];
    if (wp_array_reserve(&names->pairs, &names->pair_capacity, key->value, sizeof pair) != 0)
        return pair;
    demangled = name_demangle(linker_name);
    pair.linker_name = wp_symbol_names_text(names, linker_name);
    pair.name = demangled != NULL && demangled[0] != '\0' ? wp_symbol_names_text(names, demangled)
                                                          : pair.linker_name;
    free(demangled);
    names->pairs[key->value] = pair;
    return pair;
}

bool
wp_symbol_is_runtime(const char *name, const char *file)
{
    static const char *const prefixes[] = {"std::", "__gthread_", "__gnu_cxx::", "__glibcxx_",
                                           "__cxa_"};
    /* Of libstdc++ and libc++, wherever the compiler lies; of Rust's std. */
    static const char *const directories[] = {"/include/c++/", "-gnu/c++/", "/library/std/src/"};

    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    }
    for (size_t i = 0; i < sizeof directories / sizeof directories[0]; i++) {
        if (strstr(file, directories[i]) != NULL)
            return true;
    }
    return false;
}
