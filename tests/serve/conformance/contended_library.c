/*
 * A library that a program loads and unloads while it is looked at. Built more than once, each time
 * with another name for the function that waits: WAIT_FUNCTION.
 */
#include <pthread.h>

void wait_in_the_library(pthread_mutex_t *lock);

__attribute__((noinline)) static void
WAIT_FUNCTION(pthread_mutex_t *lock)
{
    pthread_mutex_lock(lock);
    pthread_mutex_unlock(lock);
}

void
wait_in_the_library(pthread_mutex_t *lock)
{
    WAIT_FUNCTION(lock);
    __asm__ volatile("");
}
