#include "cli/rate_note.h"

#include "cli/message.h"

void
wp_rate_note_ended_leases(const struct wp_reader_rate_result *result)
{
    if (result->ended_leases > 0)
        wp_message_note("%zu lease%s on these rates ended", result->ended_leases,
                        result->ended_leases == 1 ? "" : "s");
}
