#include "cli/nearest_name.h"

#include <string.h>

#define LONGEST 63u

static size_t
smallest(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;

    return least < c ? least : c;
}

size_t
wp_nearest_name_distance(const char *from, const char *to)
{
    size_t rows[3][LONGEST + 1];
    size_t *before = rows[0], *above = rows[1], *row = rows[2];
    size_t from_length = strnlen(from, LONGEST), to_length = strnlen(to, LONGEST);

    for (size_t j = 0; j <= to_length; j++)
        above[j] = j;
    for (size_t i = 1; i <= from_length; i++) {
        row[0] = i;
        for (size_t j = 1; j <= to_length; j++) {
            size_t differs = from[i - 1] != to[j - 1];

            row[j] = smallest(above[j] + 1, row[j - 1] + 1, above[j - 1] + differs);
            if (i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1] &&
                before[j - 2] + 1 < row[j])
                row[j] = before[j - 2] + 1;
        }
        size_t *oldest = before;

        before = above;
        above = row;
        row = oldest;
    }
    return above[to_length];
}

void
wp_nearest_name_offer(struct wp_nearest_name *search, const char *candidate)
{
    size_t distance = wp_nearest_name_distance(search->typed, candidate);
    size_t length = strlen(candidate);
    size_t allowed = length < 3 ? 1 : (length + 2) / 3;

    /* Who types the beginning of a long name and stops means that name. */
    if (strlen(search->typed) >= 3 && strncmp(search->typed, candidate, strlen(search->typed)) == 0)
        distance = 0;
    if (distance > allowed || (search->best != NULL && distance >= search->distance))
        return;
    search->best = candidate;
    search->distance = distance;
}
