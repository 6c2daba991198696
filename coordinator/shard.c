// `fastcollect-meta shard I/N`: the ids of the tests that `pytest --shard=I/N` runs, without any
// Python.
#include <errno.h>
#include <getopt.h>
#include <stdio.h>

#include "commands.h"
#include "io.h"
#include "listing.h"
#include "log.h"
#include "shard.h"

static const char help[] =
    "usage: fastcollect-meta shard [OPTION]... I/N [PATH[::NAME...]]...\n"
    "\n"
    "Prints the ids of the tests that `pytest --shard=I/N` runs, one a line. Parts are planned by "
    "the\n"
    "durations of tests in PATH-OF-MANIFEST.durations, which runs record; without it each test "
    "counts\n"
    "the same.\n"
    "\n"
    "options:\n"
    "  --manifest FILE  the manifest; else the newest of the pytest cache here or above\n"
    "  --section KEY    records made under other options: how their key begins (see export)\n"
    "  -k EXPRESSION    tests whose names match, with pytest's grammar\n"
    "  -m EXPRESSION    tests whose markers match, with pytest's grammar\n"
    "  --by WHAT        never divide a test (default), function, class or file; as --shard-by\n"
    "  --no-check       list stale files too\n"
    "\n"
    "exit status: as list's\n";

// Ids in one buffer, cut at the ends.
struct collecting {
    struct fcm_buffer text, ends; // ends: u64 each
};

static int on_item(void *context, const Fcm__Record *r, const struct fcm_node_ids *ids,
                   size_t row) {
    struct collecting *c = context;
    fcm_buffer_add_slice(&c->text, fcm_node_id(ids, r->item_node[row]));
    fcm_buffer_add_u64(&c->ends, c->text.size);
    return c->text.failed || c->ends.failed ? -ENOMEM : 0;
}

static struct fcm_test_durations *open_durations(const struct fcm_listing *l) {
    FCM_AUTO_FREE char *path = NULL;
    struct fcm_test_durations *durations = NULL;
    const char *why;
    if (asprintf(&path, "%s.durations", l->store.path) < 0) {
        path = NULL;
        return NULL;
    }
    int r = fcm_test_durations_open(path, &durations, &why);
    if (r == -ENOENT)
        fcm_log("no durations of tests are known: each counts the same");
    else if (r < 0)
        fcm_log("%s: %s; each test counts the same", path, why);
    return durations;
}

static int print(const struct fcm_shard *shard, const struct collecting *c,
                 struct fcm_test_durations *durations) {
    size_t count = c->ends.size / 8;
    FCM_AUTO_FREE struct fcm_slice *ids = calloc(count + 1, sizeof(*ids));
    FCM_AUTO_FREE bool *selected = calloc(count + 1, sizeof(*selected));
    FCM_AUTO_BUFFER out = {0};
    if (!ids || !selected) return -ENOMEM;
    for (size_t i = 0, begin = 0; i < count; i++) {
        size_t end = fcm_load_u64(c->ends.data + 8 * i);
        ids[i] = fcm_slice_of(c->text.data + begin, end - begin);
        begin = end;
    }
    int r = fcm_shard_select(shard, ids, count, durations, selected);
    for (size_t i = 0; i < count && r == 0; i++) {
        if (!selected[i]) continue;
        fcm_buffer_add_slice(&out, ids[i]);
        fcm_buffer_add_byte(&out, '\n');
    }
    if (r == 0 && out.failed) r = -ENOMEM;
    return r < 0 ? r : fcm_io_write_full(STDOUT_FILENO, out.data, out.size);
}

static int run(const struct fcm_shard *shard, const struct fcm_listing_options *options) {
    FCM_AUTO_LISTING listing = {0};
    struct collecting c = {0};
    int status = fcm_listing_open(&listing, options);
    if (status != FCM_EXIT_OK) return status;
    FCM_AUTO(fcm_test_durations) *durations = open_durations(&listing);
    int r = fcm_listing_each(&listing, on_item, &c);
    if (r == 0) r = print(shard, &c, durations);
    fcm_buffer_done(&c.text);
    fcm_buffer_done(&c.ends);
    if (r < 0 && r != -EPIPE) fcm_log("the list can't be made (%s)", strerror(-r));
    if (r < 0) return FCM_EXIT_FAILED;
    return fcm_listing_say(&listing) ? FCM_EXIT_STALE : FCM_EXIT_OK;
}

int fcm_command_shard(int argc, char **argv) {
    static const struct option known[] = {
        {"help", no_argument, NULL, 'h'},          {"manifest", required_argument, NULL, 'f'},
        {"section", required_argument, NULL, 's'}, {"by", required_argument, NULL, 'b'},
        {"no-check", no_argument, NULL, 'n'},      {0}};
    struct fcm_listing_options options = {0};
    struct fcm_shard shard = {0};
    optind = 0;
    for (int c; (c = getopt_long(argc, argv, "hk:m:", known, NULL)) != -1;) {
        switch (c) {
        case 'h': fputs(help, stdout); return FCM_EXIT_OK;
        case 'f': options.manifest = optarg; break;
        case 's': options.section = optarg; break;
        case 'k': options.keyword = optarg; break;
        case 'm': options.mark = optarg; break;
        case 'n': options.unchecked = true; break;
        case 'b':
            if (fcm_shard_parse_by(optarg, &shard.by) == 0) break;
            fcm_log("--by takes test, function, class or file, not '%s'", optarg);
            return FCM_EXIT_USAGE;
        default: return FCM_EXIT_USAGE;
        }
    }
    enum fcm_shard_by by = shard.by;
    if (optind == argc || fcm_shard_parse(argv[optind], &shard) < 0) {
        fcm_log("shard takes I/N with 1 <= I <= N <= 10000; see shard --help");
        return FCM_EXIT_USAGE;
    }
    shard.by = by;
    options.paths = argv + optind + 1;
    options.path_count = (size_t)(argc - optind - 1);
    return run(&shard, &options);
}
