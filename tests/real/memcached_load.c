/*
 * A load for memcached: threads that set and get over the text protocol, check every answer, and
 * print how many requests a second were served.
 *
 *   memcached_load PORT THREADS REQUESTS     connects to the loopback address
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define KEYS 512
#define VALUE_BYTES 100
#define MAX_THREADS 64

struct client {
    pthread_t thread;
    int number;
    int port;
    long requests;
    long wrong; /* answers that were not as expected */
};

static int
connect_to(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((unsigned short)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int one = 1;

    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        fprintf(stderr, "memcached_load: cannot connect to 127.0.0.1:%d: %s\n", port,
                strerror(errno));
        exit(1);
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    return fd;
}

static bool
send_all(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);

        if (sent <= 0)
            return false;
        bytes += sent;
        length -= (size_t)sent;
    }
    return true;
}

/* Reads exactly as many bytes as the expected answer has, and compares. */
static bool
answer_is(int fd, const char *expected, size_t length)
{
    char answer[512];
    size_t got = 0;

    if (length > sizeof(answer))
        return false;
    while (got < length) {
        ssize_t received = recv(fd, answer + got, length - got, 0);

        if (received <= 0)
            return false;
        got += (size_t)received;
    }
    return memcmp(answer, expected, length) == 0;
}

/* Every client writes the same value under a key, so that whatever is read is known. */
static void
fill_value(char *value, int key)
{
    memset(value, 'a' + key % 26, VALUE_BYTES);
    value[VALUE_BYTES] = '\0';
}

static bool
set_key(int fd, int key)
{
    char value[VALUE_BYTES + 1];
    char request[256];

    fill_value(value, key);
    int length =
        snprintf(request, sizeof(request), "set key%d 0 0 %d\r\n%s\r\n", key, VALUE_BYTES, value);
    return send_all(fd, request, (size_t)length) && answer_is(fd, "STORED\r\n", 8);
}

static bool
get_key(int fd, int key)
{
    char value[VALUE_BYTES + 1];
    char request[64];
    char expected[256];

    fill_value(value, key);
    int request_bytes = snprintf(request, sizeof(request), "get key%d\r\n", key);
    int expected_bytes = snprintf(expected, sizeof(expected), "VALUE key%d 0 %d\r\n%s\r\nEND\r\n",
                                  key, VALUE_BYTES, value);
    return send_all(fd, request, (size_t)request_bytes) &&
           answer_is(fd, expected, (size_t)expected_bytes);
}

static void *
run_client(void *argument)
{
    struct client *client = argument;
    unsigned seed = (unsigned)client->number + 1;
    int fd = connect_to(client->port);

    for (long i = 0; i < client->requests; i++) {
        int key = rand_r(&seed) % KEYS;
        bool right = i % 10 == 0 ? set_key(fd, key) : get_key(fd, key);

        client->wrong += !right;
    }
    close(fd);
    return NULL;
}

static void
fill_all_keys(int port)
{
    int fd = connect_to(port);

    for (int key = 0; key < KEYS; key++) {
        if (!set_key(fd, key)) {
            fprintf(stderr, "memcached_load: key%d was not stored\n", key);
            exit(1);
        }
    }
    close(fd);
}

static double
now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int
main(int argument_count, char **arguments)
{
    static struct client clients[MAX_THREADS];
    long wrong = 0;

    if (argument_count != 4) {
        fprintf(stderr, "memcached_load: usage: memcached_load PORT THREADS REQUESTS\n");
        return 2;
    }
    int port = (int)strtol(arguments[1], NULL, 10);
    int threads = (int)strtol(arguments[2], NULL, 10);
    long requests = strtol(arguments[3], NULL, 10);
    if (port < 1 || port > 65535 || threads < 1 || threads > MAX_THREADS || requests < 1) {
        fprintf(stderr, "memcached_load: a port, 1 to %d threads and a count are needed\n",
                MAX_THREADS);
        return 2;
    }
    fill_all_keys(port);
    double start_s = now_s();
    for (int i = 0; i < threads; i++) {
        clients[i] = (struct client){.number = i, .port = port, .requests = requests / threads};
        pthread_create(&clients[i].thread, NULL, run_client, &clients[i]);
    }
    for (int i = 0; i < threads; i++) {
        pthread_join(clients[i].thread, NULL);
        wrong += clients[i].wrong;
    }
    printf("%.0f\n", (double)(requests / threads * threads) / (now_s() - start_s));
    if (wrong != 0)
        fprintf(stderr, "memcached_load: %ld answers were wrong\n", wrong);
    return wrong != 0;
}
