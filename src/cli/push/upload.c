#include "cli/push/upload.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "cli/message.h"
#include "cli/push/ingest_url.h"
#include "cli/secret_file.h"
#include "profile/clock.h"
#include "profile/profile.h"
#include "profile/symbol_name.h"

#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S UINT64_C(1000000000)
#define CONNECT_TIMEOUT_MS 10000
/* The answers that matter are short; what is longer is read and left. */
#define ANSWER_BYTES 300u
#define RETRY_AFTER_MAX_S 86400

/* A connection that was idle for longer is not used again: servers close idle ones, and a request
 * that meets the closing is one of which nobody knows what became of it. */
#define IDLE_CONNECTION_S 2L

struct wp_upload {
    struct wp_upload_options options;
    CURL *curl;
    struct curl_slist *headers;
    char *endpoint; /* URL/ingest */
    struct wp_secret secret;
    struct stat secret_file; /* when it was read; all zeros: it is to be read */
    uint64_t deadline_ns;    /* [atomic] */

    /* Of the request that is under way. */
    const char *body; /* the profile's bytes */
    size_t body_length, body_sent;
    char answer[ANSWER_BYTES];
    size_t answer_length;
};

/* What tells the server which profile it is: both have the same two types of samples, and alone
 * they would be filed as mutex. Indexed by type - 1. */
static const char *const sample_type_configs[] = {
    [WP_PROFILE_BLOCK - 1] =
        "{\"contentions\":{\"units\":\"lock_samples\",\"display-name\":\"block_count\"},"
        "\"delay\":{\"units\":\"lock_nanoseconds\",\"display-name\":\"block_duration\"}}",
    [WP_PROFILE_MUTEX - 1] =
        "{\"contentions\":{\"units\":\"lock_samples\",\"display-name\":\"mutex_count\"},"
        "\"delay\":{\"units\":\"lock_nanoseconds\",\"display-name\":\"mutex_duration\"}}",
};

/* libcurl reads the profile through this, and so we know whether all of it was handed over. */
static size_t
read_body(char *buffer, size_t size, size_t count, void *context)
{
    struct wp_upload *upload = context;
    size_t length = upload->body_length - upload->body_sent;

    if (length > size * count)
        length = size * count;
    memcpy(buffer, upload->body + upload->body_sent, length);
    upload->body_sent += length;
    return length;
}

/* libcurl goes back to the start when it wants to send the request again by itself, over another
 * connection. We must not let it: the first may have arrived. */
static int
seek_body(void *context, curl_off_t offset, int origin)
{
    struct wp_upload *upload = context;

    if (upload->body_sent == 0 && offset == 0 && origin == SEEK_SET)
        return CURL_SEEKFUNC_OK;
    return CURL_SEEKFUNC_FAIL;
}

static size_t
keep_answer(char *bytes, size_t size, size_t count, void *context)
{
    struct wp_upload *upload = context;
    size_t length = size * count, room = sizeof upload->answer - 1 - upload->answer_length;

    memcpy(upload->answer + upload->answer_length, bytes, length < room ? length : room);
    upload->answer_length += length < room ? length : room;
    return length;
}

static int
check_deadline(void *context, curl_off_t total_down, curl_off_t down, curl_off_t total_up,
               curl_off_t up)
{
    struct wp_upload *upload = context;
    uint64_t deadline_ns = __atomic_load_n(&upload->deadline_ns, __ATOMIC_RELAXED);

    (void)total_down;
    (void)down;
    (void)total_up;
    (void)up;
    return deadline_ns != 0 && wp_clock_ns(CLOCK_MONOTONIC) >= deadline_ns;
}

void
wp_upload_set_deadline(struct wp_upload *upload, uint64_t deadline_ns)
{
    __atomic_store_n(&upload->deadline_ns, deadline_ns, __ATOMIC_RELAXED);
}

static int
add_header(struct wp_upload *upload, const char *name, const char *value, struct wp_error *error)
{
    struct curl_slist *longer;
    char *line = NULL;

    if (strpbrk(value, "\r\n") != NULL)
        return wp_error_set(error, EINVAL, "%s: it must be one line", name);
    if (asprintf(&line, "%s: %s", name, value) < 0)
        return wp_error_set(error, ENOMEM, "out of memory");
    longer = curl_slist_append(upload->headers, line);
    free(line);
    if (longer == NULL)
        return wp_error_set(error, ENOMEM, "out of memory");
    upload->headers = longer;
    return 0;
}

/* What all requests have in common. */
static int
prepare(struct wp_upload *upload, struct wp_error *error)
{
    const struct wp_upload_options *options = &upload->options;
    CURL *curl = upload->curl;
    int status = 0;

    if (options->tenant != NULL)
        status = add_header(upload, "X-Scope-OrgID", options->tenant, error);
    if (status != 0)
        return status;
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_MAXAGE_CONN, IDLE_CONNECTION_S);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "waitprof/" WAITPROF_VERSION);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, upload->headers);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep_answer);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, upload);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, check_deadline);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, upload);
    if (options->ca_file != NULL)
        curl_easy_setopt(curl, CURLOPT_CAINFO, options->ca_file);
    if (options->insecure_tls) {
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    return 0;
}

/* What cannot be read twice, a pipe, or is not there for a moment, does not change. */
static bool
is_secret_current(const struct stat *before, const struct stat *now)
{
    if (before->st_ino == 0)
        return false;
    return !S_ISREG(now->st_mode) ||
           (now->st_dev == before->st_dev && now->st_ino == before->st_ino &&
            now->st_size == before->st_size && now->st_mtim.tv_sec == before->st_mtim.tv_sec &&
            now->st_mtim.tv_nsec == before->st_mtim.tv_nsec);
}

/* The secret, if there is one, in upload->secret: read when its file has changed. */
static int
read_secret(struct wp_upload *upload, struct wp_error *error)
{
    struct stat now = {0};
    const struct wp_upload_options *options = &upload->options;
    const char *path = options->token_file != NULL ? options->token_file : options->user_file;
    int status;

    if (path == NULL)
        return 0;
    if (stat(path, &now) != 0)
        now.st_mode = 0;
    if (is_secret_current(&upload->secret_file, &now))
        return 0;
    upload->secret_file = (struct stat){0};
    status = wp_secret_file_read(path, &upload->secret, error);
    if (status == 0 && options->user_file != NULL && strchr(upload->secret.text, ':') == NULL)
        status = wp_error_set(error, EIO, "%s: its first line is not NAME:PASSWORD", path);
    if (status != 0)
        wp_secret_wipe(&upload->secret);
    else
        upload->secret_file = now;
    return status;
}

static int
check_files(struct wp_upload *upload, struct wp_error *error)
{
    const struct wp_upload_options *options = &upload->options;
    int status = read_secret(upload, error);

    if (options->token_file != NULL)
        wp_secret_file_warn(options->token_file);
    if (options->user_file != NULL)
        wp_secret_file_warn(options->user_file);
    if (status == 0 && options->ca_file != NULL) {
        FILE *file = fopen(options->ca_file, "re");

        if (file == NULL)
            return wp_error_set(error, EIO, "%s: cannot be read: %s", options->ca_file,
                                strerror(errno));
        fclose(file);
    }
    return status;
}

int
wp_upload_new(const struct wp_upload_options *options, struct wp_upload **upload,
              struct wp_error *error)
{
    struct wp_upload *made = calloc(1, sizeof *made);
    int status = 0;

    *upload = NULL;
    if (made == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(made);
        return wp_error_set(error, ENOMEM, "out of memory");
    }
    made->options = *options;
    made->curl = curl_easy_init();
    if (made->curl == NULL)
        status = wp_error_set(error, ENOMEM, "out of memory");
    if (status == 0)
        status = wp_ingest_url_endpoint(options->url, &made->endpoint, error);
    if (status == 0)
        status = check_files(made, error);
    if (status == 0)
        status = prepare(made, error);
    if (status != 0) {
        wp_upload_free(made);
        return status;
    }
    *upload = made;
    return 0;
}

void
wp_upload_free(struct wp_upload *upload)
{
    if (upload == NULL)
        return;
    wp_secret_wipe(&upload->secret);
    curl_easy_cleanup(upload->curl);
    curl_slist_free_all(upload->headers);
    curl_free(upload->endpoint);
    free(upload);
    curl_global_cleanup();
}

/* The two parts of the form; the profile last, so that its end is that of the request. */
static curl_mime *
make_form(struct wp_upload *upload, const struct wp_push_profile *profile)
{
    const char *config = sample_type_configs[profile->type - 1];
    curl_mime *form = curl_mime_init(upload->curl);
    curl_mimepart *part;
    CURLcode code = CURLE_OUT_OF_MEMORY;

    part = form != NULL ? curl_mime_addpart(form) : NULL;
    if (part != NULL) {
        curl_mime_name(part, "sample_type_config");
        curl_mime_filename(part, "sample_type_config.json");
        curl_mime_type(part, "application/json");
        code = curl_mime_data(part, config, CURL_ZERO_TERMINATED);
        part = curl_mime_addpart(form);
    }
    if (part == NULL || code != CURLE_OK) {
        curl_mime_free(form);
        return NULL;
    }
    curl_mime_name(part, "profile");
    curl_mime_filename(part, "profile.pprof");
    curl_mime_type(part, "application/octet-stream");
    curl_mime_data_cb(part, (curl_off_t)profile->length, read_body, seek_body, NULL, upload);
    upload->body = profile->bytes;
    upload->body_length = profile->length;
    upload->body_sent = 0;
    return form;
}

static void
set_credential(struct wp_upload *upload)
{
    CURL *curl = upload->curl;
    char *text = upload->secret.text, *colon = strchr(text, ':');

    if (upload->options.token_file != NULL) {
        curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
        curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, text);
    } else if (upload->options.user_file != NULL && colon != NULL) {
        *colon = '\0';
        curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
        curl_easy_setopt(curl, CURLOPT_USERNAME, text);
        curl_easy_setopt(curl, CURLOPT_PASSWORD, colon + 1);
        *colon = ':';
    }
}

/* Servers may answer with what they were sent: the secret is taken out. Nor may an answer do
 * anything to a terminal: control characters and what is not UTF-8 are replaced. */
static void
clean_answer(struct wp_upload *upload)
{
    const char *secret = upload->secret.text, *found;
    size_t length = strlen(secret);
    char clean[ANSWER_BYTES];

    upload->answer[upload->answer_length] = '\0';
    if (upload->options.user_file != NULL && strchr(secret, ':') != NULL) {
        secret = strchr(secret, ':') + 1;
        length = strlen(secret);
    }
    while (length > 0 && (found = strstr(upload->answer, secret)) != NULL)
        memset(upload->answer + (found - upload->answer), '*', length);
    for (char *next = upload->answer; *next != '\0'; next++) {
        if ((unsigned char)*next < 0x20 || *next == 0x7f)
            *next = ' ';
    }
    upload->answer_length = wp_symbol_clean(upload->answer, clean, sizeof clean);
    memcpy(upload->answer, clean, upload->answer_length + 1);
    while (upload->answer_length > 0 && upload->answer[upload->answer_length - 1] == ' ')
        upload->answer[--upload->answer_length] = '\0';
}

static enum wp_upload_outcome
judge_status(long status)
{
    if (status >= 200 && status < 300)
        return WP_UPLOAD_ACCEPTED;
    /* A gateway passed it on and got no answer. */
    if (status == 504)
        return WP_UPLOAD_UNKNOWN;
    if (status == 408 || status == 425 || status == 429 || status >= 500)
        return WP_UPLOAD_FAILED;
    /* Nothing in a profile causes these: the address, the token or a proxy is wrong. */
    if (status < 400 || status == 401 || status == 403 || status == 404 || status == 405 ||
        status == 407)
        return WP_UPLOAD_HELD;
    return WP_UPLOAD_REFUSED;
}

static const char *
remedy_of(long status)
{
    if (status == 401 || status == 403)
        return "; see --token-file, --user-file and --tenant";
    if (status < 400)
        return "; give the address that it leads to with --to";
    if (status == 404 || status == 405)
        return "; is there a Pyroscope at the address of --to?";
    return "";
}

/* Without an answer: did all of the request go out? What libcurl was handed need not have been
 * written, but a count that it has taken back says nothing. */
static bool
was_sent_whole(const struct wp_upload *upload, CURLcode code)
{
    curl_off_t sent = 0, length = 0;

    if (upload->body_sent < upload->body_length)
        return false;
    if (code == CURLE_SEND_FAIL_REWIND)
        return true;
    curl_easy_getinfo(upload->curl, CURLINFO_SIZE_UPLOAD_T, &sent);
    curl_easy_getinfo(upload->curl, CURLINFO_CONTENT_LENGTH_UPLOAD_T, &length);
    return length <= 0 || sent >= length;
}

/* Certificates and addresses that are wrong stay wrong until somebody mends them. */
static bool
needs_mending(CURLcode code)
{
    return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE ||
           code == CURLE_SSL_CERTPROBLEM || code == CURLE_SSL_ISSUER_ERROR ||
           code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_URL_MALFORMAT;
}

static void
judge(struct wp_upload *upload, CURLcode code, const char *cause, struct wp_upload_result *result)
{
    curl_off_t retry_after_s = 0;
    long status = 0;

    curl_easy_getinfo(upload->curl, CURLINFO_RESPONSE_CODE, &status);
    clean_answer(upload);
    /* 1xx is no answer yet. An answer counts even if the connection broke in its middle. */
    if (status >= 200) {
        curl_easy_getinfo(upload->curl, CURLINFO_RETRY_AFTER, &retry_after_s);
        if (retry_after_s > RETRY_AFTER_MAX_S)
            retry_after_s = RETRY_AFTER_MAX_S;
        result->retry_after_ns = (uint64_t)retry_after_s * NS_PER_S;
        result->outcome = judge_status(status);
        snprintf(result->text, sizeof result->text, "the server answers %ld%s%s%s", status,
                 upload->answer_length > 0 ? ": " : "", upload->answer, remedy_of(status));
        return;
    }
    if (code == CURLE_OK)
        cause = "no HTTP answer";
    if (needs_mending(code))
        result->outcome = WP_UPLOAD_HELD;
    else
        result->outcome = was_sent_whole(upload, code) ? WP_UPLOAD_UNKNOWN : WP_UPLOAD_FAILED;
    snprintf(result->text, sizeof result->text, "%s%s", cause,
             code == CURLE_PEER_FAILED_VERIFICATION ? "; see --ca-file" : "");
}

static uint64_t
request_time_ms(const struct wp_upload *upload)
{
    uint64_t deadline_ns = __atomic_load_n(&upload->deadline_ns, __ATOMIC_RELAXED);
    uint64_t time_ns = upload->options.timeout_ns, now = wp_clock_ns(CLOCK_MONOTONIC);

    if (deadline_ns != 0 && deadline_ns <= now)
        time_ns = NS_PER_MS;
    else if (deadline_ns != 0 && deadline_ns - now < time_ns)
        time_ns = deadline_ns - now;
    return time_ns > NS_PER_MS ? time_ns / NS_PER_MS : 1;
}

void
wp_upload_send(struct wp_upload *upload, const struct wp_push_profile *profile,
               struct wp_upload_result *result)
{
    char cause[CURL_ERROR_SIZE] = "";
    struct wp_error error = {""};
    char *url = wp_ingest_url_of(upload->endpoint, profile);
    curl_mime *form = make_form(upload, profile);
    CURLcode code;

    *result = (struct wp_upload_result){.outcome = WP_UPLOAD_HELD};
    upload->answer_length = 0;
    if (url == NULL || form == NULL) {
        result->outcome = WP_UPLOAD_FAILED;
        snprintf(result->text, sizeof result->text, "out of memory");
    } else if (read_secret(upload, &error) != 0) {
        snprintf(result->text, sizeof result->text, "%.*s", (int)sizeof result->text - 1,
                 error.text);
    } else {
        curl_easy_setopt(upload->curl, CURLOPT_URL, url);
        curl_easy_setopt(upload->curl, CURLOPT_MIMEPOST, form);
        curl_easy_setopt(upload->curl, CURLOPT_ERRORBUFFER, cause);
        curl_easy_setopt(upload->curl, CURLOPT_TIMEOUT_MS, (long)request_time_ms(upload));
        set_credential(upload);
        code = curl_easy_perform(upload->curl);
        judge(upload, code, cause[0] != '\0' ? cause : curl_easy_strerror(code), result);
        curl_easy_setopt(upload->curl, CURLOPT_ERRORBUFFER, NULL);
        curl_easy_setopt(upload->curl, CURLOPT_MIMEPOST, NULL);
        /* It may have changed twice within a tick of the file's time. */
        if (result->outcome == WP_UPLOAD_HELD && S_ISREG(upload->secret_file.st_mode))
            upload->secret_file = (struct stat){0};
    }
    curl_mime_free(form);
    curl_free(url);
}
