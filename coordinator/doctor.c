// `fastcollect-meta doctor`: what a run would use on this machine, and why.
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "commands.h"
#include "config.h"
#include "cores.h"
#include "io.h"
#include "log.h"

// What only the interpreter knows, as "name=value" lines.
static const char question[] =
    "import sys, sysconfig\n"
    "def say(name, value): print(name, value, sep='=')\n"
    "def version(name):\n"
    "    from importlib import metadata\n"
    "    try: return metadata.version(name)\n"
    "    except metadata.PackageNotFoundError: return 'not installed'\n"
    "say('executable', sys.executable)\n"
    "say('python', '.'.join(map(str, sys.version_info[:3])))\n"
    "say('implementation', sys.implementation.name)\n"
    "say('shared', int(bool(sysconfig.get_config_var('Py_ENABLE_SHARED'))))\n"
    "say('library', sysconfig.get_config_var('LDLIBRARY') or '')\n"
    "say('pytest', version('pytest'))\n"
    "say('package', version('pytest-fastcollect-meta'))\n"
    "try:\n"
    "    from fastcollect_meta import binaries\n"
    "    say('worker', binaries.worker() or '')\n"
    "except Exception as error: say('trouble', f'{type(error).__name__}: {error}')\n";

enum { MAX_ANSWER = 1 << 16 };

// Runs the interpreter and returns what it prints; the caller frees.
static int ask(const char *python, char **ret_answer, int *ret_status) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) return -errno;
    FCM_AUTO_CLOSE int reader = ends[0];
    FCM_AUTO_CLOSE int writer = ends[1];
    pid_t pid = fork();
    if (pid < 0) return -errno;
    if (pid == 0) {
        if (dup2(writer, STDOUT_FILENO) < 0) _exit(126);
        execlp(python, python, "-c", question, (char *)NULL);
        fprintf(stderr, "%s: %s\n", python, strerror(errno));
        _exit(127);
    }
    fcm_close_at(&writer);
    FCM_AUTO_FREE char *answer = calloc(1, MAX_ANSWER);
    size_t size = 0;
    while (answer && size < MAX_ANSWER - 1) {
        ssize_t n = fcm_io_read(reader, answer + size, MAX_ANSWER - 1 - size);
        if (n <= 0) break;
        size += (size_t)n;
    }
    while (waitpid(pid, ret_status, 0) < 0 && errno == EINTR) {
    }
    if (!answer) return -ENOMEM;
    *ret_answer = fcm_take(&answer);
    return 0;
}

// Value of a line; "" where there is none. The caller frees.
static char *value_of(const char *answer, const char *name) {
    size_t length = strlen(name);
    for (const char *line = answer; *line; line += strcspn(line, "\n"), line += *line == '\n')
        if (strncmp(line, name, length) == 0 && line[length] == '=')
            return strndup(line + length + 1, strcspn(line + length + 1, "\n"));
    return strdup("");
}

static void print_line(const char *name, const char *value) { printf("%-13s %s\n", name, value); }

static void print_cores(void) {
    int affinity, quota;
    int cores = fcm_cores_available(&affinity, &quota);
    char by_affinity[32] = "unknown", by_quota[32] = "none";
    if (affinity != INT_MAX) snprintf(by_affinity, sizeof by_affinity, "%d", affinity);
    if (quota != INT_MAX) snprintf(by_quota, sizeof by_quota, "%d", quota);
    printf("%-13s %d (affinity %s, cgroup quota %s): what --workers=auto uses\n", "cores", cores,
           by_affinity, by_quota);
}

// Returns whether the farm could work.
static bool print_mode(const char *answer) {
    FCM_AUTO_FREE char *worker = value_of(answer, "worker");
    FCM_AUTO_FREE char *shared = value_of(answer, "shared");
    FCM_AUTO_FREE char *trouble = value_of(answer, "trouble");
    FCM_AUTO_FREE char *package = value_of(answer, "package");
    if (!worker || !shared || !trouble || !package) return false;
    print_line("plugin", package);
    if (trouble[0]) {
        print_line("mode", "none: pytest would collect by itself");
        print_line("", trouble);
        return false;
    }
    if (strcmp(package, FCM_VERSION) != 0 && strcmp(package, "not installed") != 0) {
        print_line("mode", "none: the plugin's version isn't this program's");
        return false;
    }
    if (worker[0]) {
        print_line("mode", "embedding: this Python has a shared libpython");
        print_line("worker", worker);
    } else if (shared[0] == '1') {
        print_line("mode", "extension: the package was built without the embedding program");
    } else {
        print_line("mode", "extension: this Python has no shared libpython");
    }
    return true;
}

int fcm_command_doctor(int argc, char **argv) {
    static const struct option known[] = {
        {"python", required_argument, NULL, 'p'}, {"help", no_argument, NULL, 'h'}, {0}};
    // The package's own command names the interpreter that it was installed for.
    const char *python = getenv("FASTCOLLECT_META_PYTHON");
    if (!python || !python[0]) python = "python3";
    int c;
    optind = 0;
    while ((c = getopt_long(argc, argv, "h", known, NULL)) != -1) {
        if (c == 'p')
            python = optarg;
        else if (c == 'h')
            return puts("usage: fastcollect-meta doctor [--python=PATH]"), FCM_EXIT_OK;
        else
            return FCM_EXIT_USAGE;
    }
    if (optind < argc) {
        fcm_log("doctor takes no arguments");
        return FCM_EXIT_USAGE;
    }
    print_line("coordinator", FCM_VERSION);
    print_cores();
    fflush(stdout);
    FCM_AUTO_FREE char *answer = NULL;
    int status = 0;
    int r = ask(python, &answer, &status);
    if (r < 0 || status != 0) {
        fcm_log("cannot ask %s%s%s; name another with --python", python, r < 0 ? ": " : "",
                r < 0 ? strerrordesc_np(-r) : "");
        return FCM_EXIT_FAILED;
    }
    static const char *const names[] = {"executable", "python", "implementation", "pytest"};
    for (size_t i = 0; i < FCM_COUNT(names); i++) {
        FCM_AUTO_FREE char *value = value_of(answer, names[i]);
        print_line(names[i], value ? value : "");
    }
    return print_mode(answer) ? FCM_EXIT_OK : FCM_EXIT_FAILED;
}
