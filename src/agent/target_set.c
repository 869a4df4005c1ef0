#include "agent/target_set.h"

#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "agent/ignored_files.h"
#include "profile/clock.h"
#include "profile/keyset.h"
#include "profile/procfs.h"
#include "profile/region_list.h"
#include "profile/region_use.h"

#define TARGETS_MAX 1000u
#define ID_PREFIX_MIN 4u
#define PID_DIGITS_MAX 10u

/* A search through all processes is followed by a pause of so many times its duration. */
#define SEARCH_PAUSE_FACTOR 50u
#define SEARCH_PAUSE_MAX_NS UINT64_C(30000000000)

enum set_life {
    LIFE_UNSURE,
    LIFE_RUNS,
    LIFE_PROCESS_RUNS, /* which may have become another program */
    LIFE_ENDED,
};

/* A followed program. */
struct set_member {
    struct wp_target *target;
    pid_t live_pid;      /* the process of the family that ran when it was last looked at */
    uint64_t live_ticks; /* and when that started */
    enum set_life life;  /* as seen at the start of this refresh */
    bool listed;         /* in this refresh */
    bool used;           /* this refresh has seen a process that has the region mapped */
};

enum set_word_meaning {
    WORD_PATTERN, /* of command names */
    WORD_PID,
    WORD_REGION, /* a file or an id: means the same region for good */
};

struct set_word {
    const char *text;
    enum set_word_meaning meaning;
    bool resolved; /* WORD_REGION: to what need not be asked again */
};

struct wp_target_set {
    bool all;
    struct set_word *words;
    size_t word_count;
    bool refreshed;
    bool said_full;
    uint64_t next_search_ns; /* CLOCK_MONOTONIC */

    struct set_member *members; /* oldest first */
    size_t member_count;
    size_t member_capacity;
    struct wp_target **list; /* of the members */

    struct wp_ignored_files ignored;

    struct wp_target **come; /* each with a reference of its own, as are the gone */
    size_t come_count;
    size_t come_capacity;
    struct wp_target **gone;
    size_t gone_count;
    size_t gone_capacity;
};

/* A refresh that is under way. */
struct set_refresh {
    struct wp_target_set *set;
    bool searched; /* every process was looked at for regions that it has mapped */
    wp_target_trouble *trouble;
    void *context;
    struct wp_error *error;
};

static int
set_no_memory(struct wp_error *error)
{
    return wp_error_set(error, ENOMEM, "not enough memory to follow programs");
}

/* Each target needs a descriptor; the usual soft limit has room for no more than that. */
static void
set_raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= 4 * TARGETS_MAX)
        return;
    limit.rlim_cur = limit.rlim_max < 4 * TARGETS_MAX ? limit.rlim_max : 4 * TARGETS_MAX;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static struct set_word
set_word_of(const char *text)
{
    size_t length = strlen(text);
    struct wp_region_place place;
    struct set_word word = {.text = text, .meaning = WORD_PATTERN};

    if (length > 0 && length <= PID_DIGITS_MAX && strspn(text, "0123456789") == length)
        word.meaning = WORD_PID;
    else if (strchr(text, '/') != NULL || wp_region_list_parse_name(text, &place))
        word.meaning = WORD_REGION;
    /* Names of commands may be hexadecimal digits as well: an id is what is one now, or may
     * be one of several. */
    else if (strspn(text, "0123456789abcdefABCDEF") == length &&
             wp_region_find(text, &place, NULL) != -ENOENT)
        word.meaning = WORD_REGION;
    return word;
}

int
wp_target_set_new(const struct wp_target_selection *selection, struct wp_target_set **set,
                  struct wp_error *error)
{
    struct wp_target_set *made = calloc(1, sizeof *made);

    *set = made;
    if (made == NULL)
        return set_no_memory(error);
    made->all = selection->all;
    made->list = calloc(TARGETS_MAX, sizeof(struct wp_target *));
    made->words = calloc(selection->word_count + 1, sizeof *made->words);
    if (made->list == NULL || made->words == NULL) {
        wp_target_set_free(made);
        *set = NULL;
        return set_no_memory(error);
    }
    for (size_t i = 0; i < selection->word_count; i++)
        made->words[made->word_count++] = set_word_of(selection->words[i]);
    set_raise_descriptor_limit();
    return 0;
}

static void
set_release_changes(struct wp_target_set *set)
{
    for (size_t i = 0; i < set->come_count; i++)
        wp_target_release(set->come[i]);
    for (size_t i = 0; i < set->gone_count; i++)
        wp_target_release(set->gone[i]);
    set->come_count = set->gone_count = 0;
}

void
wp_target_set_free(struct wp_target_set *set)
{
    if (set == NULL)
        return;
    set_release_changes(set);
    for (size_t i = 0; i < set->member_count; i++)
        wp_target_release(set->members[i].target);
    wp_ignored_files_free(&set->ignored);
    free(set->words);
    free(set->members);
    free(set->list);
    free(set->come);
    free(set->gone);
    free(set);
}

/* --- Members
 * ------------------------------------------------------------------------------------ */

static struct set_member *
set_member_of(struct wp_target_set *set, const struct wp_region_place *place)
{
    for (size_t i = 0; i < set->member_count; i++) {
        const struct wp_region_place *other = &set->members[i].target->place;

        if (other->region_id == place->region_id && strcmp(other->path, place->path) == 0)
            return &set->members[i];
    }
    return NULL;
}

static void
set_see(struct set_member *member, pid_t pid)
{
    if (pid == member->live_pid)
        return;
    member->live_pid = pid;
    member->live_ticks = wp_procfs_start_ticks(pid);
}

/* True if the process that was seen last still runs; it may have become another program. */
static bool
set_process_runs(const struct set_member *member)
{
    return member->live_ticks != 0 && wp_procfs_start_ticks(member->live_pid) == member->live_ticks;
}

/* The slash and the name of a member's file. */
static const char *
set_file_name(const struct wp_region_place *place)
{
    return strrchr(place->path, '/');
}

/* Looks at the whole region and then at every process, which takes time. */
static bool
set_find_process(struct set_member *member)
{
    enum wp_reader_state state;
    struct wp_snapshot *snapshot;
    pid_t pid;

    if (wp_target_read(member->target, &snapshot, NULL) != 0)
        return false;
    state = wp_target_state(member->target, snapshot, &pid);
    wp_snapshot_free(snapshot);
    set_see(member, pid);
    return state != WP_STATE_GONE;
}

/*
 * Whether the program of a region may run although no process was seen to have it mapped, when the
 * kernel cannot tell: those that let nobody look. Asked of every region that a program has left, so
 * nothing is searched for.
 */
static int
set_may_run_unseen(const struct wp_region_place *place, bool *may, struct wp_error *error)
{
    struct wp_reader_summary summary;
    int status = wp_reader_summarize(place, &summary, error);
    pid_t pid;

    *may = false;
    if (status != 0)
        return status;
    pid = (pid_t)summary.pid;
    if (summary.start_ticks == 0 ? wp_procfs_start_ticks(pid) != 0
                                 : wp_procfs_started_at(pid, summary.start_ticks))
        *may = wp_procfs_maps(pid, set_file_name(place)) < 0;
    *may = *may || summary.process_count > 1;
    return 0;
}

/* The dear questions come last, and hardly ever. `searched` as in struct set_refresh. */
static bool
set_is_alive(struct set_member *member, bool searched)
{
    const struct wp_region_place *place = &member->target->place;
    enum wp_region_use use;
    bool may;

    if (member->used)
        return true;
    use = wp_region_use(member->target->fd);
    if (use != WP_USE_UNKNOWN)
        return use == WP_USE_MAPPED;
    if (set_process_runs(member) && wp_procfs_maps(member->live_pid, set_file_name(place)) != 0)
        return true;
    if (searched && member->listed && set_may_run_unseen(place, &may, NULL) == 0 && !may)
        return false;
    return set_find_process(member);
}

/* Who started first; region ids are random, but order for good. */
static bool
set_is_before(const struct wp_target *left, const struct wp_target *right)
{
    if (left->start_realtime_ns != right->start_realtime_ns)
        return left->start_realtime_ns < right->start_realtime_ns;
    return left->region_id < right->region_id;
}

/* Takes over the reference in `member`. */
static int
set_add_member(struct set_refresh *refresh, const struct set_member *member)
{
    struct wp_target_set *set = refresh->set;
    size_t place = set->member_count;

    if (wp_array_reserve(&set->members, &set->member_capacity, set->member_count,
                         sizeof *set->members) != 0 ||
        wp_array_reserve(&set->come, &set->come_capacity, set->come_count,
                         sizeof(struct wp_target *)) != 0) {
        wp_target_release(member->target);
        return set_no_memory(refresh->error);
    }
    while (place > 0 && set_is_before(member->target, set->members[place - 1].target))
        place--;
    memmove(&set->members[place + 1], &set->members[place],
            (set->member_count - place) * sizeof *set->members);
    set->members[place] = *member;
    set->member_count++;
    set->come[set->come_count++] = wp_target_hold(member->target);
    return 0;
}

/* True if a later member was made by the same process, which has called exec. */
static bool
set_is_superseded(const struct wp_target_set *set, size_t index)
{
    for (size_t i = index + 1; i < set->member_count; i++) {
        if (set->members[i].live_pid == set->members[index].live_pid)
            return true;
    }
    return false;
}

static bool
set_stays(const struct set_refresh *refresh, size_t index)
{
    struct set_member *member = &refresh->set->members[index];

    if (member->used || member->life == LIFE_RUNS)
        return true;
    if (member->life == LIFE_ENDED)
        return false;
    if (member->life == LIFE_PROCESS_RUNS && !refresh->searched)
        return !set_is_superseded(refresh->set, index) || set_is_alive(member, false);
    return set_is_alive(member, refresh->searched);
}

/* Takes the members out that have ended. */
static int
set_drop_ended(struct set_refresh *refresh)
{
    struct wp_target_set *set = refresh->set;
    size_t kept = 0;
    int status = 0;

    for (size_t i = 0; i < set->member_count; i++) {
        struct set_member *member = &set->members[i];

        if (status == 0)
            status = wp_array_reserve(&set->gone, &set->gone_capacity, set->gone_count,
                                      sizeof(struct wp_target *));
        if (status != 0 || set_stays(refresh, i)) {
            member->listed = member->used = false;
            member->life = LIFE_UNSURE;
            set->members[kept++] = *member;
            continue;
        }
        wp_ignored_files_add(&set->ignored, member->target->place.path, false);
        set->gone[set->gone_count++] = member->target;
    }
    set->member_count = kept;
    return status == 0 ? 0 : set_no_memory(refresh->error);
}

/* --- Refreshing
 * --------------------------------------------------------------------------------- */

/*
 * Reports once that a region cannot be followed. What is only being made, or has just been removed,
 * is no trouble, nor is an unsound file that nobody uses: some program left it, perhaps under
 * another version. What is short may come back.
 */
static void
set_note_trouble(const struct set_refresh *refresh, const struct wp_region_place *place, int status)
{
    bool passes = status == -EMFILE || status == -ENFILE || status == -ENOMEM;
    bool is_left =
        status == -EPROTO && place->user_pid == 0 && wp_region_place_use(place) != WP_USE_MAPPED;

    if (status == -EAGAIN || status == -ENOENT)
        return;
    if (wp_ignored_files_find(&refresh->set->ignored, place->path) == NULL && !is_left &&
        refresh->trouble != NULL)
        refresh->trouble(refresh->error->text, refresh->context);
    wp_ignored_files_add(&refresh->set->ignored, place->path, passes);
}

/* How a region came to be considered. */
enum set_origin {
    FROM_WORD,
    FROM_LIST,
    FROM_SEARCH, /* a list for which every process was looked at */
};

/* Opens a region that is new, and sets *alive. The target in `member` is the caller's if it is. */
static int
set_open_member(const struct wp_region_place *place, enum set_origin origin,
                struct set_member *member, bool *alive, struct wp_error *error)
{
    bool may_run = true;
    int status = 0;

    *alive = false;
    if (origin != FROM_WORD)
        may_run = place->user_pid != 0 || wp_region_place_use(place) != WP_USE_NONE;
    if (origin == FROM_SEARCH && may_run && place->user_pid == 0 &&
        wp_region_place_use(place) == WP_USE_UNKNOWN)
        status = set_may_run_unseen(place, &may_run, error);
    if (status != 0 || !may_run)
        return status;
    *member = (struct set_member){.used = place->user_pid != 0};
    status = wp_target_open_place(place, &member->target, error);
    if (status != 0)
        return status;
    set_see(member, place->user_pid != 0 ? place->user_pid : member->target->seen_pid);
    *alive = set_is_alive(member, false);
    member->used = *alive;
    if (!*alive)
        wp_target_release(member->target);
    return 0;
}

/* Follows a region that is selected, unless it is known. A failure is for the caller to report. */
static int
set_follow(struct set_refresh *refresh, const struct wp_region_place *place, enum set_origin origin)
{
    struct wp_target_set *set = refresh->set;
    struct set_member *known = set_member_of(set, place);
    const struct wp_ignored_file *ignored;
    struct set_member member;
    bool alive;
    int status;

    if (known != NULL) {
        known->listed = true;
        known->used = known->used || place->user_pid != 0;
        if (place->user_pid != 0)
            set_see(known, place->user_pid);
        return 0;
    }
    ignored = wp_ignored_files_find(&set->ignored, place->path);
    if (ignored != NULL && !ignored->retries)
        return 0;
    if (set->member_count == TARGETS_MAX) {
        if (!set->said_full && refresh->trouble != NULL)
            refresh->trouble("there are more than 1000 programs: the rest is left out",
                             refresh->context);
        set->said_full = true;
        return 0;
    }
    status = set_open_member(place, origin, &member, &alive, refresh->error);
    if (status == 0 && alive)
        return set_add_member(refresh, &member);
    if (status == 0) {
        wp_ignored_files_add(&set->ignored, place->path, false);
        status = wp_error_set(refresh->error, ESRCH,
                              "%s: the program has ended; see `waitprof export`", place->path);
    }
    return status;
}

static bool
set_selects(const struct wp_target_set *set, const struct wp_region_place *place)
{
    for (size_t i = 0; i < set->word_count && !set->all; i++) {
        if (set->words[i].meaning == WORD_PATTERN &&
            fnmatch(set->words[i].text, place->command, 0) == 0)
            return true;
    }
    return set->all;
}

static enum set_life
set_look(const struct set_member *member)
{
    switch (wp_region_use(member->target->fd)) {
    case WP_USE_NONE:
        return LIFE_ENDED;
    case WP_USE_MAPPED:
        return LIFE_RUNS;
    default:
        return set_process_runs(member) ? LIFE_PROCESS_RUNS : LIFE_UNSURE;
    }
}

/* Looks at every member; true if nothing else can tell whether one of them lives. */
static bool
set_look_at_members(struct wp_target_set *set)
{
    bool is_unsure = false;

    for (size_t i = 0; i < set->member_count; i++) {
        set->members[i].life = set_look(&set->members[i]);
        is_unsure = is_unsure || set->members[i].life == LIFE_UNSURE;
    }
    return is_unsure;
}

/*
 * Lists the regions. To search through every process finds those in containers and those that are
 * not in use any more, but takes long where there are many processes: it is done when somebody has
 * ended, and else so seldom that it takes a small part of a processor.
 */
static int
set_list_regions(struct set_refresh *refresh, struct wp_region_list *list)
{
    struct wp_target_set *set = refresh->set;
    uint64_t start_ns = wp_clock_ns(CLOCK_MONOTONIC), pause_ns;
    int status;

    refresh->searched = set_look_at_members(set) || start_ns >= set->next_search_ns;
    if (!refresh->searched)
        return wp_region_find_in_directories(list, refresh->error);
    status = wp_region_find_all(list, refresh->error);
    pause_ns = (wp_clock_ns(CLOCK_MONOTONIC) - start_ns) * SEARCH_PAUSE_FACTOR;
    set->next_search_ns = wp_clock_ns(CLOCK_MONOTONIC) +
                          (pause_ns < SEARCH_PAUSE_MAX_NS ? pause_ns : SEARCH_PAUSE_MAX_NS);
    return status;
}

/* Looks at every region that there is. */
static int
set_follow_listed(struct set_refresh *refresh)
{
    struct wp_target_set *set = refresh->set;
    struct wp_region_list list;
    int status = set_list_regions(refresh, &list);

    for (size_t i = 0; i < list.count && status == 0; i++) {
        if (!set_selects(set, &list.rows[i]))
            continue;
        status = set_follow(refresh, &list.rows[i], refresh->searched ? FROM_SEARCH : FROM_LIST);
        if (status != 0 && status != -ESRCH)
            set_note_trouble(refresh, &list.rows[i], status);
        status = 0;
    }
    wp_region_list_free(&list);
    return status;
}

/* Looks up a pid, file or id. What it fails with matters the first time only. */
static int
set_follow_word(struct set_refresh *refresh, struct set_word *word)
{
    struct wp_region_place place;
    int status;

    if (word->resolved)
        return 0;
    if (refresh->set->refreshed && word->meaning == WORD_PID &&
        wp_procfs_start_ticks((pid_t)strtol(word->text, NULL, 10)) == 0)
        return 0;
    status = wp_region_find(word->text, &place, refresh->error);
    if (status != 0)
        return status;
    status = set_follow(refresh, &place, FROM_WORD);
    word->resolved = status == 0 && word->meaning == WORD_REGION;
    return status;
}

static int
set_follow_words(struct set_refresh *refresh)
{
    struct wp_target_set *set = refresh->set;
    int status = 0;

    for (size_t i = 0; i < set->word_count && status == 0; i++) {
        if (set->words[i].meaning == WORD_PATTERN)
            continue;
        status = set_follow_word(refresh, &set->words[i]);
        if (status == -EAGAIN || set->refreshed)
            status = 0;
    }
    return status;
}

bool
wp_target_set_ends(const struct wp_target_set *set)
{
    for (size_t i = 0; i < set->word_count; i++) {
        if (set->words[i].meaning == WORD_PATTERN)
            return false;
    }
    return !set->all;
}

int
wp_target_set_refresh(struct wp_target_set *set, struct wp_target_changes *changes,
                      wp_target_trouble *trouble, void *context, struct wp_error *error)
{
    struct wp_error unused;
    struct set_refresh refresh = {
        .set = set,
        .trouble = trouble,
        .context = context,
        .error = error != NULL ? error : &unused,
    };
    int status;

    set_release_changes(set);
    status = !wp_target_set_ends(set) ? set_follow_listed(&refresh) : 0;
    if (status == 0)
        status = set_follow_words(&refresh);
    if (status == 0)
        status = set_drop_ended(&refresh);
    for (size_t i = 0; i < set->member_count; i++)
        set->list[i] = set->members[i].target;
    *changes = (struct wp_target_changes){
        .come = set->come,
        .come_count = set->come_count,
        .gone = set->gone,
        .gone_count = set->gone_count,
    };
    if (status != 0)
        return status;
    wp_ignored_files_forget(&set->ignored);
    set->refreshed = true;
    return 0;
}

/* --- Looking up
 * --------------------------------------------------------------------------------- */

size_t
wp_target_set_list(const struct wp_target_set *set, struct wp_target *const **targets)
{
    *targets = set->list;
    return set->member_count;
}

static struct wp_target *
set_find_id(const struct wp_target_set *set, const char *digits)
{
    struct wp_target *found = NULL;
    size_t length = strlen(digits);

    if (length < ID_PREFIX_MIN || length > 16)
        return NULL;
    for (size_t i = 0; i < set->member_count; i++) {
        char id[17];

        snprintf(id, sizeof id, "%016llx", (unsigned long long)set->members[i].target->region_id);
        if (strncasecmp(id, digits, length) != 0)
            continue;
        if (found != NULL)
            return NULL;
        found = set->members[i].target;
    }
    return found;
}

/* The number of the member; member_count if there is none. Any process of a family will do: they
 * share the region. */
static size_t
set_find_pid(const struct wp_target_set *set, pid_t pid)
{
    struct wp_region_place place;
    bool removed, maps;

    for (size_t i = 0; i < set->member_count; i++) {
        if (set->members[i].live_pid == pid && set_process_runs(&set->members[i]))
            return i;
    }
    maps = wp_region_list_mapped(pid, &place, &removed);
    for (size_t i = 0; i < set->member_count && (maps || removed); i++) {
        const struct wp_target *target = set->members[i].target;

        if (maps ? target->region_id == place.region_id
                 : wp_procfs_maps(pid, set_file_name(&target->place)) == 1)
            return i;
    }
    return set->member_count;
}

struct wp_target *
wp_target_set_find(const struct wp_target_set *set, const char *what)
{
    size_t length = strlen(what);
    unsigned long pid = 0;
    size_t number;

    if (length > 0 && length <= PID_DIGITS_MAX && strspn(what, "0123456789") == length)
        pid = strtoul(what, NULL, 10);
    if (pid > 0 && pid <= INT32_MAX) {
        number = set_find_pid(set, (pid_t)pid);
        if (number < set->member_count)
            return set->members[number].target;
    }
    return set_find_id(set, what);
}
