// `fastcollect-meta list`: the ids of the tests in the manifest, by path, -k and -m, without any
// Python.
#include <errno.h>
#include <getopt.h>
#include <stdio.h>

#include "commands.h"
#include "io.h"
#include "item_json.h"
#include "listing.h"
#include "log.h"

static const char help[] =
    "usage: fastcollect-meta list [OPTION]... [PATH[::NAME...]]...\n"
    "\n"
    "Prints the ids of the tests in the manifest, one a line, in the order of `pytest "
    "--collect-only -q`.\n"
    "\n"
    "options:\n"
    "  --manifest FILE  the manifest; else the newest of the pytest cache here or above\n"
    "  --section KEY    records made under other options: how their key begins (see export)\n"
    "  -k EXPRESSION    tests whose names match, with pytest's grammar\n"
    "  -m EXPRESSION    tests whose markers match, with pytest's grammar\n"
    "  --json           an array of objects with names, lines, markers and parameters\n"
    "  --no-check       list stale files too\n"
    "\n"
    "exit status: 0 all; 1 the manifest can't be used; 2 usage; 3 something was left out or may "
    "stand elsewhere (said on stderr)\n";

enum { FLUSH_AT = 1 << 18 };

struct printing {
    bool json;
    struct fcm_buffer out;
    uint64_t printed;
    int error; // of writing
};

static void flush(struct printing *p, size_t least) {
    if (p->out.size < least || p->error < 0) return;
    p->error = fcm_io_write_full(STDOUT_FILENO, p->out.data, p->out.size);
    p->out.size = 0;
}

static int on_item(void *context, const Fcm__Record *r, const struct fcm_node_ids *ids,
                   size_t row) {
    struct printing *p = context;
    if (p->json) {
        fcm_buffer_add_text(&p->out, p->printed ? ",\n" : "");
        fcm_item_add_json(&p->out, r, ids, row);
    } else {
        fcm_buffer_add_slice(&p->out, fcm_node_id(ids, r->item_node[row]));
        fcm_buffer_add_byte(&p->out, '\n');
    }
    p->printed++;
    if (p->out.failed) return -ENOMEM;
    flush(p, FLUSH_AT);
    return p->error;
}

static int list_all(struct fcm_listing *l, bool json) {
    struct printing p = {.json = json};
    if (json) fcm_buffer_add_text(&p.out, "[\n");
    int r = fcm_listing_each(l, on_item, &p);
    if (json) fcm_buffer_add_text(&p.out, p.printed ? "\n]\n" : "]\n");
    if (r == 0) flush(&p, 0);
    fcm_buffer_done(&p.out);
    if (p.error < 0) {
        if (p.error != -EPIPE) fcm_log("the list can't be written (%s)", strerror(-p.error));
        return FCM_EXIT_FAILED;
    }
    if (r < 0) fcm_log("out of memory");
    if (r < 0) return FCM_EXIT_FAILED;
    return fcm_listing_say(l) ? FCM_EXIT_STALE : FCM_EXIT_OK;
}

int fcm_command_list(int argc, char **argv) {
    static const struct option known[] = {
        {"help", no_argument, NULL, 'h'},          {"manifest", required_argument, NULL, 'f'},
        {"section", required_argument, NULL, 's'}, {"json", no_argument, NULL, 'j'},
        {"no-check", no_argument, NULL, 'n'},      {0}};
    struct fcm_listing_options options = {0};
    FCM_AUTO_LISTING listing = {0};
    bool json = false;
    optind = 0;
    for (int c; (c = getopt_long(argc, argv, "hk:m:", known, NULL)) != -1;) {
        switch (c) {
        case 'h': fputs(help, stdout); return FCM_EXIT_OK;
        case 'f': options.manifest = optarg; break;
        case 's': options.section = optarg; break;
        case 'k': options.keyword = optarg; break;
        case 'm': options.mark = optarg; break;
        case 'j': json = true; break;
        case 'n': options.unchecked = true; break;
        default: return FCM_EXIT_USAGE;
        }
    }
    options.paths = argv + optind;
    options.path_count = (size_t)(argc - optind);
    int status = fcm_listing_open(&listing, &options);
    return status == FCM_EXIT_OK ? list_all(&listing, json) : status;
}
