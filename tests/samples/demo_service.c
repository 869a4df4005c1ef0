/*
 * A service that is slow and cool: latency is high, CPU is idle, and a CPU profile shows nothing.
 *
 * It has three faults that real services have:
 *   - refresh_cache_under_lock() asks a slow backend for data while it holds the cache's lock, so
 *     that every other worker which only wants to look something up waits for that answer;
 *   - all requests pass through one queue, with one mutex and one condition, for all workers;
 *   - each request ends in a blocking read of an answer from the backend.
 *
 * The clients and the backend run in a process of their own (the same program, executed again with
 * --outside-world), so that their waits are not the service's. The two talk over Unix sockets.
 *
 *   demo_service [SECONDS]      default 4; prints what clients saw, and the service's CPU share
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CLIENTS 16
#define WORKERS 8
#define KEYS 8
#define QUEUE_SLOTS CLIENTS /* a client has one request under way at a time */
#define MAX_REQUESTS 65536
#define CACHE_LIFETIME_NS UINT64_C(60000000)
#define BACKEND_LATENCY_NS 4000000L
#define CLIENT_THINK_NS 8000000L

/* The outside world finds its ends of the sockets here, after exec. */
#define FIRST_CLIENT_FD 100
#define FIRST_BACKEND_FD 200

struct request {
    uint64_t sent_ns; /* the client's clock, CLOCK_MONOTONIC */
    uint32_t client;
    uint32_t key;
};

struct cache_entry {
    uint64_t fetched_ns; /* 0: never */
    uint64_t value;
};

/* Requests between the main thread, which receives them, and the workers. Guarded by lock. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t not_empty;
    struct request slots[QUEUE_SLOTS];
    uint64_t head; /* next to be taken; head <= tail <= head + QUEUE_SLOTS */
    uint64_t tail; /* next free */
    int closed;
} queue = {.lock = PTHREAD_MUTEX_INITIALIZER, .not_empty = PTHREAD_COND_INITIALIZER};

static struct {
    pthread_mutex_t lock;
    struct cache_entry entries[KEYS]; /* guarded by lock */
} cache = {.lock = PTHREAD_MUTEX_INITIALIZER};

static int client_fds[CLIENTS];
static int backend_fds[WORKERS];
static uint64_t latencies_ns[MAX_REQUESTS];
static unsigned latency_count; /* atomic; may exceed MAX_REQUESTS, the rest is not kept */

static uint64_t
now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void
sleep_ns(long duration_ns)
{
    struct timespec left = {.tv_sec = 0, .tv_nsec = duration_ns};

    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

static void
fail(const char *what)
{
    fprintf(stderr, "demo_service: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* --- The service ------------------------------------------------------------------------------ */

/* Asks the backend for the value of a key, over the worker's own connection. */
__attribute__((noinline)) static uint64_t
read_from_backend(unsigned worker, uint32_t key)
{
    uint64_t value = key;

    if (write(backend_fds[worker], &value, sizeof value) != (ssize_t)sizeof value)
        fail("cannot ask the backend");
    if (read(backend_fds[worker], &value, sizeof value) != (ssize_t)sizeof value)
        fail("cannot read the backend's answer");
    return value;
}

/* The first fault: cache.lock is held over a question to the backend. */
__attribute__((noinline)) static void
refresh_cache_under_lock(unsigned worker, uint32_t key)
{
    struct cache_entry *entry = &cache.entries[key];

    entry->value = read_from_backend(worker, key);
    entry->fetched_ns = now_ns();
}

__attribute__((noinline)) static uint64_t
look_up_in_cache(unsigned worker, uint32_t key)
{
    const struct cache_entry *entry = &cache.entries[key];
    uint64_t value;

    pthread_mutex_lock(&cache.lock);
    if (entry->fetched_ns == 0 || now_ns() - entry->fetched_ns > CACHE_LIFETIME_NS)
        refresh_cache_under_lock(worker, key);
    value = entry->value;
    pthread_mutex_unlock(&cache.lock);
    return value;
}

__attribute__((noinline)) static void
send_reply(const struct request *request, uint64_t value)
{
    unsigned index = __atomic_fetch_add(&latency_count, 1, __ATOMIC_RELAXED);

    if (write(client_fds[request->client], &value, sizeof value) != (ssize_t)sizeof value)
        fail("cannot send a reply");
    if (index < MAX_REQUESTS)
        latencies_ns[index] = now_ns() - request->sent_ns;
}

__attribute__((noinline)) static void
handle_request(unsigned worker, const struct request *request)
{
    uint64_t shared = look_up_in_cache(worker, request->key);
    uint64_t own = read_from_backend(worker, request->client % KEYS);

    send_reply(request, shared ^ own);
}

/* Takes the oldest request. Returns 0 when the queue is closed and empty. */
__attribute__((noinline)) static int
wait_for_work(struct request *request)
{
    int found;

    pthread_mutex_lock(&queue.lock);
    while (queue.head == queue.tail && !queue.closed)
        pthread_cond_wait(&queue.not_empty, &queue.lock);
    found = queue.head != queue.tail;
    if (found)
        *request = queue.slots[queue.head++ % QUEUE_SLOTS];
    pthread_mutex_unlock(&queue.lock);
    return found;
}

static void *
run_worker(void *argument)
{
    unsigned worker = (unsigned)(uintptr_t)argument;
    struct request request;

    while (wait_for_work(&request))
        handle_request(worker, &request);
    return NULL;
}

static void
enqueue_request(const struct request *request)
{
    pthread_mutex_lock(&queue.lock);
    queue.slots[queue.tail++ % QUEUE_SLOTS] = *request;
    pthread_cond_signal(&queue.not_empty);
    pthread_mutex_unlock(&queue.lock);
}

static void
close_queue(void)
{
    pthread_mutex_lock(&queue.lock);
    queue.closed = 1;
    pthread_cond_broadcast(&queue.not_empty);
    pthread_mutex_unlock(&queue.lock);
}

/* Receives requests until every client has closed its connection. */
static void
receive_requests(void)
{
    struct pollfd connections[CLIENTS];
    unsigned open_count = CLIENTS;

    for (unsigned client = 0; client < CLIENTS; client++)
        connections[client] = (struct pollfd){.fd = client_fds[client], .events = POLLIN};
    while (open_count > 0) {
        if (poll(connections, CLIENTS, -1) < 0 && errno != EINTR)
            fail("poll");
        for (unsigned client = 0; client < CLIENTS; client++) {
            struct request request;

            if (connections[client].fd < 0 || connections[client].revents == 0)
                continue;
            if (read(connections[client].fd, &request, sizeof request) == (ssize_t)sizeof request) {
                enqueue_request(&request);
                continue;
            }
            connections[client].fd = -1;
            open_count--;
        }
    }
}

/* --- The outside world: clients and backend
 * ---------------------------------------------------- */

static uint64_t outside_deadline_ns;

static void *
run_backend_connection(void *argument)
{
    int fd = FIRST_BACKEND_FD + (int)(uintptr_t)argument;
    uint64_t question;

    while (read(fd, &question, sizeof question) == (ssize_t)sizeof question) {
        uint64_t answer = question * UINT64_C(0x9e3779b97f4a7c15);

        sleep_ns(BACKEND_LATENCY_NS);
        if (write(fd, &answer, sizeof answer) != (ssize_t)sizeof answer)
            break;
    }
    return NULL;
}

static void *
run_client(void *argument)
{
    uint32_t client = (uint32_t)(uintptr_t)argument;
    int fd = FIRST_CLIENT_FD + (int)client;
    uint64_t reply;

    for (uint32_t turn = 0; now_ns() < outside_deadline_ns; turn++) {
        struct request request = {.sent_ns = now_ns(), .client = client};

        request.key = (client * 5 + turn) % KEYS;
        if (write(fd, &request, sizeof request) != (ssize_t)sizeof request ||
            read(fd, &reply, sizeof reply) != (ssize_t)sizeof reply)
            break;
        sleep_ns(CLIENT_THINK_NS);
    }
    close(fd);
    return NULL;
}

static int
run_outside_world(int seconds)
{
    pthread_t clients[CLIENTS];
    pthread_t backends[WORKERS];

    outside_deadline_ns = now_ns() + (uint64_t)seconds * 1000000000u;
    for (uintptr_t worker = 0; worker < WORKERS; worker++)
        if (pthread_create(&backends[worker], NULL, run_backend_connection, (void *)worker) != 0)
            fail("cannot start a backend thread");
    for (uintptr_t client = 0; client < CLIENTS; client++)
        if (pthread_create(&clients[client], NULL, run_client, (void *)client) != 0)
            fail("cannot start a client");
    for (unsigned client = 0; client < CLIENTS; client++)
        pthread_join(clients[client], NULL);
    /* The service, left without clients, closes its connections to the backend. */
    for (unsigned worker = 0; worker < WORKERS; worker++)
        pthread_join(backends[worker], NULL);
    return 0;
}

/* --- Start and summary
 * -------------------------------------------------------------------------- */

/* Connects `count` of our descriptors to descriptors first_fd... of the outside world. */
static void
make_connections(int *ours, int *theirs, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        int pair[2];

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
            fail("socketpair");
        ours[i] = pair[0];
        theirs[i] = pair[1];
    }
}

static pid_t
start_outside_world(const char *seconds)
{
    int client_ends[CLIENTS];
    int backend_ends[WORKERS];
    pid_t pid;

    make_connections(client_fds, client_ends, CLIENTS);
    make_connections(backend_fds, backend_ends, WORKERS);
    pid = fork();
    if (pid < 0)
        fail("fork");
    if (pid == 0) {
        for (int i = 0; i < CLIENTS; i++)
            dup2(client_ends[i], FIRST_CLIENT_FD + i);
        for (int i = 0; i < WORKERS; i++)
            dup2(backend_ends[i], FIRST_BACKEND_FD + i);
        execl("/proc/self/exe", "demo_clients", "--outside-world", seconds, (char *)NULL);
        _exit(127);
    }
    for (int i = 0; i < CLIENTS; i++)
        close(client_ends[i]);
    for (int i = 0; i < WORKERS; i++)
        close(backend_ends[i]);
    return pid;
}

static int
compare_u64(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;

    return (a > b) - (a < b);
}

static double
cpu_seconds(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void
print_summary(uint64_t elapsed_ns)
{
    unsigned count = latency_count < MAX_REQUESTS ? latency_count : MAX_REQUESTS;
    double elapsed_s = (double)elapsed_ns / 1e9;

    if (count == 0) {
        printf("demo_service: no request was answered\n");
        return;
    }
    qsort(latencies_ns, count, sizeof latencies_ns[0], compare_u64);
    printf("demo_service: %.0f requests/s, latency p50 %.1f ms, p99 %.1f ms, CPU %.1f %% of one "
           "core\n",
           latency_count / elapsed_s, (double)latencies_ns[count / 2] / 1e6,
           (double)latencies_ns[(uint64_t)count * 99 / 100] / 1e6, 100 * cpu_seconds() / elapsed_s);
}

static void
run_service(void)
{
    pthread_t workers[WORKERS];

    for (uintptr_t worker = 0; worker < WORKERS; worker++)
        if (pthread_create(&workers[worker], NULL, run_worker, (void *)worker) != 0)
            fail("cannot start a worker");
    receive_requests();
    close_queue();
    for (unsigned worker = 0; worker < WORKERS; worker++) {
        pthread_join(workers[worker], NULL);
        close(backend_fds[worker]);
    }
}

int
main(int argc, char **argv)
{
    const char *seconds = argc > 1 ? argv[argc - 1] : "4";
    uint64_t start_ns;
    pid_t outside;
    int status;

    signal(SIGPIPE, SIG_IGN);
    if (atoi(seconds) <= 0) {
        fprintf(stderr, "usage: demo_service [SECONDS]\n");
        return 2;
    }
    if (argc > 2 && strcmp(argv[1], "--outside-world") == 0)
        return run_outside_world(atoi(seconds));

    outside = start_outside_world(seconds);
    start_ns = now_ns();
    run_service();
    print_summary(now_ns() - start_ns);
    if (waitpid(outside, &status, 0) != outside || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        fprintf(stderr, "demo_service: the clients did not end as they should\n");
        return 1;
    }
    return 0;
}
