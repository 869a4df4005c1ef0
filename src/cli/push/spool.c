#include "cli/push/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/message.h"
#include "cli/private_directory.h"
#include "cli/push/spool_owner.h"

#define NAME_BYTES 48u
#define NAME_DIGITS 16u
#define REMEDY "choose another with --spool"
#define BLOCK_BYTES 4096u /* what the smallest file takes */

enum file_state { FILE_NEW, FILE_WAITING, FILE_SENDING, FILE_DAMAGED, FILE_STATE_COUNT };

static const char *const suffixes[FILE_STATE_COUNT] = {
    [FILE_NEW] = ".new",
    [FILE_WAITING] = ".profile",
    [FILE_SENDING] = ".sending",
    [FILE_DAMAGED] = ".damaged",
};

struct entry {
    uint64_t turn;
    uint64_t bytes;
    bool was_sending; /* in the hands of an earlier command */
};

struct wp_spool {
    struct wp_spool_options options;

    pthread_mutex_t mutex; /* of all below */
    int directory, lock;   /* changed by the thread that puts, which reads them without the lock */
    struct entry *entries; /* [first .. end), oldest first */
    size_t first, end, capacity;
    bool is_first_taken;
    uint64_t next_turn;
    struct wp_spool_state state;
};

static char *
name_file(uint64_t turn, enum file_state state, char name[NAME_BYTES])
{
    snprintf(name, NAME_BYTES, "%0*" PRIx64 "%s", (int)NAME_DIGITS, turn, suffixes[state]);
    return name;
}

/* FILE_STATE_COUNT: the name is none of ours. */
static enum file_state
read_name(const char *name, uint64_t *turn)
{
    char again[NAME_BYTES];

    if (strspn(name, "0123456789abcdef") != NAME_DIGITS)
        return FILE_STATE_COUNT;
    *turn = strtoull(name, NULL, 16);
    for (enum file_state state = FILE_NEW; state < FILE_STATE_COUNT; state++) {
        if (strcmp(name_file(*turn, state, again), name) == 0)
            return state;
    }
    return FILE_STATE_COUNT;
}

static int
rename_file(struct wp_spool *spool, uint64_t turn, enum file_state from, enum file_state to)
{
    char old[NAME_BYTES], new[NAME_BYTES];

    return renameat(spool->directory, name_file(turn, from, old), spool->directory,
                    name_file(turn, to, new)) == 0
               ? 0
               : -errno;
}

static int
unlink_file(struct wp_spool *spool, uint64_t turn, enum file_state state)
{
    char name[NAME_BYTES];

    return unlinkat(spool->directory, name_file(turn, state, name), 0) == 0 ? 0 : -errno;
}

/* -ENOMEM when the list cannot grow. */
static int
append_entry(struct wp_spool *spool, const struct entry *entry)
{
    if (spool->end == spool->capacity && spool->first > spool->end / 2) {
        memmove(spool->entries, spool->entries + spool->first,
                (spool->end - spool->first) * sizeof *spool->entries);
        spool->end -= spool->first;
        spool->first = 0;
    }
    if (spool->end == spool->capacity) {
        size_t capacity = spool->capacity > 0 ? 2 * spool->capacity : 64;
        struct entry *entries = reallocarray(spool->entries, capacity, sizeof *entries);

        if (entries == NULL)
            return -ENOMEM;
        spool->entries = entries;
        spool->capacity = capacity;
    }
    spool->entries[spool->end++] = *entry;
    spool->state.waiting++;
    spool->state.bytes += entry->bytes;
    return 0;
}

/* Takes the entry `index` off the list; what is before it is at most the one that was taken. */
static void
forget_entry(struct wp_spool *spool, size_t index)
{
    spool->state.waiting--;
    spool->state.bytes -= spool->entries[index].bytes;
    if (index > spool->first)
        spool->entries[index] = spool->entries[spool->first];
    spool->first++;
}

/* The oldest that nobody is sending. False: there is none. */
static bool
drop_oldest(struct wp_spool *spool)
{
    size_t oldest = spool->first + (spool->is_first_taken ? 1 : 0);
    uint64_t turn;

    if (oldest >= spool->end)
        return false;
    turn = spool->entries[oldest].turn;
    if (unlink_file(spool, turn, FILE_WAITING) != 0)
        unlink_file(spool, turn, FILE_SENDING);
    forget_entry(spool, oldest);
    spool->state.dropped++;
    return true;
}

static void
make_room(struct wp_spool *spool, uint64_t bytes)
{
    uint64_t before = spool->state.dropped;

    while (spool->state.bytes + bytes > spool->options.bytes_max && drop_oldest(spool))
        continue;
    if (before == 0 && spool->state.dropped > 0)
        wp_message_warning(spool->options.path, "see --spool-bytes",
                           "the spool is full; the oldest profiles are dropped from now on");
}

static uint64_t
count_bytes(uint64_t length)
{
    return (length + BLOCK_BYTES - 1) / BLOCK_BYTES * BLOCK_BYTES;
}

/* Profiles with these turns are written under temporary names: gives them their names. All or
 * none. */
static int
publish(struct wp_spool *spool, const struct entry *entries, size_t count, struct wp_error *error)
{
    size_t done = 0;
    int status = 0;

    while (status == 0 && done < count) {
        status = rename_file(spool, entries[done].turn, FILE_NEW, FILE_WAITING);
        if (status == 0) {
            done++;
            status = append_entry(spool, &entries[done - 1]);
        }
    }
    if (status == 0) {
        fsync(spool->directory);
        return 0;
    }
    for (size_t i = 0; i < done; i++) {
        unlink_file(spool, entries[i].turn, FILE_WAITING);
        if (spool->end > spool->first && spool->entries[spool->end - 1].turn >= entries[0].turn) {
            spool->state.waiting--;
            spool->state.bytes -= spool->entries[--spool->end].bytes;
        }
    }
    return wp_error_set(error, -status, "%s: cannot be written: %s", spool->options.path,
                        strerror(-status));
}

#define BATCH_MAX 8u

static int
write_files(struct wp_spool *spool, const struct wp_push_profile *profiles, size_t count,
            struct entry *entries, struct wp_error *error)
{
    struct wp_error cause = {""};
    int status = 0;

    for (size_t i = 0; i < count && status == 0; i++) {
        char name[NAME_BYTES];

        status = wp_spool_file_write(spool->directory, name_file(entries[i].turn, FILE_NEW, name),
                                     &profiles[i], &cause);
    }
    if (status != 0)
        wp_error_set(error, -status, "%s: %s", spool->options.path, cause.text);
    return status;
}

static int
compare_entries(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;

    return a->turn < b->turn ? -1 : a->turn > b->turn;
}

/* One file that an earlier command left. */
static int
adopt(struct wp_spool *spool, const char *name)
{
    struct entry entry = {0};
    enum file_state state = read_name(name, &entry.turn);
    struct stat status;

    if (state == FILE_STATE_COUNT)
        return 0;
    if (entry.turn >= spool->next_turn)
        spool->next_turn = entry.turn + 1;
    if (state == FILE_NEW)
        unlinkat(spool->directory, name, 0);
    if (state != FILE_WAITING && state != FILE_SENDING)
        return 0;
    if (fstatat(spool->directory, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
        return 0;
    entry.bytes = count_bytes((uint64_t)status.st_size);
    entry.was_sending = state == FILE_SENDING;
    return append_entry(spool, &entry);
}

static int
adopt_all(struct wp_spool *spool, struct wp_error *error)
{
    int fd = openat(spool->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), status = 0;
    DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *row;
    size_t taken;

    if (stream == NULL) {
        if (fd >= 0)
            close(fd);
        return wp_error_set(error, EIO, "%s: cannot be listed: %s", spool->options.path,
                            strerror(errno));
    }
    while (status == 0 && (row = readdir(stream)) != NULL)
        status = adopt(spool, row->d_name);
    closedir(stream);
    if (status != 0)
        return wp_error_set(error, -status, "%s: out of memory", spool->options.path);
    taken = spool->first + (spool->is_first_taken ? 1 : 0);
    if (spool->end > taken)
        qsort(spool->entries + taken, spool->end - taken, sizeof *spool->entries, compare_entries);
    status = wp_spool_owner_claim(spool->options.owner, spool->directory, spool->options.path,
                                  spool->end - taken, error);
    if (status == 0)
        make_room(spool, 0);
    return status;
}

static void
close_directory(struct wp_spool *spool)
{
    if (spool->lock >= 0)
        close(spool->lock);
    if (spool->directory >= 0)
        close(spool->directory);
    spool->lock = spool->directory = -1;
}

static int
open_directory(struct wp_spool *spool, struct wp_error *error)
{
    int status = wp_private_directory_open(spool->options.path, REMEDY, &spool->directory,
                                           &spool->lock, error);

    if (status == 0)
        status = adopt_all(spool, error);
    if (status != 0)
        close_directory(spool);
    return status;
}

/* All but the one that was taken: that is in memory. */
static void
forget_others(struct wp_spool *spool)
{
    size_t kept = spool->is_first_taken ? 1 : 0;

    spool->end = spool->first + kept;
    spool->state.waiting = kept;
    spool->state.bytes = kept > 0 ? spool->entries[spool->first].bytes : 0;
}

static void
lose_others(struct wp_spool *spool)
{
    size_t lost = spool->end - spool->first - (spool->is_first_taken ? 1 : 0);

    if (lost > 0)
        wp_message_warning(spool->options.path, NULL,
                           "the directory was removed: %zu profiles that waited there are lost",
                           lost);
    spool->state.lost += lost;
    forget_others(spool);
}

/* Makes the directory again if somebody has removed it. */
static int
mend_directory(struct wp_spool *spool, struct wp_error *error)
{
    int status = 0;

    if (!wp_private_directory_is_gone(spool->options.path, spool->directory))
        return 0;
    pthread_mutex_lock(&spool->mutex);
    lose_others(spool);
    close_directory(spool);
    status = open_directory(spool, error);
    /* What was found in a directory that cannot be used is not ours. */
    if (status != 0)
        forget_others(spool);
    pthread_mutex_unlock(&spool->mutex);
    return status;
}

int
wp_spool_put(struct wp_spool *spool, const struct wp_push_profile *profiles, size_t count,
             struct wp_error *error)
{
    struct entry entries[BATCH_MAX] = {0};
    uint64_t bytes = 0;
    int status;

    if (count > BATCH_MAX)
        return wp_error_set(error, EINVAL, "too many profiles at once");
    status = mend_directory(spool, error);
    if (status != 0)
        return status;
    pthread_mutex_lock(&spool->mutex);
    for (size_t i = 0; i < count; i++) {
        /* The header counts as a block of its own: the list need not know how long it is. */
        entries[i].bytes = count_bytes(profiles[i].length) + BLOCK_BYTES;
        entries[i].turn = spool->next_turn++;
        bytes += entries[i].bytes;
    }
    if (bytes > spool->options.bytes_max) {
        spool->state.dropped += count;
        pthread_mutex_unlock(&spool->mutex);
        wp_message_warning(profiles[0].command, "see --spool-bytes",
                           "its profiles are larger than the spool may be, and are dropped");
        return 0;
    }
    make_room(spool, bytes);
    pthread_mutex_unlock(&spool->mutex);

    status = write_files(spool, profiles, count, entries, error);
    if (status == 0) {
        pthread_mutex_lock(&spool->mutex);
        status = publish(spool, entries, count, error);
        pthread_mutex_unlock(&spool->mutex);
    }
    for (size_t i = 0; status != 0 && i < count; i++)
        unlink_file(spool, entries[i].turn, FILE_NEW);
    return status;
}

static void
lose_first(struct wp_spool *spool)
{
    if (spool->state.lost++ == 0)
        wp_message_warning(spool->options.path, NULL,
                           "profiles that waited there were removed, and are lost");
    forget_entry(spool, spool->first);
}

/* A file that cannot be read must not hold up the others. */
static void
set_aside(struct wp_spool *spool, enum file_state state, const char *reason)
{
    bool is_kept = rename_file(spool, spool->entries[spool->first].turn, state, FILE_DAMAGED) == 0;

    spool->state.set_aside++;
    wp_message_warning(spool->options.path, is_kept ? "it is kept there as *.damaged" : NULL, "%s",
                       reason);
    forget_entry(spool, spool->first);
}

bool
wp_spool_take(struct wp_spool *spool, struct wp_spool_item *item)
{
    int status = -ENOENT;

    pthread_mutex_lock(&spool->mutex);
    while (status != 0 && spool->first < spool->end) {
        const struct entry *entry = &spool->entries[spool->first];
        enum file_state state = entry->was_sending ? FILE_SENDING : FILE_WAITING;
        struct wp_error error = {""};
        char name[NAME_BYTES];

        item->turn = entry->turn;
        item->may_have_arrived = entry->was_sending;
        status = wp_spool_file_read(spool->directory, name_file(entry->turn, state, name),
                                    spool->options.bytes_max + BLOCK_BYTES, &item->file, &error);
        if (status == -ENOMEM)
            break;
        if (status == -ENOENT) {
            lose_first(spool);
            continue;
        }
        if (status != 0) {
            set_aside(spool, state, error.text);
            continue;
        }
        rename_file(spool, entry->turn, state, FILE_SENDING);
        spool->is_first_taken = true;
    }
    pthread_mutex_unlock(&spool->mutex);
    return status == 0;
}

void
wp_spool_remove(struct wp_spool *spool, struct wp_spool_item *item)
{
    pthread_mutex_lock(&spool->mutex);
    unlink_file(spool, item->turn, FILE_SENDING);
    forget_entry(spool, spool->first);
    spool->is_first_taken = false;
    pthread_mutex_unlock(&spool->mutex);
    wp_spool_file_free(&item->file);
}

void
wp_spool_return(struct wp_spool *spool, struct wp_spool_item *item)
{
    char name[NAME_BYTES];

    pthread_mutex_lock(&spool->mutex);
    /* If somebody has removed it, we still have it. */
    if (rename_file(spool, item->turn, FILE_SENDING, FILE_WAITING) == -ENOENT)
        wp_spool_file_write(spool->directory, name_file(item->turn, FILE_WAITING, name),
                            &item->file.profile, NULL);
    spool->entries[spool->first].was_sending = false;
    spool->is_first_taken = false;
    pthread_mutex_unlock(&spool->mutex);
    wp_spool_file_free(&item->file);
}

struct wp_spool_state
wp_spool_look(struct wp_spool *spool)
{
    struct wp_spool_state state;

    pthread_mutex_lock(&spool->mutex);
    state = spool->state;
    pthread_mutex_unlock(&spool->mutex);
    return state;
}

int
wp_spool_open(const struct wp_spool_options *options, struct wp_spool **spool,
              struct wp_error *error)
{
    struct wp_spool *made = calloc(1, sizeof *made);
    int status;

    *spool = NULL;
    if (made == NULL)
        return wp_error_set(error, ENOMEM, "out of memory");
    pthread_mutex_init(&made->mutex, NULL);
    made->options = *options;
    made->directory = made->lock = -1;
    status = open_directory(made, error);
    if (status != 0) {
        wp_spool_close(made);
        return status;
    }
    *spool = made;
    return 0;
}

void
wp_spool_close(struct wp_spool *spool)
{
    if (spool == NULL)
        return;
    close_directory(spool);
    pthread_mutex_destroy(&spool->mutex);
    free(spool->entries);
    free(spool);
}
