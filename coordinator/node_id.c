#include "node_id.h"

#include <errno.h>
#include <stdlib.h>

#define DEPTH_MAX 200

static size_t component(const char *path) { return strcspn(path, "/"); }

/* os.path.relpath, for absolute paths that are normal. */
void fcm_node_id_add_base(struct fcm_buffer *b, const char *rootdir, const char *path) {
    while (*rootdir == '/') rootdir++;
    while (*path == '/') path++;
    for (;;) {
        size_t n = component(rootdir);
        if (n == 0 || n != component(path) || memcmp(rootdir, path, n) != 0) break;
        rootdir += n;
        path += n;
        while (*rootdir == '/') rootdir++;
        while (*path == '/') path++;
    }
    while (*rootdir) {
        fcm_buffer_add_text(b, *path || strchr(rootdir, '/') ? "../" : "..");
        rootdir += component(rootdir);
        while (*rootdir == '/') rootdir++;
    }
    fcm_buffer_add_text(b, path);
}

void fcm_node_add_name(struct fcm_buffer *b, const Fcm__Record *r, size_t node, uint32_t item) {
    if (!(r->node_flags[node] & FCM_NODE_DERIVED_NAME)) {
        fcm_buffer_add_slice(b, fcm_record_string(r, r->node_name[node]));
        return;
    }
    const uint32_t *ids;
    size_t count = fcm_record_list(r, r->call_ids[r->item_call[item] - 1], &ids);
    fcm_buffer_add_slice(b, fcm_record_string(r, r->item_original[item] - 1));
    fcm_buffer_add_byte(b, '[');
    for (size_t i = 0; i < count; i++) {
        if (i > 0) fcm_buffer_add_byte(b, '-');
        fcm_buffer_add_slice(b, fcm_record_string(r, ids[i]));
    }
    fcm_buffer_add_byte(b, ']');
}

/* A hostile record could nest so deep that ids grow with the square of its size. */
static bool depth_ok(const Fcm__Record *r, uint32_t *depth) {
    for (size_t i = 0; i < r->n_node_parent; i++) {
        depth[i] = i == 0 ? 0 : depth[r->node_parent[i]] + 1;
        if (depth[i] > DEPTH_MAX) return false;
    }
    return true;
}

static void add_node(struct fcm_node_ids *ids, const Fcm__Record *r, size_t node) {
    if (node > 0) {
        size_t parent = r->node_parent[node];
        struct fcm_slice id = fcm_node_id(ids, parent);
        size_t begin = (size_t)(id.data - ids->text.data);
        if (fcm_buffer_reserve(&ids->text, id.size) < 0) return;
        fcm_buffer_add(&ids->text, ids->text.data + begin, id.size);
        fcm_buffer_add(&ids->text, "::", 2);
        fcm_node_add_name(&ids->text, r, node, ids->item[node]);
    }
    ids->end[node] = ids->text.size;
}

int fcm_node_ids_init(struct fcm_node_ids *ids, const Fcm__Record *r, const char *rootdir,
                      const char *path) {
    size_t n = r->n_node_parent;
    *ids = (struct fcm_node_ids){.count = n};
    ids->end = calloc(n + 1, sizeof(*ids->end));
    ids->item = malloc((n + 1) * sizeof(*ids->item));
    if (!ids->end || !ids->item) return -ENOMEM;
    if (!depth_ok(r, ids->item)) return -EBADMSG;
    memset(ids->item, 0xff, (n + 1) * sizeof(*ids->item));
    for (size_t i = 0; i < r->n_item_node; i++) ids->item[r->item_node[i]] = (uint32_t)i;
    fcm_node_id_add_base(&ids->text, rootdir, path);
    for (size_t i = 0; i < n && !ids->text.failed; i++) add_node(ids, r, i);
    return ids->text.failed ? -ENOMEM : 0;
}

void fcm_node_ids_done(struct fcm_node_ids *ids) {
    fcm_buffer_done(&ids->text);
    free(ids->end);
    free(ids->item);
    *ids = (struct fcm_node_ids){0};
}

static bool is_init(const char *name) { return strcmp(name, "__init__.py") == 0; }

int fcm_path_compare(const char *a, const char *b) {
    for (;;) {
        size_t n = component(a), m = component(b);
        int order = memcmp(a, b, n < m ? n : m);
        if (order != 0 || n != m) {
            if (is_init(a) != is_init(b)) return is_init(a) ? -1 : 1;
            return order ? order : n < m ? -1 : 1;
        }
        if (!a[n] || !b[m]) return (a[n] != 0) - (b[m] != 0);
        a += n + 1;
        b += m + 1;
    }
}
