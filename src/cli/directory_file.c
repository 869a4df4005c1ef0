#include "cli/directory_file.h"

#include <sys/stat.h>

bool
wp_directory_file_is_special(int directory, const char *name)
{
    struct stat facts;

    return fstatat(directory, name, &facts, 0) == 0 && !S_ISREG(facts.st_mode);
}
