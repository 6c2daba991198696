// `fastcollect-meta build`: collects with pytest now, so that later runs, and `list`, find a
// manifest.
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "bytes.h"
#include "commands.h"
#include "io.h"
#include "log.h"

static const char help[] =
    "usage: fastcollect-meta build [OPTION]... [-- PYTEST-ARGUMENT...]\n"
    "\n"
    "Collects all tests with `pytest --collect-only` and writes the manifest.\n"
    "\n"
    "options:\n"
    "  -o, --output FILE  the manifest; else where the plugin keeps it\n"
    "  --workers N        as pytest's --workers\n"
    "\n"
    "The interpreter is FASTCOLLECT_META_PYTHON, or python3 beside this program, or on the PATH.\n"
    "exit status: pytest's\n";

// What the child writes: its own words, and "DONE TOTAL" lines about files on the descriptor that
// FASTCOLLECT_META_PROGRESS names.
struct building {
    pid_t pid;
    int out, progress;
    struct fcm_buffer line;  // of its output, unfinished
    struct fcm_buffer last;  // the last whole one
    struct fcm_buffer about; // of its progress, unfinished
    bool passing;            // ids are over: what follows is worth printing
    bool terminal, drawn;
    unsigned long done, total;
    struct timespec start;
};

// The interpreter beside this program; the caller frees. NULL: there is none.
static char *python_beside(void) {
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (n <= 0) return NULL;
    self[n] = 0;
    char *slash = strrchr(self, '/'), *path;
    if (!slash) return NULL;
    *slash = 0;
    if (asprintf(&path, "%s/python3", self) < 0) return NULL;
    if (access(path, X_OK) == 0) return path;
    free(path);
    return NULL;
}

static void draw(struct building *b) {
    if (!b->terminal) return;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    double seconds =
        (double)(now.tv_sec - b->start.tv_sec) + (double)(now.tv_nsec - b->start.tv_nsec) / 1e9;
    char bar[31];
    size_t width = sizeof(bar) - 1;
    size_t full = b->total ? (size_t)((double)width * (double)b->done / (double)b->total) : 0;
    if (full > width) full = width;
    memset(bar, '#', full);
    memset(bar + full, '.', width - full);
    bar[width] = 0;
    if (b->total)
        fprintf(stderr, "\r[%s] %lu of %lu files, %.0f s\033[K", bar, b->done, b->total, seconds);
    else
        fprintf(stderr, "\rcollecting, %.0f s\033[K", seconds);
    b->drawn = true;
}

static void undraw(struct building *b) {
    if (b->drawn) fputs("\r\033[K", stderr);
    b->drawn = false;
}

static void print_line(struct building *b, struct fcm_slice line) {
    undraw(b);
    printf("%.*s\n", (int)line.size, (const char *)line.data);
    fflush(stdout);
}

static bool begins(struct fcm_slice s, const char *text) {
    size_t n = strlen(text);
    return s.size >= n && memcmp(s.data, text, n) == 0;
}

// Ids come first and go; from the first headline on ("=== ERRORS ===") all is printed.
static void on_line(struct building *b, struct fcm_slice line) {
    if (begins(line, "===") || begins(line, "INTERNALERROR")) b->passing = true;
    if (b->passing) print_line(b, line);
    b->last.size = 0;
    if (!b->passing) fcm_buffer_add_slice(&b->last, line);
}

static void on_progress(struct building *b, struct fcm_slice line) {
    char text[64];
    unsigned long done, total;
    if (line.size >= sizeof(text)) return;
    memcpy(text, line.data, line.size);
    text[line.size] = 0;
    if (sscanf(text, "%lu %lu", &done, &total) != 2) return;
    b->done = done;
    b->total = total;
}

// Cuts what has come into lines. False at the end of the file.
static bool take(struct building *b, int fd, struct fcm_buffer *pending,
                 void (*on)(struct building *b, struct fcm_slice line)) {
    char bytes[65536];
    ssize_t n = fcm_io_read(fd, bytes, sizeof(bytes));
    if (n <= 0) return n == -EAGAIN;
    struct fcm_slice rest = fcm_slice_of(bytes, (size_t)n);
    while (rest.size > 0) {
        const uint8_t *end = memchr(rest.data, '\n', rest.size);
        size_t size = end ? (size_t)(end - rest.data) : rest.size;
        fcm_buffer_add(pending, rest.data, size);
        if (!end) break;
        on(b, fcm_buffer_slice(pending));
        pending->size = 0;
        rest = fcm_slice_of(end + 1, rest.size - size - 1);
    }
    return true;
}

static void follow(struct building *b) {
    struct pollfd fds[] = {{.fd = b->out, .events = POLLIN}, {.fd = b->progress, .events = POLLIN}};
    while (fds[0].fd >= 0) {
        draw(b);
        int n = poll(fds, FCM_COUNT(fds), b->terminal ? 200 : -1);
        if (n < 0 && errno != EINTR) break;
        if (n <= 0) continue;
        if (fds[0].revents && !take(b, b->out, &b->line, on_line)) fds[0].fd = -1;
        if (fds[1].revents && !take(b, b->progress, &b->about, on_progress)) fds[1].fd = -1;
    }
    if (b->line.size > 0) on_line(b, fcm_buffer_slice(&b->line));
    undraw(b);
    if (b->last.size > 0) print_line(b, fcm_buffer_slice(&b->last)); // "N tests collected in ..."
}

static void child(char *const *arguments, int out, int progress) {
    char number[16];
    snprintf(number, sizeof(number), "%d", progress);
    if (dup2(out, STDOUT_FILENO) < 0 || fcm_io_set_cloexec(progress, 0) < 0) _exit(126);
    setenv("FASTCOLLECT_META_PROGRESS", number, 1);
    signal(SIGINT, SIG_DFL);
    execvp(arguments[0], arguments);
    fprintf(stderr, "fastcollect-meta: %s can't be started (%s); nothing was collected\n",
            arguments[0], strerror(errno));
    _exit(127);
}

static int start(struct building *b, char *const *arguments) {
    int out[2], progress[2];
    if (pipe2(out, O_CLOEXEC) < 0) return -errno;
    FCM_AUTO_CLOSE int out_writer = out[1];
    b->out = out[0];
    if (pipe2(progress, O_CLOEXEC) < 0) return -errno;
    FCM_AUTO_CLOSE int progress_writer = progress[1];
    b->progress = progress[0];
    // Ctrl-C goes to both; pytest decides what comes of it
    signal(SIGINT, SIG_IGN);
    b->pid = fork();
    if (b->pid < 0) return -errno;
    if (b->pid == 0) child(arguments, out_writer, progress_writer);
    return 0;
}

static int wait_for(pid_t pid) {
    int status;
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR) return FCM_EXIT_FAILED;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int run(char *const *arguments) {
    struct building b = {.out = -1, .progress = -1, .terminal = isatty(STDERR_FILENO)};
    clock_gettime(CLOCK_MONOTONIC, &b.start);
    int status = FCM_EXIT_FAILED, r = start(&b, arguments);
    if (r < 0) {
        fcm_log("pytest can't be started (%s); nothing was collected", strerror(-r));
    } else {
        follow(&b);
        status = wait_for(b.pid);
    }
    fcm_close_at(&b.out);
    fcm_close_at(&b.progress);
    fcm_buffer_done(&b.line);
    fcm_buffer_done(&b.last);
    fcm_buffer_done(&b.about);
    return status;
}

// python -m pytest -p fastcollect_meta --collect-only -q [...]; the caller frees the array, not
// what is in it.
static char **command_line(char *python, char *output, char *workers, char **rest, int count) {
    char *fixed[] = {python,           "-m", "pytest", "-p",   "fastcollect_meta.plugin",
                     "--collect-only", "-q", output,   workers};
    size_t n = 0;
    char **arguments = calloc(FCM_COUNT(fixed) + (size_t)count + 1, sizeof(*arguments));
    if (!arguments) return NULL;
    for (size_t i = 0; i < FCM_COUNT(fixed); i++) {
        if (fixed[i]) arguments[n++] = fixed[i];
    }
    for (int i = 0; i < count; i++) arguments[n++] = rest[i];
    return arguments;
}

int fcm_command_build(int argc, char **argv) {
    static const struct option known[] = {{"help", no_argument, NULL, 'h'},
                                          {"output", required_argument, NULL, 'o'},
                                          {"workers", required_argument, NULL, 'w'},
                                          {0}};
    FCM_AUTO_FREE char *output = NULL;
    FCM_AUTO_FREE char *workers = NULL;
    optind = 0;
    for (int c; (c = getopt_long(argc, argv, "+ho:", known, NULL)) != -1;) {
        switch (c) {
        case 'h': fputs(help, stdout); return FCM_EXIT_OK;
        case 'o':
            free(output);
            if (asprintf(&output, "--manifest=%s", optarg) < 0) output = NULL;
            break;
        case 'w':
            free(workers);
            if (asprintf(&workers, "--workers=%s", optarg) < 0) workers = NULL;
            break;
        default: return FCM_EXIT_USAGE;
        }
    }
    const char *named = getenv("FASTCOLLECT_META_PYTHON");
    FCM_AUTO_FREE char *python = named && *named ? strdup(named) : python_beside();
    if (!python) python = strdup("python3");
    FCM_AUTO_FREE char **arguments =
        python ? command_line(python, output, workers, argv + optind, argc - optind) : NULL;
    if (arguments) return run(arguments);
    fcm_log("out of memory");
    return FCM_EXIT_FAILED;
}
