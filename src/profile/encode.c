#include "profile/encode.h"

#include <string.h>

#include "profile/folded_encode.h"
#include "profile/json_encode.h"
#include "profile/pprof_encode.h"
#include "profile/text_encode.h"

const struct wp_encoder wp_encoders[] = {
    {"pprof", ".pb.gz", "application/octet-stream", "for go tool pprof, Pyroscope, Parca",
     wp_pprof_encode},
    {"folded", ".folded", "text/plain; charset=utf-8", "one line a stack, for flame graphs",
     wp_folded_encode},
    {"text", ".txt", "text/plain; charset=utf-8", "Go's debug=1 form, for reading", wp_text_encode},
    {"json", ".json", "application/json", "everything, for other programs", wp_json_encode},
    {NULL, NULL, NULL, NULL, NULL},
};

const struct wp_encoder *
wp_encoder_find(const char *name)
{
    for (const struct wp_encoder *encoder = wp_encoders; encoder->name != NULL; encoder++) {
        if (strcmp(encoder->name, name) == 0)
            return encoder;
    }
    return NULL;
}
