/* A library to be loaded and unloaded. FRAME_BYTES differs, so that a rule of one does not serve
 * for another that lies at the same address. */
#include <string.h>

void call(void (*callee)(void));

void
call(void (*callee)(void))
{
    char frame[FRAME_BYTES];

    memset(frame, 1, sizeof(frame));
    __asm__ volatile("" : : "r"(frame) : "memory");
    callee();
    __asm__ volatile("" : : "r"(frame) : "memory");
}
