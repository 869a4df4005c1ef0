/*
 * The types in the rows of functions.def.
 */
#ifndef WP_INTERPOSE_FUNCTION_TYPES_H
#define WP_INTERPOSE_FUNCTION_TYPES_H

#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <resolv.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

/* Types that are passed on by address alone. No <fcntl.h>, nor what includes it: it declares open
 * and fcntl with variable arguments. */
struct addrinfo;
struct aiocb;
struct epoll_event;
struct gaicb;
struct group;
struct hostent;
struct passwd;
struct rusage;
struct sembuf;
struct servent;
typedef int mqd_t;

/* Macros where the compiler optimizes. */
#undef fread_unlocked
#undef fwrite_unlocked

#endif
