#include "child.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "io.h"

enum { MAX_PROC = 1 << 16 };

// Signals whose handling the coordinator changes.
static const int changed_signals[] = {SIGINT, SIGQUIT, SIGHUP, SIGPIPE, SIGTERM, SIGCHLD};
static struct sigaction original[FCM_COUNT(changed_signals)];
static bool is_set_up;

int fcm_child_setup(void) {
    if (is_set_up) return 0;
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    for (size_t i = 0; i < FCM_COUNT(changed_signals); i++) {
        int number = changed_signals[i];
        if (sigaction(number, NULL, &original[i]) < 0) return -errno;
        // Ctrl-C and a closed terminal are main's to answer: its end of the socket tells.
        bool ignored = number != SIGTERM && number != SIGCHLD;
        if (ignored && sigaction(number, &ignore, NULL) < 0) return -errno;
    }
    is_set_up = true;
    return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0 ? -errno : 0;
}

// ---- start ----

// In the child: never returns. What fails is written to `report`.
static _Noreturn void child_exec(const struct fcm_child_spec *spec, pid_t parent, int report) {
    sigset_t none;
    sigemptyset(&none);
    if (is_set_up)
        for (size_t i = 0; i < FCM_COUNT(changed_signals); i++)
            sigaction(changed_signals[i], &original[i], NULL);
    int null = -1;
    if (sigprocmask(SIG_SETMASK, &none, NULL) < 0) goto fail;
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) goto fail;
    if (getppid() != parent) _exit(127);
    if (setsid() < 0) goto fail;
    null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0) goto fail;
    if (dup2(null, 0) < 0 || dup2(null, 1) < 0) goto fail;
    if (dup2(spec->stderr_fd >= 0 ? spec->stderr_fd : null, 2) < 0) goto fail;
    if (spec->channel_fd >= 0 && fcm_io_set_cloexec(spec->channel_fd, 0) < 0) goto fail;
    if (spec->cwd && chdir(spec->cwd) < 0) goto fail;
    execve(spec->argv[0], spec->argv, spec->envp);
fail:;
    int error = errno;
    ssize_t n = fcm_io_write(report, &error, sizeof error);
    _exit(n > 0 ? 127 : 126);
}

int fcm_child_spawn(const struct fcm_child_spec *spec, pid_t *ret_pid) {
    int report[2];
    if (pipe2(report, O_CLOEXEC) < 0) return -errno;
    FCM_AUTO_CLOSE int reader = report[0];
    FCM_AUTO_CLOSE int writer = report[1];
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid < 0) return -errno;
    if (pid == 0) child_exec(spec, parent, writer);
    fcm_close_at(&writer);
    // Ends with nothing when exec closes the child's copy.
    int error = 0;
    int r = fcm_io_read_full(reader, &error, sizeof error);
    if (r == -ENODATA) {
        *ret_pid = pid;
        return 0;
    }
    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
    }
    return r < 0 ? r : error > 0 ? -error : -EIO;
}

// ---- death ----

int fcm_child_pidfd(pid_t pid) {
#ifdef SYS_pidfd_open
    long fd = syscall(SYS_pidfd_open, pid, 0); // close-on-exec by itself
    return fd < 0 ? -errno : (int)fd;
#else
    (void)pid;
    return -ENOSYS;
#endif
}

// Fields of /proc/PID/stat from the third on, which follow the name in parentheses.
static int read_stat(pid_t pid, char **ret_text, char **ret_fields) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FCM_AUTO_FREE char *text = NULL;
    size_t size;
    int r = fcm_io_read_file(path, MAX_PROC, &text, &size);
    if (r < 0) return r;
    char *end = strrchr(text, ')');
    if (!end || end[1] != ' ') return -EBADMSG;
    *ret_fields = end + 2;
    *ret_text = fcm_take(&text);
    return 0;
}

bool fcm_child_is_dead(pid_t pid) {
    FCM_AUTO_FREE char *text = NULL;
    char *fields;
    int r = read_stat(pid, &text, &fields);
    if (r == -ENOENT || r == -ESRCH) return true;
    return r == 0 && (fields[0] == 'Z' || fields[0] == 'X');
}

double fcm_child_cpu(pid_t pid) {
    FCM_AUTO_FREE char *text = NULL;
    char *fields;
    unsigned long user, system;
    if (read_stat(pid, &text, &fields) < 0) return 0;
    // state ppid pgrp session tty tpgid flags minflt cminflt majflt cmajflt utime stime
    if (sscanf(fields, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
        return 0;
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

int fcm_child_threads(pid_t pid) {
    FCM_AUTO_FREE char *text = NULL;
    char *fields;
    int threads;
    if (read_stat(pid, &text, &fields) < 0) return 0;
    // As above, then cutime cstime priority nice.
    return sscanf(fields, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %d",
                  &threads) == 1
               ? threads
               : 0;
}

void fcm_child_signal(pid_t pid, int signal) {
    if (pid <= 1) return;
    if (getpgid(pid) == pid)
        kill(-pid, signal);
    else
        kill(pid, signal);
}

void fcm_child_kill_group(pid_t pid) {
    if (pid > 1) kill(-pid, SIGKILL);
}

void fcm_child_reap_others(bool (*is_awaited)(const void *data, pid_t pid), const void *data) {
    for (;;) {
        siginfo_t info = {0};
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0) return;
        if (is_awaited(data, info.si_pid)) return;
        waitpid(info.si_pid, NULL, WNOHANG);
    }
}

int fcm_child_reap(pid_t pid, int *ret_status) {
    int status;
    pid_t got;
    do got = waitpid(pid, &status, WNOHANG);
    while (got < 0 && errno == EINTR);
    if (got < 0) return -errno;
    if (got == 0) return 0;
    *ret_status = status;
    return 1;
}

// SIGKILL to every child there is now; adopted ones are found only here.
static void kill_children(void) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    FCM_AUTO_FREE char *text = NULL;
    size_t size;
    if (fcm_io_read_file(path, 1 << 24, &text, &size) < 0) return;
    char *rest = NULL;
    for (char *word = strtok_r(text, " \n", &rest); word; word = strtok_r(NULL, " \n", &rest))
        fcm_child_signal((pid_t)strtol(word, NULL, 10), SIGKILL);
}

int fcm_child_end_all(int timeout_ms) {
    const struct timespec pause = {.tv_nsec = 2 * 1000 * 1000};
    for (int waited = 0; waited <= timeout_ms; waited += 2) {
        kill_children();
        for (;;) {
            pid_t got = waitpid(-1, NULL, WNOHANG);
            if (got < 0 && errno == ECHILD) return 0;
            if (got <= 0) break;
        }
        nanosleep(&pause, NULL);
    }
    return -ETIMEDOUT;
}

// ---- what is said about it ----

long long fcm_child_oom_kills(void) {
    FCM_AUTO_FREE char *text = NULL;
    size_t size;
    long long count;
    if (fcm_io_read_file("/proc/vmstat", MAX_PROC, &text, &size) < 0) return -1;
    const char *line = strstr(text, "\noom_kill ");
    return line && sscanf(line, "\noom_kill %lld", &count) == 1 ? count : -1;
}

void fcm_child_describe(int status, char *buffer, size_t size) {
    if (WIFSIGNALED(status)) {
        const char *name = sigabbrev_np(WTERMSIG(status));
        if (name)
            snprintf(buffer, size, "SIG%s", name);
        else
            snprintf(buffer, size, "signal %d", WTERMSIG(status));
    } else {
        snprintf(buffer, size, "exit status %d", WEXITSTATUS(status));
    }
}

int fcm_child_memory_file(const char *name) {
    int fd = memfd_create(name, MFD_CLOEXEC);
    if (fd < 0) return -errno;
    // Several processes may write: each behind what is there.
    if (fcntl(fd, F_SETFL, O_APPEND) < 0) {
        int error = errno;
        close(fd);
        return -error;
    }
    return fd;
}

size_t fcm_child_tail(int fd, char *buffer, size_t size) {
    struct stat info;
    buffer[0] = '\0';
    if (fd < 0 || fstat(fd, &info) < 0 || !S_ISREG(info.st_mode)) return 0;
    size_t want = size - 1;
    off_t from = info.st_size > (off_t)want ? info.st_size - (off_t)want : 0;
    ssize_t n = pread(fd, buffer, want, from);
    if (n <= 0) return 0;
    buffer[n] = '\0';
    size_t length = (size_t)n;
    if (from > 0) {
        char *line = memchr(buffer, '\n', length);
        if (line && line + 1 < buffer + length) {
            length -= (size_t)(line + 1 - buffer);
            memmove(buffer, line + 1, length + 1);
        }
    }
    while (length > 0 && (buffer[length - 1] == '\n' || buffer[length - 1] == ' '))
        buffer[--length] = '\0';
    for (size_t i = 0; i < length; i++)
        if (buffer[i] == '\0') buffer[i] = ' ';
    return length;
}
