#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

#include "io.h"
#include "manifest.h"
#include "records.h"

// A project in a folder of its own: tests a and b, both read lib.py; a lists data/ too and looked
// for gone.py.
static char folder[64];
static char manifest[96], test_a[96], test_b[96], lib[96], data[96], gone[96];
static const struct fcm_identity identity = {"cpython-311 3.11.9", "9.2.0"};
static const char collector[] = "_pytest.python:Module";

static void write_text(const char *path, const char *text) {
    assert_int_equal(fcm_io_write_file(path, text, strlen(text), 0644), 0);
}

// Old enough for its times to be trusted.
static void age(const char *path) {
    struct timespec old[2] = {{.tv_sec = 1000000000, .tv_nsec = 1},
                              {.tv_sec = 1000000000, .tv_nsec = 1}};
    assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
}

static int make_project(void **state) {
    strcpy(folder, "/tmp/fcm-manifest-XXXXXX");
    if (!mkdtemp(folder)) return -1;
    snprintf(manifest, sizeof(manifest), "%s/m", folder);
    snprintf(test_a, sizeof(test_a), "%s/test_a.py", folder);
    snprintf(test_b, sizeof(test_b), "%s/test_b.py", folder);
    snprintf(lib, sizeof(lib), "%s/lib.py", folder);
    snprintf(data, sizeof(data), "%s/data", folder);
    snprintf(gone, sizeof(gone), "%s/gone.py", folder);
    write_text(test_a, "a");
    write_text(test_b, "b");
    write_text(lib, "library");
    mkdir(data, 0755);
    usleep(60000); // their times are past the tick that is not trusted
    return 0;
}

static int remove_project(void **state) {
    char command[128];
    snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    return system(command);
}

static void make_a(struct fcm_buffer *b) {
    const char *files[] = {lib, NULL}, *directories[] = {data, NULL}, *absent[] = {gone, NULL};
    struct record_text t = {.path = test_a,
                            .items = 3,
                            .files = files,
                            .directories = directories,
                            .absent = absent,
                            .env_name = "FCM_TEST",
                            .env_value = "=1"};
    make_record(b, &t);
}

static void make_b(struct fcm_buffer *b) {
    const char *files[] = {lib, NULL};
    struct record_text t = {.path = test_b, .items = 2, .files = files};
    make_record(b, &t);
}

static void on_refused(void *context, struct fcm_slice path, struct fcm_slice c, const char *why) {
    (*(unsigned *)context)++;
}

static int update(const char *key, const struct fcm_slice *records, size_t count,
                  unsigned *refused) {
    unsigned ignored = 0;
    struct fcm_manifest_update u = {.identity = identity,
                                    .options_key = fcm_slice_text(key),
                                    .rootdir = fcm_slice_text(folder),
                                    .records = records,
                                    .record_count = count,
                                    .on_refused = on_refused,
                                    .context = refused ? refused : &ignored};
    const char *why;
    int r = fcm_manifest_update(manifest, &u, &why);
    if (!refused) assert_int_equal(ignored, 0);
    return r;
}

static void write_both(void) {
    FCM_AUTO_BUFFER a = {0};
    FCM_AUTO_BUFFER b = {0};
    setenv("FCM_TEST", "1", 1);
    make_a(&a);
    make_b(&b);
    struct fcm_slice records[] = {fcm_buffer_slice(&a), fcm_buffer_slice(&b)};
    assert_int_equal(update("key", records, 2, NULL), 0);
}

static struct fcm_manifest *open_it(void) {
    struct fcm_manifest *m;
    const char *why;
    assert_int_equal(fcm_manifest_open(manifest, &identity, &m, &why), 0);
    return m;
}

static uint32_t entry_of(const struct fcm_manifest *m, const char *key, const char *path) {
    uint32_t section, entry;
    assert_int_equal(fcm_manifest_find_section(m, fcm_slice_text(key), &section), 0);
    assert_int_equal(
        fcm_manifest_find(m, section, fcm_slice_text(path), fcm_slice_text(collector), &entry), 0);
    return entry;
}

static enum fcm_dependency_change change_of(const char *path) {
    FCM_AUTO(fcm_manifest) *m = open_it();
    uint32_t dependency;
    enum fcm_dependency_change change = FCM_CHANGE_NONE;
    return fcm_manifest_valid(m, entry_of(m, "key", path), &dependency, &change) ? FCM_CHANGE_NONE
                                                                                 : change;
}

static void test_round_trip(void **state) {
    write_both();
    FCM_AUTO(fcm_manifest) *m = open_it();
    FCM_AUTO_BUFFER record = {0};
    struct fcm_entry e;
    uint32_t i = entry_of(m, "key", test_a);
    fcm_manifest_entry(m, i, &e);
    assert_int_equal(e.tests, 3);
    assert_true(e.duration > 0.24f && e.duration < 0.26f);
    assert_int_equal(fcm_manifest_read_record(m, i, &record), 0);
    Fcm__Record *r;
    assert_int_equal(fcm_record_unpack(record.data, record.size, &r), 0);
    assert_null(r->dependencies);
    assert_int_equal(r->n_item_node, 3);
    fcm_record_free(r);
    assert_int_equal(fcm_manifest_check_section(m, e.section), 0);
}

static void test_changes(void **state) {
    write_both();
    assert_int_equal(change_of(test_a), FCM_CHANGE_NONE);
    age(lib);
    assert_int_equal(change_of(test_a), FCM_CHANGE_NONE); // touched, same content
    write_text(lib, "LIBRARY");
    assert_int_equal(change_of(test_a), FCM_CHANGE_CONTENT);
    assert_int_equal(change_of(test_b), FCM_CHANGE_CONTENT);
    write_text(lib, "library");
    assert_int_equal(change_of(test_b), FCM_CHANGE_NONE);
    write_text(gone, "");
    assert_int_equal(change_of(test_a), FCM_CHANGE_APPEARED);
    unlink(gone);
    char inside[128];
    snprintf(inside, sizeof(inside), "%s/new", data);
    write_text(inside, "");
    assert_int_equal(change_of(test_a), FCM_CHANGE_LISTING);
    unlink(inside);
    assert_int_equal(change_of(test_a), FCM_CHANGE_NONE);
    setenv("FCM_TEST", "2", 1);
    assert_int_equal(change_of(test_a), FCM_CHANGE_VALUE);
    assert_int_equal(change_of(test_b), FCM_CHANGE_NONE);
    setenv("FCM_TEST", "1", 1);
    unlink(lib);
    assert_int_equal(change_of(test_b), FCM_CHANGE_GONE);
    mkdir(lib, 0755);
    assert_int_equal(change_of(test_b), FCM_CHANGE_TYPE);
}

// An edit of the same size that sets the time back.
static void test_time_set_back(void **state) {
    struct stat st;
    age(lib);
    usleep(60000);
    write_both();
    FILE *f = fopen(lib, "w");
    fputs("LIBRARY", f);
    fclose(f);
    age(lib);
    assert_int_equal(stat(lib, &st), 0);
    assert_int_equal(change_of(test_b), FCM_CHANGE_CONTENT);
}

static void test_two_states_of_one_file(void **state) {
    FCM_AUTO_BUFFER b = {0};
    write_both();
    write_text(lib, "changed");
    make_b(&b);
    struct fcm_slice record = fcm_buffer_slice(&b);
    assert_int_equal(update("key", &record, 1, NULL), 0);
    assert_int_equal(change_of(test_b), FCM_CHANGE_NONE);
    assert_int_equal(change_of(test_a), FCM_CHANGE_CONTENT);
    write_text(lib, "library");
    assert_int_equal(change_of(test_b), FCM_CHANGE_CONTENT);
    assert_int_equal(change_of(test_a), FCM_CHANGE_NONE);
}

static void test_touched_is_renewed(void **state) {
    write_both();
    age(lib);
    usleep(60000);
    FCM_AUTO(fcm_manifest) *before = open_it();
    assert_int_equal(fcm_manifest_check_section(before, 0), 0);
    assert_int_equal(fcm_manifest_touched(before), 1);
    assert_int_equal(update("key", NULL, 0, NULL), 0);
    FCM_AUTO(fcm_manifest) *after = open_it();
    assert_int_equal(fcm_manifest_check_section(after, 0), 0);
    assert_int_equal(fcm_manifest_touched(after), 0);
}

static void test_what_is_refused(void **state) {
    const char *missing[] = {gone, NULL}, *there[] = {lib, NULL};
    const struct record_text texts[] = {
        {.path = test_a, .files = missing},
        {.path = test_a, .directories = there},
        {.path = test_a, .absent = there},
        {.path = test_a, .volatile_reason = "started a process"},
        {.path = gone},
    };
    for (size_t i = 0; i < FCM_COUNT(texts); i++) {
        FCM_AUTO_BUFFER b = {0};
        unsigned refused = 0;
        make_record(&b, &texts[i]);
        struct fcm_slice record = fcm_buffer_slice(&b);
        assert_int_equal(update("key", &record, 1, &refused), 0);
        assert_int_equal(refused, 1);
    }
    unsigned refused = 0;
    struct fcm_slice nonsense = fcm_slice_text("\xff\xff\xff");
    assert_int_equal(update("key", &nonsense, 1, &refused), 0);
    assert_int_equal(refused, 1);
}

static void test_changed_since_start(void **state) {
    FCM_AUTO_BUFFER b = {0};
    unsigned refused = 0;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    make_b(&b);
    usleep(20000);
    write_text(lib, "library");
    struct fcm_slice record = fcm_buffer_slice(&b);
    struct fcm_manifest_update u = {.identity = identity,
                                    .options_key = fcm_slice_text("key"),
                                    .rootdir = fcm_slice_text(folder),
                                    .records = &record,
                                    .record_count = 1,
                                    .on_refused = on_refused,
                                    .context = &refused,
                                    .started = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec};
    const char *why;
    assert_int_equal(fcm_manifest_update(manifest, &u, &why), 0);
    assert_int_equal(refused, 1);
}

static void test_sections_and_natives(void **state) {
    FCM_AUTO_BUFFER b = {0};
    write_both();
    make_b(&b);
    struct fcm_slice record = fcm_buffer_slice(&b);
    assert_int_equal(update("other", &record, 1, NULL), 0);
    struct fcm_native_mark mark = {.path = fcm_slice_text(test_a),
                                   .collector = fcm_slice_text(collector),
                                   .reason = fcm_slice_text("unstable"),
                                   .duration = 1};
    struct fcm_manifest_key drop = {fcm_slice_text(test_b), fcm_slice_text(collector)};
    struct fcm_manifest_update u = {.identity = identity,
                                    .options_key = fcm_slice_text("key"),
                                    .rootdir = fcm_slice_text(folder),
                                    .natives = &mark,
                                    .native_count = 1,
                                    .drop = &drop,
                                    .drop_count = 1};
    const char *why;
    assert_int_equal(fcm_manifest_update(manifest, &u, &why), 0);
    FCM_AUTO(fcm_manifest) *m = open_it();
    struct fcm_entry e;
    fcm_manifest_entry(m, entry_of(m, "key", test_a), &e);
    assert_string_equal(e.reason, "unstable");
    assert_int_equal(e.raw_length, 0);
    fcm_manifest_entry(m, entry_of(m, "key", test_b), &e);
    assert_int_equal(e.raw_length, 0);
    assert_true(e.duration > 0);
    fcm_manifest_entry(m, entry_of(m, "other", test_b), &e);
    assert_true(e.raw_length > 0);
    // any number of other options may come: the file stays bounded
    for (int i = 0; i < 40; i++) {
        char key[16];
        snprintf(key, sizeof(key), "key %d", i);
        assert_int_equal(update(key, &record, 1, NULL), 0);
    }
    FCM_AUTO(fcm_manifest) *last = open_it();
    struct fcm_manifest_info info;
    fcm_manifest_info(last, &info);
    assert_int_equal(info.sections, 16);
    entry_of(last, "key 39", test_b);
}

static void test_native_as_long_as(void **state) {
    FCM_AUTO_BUFFER b = {0};
    make_b(&b);
    struct fcm_native_mark mark = {.path = fcm_slice_text(test_a),
                                   .collector = fcm_slice_text(collector),
                                   .reason = fcm_slice_text(FCM_FAILED),
                                   .record = fcm_buffer_slice(&b)};
    unsigned refused = 0;
    struct fcm_manifest_update u = {.identity = identity,
                                    .options_key = fcm_slice_text("key"),
                                    .rootdir = fcm_slice_text(folder),
                                    .natives = &mark,
                                    .native_count = 1,
                                    .on_refused = on_refused,
                                    .context = &refused};
    const char *why;
    assert_int_equal(fcm_manifest_update(manifest, &u, &why), 0);
    assert_int_equal(change_of(test_a), FCM_CHANGE_NONE);
    write_text(lib, "LIBRARY");
    assert_int_equal(change_of(test_a), FCM_CHANGE_CONTENT);
    write_text(lib, "library");
    write_text(test_a, "changed");
    assert_int_equal(change_of(test_a), FCM_CHANGE_CONTENT);
    assert_int_equal(refused, 0);
    mark.record = fcm_slice_text("\xff\xff\xff");
    assert_int_equal(fcm_manifest_update(manifest, &u, &why), 0);
    assert_int_equal(refused, 1);
}

static void test_deleted_file_goes(void **state) {
    write_both();
    unlink(test_a);
    assert_int_equal(update("key", NULL, 0, NULL), 0);
    FCM_AUTO(fcm_manifest) *m = open_it();
    struct fcm_manifest_info info;
    fcm_manifest_info(m, &info);
    assert_int_equal(info.entries, 1);
}

// Opens damaged bytes and, where they open, uses everything in them.
static bool survives(struct fcm_slice bytes) {
    FCM_AUTO(fcm_manifest) *m = NULL;
    struct fcm_manifest_info info;
    const char *why = NULL;
    int r = fcm_manifest_open_bytes(bytes, NULL, &m, &why);
    if (r < 0) {
        assert_non_null(why);
        return false;
    }
    bool all = true;
    fcm_manifest_info(m, &info);
    for (uint32_t i = 0; i < info.entries; i++) {
        FCM_AUTO_BUFFER record = {0};
        uint32_t dependency;
        enum fcm_dependency_change change;
        fcm_manifest_valid(m, i, &dependency, &change);
        all = fcm_manifest_read_record(m, i, &record) == 0 && all;
    }
    return all;
}

static void test_damage(void **state) {
    char *text;
    size_t size;
    write_both();
    assert_int_equal(fcm_io_read_file(manifest, 1 << 20, &text, &size), 0);
    assert_true(survives(fcm_slice_of(text, size)));
    for (size_t i = 0; i < size; i++) {
        char *cut = malloc(i + 1); // of its own, so that a byte too far is seen
        memcpy(cut, text, i);
        char *fitted = realloc(cut, i ? i : 1);
        assert_false(survives(fcm_slice_of(fitted, i)));
        free(fitted);
    }
    for (size_t i = 0; i < size; i++) {
        for (int bit = 0; bit < 8; bit += 7) {
            text[i] = (char)(text[i] ^ 1 << bit);
            assert_false(survives(fcm_slice_of(text, size)));
            text[i] = (char)(text[i] ^ 1 << bit);
        }
    }
    free(text);
}

static int open_error(const char *path) {
    struct fcm_manifest *m;
    const char *why;
    return fcm_manifest_open(path, &identity, &m, &why);
}

static void test_what_is_in_its_place(void **state) {
    struct stat st;
    assert_int_equal(open_error(manifest), -ENOENT);
    assert_int_equal(open_error("/dev/null"), -EINVAL);
    mkdir(manifest, 0755);
    assert_int_equal(open_error(manifest), -EISDIR);
    assert_int_equal(update("key", NULL, 0, NULL), -EISDIR);
    rmdir(manifest);
    write_text(manifest, "import os  # somebody's only copy");
    assert_int_equal(open_error(manifest), -ENOEXEC);
    assert_int_equal(update("key", NULL, 0, NULL), -EEXIST);
    assert_int_equal(stat(manifest, &st), 0);
    assert_int_equal(st.st_size, 33);
    write_text(manifest, "");
    assert_int_equal(open_error(manifest), -EBADMSG);
    write_both(); // an empty file is taken over
    FCM_AUTO(fcm_manifest) *m = open_it();
    struct fcm_manifest *other;
    const char *why;
    struct fcm_identity python = {"cpython-312 3.12.1", "9.2.0"},
                        pytest = {identity.python, "8.0.0"};
    assert_int_equal(fcm_manifest_open(manifest, &python, &other, &why), -ESTALE);
    assert_int_equal(fcm_manifest_open(manifest, &pytest, &other, &why), -ESTALE);
}

static void test_concurrent_writers(void **state) {
    enum { WRITERS = 8, FILES = 5 };
    for (int w = 0; w < WRITERS; w++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid > 0) continue;
        for (int f = 0; f < FILES; f++) {
            FCM_AUTO_BUFFER b = {0};
            char path[96];
            snprintf(path, sizeof(path), "%.60s/test_%d_%d.py", folder, w, f);
            write_text(path, "x");
            struct record_text t = {.path = path, .items = 1};
            make_record(&b, &t);
            struct fcm_slice record = fcm_buffer_slice(&b);
            if (update("key", &record, 1, NULL) != 0) _exit(1);
        }
        _exit(0);
    }
    for (int w = 0; w < WRITERS; w++) {
        int status;
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    FCM_AUTO(fcm_manifest) *m = open_it();
    struct fcm_manifest_info info;
    fcm_manifest_info(m, &info);
    assert_int_equal(info.entries, WRITERS * FILES);
    assert_int_equal(info.serial, WRITERS * FILES);
}

#define IN_PROJECT(test) cmocka_unit_test_setup_teardown(test, make_project, remove_project)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_PROJECT(test_round_trip),
        IN_PROJECT(test_changes),
        IN_PROJECT(test_time_set_back),
        IN_PROJECT(test_two_states_of_one_file),
        IN_PROJECT(test_touched_is_renewed),
        IN_PROJECT(test_what_is_refused),
        IN_PROJECT(test_changed_since_start),
        IN_PROJECT(test_sections_and_natives),
        IN_PROJECT(test_native_as_long_as),
        IN_PROJECT(test_deleted_file_goes),
        IN_PROJECT(test_damage),
        IN_PROJECT(test_what_is_in_its_place),
        IN_PROJECT(test_concurrent_writers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
