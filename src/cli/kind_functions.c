#include "cli/kind_functions.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/message.h"
#include "cli/view_options.h"

static int
copy_functions(struct wp_kind_functions *functions, struct wp_error *error)
{
    const struct wp_function_list *list = &functions->list;

    functions->functions = calloc(list->count + 1, sizeof *functions->functions);
    if (functions->functions == NULL)
        return wp_error_set(error, ENOMEM, "out of memory");
    for (size_t i = 0; i < list->count; i++) {
        const struct wp_listed_function *row = &list->rows[i];

        if (row->as == WP_LISTED_FUNCTION || row->as == WP_LISTED_PART)
            functions->functions[functions->count++] = (struct wp_comparison_function){
                .name = row->symbol, .kind = row->kind, .family = row->family};
    }
    return 0;
}

int
wp_kind_functions_read(const char *kinds, struct wp_kind_functions *functions,
                       struct wp_error *error)
{
    struct wp_error trouble = {""};
    int status;

    *functions = (struct wp_kind_functions){0};
    if (kinds == NULL)
        return 0;
    if (wp_function_list_read(&functions->list, &trouble) != 0) {
        wp_message_detail("%s", trouble.text);
        memset(&functions->list, 0, sizeof functions->list);
        return 0;
    }
    status = wp_view_check_kinds_of_list(kinds, &functions->list, error);
    return status == 0 ? copy_functions(functions, error) : status;
}

void
wp_kind_functions_free(struct wp_kind_functions *functions)
{
    free(functions->functions);
    if (functions->list.text != NULL)
        wp_function_list_free(&functions->list);
    *functions = (struct wp_kind_functions){0};
}
