#include "cli/push/series_name.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/message.h"

#define SERVICE_BYTES 256u
#define LABEL_NAME_BYTES 128u
#define LABEL_VALUE_BYTES 1024u

/* Where a label's value comes from. */
enum value_source { VALUE_GIVEN, VALUE_PID, VALUE_COMMAND };

static const char *const source_names[] = {[VALUE_PID] = "pid", [VALUE_COMMAND] = "command"};

struct label {
    char name[LABEL_NAME_BYTES];
    enum value_source source;
    char value[LABEL_VALUE_BYTES];
};

struct wp_series_naming {
    char service[SERVICE_BYTES]; /* "": each program's command */
    struct label labels[WP_SERIES_LABELS_MAX];
    unsigned label_count;
};

/* All that a server may refuse is ASCII and refused here; <ctype.h> would ask the locale. */
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

static const char label_name_characters[] = LETTERS DIGITS "_";
static const char service_characters[] = LETTERS DIGITS "_.-/";
static const char value_ends[] = ",}\"";

int
wp_series_parse_labels(const struct wp_option *option, const char *text, void *target)
{
    struct wp_series_labels *labels = target;

    if (labels->count == WP_SERIES_LABELS_MAX) {
        wp_message_error(text, "use fewer", "--%s was given more than %u times", option->name,
                         WP_SERIES_LABELS_MAX);
        return -EINVAL;
    }
    labels->texts[labels->count++] = text;
    return 0;
}

static bool
is_control(char character)
{
    return (unsigned char)character < 0x20 || character == 0x7f;
}

static bool
is_value(const char *text)
{
    if (strpbrk(text, value_ends) != NULL)
        return false;
    for (; *text != '\0'; text++) {
        if (is_control(*text))
            return false;
    }
    return true;
}

static struct label *
find_label(struct wp_series_naming *naming, const char *name)
{
    for (unsigned i = 0; i < naming->label_count; i++) {
        if (strcmp(naming->labels[i].name, name) == 0)
            return &naming->labels[i];
    }
    return NULL;
}

/* A row for a name that is checked here; NULL once *error says why not. */
static struct label *
add_label(struct wp_series_naming *naming, const char *name, struct wp_error *error)
{
    struct label *label;
    size_t length = strlen(name);

    if (length == 0 || length >= LABEL_NAME_BYTES ||
        strspn(name, label_name_characters) != length || strchr(DIGITS, name[0]) != NULL) {
        wp_error_set(error, EINVAL,
                     "%s: not the name of a label; it has letters, digits and '_', at most %u, and "
                     "does not begin with a digit",
                     length > 0 ? name : "\"\"", LABEL_NAME_BYTES - 1);
        return NULL;
    }
    if (strncmp(name, "__", 2) == 0 || strcmp(name, "service_name") == 0) {
        wp_error_set(error, EINVAL, "%s: servers keep that label for themselves%s", name,
                     name[0] == 's' ? "; use --service" : "");
        return NULL;
    }
    if (find_label(naming, name) != NULL) {
        wp_error_set(error, EINVAL, "%s: there are two labels of that name", name);
        return NULL;
    }
    if (naming->label_count == WP_SERIES_LABELS_MAX) {
        wp_error_set(error, EINVAL, "%s: there are more than %u labels", name,
                     WP_SERIES_LABELS_MAX);
        return NULL;
    }
    label = &naming->labels[naming->label_count++];
    snprintf(label->name, sizeof label->name, "%s", name);
    return label;
}

/* "NAME=VALUE", or the name of a source. */
static int
add_word(struct wp_series_naming *naming, const char *word, struct wp_error *error)
{
    const char *equals = strchr(word, '=');
    char name[LABEL_NAME_BYTES + 1];
    struct label *label;

    if (equals == NULL) {
        for (unsigned i = VALUE_PID; i <= VALUE_COMMAND; i++) {
            if (strcmp(word, source_names[i]) != 0)
                continue;
            label = add_label(naming, word, error);
            if (label == NULL)
                return -EINVAL;
            label->source = i;
            return 0;
        }
        return wp_error_set(error, EINVAL,
                            "%s: not a value for --label; it is NAME=VALUE, pid or command",
                            word[0] != '\0' ? word : "\"\"");
    }
    snprintf(name, sizeof name, "%.*s",
             (int)(equals - word < (ptrdiff_t)sizeof name ? (size_t)(equals - word) : sizeof name),
             word);
    label = add_label(naming, name, error);
    if (label == NULL)
        return -EINVAL;
    if (!is_value(equals + 1) || strlen(equals + 1) >= sizeof label->value)
        return wp_error_set(error, EINVAL,
                            "%s: the value of a label cannot have '}', '\"' or control characters, "
                            "nor more than %u bytes",
                            word, LABEL_VALUE_BYTES - 1);
    snprintf(label->value, sizeof label->value, "%s", equals + 1);
    return 0;
}

/* A list of words with commas between them. */
static int
add_text(struct wp_series_naming *naming, const char *text, struct wp_error *error)
{
    char *copy = strdup(text), *rest = copy, *word;
    int status = copy != NULL ? 0 : wp_error_set(error, ENOMEM, "out of memory");

    while (status == 0 && (word = strsep(&rest, ",")) != NULL)
        status = add_word(naming, word, error);
    free(copy);
    return status;
}

static int
set_service(struct wp_series_naming *naming, const char *service, struct wp_error *error)
{
    size_t length = strlen(service);

    if (length == 0 || length >= sizeof naming->service ||
        strspn(service, service_characters) != length)
        return wp_error_set(error, EINVAL,
                            "%s: not a value for --service; it has letters, digits and any of "
                            "\"_.-/\", at most %u",
                            length > 0 ? service : "\"\"", SERVICE_BYTES - 1);
    snprintf(naming->service, sizeof naming->service, "%s", service);
    return 0;
}

/* `host=` asks for none: servers need not store an empty label. */
static int
settle_host(struct wp_series_naming *naming, struct wp_error *error)
{
    struct label *host = find_label(naming, "host");
    char name[256] = "";

    if (host == NULL) {
        if (gethostname(name, sizeof name - 1) != 0 || name[0] == '\0' || !is_value(name))
            return 0;
        host = add_label(naming, "host", error);
        if (host == NULL)
            return -EINVAL;
        snprintf(host->value, sizeof host->value, "%s", name);
    } else if (host->value[0] == '\0') {
        *host = naming->labels[--naming->label_count];
    }
    return 0;
}

/* With the longest values that programs can have. */
static int
check_length(const struct wp_series_naming *naming, struct wp_error *error)
{
    size_t length = SERVICE_BYTES + sizeof "{}";

    for (unsigned i = 0; i < naming->label_count; i++)
        length += strlen(naming->labels[i].name) + strlen(naming->labels[i].value) + 64 + 2;
    if (length > WP_SERIES_NAME_BYTES)
        return wp_error_set(error, EINVAL, "the labels are too long: more than %u bytes",
                            WP_SERIES_NAME_BYTES);
    return 0;
}

int
wp_series_naming_new(const char *service, const struct wp_series_labels *labels,
                     struct wp_series_naming **naming, struct wp_error *error)
{
    struct wp_series_naming *made = calloc(1, sizeof *made);
    int status = 0;

    *naming = NULL;
    if (made == NULL)
        return wp_error_set(error, ENOMEM, "out of memory");
    if (service != NULL)
        status = set_service(made, service, error);
    for (unsigned i = 0; status == 0 && i < labels->count; i++)
        status = add_text(made, labels->texts[i], error);
    if (status == 0)
        status = settle_host(made, error);
    if (status == 0)
        status = check_length(made, error);
    if (status != 0) {
        wp_series_naming_free(made);
        return status;
    }
    *naming = made;
    return 0;
}

void
wp_series_naming_free(struct wp_series_naming *naming)
{
    free(naming);
}

/* Adds at most 63 bytes of a program's command; `allowed` NULL: all that a value may have. */
static size_t
add_command(char *text, const char *command, const char *allowed)
{
    size_t length = 0;

    for (; command[length] != '\0' && length < 63; length++) {
        char character = command[length];
        bool fits = allowed != NULL ? strchr(allowed, character) != NULL
                                    : strchr(value_ends, character) == NULL;

        text[length] = fits && !is_control(character) ? character : '_';
    }
    text[length] = '\0';
    return length;
}

char *
wp_series_name(const struct wp_series_naming *naming, const char *command, uint32_t pid,
               char text[WP_SERIES_NAME_BYTES])
{
    char *end = text;

    if (naming->service[0] != '\0')
        end = stpcpy(end, naming->service);
    else
        end += add_command(end, command[0] != '\0' ? command : "unknown", service_characters);
    *end++ = '{';
    for (unsigned i = 0; i < naming->label_count; i++) {
        const struct label *label = &naming->labels[i];

        if (i > 0)
            *end++ = ',';
        end = stpcpy(stpcpy(end, label->name), "=");
        if (label->source == VALUE_PID)
            end += sprintf(end, "%u", pid);
        else if (label->source == VALUE_COMMAND)
            end += add_command(end, command, NULL);
        else
            end = stpcpy(end, label->value);
    }
    stpcpy(end, "}");
    return text;
}
