#include "agent/ignored_files.h"

#include <stdlib.h>
#include <string.h>

#include "profile/keyset.h"

/* Where the path is, or has to be put. */
static size_t
ignored_place(const struct wp_ignored_files *files, const char *path, bool *found)
{
    size_t low = 0, high = files->count;

    *found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(files->rows[middle].path, path);

        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct wp_ignored_file *
wp_ignored_files_find(struct wp_ignored_files *files, const char *path)
{
    bool found;
    size_t place = ignored_place(files, path, &found);

    if (!found)
        return NULL;
    files->rows[place].found = true;
    return &files->rows[place];
}

void
wp_ignored_files_add(struct wp_ignored_files *files, const char *path, bool retries)
{
    bool found;
    size_t place = ignored_place(files, path, &found);
    char *copy;

    if (found ||
        wp_array_reserve(&files->rows, &files->capacity, files->count, sizeof *files->rows) != 0)
        return;
    copy = strdup(path);
    if (copy == NULL)
        return;
    memmove(&files->rows[place + 1], &files->rows[place],
            (files->count - place) * sizeof *files->rows);
    files->rows[place] = (struct wp_ignored_file){.path = copy, .found = true, .retries = retries};
    files->count++;
}

void
wp_ignored_files_forget(struct wp_ignored_files *files)
{
    size_t kept = 0;

    for (size_t i = 0; i < files->count; i++) {
        if (!files->rows[i].found) {
            free(files->rows[i].path);
            continue;
        }
        files->rows[i].found = false;
        files->rows[kept++] = files->rows[i];
    }
    files->count = kept;
}

void
wp_ignored_files_free(struct wp_ignored_files *files)
{
    for (size_t i = 0; i < files->count; i++)
        free(files->rows[i].path);
    free(files->rows);
    *files = (struct wp_ignored_files){0};
}
