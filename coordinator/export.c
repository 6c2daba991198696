// `fastcollect-meta export`: all of the manifest as JSON lines, the manifest itself first, then one
// file a line.
#include <errno.h>
#include <getopt.h>
#include <stdio.h>

#include "commands.h"
#include "io.h"
#include "item_json.h"
#include "json.h"
#include "log.h"
#include "store.h"

static const char help[] =
    "usage: fastcollect-meta export [OPTION]...\n"
    "\n"
    "Prints all that the manifest holds, as JSON lines: a line about the manifest, then one for "
    "each file.\n"
    "\n"
    "options:\n"
    "  --manifest FILE  the manifest; else the newest of the pytest cache here or above\n"
    "\n"
    "exit status: 0 all; 1 the manifest can't be used; 2 usage; 3 damaged records were left out\n";

struct exporting {
    struct fcm_store store;
    struct fcm_buffer out, bytes;
    bool first;
};

static void add_text(struct fcm_buffer *b, const char *name, const char *text) {
    fcm_json_add_text(b, fcm_slice_text(name));
    fcm_buffer_add_byte(b, ':');
    if (text)
        fcm_json_add_text(b, fcm_slice_text(text));
    else
        fcm_buffer_add_text(b, "null");
    fcm_buffer_add_byte(b, ',');
}

static void add_number(struct fcm_buffer *b, const char *name, uint64_t n) {
    fcm_json_add_text(b, fcm_slice_text(name));
    fcm_buffer_add_byte(b, ':');
    fcm_json_add_number(b, (int64_t)n);
    fcm_buffer_add_byte(b, ',');
}

static void add_hex(struct fcm_buffer *b, struct fcm_slice bytes) {
    fcm_buffer_add_byte(b, '"');
    for (size_t i = 0; i < bytes.size; i++) {
        fcm_buffer_add_byte(b, (uint8_t) "0123456789abcdef"[bytes.data[i] >> 4]);
        fcm_buffer_add_byte(b, (uint8_t) "0123456789abcdef"[bytes.data[i] & 15]);
    }
    fcm_buffer_add_byte(b, '"');
}

static void add_manifest(struct fcm_buffer *b, const struct fcm_manifest *m) {
    struct fcm_manifest_info info;
    fcm_manifest_info(m, &info);
    fcm_buffer_add_byte(b, '{');
    add_text(b, "product", info.product);
    add_text(b, "python", info.python);
    add_text(b, "pytest", info.pytest);
    add_number(b, "serial", info.serial);
    add_number(b, "size", info.size);
    fcm_buffer_add_text(b, "\"sections\":[");
    for (uint32_t i = 0; i < info.sections; i++) {
        struct fcm_section s;
        fcm_manifest_section(m, i, &s);
        fcm_buffer_add_text(b, i ? ",{" : "{");
        add_text(b, "rootdir", s.rootdir);
        add_number(b, "written", s.written);
        fcm_buffer_add_text(b, "\"key\":");
        add_hex(b, s.options_key);
        fcm_buffer_add_byte(b, '}');
    }
    fcm_buffer_add_text(b, "]}\n");
}

static int on_dependency(void *context, uint32_t dependency) {
    static const char *const kinds[] = {"file", "directory", "absent", "env"};
    struct exporting *x = context;
    struct fcm_dependency_state state;
    const char *path;
    fcm_manifest_dependency(x->store.manifest, dependency, &state, &path);
    fcm_buffer_add_text(&x->out, x->first ? "[" : ",[");
    x->first = false;
    fcm_json_add_text(&x->out, fcm_slice_text(kinds[state.kind]));
    fcm_buffer_add_byte(&x->out, ',');
    fcm_json_add_text(&x->out, fcm_slice_text(path));
    fcm_buffer_add_byte(&x->out, ']');
    return 0;
}

static int add_tests(struct exporting *x, uint32_t entry, const struct fcm_entry *e) {
    FCM_AUTO_RECORD *r = NULL;
    FCM_AUTO_NODE_IDS ids = {0};
    if (e->raw_length == 0) return 0;
    const char *base = fcm_store_base(x->store.manifest, e->section, e->path);
    int result = fcm_store_record(&x->store, entry, &x->bytes, &r);
    if (result == 0) result = fcm_node_ids_init(&ids, r, base, e->path);
    for (size_t i = 0; result == 0 && i < r->n_item_node; i++) {
        if (i > 0) fcm_buffer_add_byte(&x->out, ',');
        fcm_item_add_json(&x->out, r, &ids, i);
    }
    return result;
}

static int add_file(struct exporting *x, uint32_t entry) {
    struct fcm_entry e;
    struct fcm_section section;
    struct fcm_buffer *b = &x->out;
    fcm_manifest_entry(x->store.manifest, entry, &e);
    fcm_manifest_section(x->store.manifest, e.section, &section);
    fcm_buffer_add_byte(b, '{');
    add_text(b, "path", e.path);
    add_text(b, "collector", e.collector);
    add_text(b, "native", e.reason);
    fcm_buffer_add_text(b, "\"section\":");
    add_hex(b, section.options_key);
    fcm_buffer_add_text(b, ",\"duration\":");
    fcm_json_add_real(b, (double)e.duration);
    fcm_buffer_add_text(b, ",\"depends\":[");
    x->first = true;
    if (e.set != FCM_NO_SET)
        fcm_manifest_each_dependency(x->store.manifest, e.set, on_dependency, x);
    fcm_buffer_add_text(b, "],\"tests\":[");
    int r = add_tests(x, entry, &e);
    fcm_buffer_add_text(b, "]}\n");
    return b->failed ? -ENOMEM : r;
}

static int write_line(struct exporting *x) {
    int r = x->out.failed ? -ENOMEM : fcm_io_write_full(STDOUT_FILENO, x->out.data, x->out.size);
    x->out.size = 0;
    if (r < 0 && r != -EPIPE) fcm_log("the export can't be written (%s)", strerror(-r));
    return r;
}

static int export_all(struct exporting *x) {
    struct fcm_manifest_info info;
    int status = FCM_EXIT_OK;
    fcm_manifest_info(x->store.manifest, &info);
    add_manifest(&x->out, x->store.manifest);
    int written = write_line(x);
    for (uint32_t i = 0; i < info.entries && written == 0; i++) {
        struct fcm_entry e;
        fcm_manifest_entry(x->store.manifest, i, &e);
        if (strcmp(e.collector, FCM_WALKED) == 0) continue;
        int r = add_file(x, i);
        if (r == -ENOMEM) {
            fcm_log("out of memory");
            return FCM_EXIT_FAILED;
        }
        if (r < 0) {
            x->out.size = 0;
            status = FCM_EXIT_STALE;
        }
        written = write_line(x);
    }
    return written == 0 ? status : FCM_EXIT_FAILED;
}

int fcm_command_export(int argc, char **argv) {
    static const struct option known[] = {
        {"help", no_argument, NULL, 'h'}, {"manifest", required_argument, NULL, 'f'}, {0}};
    const char *path = NULL;
    optind = 0;
    for (int c; (c = getopt_long(argc, argv, "h", known, NULL)) != -1;) {
        switch (c) {
        case 'h': fputs(help, stdout); return FCM_EXIT_OK;
        case 'f': path = optarg; break;
        default: return FCM_EXIT_USAGE;
        }
    }
    if (optind < argc) {
        fcm_log("export takes no arguments; see export --help");
        return FCM_EXIT_USAGE;
    }
    struct exporting x = {0};
    int status = fcm_store_open(&x.store, path, NULL);
    if (status == FCM_EXIT_OK) status = export_all(&x);
    fcm_buffer_done(&x.out);
    fcm_buffer_done(&x.bytes);
    fcm_store_done(&x.store);
    return status;
}
