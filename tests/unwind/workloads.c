#include "unwind/workloads.h"

#include <alloca.h>
#include <locale.h>
#include <math.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wchar.h>

static volatile int sink;

static int
compare_numbers(const void *left, const void *right)
{
    return *(const int *)left - *(const int *)right;
}

void
workload_sort(void)
{
    int numbers[64];

    for (int i = 0; i < 64; i++)
        numbers[i] = (i * 37) % 64;
    qsort(numbers, 64, sizeof(numbers[0]), compare_numbers);
    sink = numbers[5];
    sink += bsearch(&numbers[9], numbers, 64, sizeof(numbers[0]), compare_numbers) != NULL;
}

void
workload_regex(void)
{
    regex_t regex;
    regmatch_t match[3];

    if (regcomp(&regex, "(a|b)*c[0-9]{1,3}x?", REG_EXTENDED) != 0)
        return;
    sink = regexec(&regex, "ababababc123x tail", 3, match, 0);
    regfree(&regex);
}

void
workload_print(void)
{
    char text[256];
    FILE *file = fmemopen(text, sizeof(text), "w");

    snprintf(text, sizeof(text), "%d %s %08.3f %Lg %p", 42, "text", 3.14159, 2.5L, (void *)text);
    if (file == NULL)
        return;
    fprintf(file, "%-10s|%5d|%a", "left", 7, 1.5);
    fclose(file);
    sink = (int)strtod("3.25e4", NULL);
    sscanf("12 abc 4.5", "%d %*s %*f", &(int){0});
}

void
workload_time(void)
{
    char text[64];
    time_t now = 1700000000;
    struct tm fields;

    gmtime_r(&now, &fields);
    strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &fields);
    sink = (int)mktime(&fields);
    sink += clock() > 0;
}

struct __attribute__((aligned(64))) line {
    char bytes[64];
};

static __attribute__((noinline)) int
use_line(struct line *line, char *more)
{
    int numbers[4] = {4, 3, 2, 1};

    qsort(numbers, 4, sizeof(numbers[0]), compare_numbers);
    line->bytes[3] = more[2];
    return line->bytes[3] + numbers[0];
}

/* Aligns its stack, and has a part of unknown size: the CFA is found through memory. */
static __attribute__((noinline)) int
align_stack(int bytes)
{
    struct line line;
    char *more = alloca((size_t)bytes);

    memset(more, bytes, (size_t)bytes);
    memset(&line, 0, sizeof(line));
    return use_line(&line, more);
}

void
workload_aligned(void)
{
    sink = align_stack(100) + align_stack(1000);
}

void
workload_strings(void)
{
    char text[128], *rest = text;
    wchar_t wide[64];

    memset(text, 'a', sizeof(text) - 1);
    text[127] = '\0';
    text[60] = ',';
    sink = (int)strlen(text) + (strchr(text, 'z') != NULL) + memcmp(text, text + 61, 60);
    strtok_r(rest, ",", &rest);
    sink += (int)mbstowcs(wide, "wide text", 64) + (int)lrint(pow(1.5, sink % 7));
    setlocale(LC_ALL, "C");
    sink += getenv("PATH") != NULL;
}
