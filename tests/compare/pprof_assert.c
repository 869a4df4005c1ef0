#include "compare/pprof_assert.h"

#include "profile/cmocka_all.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void
pprof_assert_number(double is, double should)
{
    if (is != should)
        fail_msg("%.17g is not %.17g", is, should);
}

struct wp_pprof *
pprof_assert_decoded(struct pprof_builder *builder)
{
    struct pprof_bytes packed = pprof_builder_pack(builder);
    struct wp_error error = {""};
    struct wp_pprof *pprof = NULL;

    if (wp_pprof_decode(packed.bytes, packed.length, "test.pb", &pprof, &error) != 0)
        fail_msg("%s", error.text);
    free(packed.bytes);
    pprof_builder_free(builder);
    return pprof;
}

void
pprof_assert_refused_bytes(const void *bytes, size_t length, const char *why)
{
    struct wp_error error = {""};
    struct wp_pprof *pprof = NULL;
    int result = wp_pprof_decode(bytes, length, "test.pb", &pprof, &error);

    assert_int_equal(result, -EPROTO);
    assert_null(pprof);
    assert_non_null(strstr(error.text, "test.pb"));
    if (strstr(error.text, why) == NULL)
        fail_msg("'%s' does not say '%s'", error.text, why);
}

void
pprof_assert_refused(struct pprof_builder *builder, const char *why)
{
    struct pprof_bytes packed = pprof_builder_pack(builder);

    pprof_assert_refused_bytes(packed.bytes, packed.length, why);
    free(packed.bytes);
    pprof_builder_free(builder);
}
