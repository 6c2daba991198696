// `fastcollect-meta serve --fd=N`: one session with the pytest that started it.
#include <ev.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "child.h"
#include "commands.h"
#include "log.h"
#include "options.h"
#include "session.h"

// stdin and stdout are main's: nothing of ours belongs there.
static int leave_stdio(void) {
    FCM_AUTO_CLOSE int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0) return -errno;
    if (dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0) return -errno;
    if (null <= STDERR_FILENO) null = -1; // one of them was closed
    return 0;
}

// libev can't go on without memory, and would abort; whatever was started ends with this process.
static void *allocate(void *block, long size) {
    if (size <= 0) {
        free(block);
        return NULL;
    }
    void *grown = realloc(block, (size_t)size);
    if (grown) return grown;
    fcm_log("out of memory; pytest collects by itself");
    _exit(FCM_EXIT_FAILED);
}

static void on_system_error(const char *what) {
    fcm_log("%s: %s; pytest collects by itself", what, strerrordesc_np(errno));
    _exit(FCM_EXIT_FAILED);
}

static int serve(int fd) {
    ev_set_allocator(allocate);
    ev_set_syserr_cb(on_system_error);
    struct ev_loop *loop = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);
    if (!loop) loop = ev_loop_new(EVBACKEND_POLL | EVFLAG_NOENV);
    if (!loop) return -ENOMEM;
    struct fcm_session session;
    int r = fcm_session_init(&session, loop, fd);
    if (r == 0) r = fcm_session_run(&session);
    fcm_session_done(&session);
    ev_loop_destroy(loop);
    return r;
}

int fcm_command_serve(int argc, char **argv) {
    struct fcm_serve_options options;
    const char *error;
    if (fcm_options_serve(argc, argv, &options, &error) < 0) {
        fcm_log("%s", error);
        return FCM_EXIT_USAGE;
    }
    int r = leave_stdio();
    if (r == 0) r = fcm_child_setup();
    if (r == 0) r = serve(options.fd);
    if (r < 0) {
        fcm_log("%s; pytest collects by itself", strerrordesc_np(-r));
        return FCM_EXIT_FAILED;
    }
    return FCM_EXIT_OK;
}
