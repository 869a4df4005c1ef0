#include "cli/serve/metrics.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "profile/clock.h"
#include "profile/cmocka_all.h"
#include "profile/procfs.h"
#include "profile/region_builder.h"

#define SAMPLE_LABELS "command=\"sample\",pid=\"77\",region=\"01234567\""

/* A built region, and the target that it would be. */
struct program {
    struct region_builder builder;
    struct wp_target target;
    struct wp_snapshot *snapshot;
    uint16_t lock, receive;
};

static void
program_init(struct program *program)
{
    memset(program, 0, sizeof *program);
    region_builder_init(&program->builder, NULL);
    program->lock = region_builder_function(&program->builder, "pthread_mutex_lock", "mutex", 0, 0);
    strcpy(region_builder_function_row(&program->builder, program->lock)->family, "sync");
    program->receive = region_builder_function(&program->builder, "recv", "recv", 0, 0);
    strcpy(region_builder_function_row(&program->builder, program->receive)->family, "net");
    program->target.fd = -1;
    program->target.pid = 4242;
    program->target.seen_pid = 77;
    program->target.region_id = UINT64_C(0x0123456789abcdef);
    strcpy(program->target.command, "sample");
}

static void
program_add_stack(struct program *program, enum wp_region_profile profile, uint16_t function,
                  struct region_builder_cost cost)
{
    uint64_t frame = 0x1000 + region_builder_header(&program->builder)->stack_units_used;

    region_builder_stack(&program->builder, 0, profile, function, &frame, 1, cost);
}

static void
program_add_thread(struct program *program, uint32_t row, uint32_t process, pid_t tid,
                   uint16_t function)
{
    struct wp_region_thread *threads = region_builder_rows(&program->builder, WP_TABLE_THREADS);

    threads[row] = (struct wp_region_thread){
        .key = (uint64_t)(process + 1) << 32 | (uint32_t)tid,
        .waiting_since_ns = 1,
        .last_monotonic_ns = wp_clock_ns(CLOCK_MONOTONIC),
        .waiting_function = function,
    };
}

static struct wp_metrics_program
program_read(struct program *program)
{
    struct wp_error error = {""};
    int fd = region_builder_memfd(&program->builder, program->builder.size_bytes);

    wp_snapshot_free(program->snapshot);
    if (wp_reader_read(fd, "sample", &program->snapshot, &error) != 0)
        fail_msg("%s", error.text);
    close(fd);
    return (struct wp_metrics_program){&program->target, program->snapshot};
}

static void
program_free(struct program *program)
{
    wp_snapshot_free(program->snapshot);
    region_builder_free(&program->builder);
}

static char *
write_metrics(const struct wp_metrics_program *programs, size_t count,
              const struct wp_metrics_server *server)
{
    struct wp_error error = {""};
    char *text = NULL;
    size_t length = 0;

    assert_int_equal(wp_metrics_write(programs, count, server, &text, &length, &error), 0);
    assert_int_equal(strlen(text), length);
    assert_true(length > 0 && text[length - 1] == '\n');
    return text;
}

/* The one line that begins so has this value. */
static void
assert_value(const char *text, const char *series, const char *value)
{
    size_t length = strlen(series);
    const char *found = NULL;

    for (const char *line = text; *line != '\0'; line = strchr(line, '\n') + 1) {
        if (strncmp(line, series, length) != 0 || line[length] != ' ')
            continue;
        if (found != NULL)
            fail_msg("%s is there twice", series);
        found = line + length + 1;
    }
    if (found == NULL)
        fail_msg("there is no %s in:\n%s", series, text);
    if (strncmp(found, value, strlen(value)) != 0 || found[strlen(value)] != '\n')
        fail_msg("%s is %.*s, not %s", series, (int)strcspn(found, "\n"), found, value);
}

static void
what_was_recorded_is_told_by_kind(void **state)
{
    struct program program;
    struct wp_metrics_program read;
    char *text;

    (void)state;
    program_init(&program);
    program_add_stack(&program, WP_PROFILE_BLOCK, program.lock,
                      (struct region_builder_cost){3 * 65536, 1500000000, 3, 0});
    program_add_stack(&program, WP_PROFILE_BLOCK, program.lock,
                      (struct region_builder_cost){65536 / 2, 7, 1, 0});
    program_add_stack(&program, WP_PROFILE_MUTEX, program.lock,
                      (struct region_builder_cost){20 * 65536, 250000000, 2, 0});
    program_add_stack(&program, WP_PROFILE_BLOCK, 0, (struct region_builder_cost){65536, 1, 1, 0});
    *region_builder_waits(&program.builder, 1, program.lock) = 40;
    *region_builder_waits(&program.builder, 2, program.lock) = 2;
    read = program_read(&program);
    text = write_metrics(&read, 1, NULL);
#define BLOCK_LOCK SAMPLE_LABELS ",profile=\"block\",kind=\"mutex\",family=\"sync\"}"
#define MUTEX_LOCK SAMPLE_LABELS ",profile=\"mutex\",kind=\"mutex\",family=\"sync\"}"
    assert_value(text, "waitprof_delay_seconds_total{" BLOCK_LOCK, "1.500000007");
    assert_value(text, "waitprof_contentions_total{" BLOCK_LOCK, "3.500000");
    assert_value(text, "waitprof_samples_total{" BLOCK_LOCK, "4");
    assert_value(text, "waitprof_delay_seconds_total{" MUTEX_LOCK, "0.250000000");
    assert_value(text, "waitprof_contentions_total{" MUTEX_LOCK, "20.000000");
    assert_value(text, "waitprof_samples_total{" MUTEX_LOCK, "2");
    assert_value(text, "waitprof_waits_total{" SAMPLE_LABELS ",kind=\"mutex\",family=\"sync\"}",
                 "42");
    /* What has not been seen yet is there too, so that its first wait shows as an increase. */
    assert_value(text,
                 "waitprof_delay_seconds_total{" SAMPLE_LABELS
                 ",profile=\"block\",kind=\"recv\",family=\"net\"}",
                 "0.000000000");
    assert_null(strstr(text, "profile=\"mutex\",kind=\"recv\""));
    assert_value(text,
                 "waitprof_samples_total{" SAMPLE_LABELS
                 ",profile=\"block\",kind=\"lost\",family=\"lost\"}",
                 "1");
    free(text);
    program_free(&program);
}

static void
rates_and_the_region_are_told_in_base_units(void **state)
{
    struct program program;
    struct wp_region_header *header;
    struct wp_metrics_program read;
    char *text;

    (void)state;
    program_init(&program);
    header = region_builder_header(&program.builder);
    header->block_rate_ns = header->base_block_rate_ns = 250000;
    header->mutex_fraction = header->base_mutex_fraction = 8;
    read = program_read(&program);
    text = write_metrics(&read, 1, NULL);
    assert_value(text, "waitprof_up{" SAMPLE_LABELS "}", "1");
    assert_value(text, "waitprof_block_rate_seconds{" SAMPLE_LABELS "}", "0.000250000");
    assert_value(text, "waitprof_base_block_rate_seconds{" SAMPLE_LABELS "}", "0.000250000");
    assert_value(text, "waitprof_mutex_fraction{" SAMPLE_LABELS "}", "8");
    assert_value(text, "waitprof_base_mutex_fraction{" SAMPLE_LABELS "}", "8");
    assert_value(text, "waitprof_rate_leases{" SAMPLE_LABELS "}", "0");
    assert_value(text, "waitprof_rate_changes_total{" SAMPLE_LABELS "}", "1");
    assert_value(text, "waitprof_start_time_seconds{" SAMPLE_LABELS "}", "1700000000.000000000");
    assert_value(text, "waitprof_processes_seen_total{" SAMPLE_LABELS "}", "1");
    assert_non_null(strstr(text, "waitprof_program_info{" SAMPLE_LABELS
                                 ",executable=\"/opt/sample/bin/sample\",uid=\"0\"} 1\n"));
    free(text);
    program_free(&program);
}

static void
every_counter_of_the_region_is_told(void **state)
{
    struct program program;
    struct wp_metrics_program read;
    uint64_t *values;
    char *text;

    (void)state;
    program_init(&program);
    values = region_builder_header(&program.builder)->counters[3].value;
    for (unsigned i = 0; i < WP_COUNTER_COUNT; i++)
        values[i] = 1000 + i;
    read = program_read(&program);
    text = write_metrics(&read, 1, NULL);
    for (unsigned i = 0; i < WP_COUNTER_COUNT; i++) {
        const char *name = wp_reader_counters[i].name;
        char series[160], value[32];

        snprintf(value, sizeof value, "%u", 1000 + i);
        if (i == WP_COUNTER_waits)
            continue; /* waitprof_waits_total has them by kind */
        if (strncmp(name, "lost_", 5) == 0) {
            snprintf(series, sizeof series, "waitprof_lost_total{%s,reason=\"%s\"}", SAMPLE_LABELS,
                     name + 5);
        } else if (strcmp(name + strlen(name) - 3, "_ns") == 0) {
            snprintf(series, sizeof series, "waitprof_%.*s_seconds_total{%s}",
                     (int)strlen(name) - 3, name, SAMPLE_LABELS);
            snprintf(value, sizeof value, "0.00000%u", 1000 + i);
        } else {
            snprintf(series, sizeof series, "waitprof_%s_total{%s}", name, SAMPLE_LABELS);
        }
        assert_value(text, series, value);
    }
    assert_null(strstr(text, "anoseconds"));
    free(text);
    program_free(&program);
}

static void
what_recording_costs_is_told(void **state)
{
    struct program program;
    struct wp_metrics_program read;
    uint64_t *values;
    char *text;

    (void)state;
    program_init(&program);
    values = region_builder_header(&program.builder)->counters[5].value;
    values[WP_COUNTER_waits] = 1000;
    values[WP_COUNTER_wait_cost_ns] = 400000;
    values[WP_COUNTER_sample_cost_ns] = 90000;
    values[WP_COUNTER_unlock_cost_ns] = 10000;
    read = program_read(&program);
    program.snapshot->read_monotonic_ns = program.snapshot->start_monotonic_ns + 2000000000;
    text = write_metrics(&read, 1, NULL);
    assert_value(text, "waitprof_own_cost_seconds_total{" SAMPLE_LABELS "}", "0.000500000");
    assert_value(text, "waitprof_own_cost_ratio{" SAMPLE_LABELS "}", "0.000250000");
    assert_value(text, "waitprof_own_cost_wait_seconds{" SAMPLE_LABELS "}", "0.000000500");
    free(text);
    program_free(&program);
}

/* As if the program had chosen so: the snapshot's fields are those that the reader fills. */
static void
the_budget_and_what_it_chose_is_told(void **state)
{
    struct program program;
    struct wp_metrics_program read;
    char *text;

    (void)state;
    program_init(&program);
    read = program_read(&program);
    text = write_metrics(&read, 1, NULL);
    assert_value(text, "waitprof_wait_fraction{" SAMPLE_LABELS "}", "1");
    assert_value(text, "waitprof_budget_cost_ratio{" SAMPLE_LABELS "}", "0.000000000");
    assert_value(text, "waitprof_budget_samples_per_second{" SAMPLE_LABELS "}", "0");
    assert_value(text, "waitprof_budget_turn_cost_ratio{" SAMPLE_LABELS "}", "0.000000000");
    free(text);
    program.snapshot->wait_fraction = 4;
    program.snapshot->budget_cost_ns_per_s = 5000000;
    program.snapshot->budget_samples_per_s = 2000;
    program.snapshot->budget_turns_known = 2;
    program.snapshot->budget_turns[0] =
        (struct wp_reader_budget_turn){.span_ns = 1000000000, .cost_ns = 9000000};
    program.snapshot->budget_turns[1] =
        (struct wp_reader_budget_turn){.span_ns = 2000000000, .cost_ns = 8000000};
    text = write_metrics(&read, 1, NULL);
    assert_value(text, "waitprof_wait_fraction{" SAMPLE_LABELS "}", "4");
    assert_value(text, "waitprof_budget_cost_ratio{" SAMPLE_LABELS "}", "0.005000000");
    assert_value(text, "waitprof_budget_samples_per_second{" SAMPLE_LABELS "}", "2000");
    assert_value(text, "waitprof_budget_turn_cost_ratio{" SAMPLE_LABELS "}", "0.004000000");
    free(text);
    program_free(&program);
}

/* Above 2^53 ns, which a hundred threads wait in a day, doubles cannot count single nanoseconds. */
static void
long_delays_are_exact(void **state)
{
    struct program program;
    struct wp_metrics_program read;
    char *text;

    (void)state;
    program_init(&program);
    program_add_stack(
        &program, WP_PROFILE_BLOCK, program.receive,
        (struct region_builder_cost){(UINT64_C(1) << 55) + 65536, (UINT64_C(1) << 53) + 1, 9, 0});
    program_add_stack(&program, WP_PROFILE_BLOCK, program.receive,
                      (struct region_builder_cost){65536, 2, 1, 0});
    read = program_read(&program);
    text = write_metrics(&read, 1, NULL);
#define BLOCK_RECEIVE SAMPLE_LABELS ",profile=\"block\",kind=\"recv\",family=\"net\"}"
    assert_value(text, "waitprof_delay_seconds_total{" BLOCK_RECEIVE, "9007199.254740995");
    assert_value(text, "waitprof_contentions_total{" BLOCK_RECEIVE, "549755813890.000000");
    free(text);
    program_free(&program);
}

static void
labels_are_escaped_and_valid_utf8(void **state)
{
    struct program program;
    struct wp_metrics_program read;
    char *text;

    (void)state;
    program_init(&program);
    strcpy(program.target.command, "a\"b\\c\nd\xff\xc3\xa9");
    read = program_read(&program);
    text = write_metrics(&read, 1, NULL);
    assert_non_null(strstr(text, "command=\"a\\\"b\\\\c?d\xef\xbf\xbd\xc3\xa9\",pid=\"77\""));
    free(text);
    program_free(&program);
}

static void
long_texts_of_escapes_fit(void **state)
{
    struct program program;
    struct wp_metrics_program read;
    char path[600];
    char *text;

    (void)state;
    program_init(&program);
    memset(path, '"', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    region_builder_header(&program.builder)->executable =
        region_builder_string(&program.builder, path);
    memset(program.target.command, '\\', sizeof program.target.command - 1);
    read = program_read(&program);
    text = write_metrics(&read, 1, NULL);
    assert_non_null(strstr(text, "\\\\\",pid=\"77\",region=\"01234567\",executable=\"\\\""));
    assert_non_null(strstr(text, "\\\"\",uid=\"0\"} 1\n"));
    free(text);
    program_free(&program);
}

static void
a_program_that_cannot_be_read_is_down(void **state)
{
    struct program program;
    struct wp_target *target = &program.target;
    struct wp_error error = {""};
    char *text = NULL;
    size_t length;

    (void)state;
    program_init(&program);
    assert_int_equal(wp_metrics_read(&target, 1, NULL, &text, &length, &error), 0);
    assert_value(text, "waitprof_up{" SAMPLE_LABELS "}", "0");
    assert_null(strstr(text, "waitprof_block_rate_seconds{"));
    assert_null(strstr(text, "waitprof_lost_total{"));
    free(text);
    program_free(&program);
}

/* --- The form of the whole text, and its documentation */

#define FAMILIES 128

struct family {
    char name[80];
    char type[16];
};

static bool
ends_in_total(const char *name)
{
    size_t length = strlen(name);

    return length > 6 && strcmp(name + length - 6, "_total") == 0;
}

static void
check_new_family(const char *help_line, const char *type_line, struct family *families,
                 size_t count)
{
    char help_name[80], help[16];
    struct family *family = &families[count];

    assert_true(count < FAMILIES);
    assert_int_equal(sscanf(help_line, "# HELP %79s %15[^\n]", help_name, help), 2);
    assert_int_equal(sscanf(type_line, "# TYPE %79s %15[^\n]", family->name, family->type), 2);
    assert_string_equal(help_name, family->name);
    for (size_t i = 0; i < count; i++)
        assert_string_not_equal(families[i].name, family->name);
    if (strcmp(family->type, "counter") == 0)
        assert_true(ends_in_total(family->name));
    else {
        assert_string_equal(family->type, "gauge");
        assert_false(ends_in_total(family->name));
    }
}

/* Fills the families of a text of two programs and the server; returns how many there are. */
static size_t
check_form(struct family families[FAMILIES])
{
    struct program first, second;
    struct wp_metrics_program programs[2];
    struct wp_metrics_server server = {.connections = 1};
    size_t count = 0, samples = 0;
    char *text;

    program_init(&first);
    program_init(&second);
    second.target.seen_pid = 78;
    wp_metrics_count_code(&server, 200);
    programs[0] = program_read(&first);
    programs[1] = program_read(&second);
    text = write_metrics(programs, 2, &server);
    for (char *line = text; *line != '\0'; line = strchr(line, '\n') + 1) {
        size_t length;

        if (*line == '#') {
            char *next = strchr(line, '\n') + 1;

            check_new_family(line, next, families, count++);
            line = next;
            continue;
        }
        assert_true(count > 0);
        length = strlen(families[count - 1].name);
        assert_memory_equal(line, families[count - 1].name, length);
        assert_true(line[length] == '{' || line[length] == ' ');
        samples++;
    }
    assert_true(count > 30 && samples > 2 * count - 20);
    free(text);
    program_free(&first);
    program_free(&second);
    return count;
}

static char *
read_document(void)
{
    FILE *file = fopen(SCRAPING_DOCUMENT, "r");
    char *text = calloc(1, 1 << 20);
    size_t length;

    assert_non_null(file);
    assert_non_null(text);
    length = fread(text, 1, (1 << 20) - 1, file);
    assert_true(length > 0);
    fclose(file);
    return text;
}

/* In a row of a table, with the type. */
static void
assert_documented(const char *document, const struct family *family)
{
    char beginning[96];
    const char *row;

    snprintf(beginning, sizeof beginning, "\n| `%.79s` | ", family->name);
    row = strstr(document, beginning);
    if (row == NULL)
        fail_msg("docs/scraping.md does not have %s", family->name);
    row = strstr(row + strlen(beginning), "| ");
    assert_memory_equal(row + 2, family->type, strlen(family->type));
}

static size_t
count_documented(const char *document)
{
    size_t count = 0;

    for (const char *row = document; (row = strstr(row, "\n| `waitprof_")) != NULL; row++)
        count++;
    return count;
}

static void
families_are_contiguous_and_documented(void **state)
{
    struct family families[FAMILIES];
    char *document = read_document();
    size_t count = check_form(families);

    (void)state;
    for (size_t i = 0; i < count; i++)
        assert_documented(document, &families[i]);
    assert_int_equal(count_documented(document), count);
    free(document);
}

/* --- Threads */

static void *
tell_own_tid(void *tid)
{
    *(pid_t *)tid = (pid_t)syscall(SYS_gettid);
    return NULL;
}

/* The number of a thread of this process that is gone. */
static pid_t
gone_thread(void)
{
    pthread_t thread;
    pid_t tid = 0;

    assert_int_equal(pthread_create(&thread, NULL, tell_own_tid, &tid), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    /* The kernel wakes the joiner just before it takes the thread out of /proc. */
    for (char path[64]; snprintf(path, sizeof path, "/proc/self/task/%d", (int)tid) > 0 &&
                        access(path, F_OK) == 0;)
        usleep(1000);
    return tid;
}

static pid_t
gone_process(void)
{
    pid_t child = fork();

    if (child == 0)
        _exit(0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    return child;
}

static void
only_threads_that_are_there_wait(void **state)
{
    struct program program;
    struct wp_metrics_program read;
    pid_t child;
    char *text;

    (void)state;
    program_init(&program);
    region_builder_header(&program.builder)->pid = (uint32_t)getpid();
    region_builder_header(&program.builder)->start_ticks = wp_procfs_start_ticks(getpid());
    ((struct wp_region_process *)region_builder_rows(&program.builder, WP_TABLE_PROCESSES))[0].pid =
        (uint32_t)getpid();
    child = gone_process();
    region_builder_process(&program.builder, (uint32_t)child, 1);
    program_add_thread(&program, 0, 0, getpid(), program.lock);
    program_add_thread(&program, 1, 0, gone_thread(), program.lock);
    program_add_thread(&program, 8, 1, child, program.receive);
    read = program_read(&program);
    assert_int_equal(read.snapshot->thread_count, 3);
    text = write_metrics(&read, 1, NULL);
    assert_value(text, "waitprof_waiting_threads{" SAMPLE_LABELS ",kind=\"mutex\",family=\"sync\"}",
                 "1");
    assert_value(text, "waitprof_waiting_threads{" SAMPLE_LABELS ",kind=\"recv\",family=\"net\"}",
                 "0");
    assert_value(text,
                 "waitprof_oldest_wait_seconds{" SAMPLE_LABELS ",kind=\"recv\",family=\"net\"}",
                 "0.000000000");
    assert_value(text, "waitprof_processes{" SAMPLE_LABELS "}", "1");
    free(text);
    program_free(&program);
}

static void
threads_that_cannot_be_looked_at_are_believed(void **state)
{
    struct program program;
    struct wp_metrics_program read;
    char *text;

    (void)state;
    program_init(&program);
    region_builder_header(&program.builder)->pid = (uint32_t)gone_process();
    program_add_thread(&program, 0, 0, 4243, program.lock);
    read = program_read(&program);
    text = write_metrics(&read, 1, NULL);
    assert_value(text, "waitprof_waiting_threads{" SAMPLE_LABELS ",kind=\"mutex\",family=\"sync\"}",
                 "1");
    free(text);
    program_free(&program);
}

/* --- The server */

static void
the_server_tells_of_itself(void **state)
{
    struct wp_metrics_server server = {
        .connections = 3, .deltas_running = 2, .renderings = 5, .rendering_ns = 1234567890};
    char *text;

    (void)state;
    wp_metrics_count_code(&server, 200);
    wp_metrics_count_code(&server, 404);
    wp_metrics_count_code(&server, 200);
    text = write_metrics(NULL, 0, &server);
    assert_value(text, "waitprof_serve_requests_total{code=\"200\"}", "2");
    assert_value(text, "waitprof_serve_requests_total{code=\"404\"}", "1");
    assert_value(text, "waitprof_serve_connections", "3");
    assert_value(text, "waitprof_serve_deltas", "2");
    assert_value(text, "waitprof_serve_renderings_total", "5");
    assert_value(text, "waitprof_serve_rendering_seconds_total", "1.234567890");
    assert_value(text, "waitprof_build_info{version=\"" WAITPROF_VERSION "\"}", "1");
    free(text);
}

static void
more_statuses_than_rows_are_all_counted(void **state)
{
    struct wp_metrics_server server = {0};
    uint64_t sum = 0;

    (void)state;
    for (unsigned i = 0; i < 3 * WP_METRICS_CODES; i++)
        wp_metrics_count_code(&server, 200 + i);
    for (unsigned i = 0; i < WP_METRICS_CODES; i++)
        sum += server.codes[i].count;
    assert_int_equal(sum, 3 * WP_METRICS_CODES);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_recorded_is_told_by_kind),
        cmocka_unit_test(rates_and_the_region_are_told_in_base_units),
        cmocka_unit_test(every_counter_of_the_region_is_told),
        cmocka_unit_test(what_recording_costs_is_told),
        cmocka_unit_test(the_budget_and_what_it_chose_is_told),
        cmocka_unit_test(long_delays_are_exact),
        cmocka_unit_test(labels_are_escaped_and_valid_utf8),
        cmocka_unit_test(long_texts_of_escapes_fit),
        cmocka_unit_test(a_program_that_cannot_be_read_is_down),
        cmocka_unit_test(families_are_contiguous_and_documented),
        cmocka_unit_test(only_threads_that_are_there_wait),
        cmocka_unit_test(threads_that_cannot_be_looked_at_are_believed),
        cmocka_unit_test(the_server_tells_of_itself),
        cmocka_unit_test(more_statuses_than_rows_are_all_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
