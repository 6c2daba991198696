// Loaded before all other libraries (LD_PRELOAD): counts what our code asks of the system, and lets
// the n-th call fail.
//
// FCM_FAULT=ROLE:KINDS:N[:on]  ROLE is main, coordinator, zygote or worker; KINDS are joined by
// "+", or "any"; N counts from
//                              1, over all processes of that role (0: count only); "on": all calls
//                              from the n-th on
// FCM_FAULT_STATE=FILE         a file of a page, shared by all processes: struct state
// FCM_FAULT_LOG=FILE           gets a line for the first call that failed
//
// Ours are calls whose return address lies in our programs and extension modules, or in the
// libraries that work for them: libev, libprotobuf-c, libzstd. What Python allocates for us is not
// seen here; see probe/no_memory.py.
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { ALLOC, READ, WRITE, FORK, PIPE, EPOLL, OPEN, KINDS };
static const char *const kind_names[KINDS] = {"alloc", "read",  "write", "fork",
                                              "pipe",  "epoll", "open"};
enum role { MAIN, COORDINATOR, ZYGOTE, WORKER, ROLES };
static const char *const role_names[ROLES] = {"main", "coordinator", "zygote", "worker"};

struct state {
    _Atomic uint64_t calls[ROLES];        // of the kinds asked for
    _Atomic uint64_t fired;               // calls that failed
    _Atomic uint64_t kinds[ROLES][KINDS]; // calls by kind
};

static struct state *state;
static enum role role = MAIN, wanted_role = ROLES;
static unsigned wanted_kinds;
static uint64_t wanted_number;
static bool from_there_on;
static char log_path[512];

// ---- the real ones ----

// What is allocated before fcm_injection_begin() comes from here, and is never freed: a sanitizer,
// if there is one, isn't ready before, and looking for the real functions would itself allocate.
static _Alignas(16) char early[1 << 20];
static size_t early_size;
static struct {
    void *(*malloc)(size_t);
    void *(*calloc)(size_t, size_t);
    void *(*realloc)(void *, size_t);
    void (*free)(void *);
} real;

static bool is_early(const void *p) {
    return (const char *)p >= early && (const char *)p < early + sizeof early;
}

static void *early_take(size_t size) {
    size_t at = early_size;
    size = (size + 15) & ~(size_t)15;
    if (size > sizeof early - at) abort();
    early_size += size;
    return early + at;
}

static void find(const char *name, void *ret) {
    void *p = dlsym(RTLD_NEXT, name);
    memcpy(ret, &p, sizeof p);
}

#define REAL(name)                                                                                 \
    __extension__({                                                                                \
        static __typeof__(&name) real_;                                                            \
        if (!real_) find(#name, &real_);                                                           \
        real_;                                                                                     \
    })

// ---- whether it is to fail ----

static bool is_ours(const char *path) {
    static const char *const libraries[] = {"libev.so", "libprotobuf-c.so", "libzstd.so"};
    static const char *const modules[] = {"_manifest.", "_native.", "_recorder.", "_wire.",
                                          "_worker."};
    const char *name = strrchr(path, '/');
    name = name ? name + 1 : path;
    if (strncmp(name, "fastcollect-meta", 16) == 0) return true;
    for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++)
        if (strncmp(name, libraries[i], strlen(libraries[i])) == 0) return true;
    if (!strstr(path, "fastcollect_meta/") && !strstr(path, "pytest_plugin/")) return false;
    for (size_t i = 0; i < sizeof modules / sizeof *modules; i++)
        if (strncmp(name, modules[i], strlen(modules[i])) == 0) return true;
    return false;
}

// Callers seen before, by address: the lowest bit says whether they are ours.
static _Atomic uintptr_t seen[1 << 14];

static bool caller_is_ours(uintptr_t caller) {
    _Atomic uintptr_t *slot = &seen[(caller ^ caller >> 14) % (sizeof seen / sizeof *seen)];
    uintptr_t known = atomic_load_explicit(slot, memory_order_relaxed);
    if (known >> 1 == caller) return known & 1;
    Dl_info info;
    bool ours = dladdr((void *)caller, &info) && info.dli_fname && is_ours(info.dli_fname);
    atomic_store_explicit(slot, caller << 1 | ours, memory_order_relaxed);
    return ours;
}

static void note(enum kind kind, const char *function, uintptr_t caller, uint64_t number) {
    Dl_info info = {0};
    char line[1024];
    dladdr((void *)caller, &info);
    int size =
        snprintf(line, sizeof line, "%s %s %s %llu %s+0x%llx\n", role_names[role], kind_names[kind],
                 function, (unsigned long long)number, info.dli_fname ? info.dli_fname : "?",
                 (unsigned long long)(caller - (uintptr_t)info.dli_fbase));
    long fd =
        syscall(SYS_openat, AT_FDCWD, log_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return;
    syscall(SYS_write, fd, line, size);
    syscall(SYS_close, fd);
}

static bool fails(enum kind kind, const char *function, uintptr_t caller) {
    // Found without __tls_get_addr(), which sanitizers take over.
    static __thread bool inside __attribute__((tls_model("initial-exec")));
    if (!state || role != wanted_role || inside) return false;
    inside = true;
    bool result = false;
    int saved = errno;
    if (caller_is_ours(caller)) {
        atomic_fetch_add(&state->kinds[role][kind], 1);
        if (wanted_kinds >> kind & 1) {
            uint64_t number = atomic_fetch_add(&state->calls[role], 1) + 1;
            result = number == wanted_number ||
                     (from_there_on && wanted_number > 0 && number > wanted_number);
            if (result && atomic_fetch_add(&state->fired, 1) == 0)
                note(kind, function, caller, number);
        }
    }
    errno = saved;
    inside = false;
    return result;
}

#define FAILS(kind) fails(kind, __func__, (uintptr_t)__builtin_return_address(0))
#define FAIL_WITH(kind, error, result)                                                             \
    if (FAILS(kind)) {                                                                             \
        errno = error;                                                                             \
        return result;                                                                             \
    }

static enum role find_role(void) {
    const char *started_as = getenv("FASTCOLLECT_META_ROLE");
    if (strcmp(program_invocation_short_name, "fastcollect-meta") == 0) return COORDINATOR;
    if (!started_as) return MAIN;
    return strcmp(started_as, "worker") == 0 ? WORKER : ZYGOTE;
}

// Before main(), and again by whoever is forked from a process that was started without a fault.
__attribute__((constructor, visibility("default"))) void fcm_injection_begin(void);
void fcm_injection_begin(void) {
    find("calloc", &real.calloc);
    find("realloc", &real.realloc);
    find("free", &real.free);
    find("malloc", &real.malloc);
    const char *what = getenv("FCM_FAULT"), *path = getenv("FCM_FAULT_STATE"),
               *log = getenv("FCM_FAULT_LOG");
    char role_name[32], kinds[128], mode[8] = "";
    unsigned long long number;
    if (!what || !path || !log) return;
    if (sscanf(what, "%31[a-z]:%127[a-z+]:%llu:%7[a-z]", role_name, kinds, &number, mode) < 3)
        return;
    snprintf(log_path, sizeof log_path, "%s", log);
    for (int r = 0; r < ROLES; r++)
        if (strcmp(role_names[r], role_name) == 0) wanted_role = (enum role)r;
    for (int k = 0; k < KINDS; k++)
        if (strcmp(kinds, "any") == 0 || strstr(kinds, kind_names[k])) wanted_kinds |= 1U << k;
    wanted_number = number;
    from_there_on = strcmp(mode, "on") == 0;
    role = find_role();
    long fd = syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
    if (fd < 0) return;
    void *mapped = mmap(NULL, sizeof *state, PROT_READ | PROT_WRITE, MAP_SHARED, (int)fd, 0);
    syscall(SYS_close, fd);
    if (mapped != MAP_FAILED) state = mapped;
}

// ---- memory ----

void *malloc(size_t size) {
    if (!real.malloc) return early_take(size);
    FAIL_WITH(ALLOC, ENOMEM, NULL)
    return real.malloc(size);
}

void *calloc(size_t count, size_t size) {
    if (!real.malloc) return early_take(count * size);
    FAIL_WITH(ALLOC, ENOMEM, NULL)
    return real.calloc(count, size);
}

void *realloc(void *p, size_t size) {
    if (!real.malloc || is_early(p)) {
        void *q = real.malloc ? real.malloc(size) : early_take(size);
        size_t behind = p ? (size_t)(early + sizeof early - (char *)p) : 0;
        if (q) memcpy(q, p, size < behind ? size : behind);
        return q;
    }
    FAIL_WITH(ALLOC, ENOMEM, NULL)
    return real.realloc(p, size);
}

void *reallocarray(void *p, size_t count, size_t size) {
    FAIL_WITH(ALLOC, ENOMEM, NULL)
    return REAL(reallocarray)(p, count, size);
}

void free(void *p) {
    if (real.malloc && !is_early(p)) real.free(p);
}

char *strdup(const char *text) {
    FAIL_WITH(ALLOC, ENOMEM, NULL)
    return REAL(strdup)(text);
}

char *strndup(const char *text, size_t size) {
    FAIL_WITH(ALLOC, ENOMEM, NULL)
    return REAL(strndup)(text, size);
}

int vasprintf(char **ret, const char *format, va_list args) {
    FAIL_WITH(ALLOC, ENOMEM, -1)
    return REAL(vasprintf)(ret, format, args);
}

int asprintf(char **ret, const char *format, ...) {
    FAIL_WITH(ALLOC, ENOMEM, -1)
    va_list args;
    va_start(args, format);
    int r = REAL(vasprintf)(ret, format, args);
    va_end(args);
    return r;
}

int __asprintf_chk(char **ret, int flag, const char *format, ...);
int __asprintf_chk(char **ret, int flag, const char *format, ...) {
    (void)flag;
    FAIL_WITH(ALLOC, ENOMEM, -1)
    va_list args;
    va_start(args, format);
    int r = REAL(vasprintf)(ret, format, args);
    va_end(args);
    return r;
}

char *realpath(const char *path, char *resolved) {
    FAIL_WITH(ALLOC, ENOMEM, NULL)
    return REAL(realpath)(path, resolved);
}

char *__realpath_chk(const char *path, char *resolved, size_t size);
char *__realpath_chk(const char *path, char *resolved, size_t size) {
    (void)size;
    FAIL_WITH(ALLOC, ENOMEM, NULL)
    return REAL(realpath)(path, resolved);
}

void *mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset) {
    FAIL_WITH(ALLOC, ENOMEM, MAP_FAILED)
    // Used before anything can be looked up, too.
    return (void *)syscall(SYS_mmap, at, size, protection, flags, fd, offset);
}

void *mmap64(void *at, size_t size, int protection, int flags, int fd, off64_t offset) {
    FAIL_WITH(ALLOC, ENOMEM, MAP_FAILED)
    return (void *)syscall(SYS_mmap, at, size, protection, flags, fd, offset);
}

// ---- read and write ----

ssize_t read(int fd, void *buffer, size_t size) {
    FAIL_WITH(READ, EIO, -1)
    return REAL(read)(fd, buffer, size);
}

ssize_t __read_chk(int fd, void *buffer, size_t size, size_t room);
ssize_t __read_chk(int fd, void *buffer, size_t size, size_t room) {
    FAIL_WITH(READ, EIO, -1)
    if (size > room) abort();
    return REAL(read)(fd, buffer, size);
}

ssize_t pread(int fd, void *buffer, size_t size, off_t at) {
    FAIL_WITH(READ, EIO, -1)
    return REAL(pread)(fd, buffer, size, at);
}

ssize_t pread64(int fd, void *buffer, size_t size, off64_t at) {
    FAIL_WITH(READ, EIO, -1)
    return REAL(pread64)(fd, buffer, size, at);
}

ssize_t __pread64_chk(int fd, void *buffer, size_t size, off64_t at, size_t room);
ssize_t __pread64_chk(int fd, void *buffer, size_t size, off64_t at, size_t room) {
    FAIL_WITH(READ, EIO, -1)
    if (size > room) abort();
    return REAL(pread64)(fd, buffer, size, at);
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags) {
    FAIL_WITH(READ, EIO, -1)
    return REAL(recvmsg)(fd, message, flags);
}

ssize_t readlink(const char *path, char *buffer, size_t size) {
    FAIL_WITH(READ, EIO, -1)
    return REAL(readlink)(path, buffer, size);
}

struct dirent *readdir(DIR *folder) {
    FAIL_WITH(READ, EIO, NULL)
    return REAL(readdir)(folder);
}

struct dirent64 *readdir64(DIR *folder) {
    FAIL_WITH(READ, EIO, NULL)
    return REAL(readdir64)(folder);
}

int stat64(const char *path, struct stat64 *info) {
    FAIL_WITH(READ, EIO, -1)
    return REAL(stat64)(path, info);
}

int fstat64(int fd, struct stat64 *info) {
    FAIL_WITH(READ, EIO, -1)
    return REAL(fstat64)(fd, info);
}

int fstatat64(int fd, const char *path, struct stat64 *info, int flags) {
    FAIL_WITH(READ, EIO, -1)
    return REAL(fstatat64)(fd, path, info, flags);
}

ssize_t write(int fd, const void *buffer, size_t size) {
    FAIL_WITH(WRITE, ENOSPC, -1)
    return REAL(write)(fd, buffer, size);
}

ssize_t pwrite64(int fd, const void *buffer, size_t size, off64_t at) {
    FAIL_WITH(WRITE, ENOSPC, -1)
    return REAL(pwrite64)(fd, buffer, size, at);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
    FAIL_WITH(WRITE, ENOBUFS, -1)
    return REAL(sendmsg)(fd, message, flags);
}

int fsync(int fd) {
    FAIL_WITH(WRITE, EIO, -1)
    return REAL(fsync)(fd);
}

int fdatasync(int fd) {
    FAIL_WITH(WRITE, EIO, -1)
    return REAL(fdatasync)(fd);
}

int ftruncate64(int fd, off64_t size) {
    FAIL_WITH(WRITE, ENOSPC, -1)
    return REAL(ftruncate64)(fd, size);
}

int rename(const char *from, const char *to) {
    FAIL_WITH(WRITE, EACCES, -1)
    return REAL(rename)(from, to);
}

// ---- processes, pipes, waiting ----

pid_t fork(void) {
    FAIL_WITH(FORK, EAGAIN, -1)
    pid_t pid = REAL(fork)();
    if (pid == 0 && role == ZYGOTE) role = WORKER;
    return pid;
}

int execve(const char *path, char *const argv[], char *const envp[]) {
    FAIL_WITH(FORK, ENOMEM, -1)
    return REAL(execve)(path, argv, envp);
}

pid_t setsid(void) {
    FAIL_WITH(FORK, EPERM, -1)
    return REAL(setsid)();
}

int pipe2(int fds[2], int flags) {
    FAIL_WITH(PIPE, EMFILE, -1)
    return REAL(pipe2)(fds, flags);
}

int socketpair(int domain, int type, int protocol, int fds[2]) {
    FAIL_WITH(PIPE, EMFILE, -1)
    return REAL(socketpair)(domain, type, protocol, fds);
}

int epoll_create(int size) {
    FAIL_WITH(EPOLL, EMFILE, -1)
    return REAL(epoll_create)(size);
}

int epoll_create1(int flags) {
    FAIL_WITH(EPOLL, EMFILE, -1)
    return REAL(epoll_create1)(flags);
}

int epoll_ctl(int fd, int what, int other, struct epoll_event *event) {
    FAIL_WITH(EPOLL, ENOMEM, -1)
    return REAL(epoll_ctl)(fd, what, other, event);
}

int epoll_wait(int fd, struct epoll_event *events, int most, int timeout) {
    FAIL_WITH(EPOLL, EIO, -1)
    return REAL(epoll_wait)(fd, events, most, timeout);
}

int epoll_pwait(int fd, struct epoll_event *events, int most, int timeout, const sigset_t *mask) {
    FAIL_WITH(EPOLL, EIO, -1)
    return REAL(epoll_pwait)(fd, events, most, timeout, mask);
}

int eventfd(unsigned count, int flags);
int eventfd(unsigned count, int flags) {
    FAIL_WITH(EPOLL, EMFILE, -1)
    return REAL(eventfd)(count, flags);
}

int poll(struct pollfd *fds, nfds_t count, int timeout) {
    FAIL_WITH(EPOLL, ENOMEM, -1)
    return REAL(poll)(fds, count, timeout);
}

int __poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t room);
int __poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t room) {
    FAIL_WITH(EPOLL, ENOMEM, -1)
    if (room / sizeof *fds < count) abort();
    return REAL(poll)(fds, count, timeout);
}

// ---- descriptors ----

static mode_t mode_of(int flags, va_list args) {
    return flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
}

#define DEFINE_OPEN(name)                                                                          \
    int name(const char *path, int flags, ...) {                                                   \
        FAIL_WITH(OPEN, EMFILE, -1)                                                                \
        va_list args;                                                                              \
        va_start(args, flags);                                                                     \
        mode_t mode = mode_of(flags, args);                                                        \
        va_end(args);                                                                              \
        return REAL(name)(path, flags, mode);                                                      \
    }
DEFINE_OPEN(open)
DEFINE_OPEN(open64)

int __open64_2(const char *path, int flags);
int __open64_2(const char *path, int flags) {
    FAIL_WITH(OPEN, EMFILE, -1)
    return REAL(open64)(path, flags);
}

int __open_2(const char *path, int flags);
int __open_2(const char *path, int flags) {
    FAIL_WITH(OPEN, EMFILE, -1)
    return REAL(open64)(path, flags);
}

FILE *fopen(const char *path, const char *mode) {
    FAIL_WITH(OPEN, EMFILE, NULL)
    return REAL(fopen)(path, mode);
}

FILE *fopen64(const char *path, const char *mode) {
    FAIL_WITH(OPEN, EMFILE, NULL)
    return REAL(fopen64)(path, mode);
}

DIR *opendir(const char *path) {
    FAIL_WITH(OPEN, EMFILE, NULL)
    return REAL(opendir)(path);
}

int memfd_create(const char *name, unsigned flags) {
    FAIL_WITH(OPEN, EMFILE, -1)
    return REAL(memfd_create)(name, flags);
}

int dup2(int from, int to) {
    FAIL_WITH(OPEN, EMFILE, -1)
    return REAL(dup2)(from, to);
}

#define DEFINE_FCNTL(name)                                                                         \
    int name(int fd, int what, ...) {                                                              \
        FAIL_WITH(OPEN, EMFILE, -1)                                                                \
        va_list args;                                                                              \
        va_start(args, what);                                                                      \
        void *argument = va_arg(args, void *);                                                     \
        va_end(args);                                                                              \
        return REAL(name)(fd, what, argument);                                                     \
    }
DEFINE_FCNTL(fcntl)
DEFINE_FCNTL(fcntl64)

// pidfd_open() has no function of its own everywhere.
long syscall(long number, ...) {
    va_list args;
    long a[6];
    va_start(args, number);
    for (int i = 0; i < 6; i++) a[i] = va_arg(args, long);
    va_end(args);
#ifdef SYS_pidfd_open
    if (number == SYS_pidfd_open) FAIL_WITH(OPEN, EMFILE, -1)
#endif
    return REAL(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
