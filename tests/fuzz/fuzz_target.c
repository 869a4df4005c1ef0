#include "fuzz/fuzz_target.h"

#include <stdio.h>
#include <stdlib.h>

void
fuzz_require(int truth, const char *what)
{
    if (truth)
        return;
    fprintf(stderr, "fuzz_target: %s\n", what);
    abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct wp_error error;

    fuzz_target(bytes, size, &error);
    return 0;
}
