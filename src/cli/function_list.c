#include "cli/function_list.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/library_path.h"
#include "profile/keyset.h"

#define SECTION_NAME ".waitprof.functions"
#define FIELDS_MAX 5u

/* A copy of the section as a string; NULL if there is none, or no memory. */
static char *
copy_section(Elf *elf)
{
    Elf_Scn *section = NULL;
    size_t names = 0;

    if (elf_getshdrstrndx(elf, &names) != 0)
        return NULL;
    while ((section = elf_nextscn(elf, section)) != NULL) {
        GElf_Shdr header;
        const Elf_Data *data;
        const char *name;

        if (gelf_getshdr(section, &header) == NULL)
            continue;
        name = elf_strptr(elf, names, header.sh_name);
        if (name == NULL || strcmp(name, SECTION_NAME) != 0)
            continue;
        data = elf_rawdata(section, NULL);
        return data != NULL && data->d_buf != NULL ? strndup(data->d_buf, data->d_size) : NULL;
    }
    return NULL;
}

static int
read_text(const char *path, char **text, struct wp_error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    Elf *elf;

    if (fd < 0)
        return wp_error_set(error, errno, "cannot read %s: %s", path, strerror(errno));
    elf_version(EV_CURRENT);
    elf = elf_begin(fd, ELF_C_READ, NULL);
    *text = elf != NULL && elf_kind(elf) == ELF_K_ELF ? copy_section(elf) : NULL;
    elf_end(elf);
    close(fd);
    if (*text == NULL)
        return wp_error_set(error, ENOEXEC,
                            "%s has no list of functions: is it the library of this release?",
                            path);
    return 0;
}

/* Cuts the line at its tabs; returns how many fields it has, FIELDS_MAX + 1 for too many. */
static size_t
cut_fields(char *line, const char *fields[FIELDS_MAX])
{
    size_t count = 0;

    while (line != NULL && count < FIELDS_MAX)
        fields[count++] = strsep(&line, "\t");
    return line == NULL ? count : FIELDS_MAX + 1;
}

/* Fills a row from its line. False: it is none. */
static bool
parse_row(char *line, const struct wp_listed_function *function, struct wp_listed_function *row)
{
    const char *fields[FIELDS_MAX] = {""};
    size_t count = cut_fields(line, fields);

    *row = (struct wp_listed_function){
        .symbol = "", .version = "", .family = "", .kind = "", .of = "", .reason = ""};
    if (count == 5 && strcmp(fields[0], "function") == 0) {
        row->as = WP_LISTED_FUNCTION;
        row->symbol = fields[1];
        row->version = fields[2];
        row->family = fields[3];
        row->kind = fields[4];
    } else if (count == 3 && strcmp(fields[0], "part") == 0 && function != NULL) {
        *row = *function;
        row->as = WP_LISTED_PART;
        row->kind = fields[1];
        row->family = fields[2];
    } else if (count == 3 && strcmp(fields[0], "alias") == 0) {
        row->as = WP_LISTED_ALIAS;
        row->symbol = fields[1];
        row->of = fields[2];
    } else if (count == 3 && strcmp(fields[0], "left_out") == 0) {
        row->as = WP_LISTED_LEFT_OUT;
        row->symbol = fields[1];
        row->reason = fields[2];
    } else {
        return false;
    }
    return true;
}

static int
parse_text(struct wp_function_list *list, const char *path, struct wp_error *error)
{
    size_t row_capacity = 0, kind_capacity = 0, function = 0;
    char *rest = list->text;
    char *line;

    while ((line = strsep(&rest, "\n")) != NULL && (line[0] != '\0' || rest != NULL)) {
        struct wp_listed_function *row;

        if (wp_array_reserve(&list->rows, &row_capacity, list->count, sizeof *list->rows) != 0 ||
            wp_array_reserve(&list->kinds, &kind_capacity, list->kind_count, sizeof *list->kinds) !=
                0)
            return wp_error_set(error, ENOMEM, "out of memory");
        row = &list->rows[list->count];
        if (!parse_row(line, list->count > 0 ? &list->rows[function] : NULL, row))
            return wp_error_set(error, ENOEXEC, "%s: row %zu of its list of functions is damaged",
                                path, list->count + 1);
        if (row->as == WP_LISTED_FUNCTION)
            function = list->count;
        list->count++;
        if (row->as == WP_LISTED_FUNCTION || row->as == WP_LISTED_PART)
            list->kinds[list->kind_count++] =
                (struct wp_kind_name){.kind = row->kind, .family = row->family};
    }
    return 0;
}

int
wp_function_list_read(struct wp_function_list *list, struct wp_error *error)
{
    char path[PATH_MAX];
    int status = wp_library_path_find(path, sizeof path);

    *list = (struct wp_function_list){0};
    if (status != 0)
        return wp_error_set(error, -status,
                            "%s: the library is not there; install waitprof, or set "
                            "WAITPROF_LIBRARY to its path",
                            path);
    status = read_text(path, &list->text, error);
    if (status == 0)
        status = parse_text(list, path, error);
    if (status != 0)
        wp_function_list_free(list);
    return status;
}

void
wp_function_list_free(struct wp_function_list *list)
{
    free(list->text);
    free(list->rows);
    free(list->kinds);
    *list = (struct wp_function_list){0};
}
