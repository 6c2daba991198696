// How a process of the farm is started: command line and environment.
#include <stdio.h>
#include <string.h>

#include "child.h"
#include "io.h"
#include "session.h"

// Runs in the user's interpreter before anything else. The package is found where main has it, even
// when the interpreter's own path doesn't lead there; the current folder never shadows a module.
static const char start_code[] = "import sys\n"
                                 "lib = sys.argv.pop()\n"
                                 "if sys.path and sys.path[0] == '':\n"
                                 "    del sys.path[0]\n"
                                 "try:\n"
                                 "    import fastcollect_meta\n"
                                 "except ImportError:\n"
                                 "    sys.path.append(lib)\n"
                                 "from fastcollect_meta.zygote import main\n"
                                 "main()\n";

// A NULL-terminated list of strings that it owns.
struct strings {
    char **items;
    size_t count;
};

static void strings_done(struct strings *strings) {
    for (size_t i = 0; i < strings->count; i++) free(strings->items[i]);
    free(strings->items);
}

// Takes over `item`; NULL counts as -ENOMEM.
static int strings_add(struct strings *strings, char *item) {
    if (!item) return -ENOMEM;
    char **grown = realloc(strings->items, (strings->count + 2) * sizeof *grown);
    if (!grown) {
        free(item);
        return -ENOMEM;
    }
    strings->items = grown;
    grown[strings->count++] = item;
    grown[strings->count] = NULL;
    return 0;
}

static char *text_of(ProtobufCBinaryData data) {
    return strndup(data.data ? (const char *)data.data : "", data.len);
}

static int make_argv(const Fcm__CollectRequest *request, struct strings *argv) {
    bool embedded = request->worker_program.len > 0;
    int r = strings_add(argv, text_of(embedded ? request->worker_program : request->executable));
    for (size_t i = 0; r == 0 && i < request->n_interpreter_args; i++)
        r = strings_add(argv, text_of(request->interpreter_args[i]));
    if (r == 0) r = strings_add(argv, strdup("-c"));
    if (r == 0) r = strings_add(argv, strdup(start_code));
    if (r == 0) r = strings_add(argv, text_of(request->lib_dir));
    return r;
}

static int add_variable(struct strings *envp, const char *name, const char *value) {
    char *text;
    return strings_add(envp, asprintf(&text, "%s=%s", name, value) < 0 ? NULL : text);
}

static int add_number(struct strings *envp, const char *name, int number) {
    char text[16];
    snprintf(text, sizeof text, "%d", number);
    return add_variable(envp, name, text);
}

static int add_secret(struct strings *envp, ProtobufCBinaryData secret) {
    if (secret.len == 0) return 0;
    FCM_AUTO_FREE char *hex = malloc(2 * secret.len + 1);
    if (!hex) return -ENOMEM;
    for (size_t i = 0; i < secret.len; i++) snprintf(hex + 2 * i, 3, "%02x", secret.data[i]);
    return add_variable(envp, "FASTCOLLECT_META_HASH_SECRET", hex);
}

static int make_envp(const Fcm__CollectRequest *request, const char *role, int channel_fd,
                     struct strings *envp) {
    // Set here, so not to be passed on twice.
    static const char *const ours[] = {
        "FASTCOLLECT_META_CHANNEL=",     "FASTCOLLECT_META_ROLE=",   "FASTCOLLECT_META_EXECUTABLE=",
        "FASTCOLLECT_META_HASH_SECRET=", "FASTCOLLECT_META_STDERR=",
    };
    int r = 0;
    for (char **at = environ; r == 0 && *at; at++) {
        bool skip = false;
        for (size_t i = 0; i < FCM_COUNT(ours); i++)
            skip |= strncmp(*at, ours[i], strlen(ours[i])) == 0;
        if (!skip) r = strings_add(envp, strdup(*at));
    }
    FCM_AUTO_FREE char *executable = text_of(request->executable);
    if (!executable) return -ENOMEM;
    if (r == 0) r = add_variable(envp, "FASTCOLLECT_META_EXECUTABLE", executable);
    if (r == 0) r = add_variable(envp, "FASTCOLLECT_META_ROLE", role);
    if (r == 0) r = add_number(envp, "FASTCOLLECT_META_CHANNEL", channel_fd);
    if (r == 0) r = add_number(envp, "FASTCOLLECT_META_STDERR", STDERR_FILENO);
    if (r == 0) r = add_secret(envp, request->hash_secret);
    return r;
}

int fcm_zygote_execute(struct fcm_session *session, const char *role, pid_t *ret_pid,
                       int *ret_channel, int *ret_err) {
    const Fcm__CollectRequest *request = session->request;
    int pair[2];
    int r = fcm_io_socketpair(pair);
    if (r < 0) return r;
    FCM_AUTO_CLOSE int ours = pair[0];
    FCM_AUTO_CLOSE int theirs = pair[1];
    FCM_AUTO_CLOSE int err = fcm_child_memory_file("fastcollect-meta-stderr");
    if (err < 0) return err;

    FCM_AUTO_DONE(strings) argv = {0};
    FCM_AUTO_DONE(strings) envp = {0};
    r = make_argv(request, &argv);
    if (r == 0) r = make_envp(request, role, theirs, &envp);
    if (r < 0) return r;
    FCM_AUTO_FREE char *cwd = text_of(request->invocation_dir);
    if (!cwd) return -ENOMEM;
    struct fcm_child_spec spec = {
        .argv = argv.items,
        .envp = envp.items,
        .cwd = cwd[0] ? cwd : NULL,
        .channel_fd = theirs,
        .stderr_fd = err,
    };
    r = fcm_child_spawn(&spec, ret_pid);
    if (r < 0) return r;
    *ret_channel = fcm_take_fd(&ours);
    *ret_err = fcm_take_fd(&err);
    return 0;
}
