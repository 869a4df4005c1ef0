/*
 * One message about what went wrong, built where the cause is known.
 */
#ifndef WP_PROFILE_ERROR_H
#define WP_PROFILE_ERROR_H

#define WP_ERROR_TEXT_BYTES 640u

/* `text` is one line without "waitprof:" in front and without a newline; empty while all is well.
 * It names the object, the reason and, where there is one, the remedy. */
struct wp_error {
    char text[WP_ERROR_TEXT_BYTES];
};

/*
 * Formats the message and returns -code, so that `return wp_error_set(error, ENOENT, ...)` is the
 * whole of a failure. `error` may be NULL. Keeps errno. Arguments may come from a hostile file: the
 * message is cleaned by wp_symbol_clean, and cut if it is too long.
 */
int wp_error_set(struct wp_error *error, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
