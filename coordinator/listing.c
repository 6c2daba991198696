#include "listing.h"

#include <errno.h>
#include <stdlib.h>

#include "commands.h"
#include "log.h"

// ---- what is asked for ----

// Exit status; what is wrong is said with pytest's words.
static int compile(const char *option, const char *text, struct fcm_expression **ret) {
    struct fcm_expression_error error = {0};
    int r = fcm_expression_compile(text, ret, &error);
    if (r == -EINVAL) {
        fcm_log("Wrong expression passed to '%s': %s: at column %zu: %s", option, text,
                error.column, error.text);
        return FCM_EXIT_USAGE;
    }
    if (r < 0) fcm_log("out of memory");
    return r < 0 ? FCM_EXIT_FAILED : FCM_EXIT_OK;
}

static int compile_keyword(const char *text, struct fcm_expression **ret) {
    text += strspn(text, " \t\r\n\f\v");
    if (!*text) return FCM_EXIT_OK; // selects all
    int status = compile("-k", text, ret);
    for (size_t i = 0; status == FCM_EXIT_OK && i < fcm_expression_leaf_count(*ret); i++) {
        if (fcm_expression_leaf(*ret, i)->argument_count == 0) continue;
        fcm_log("Keyword expressions do not support call parameters.");
        return FCM_EXIT_USAGE;
    }
    return status;
}

static bool same_text(const char *a, const char *b) {
    return a == b || (a && b && strcmp(a, b) == 0);
}

// Whether `w` is within `other`: pytest then leaves it out, and of two equal ones the later.
static bool within(const struct fcm_wanted *w, const struct fcm_wanted *other, bool earlier) {
    if (!fcm_wanted_has_file(other, w->path)) return false;
    bool same = strcmp(w->path, other->path) == 0;
    if (!other->names) return !same || w->names || earlier;
    if (!same || !w->names || !fcm_wanted_has_names(other, fcm_slice_text(w->names))) return false;
    return !same_text(w->names, other->names) || earlier;
}

static void drop_overlapping(struct fcm_listing *l) {
    for (size_t i = 0; i < l->wanted_count; i++) {
        for (size_t j = 0; j < l->wanted_count && !l->wanted[i].covered; j++) {
            if (i == j || l->wanted[j].covered) continue;
            l->wanted[i].covered = within(&l->wanted[i], &l->wanted[j], j < i);
        }
    }
}

// Until 9.0 pytest collects what several arguments name where each of them stands.
static bool keeps_overlapping(const struct fcm_listing *l) {
    struct fcm_manifest_info info;
    fcm_manifest_info(l->store.manifest, &info);
    bool covered = false;
    for (size_t i = 0; i < l->wanted_count; i++) covered |= l->wanted[i].covered;
    return covered && strncmp(info.pytest, "8.", 2) == 0;
}

static int take_paths(struct fcm_listing *l, char **arguments, size_t count) {
    l->wanted = calloc(count + 1, sizeof(*l->wanted));
    int r = l->wanted ? 0 : -ENOMEM;
    for (size_t i = 0; r == 0 && i < count; i++) {
        l->wanted_count++;
        r = fcm_wanted_init(&l->wanted[i], arguments[i]);
    }
    if (r < 0) {
        fcm_log("out of memory");
        return FCM_EXIT_FAILED;
    }
    drop_overlapping(l);
    return FCM_EXIT_OK;
}

int fcm_listing_open(struct fcm_listing *l, const struct fcm_listing_options *o) {
    *l = (struct fcm_listing){.check = !o->unchecked};
    int status = FCM_EXIT_OK;
    if (o->keyword) status = compile_keyword(o->keyword, &l->keyword);
    if (status == FCM_EXIT_OK && o->mark && *o->mark) status = compile("-m", o->mark, &l->mark);
    if (status == FCM_EXIT_OK) status = take_paths(l, o->paths, o->path_count);
    if (status == FCM_EXIT_OK) status = fcm_store_open(&l->store, o->manifest, o->section);
    if (status != FCM_EXIT_OK) return status;
    l->repeated = keeps_overlapping(l);
    l->selection.keyword = l->keyword;
    l->selection.mark = l->mark;
    l->states = calloc(l->store.count + 1, sizeof(*l->states));
    if (l->states) return FCM_EXIT_OK;
    fcm_log("out of memory");
    return FCM_EXIT_FAILED;
}

static void file_done(struct fcm_listed_file *f) {
    if (f->record) fcm_record_free(f->record);
    fcm_node_ids_done(&f->ids);
    free(f->selected);
    free(f->told);
    *f = (struct fcm_listed_file){0};
}

void fcm_listing_done(struct fcm_listing *l) {
    for (size_t i = 0; i < l->wanted_count; i++) fcm_wanted_done(&l->wanted[i]);
    file_done(&l->file);
    free(l->wanted);
    free(l->states);
    fcm_import_order_done(&l->order);
    fcm_expression_free(l->keyword);
    fcm_expression_free(l->mark);
    fcm_buffer_done(&l->bytes);
    fcm_buffer_done(&l->shared);
    fcm_store_done(&l->store);
    *l = (struct fcm_listing){0};
}

// ---- one file ----

static bool name_noted(const struct fcm_buffer *names, struct fcm_slice name) {
    struct fcm_slice rest = fcm_buffer_slice(names);
    while (rest.size > 0) {
        size_t n = strnlen((const char *)rest.data, rest.size);
        if (n == name.size && memcmp(rest.data, name.data, n) == 0) return true;
        rest = fcm_slice_of(rest.data + n + 1, rest.size - n - 1);
    }
    return false;
}

// Parameters that pytest groups across files: another file with the same makes it mix their tests.
static int note_shared(struct fcm_listing *l, const Fcm__Record *r) {
    if (!(r->flags & FCM_RECORD_HIGH_SCOPE) || l->mixed) return 0;
    FCM_AUTO_BUFFER own = {0};
    for (size_t i = 0; i < r->n_call_names; i++) {
        const uint32_t *names, *scopes;
        size_t count = fcm_record_list(r, r->call_names[i], &names);
        fcm_record_list(r, r->call_scopes[i], &scopes);
        for (size_t k = 0; k < count; k++) {
            struct fcm_slice name = fcm_record_string(r, names[k]);
            if (scopes[k] > FCM_SCOPE_PACKAGE || memchr(name.data, 0, name.size)) continue;
            l->mixed |= name_noted(&l->shared, name);
            if (name_noted(&own, name)) continue;
            fcm_buffer_add_slice(&own, name);
            fcm_buffer_add_byte(&own, 0);
        }
    }
    fcm_buffer_add_slice(&l->shared, fcm_buffer_slice(&own));
    return own.failed || l->shared.failed ? -ENOMEM : 0;
}

// Outside of the root folder pytest's ids are relative to what it is asked for.
static const char *base_of(const struct fcm_listing *l, const char *path) {
    const char *base = fcm_store_base(l->store.manifest, l->store.section, path);
    if (fcm_path_lies_in(path, l->store.info.rootdir)) return base;
    size_t nearest = 0;
    for (size_t i = 0; i < l->wanted_count; i++) {
        const struct fcm_wanted *w = &l->wanted[i];
        size_t size = strlen(w->path);
        if (w->covered || w->names || size <= nearest || !fcm_path_lies_in(path, w->path)) continue;
        nearest = size;
        base = w->path;
    }
    return base;
}

static int file_init(struct fcm_listing *l, uint32_t entry, const char *path) {
    struct fcm_listed_file *f = &l->file;
    if (f->decoded && f->entry == entry) return f->damaged ? -EBADMSG : 0;
    file_done(f);
    f->entry = entry;
    f->decoded = f->damaged = true;
    int r = fcm_store_record(&l->store, entry, &l->bytes, &f->record);
    const char *base = base_of(l, path);
    if (r == 0) r = fcm_node_ids_init(&f->ids, f->record, base, path);
    if (r < 0) return r;
    size_t items = f->record->n_item_node;
    f->told = calloc(items + 1, sizeof(*f->told));
    if (!f->told) return -ENOMEM;
    if (l->keyword || l->mark) {
        f->selected = calloc(items + 1, sizeof(*f->selected));
        if (!f->selected) return -ENOMEM;
        r = fcm_selection_apply(&l->selection, f->record, fcm_node_id(&f->ids, 0), f->selected);
        if (r < 0) return r;
    }
    r = note_shared(l, f->record);
    if (r < 0) return r;
    f->damaged = false;
    return 0;
}

static int tell_file(struct fcm_listing *l, struct fcm_wanted *w, fcm_on_item *on_item,
                     void *context) {
    struct fcm_listed_file *f = &l->file;
    const Fcm__Record *r = f->record;
    size_t base = fcm_node_id(&f->ids, 0).size + 2;
    // Pytest groups what it was asked for, which needn't be a part of how it groups the whole file.
    l->mixed |= w && w->names && (r->flags & FCM_RECORD_HIGH_SCOPE);
    for (size_t i = 0; i < r->n_hook_order; i++) l->hooked |= r->hook_order[i] != 0;
    for (size_t i = 0; i < r->n_item_node; i++) {
        size_t row = r->n_item_order ? r->item_order[i] : i;
        struct fcm_slice id = fcm_node_id(&f->ids, r->item_node[row]);
        size_t skip = base < id.size ? base : id.size;
        struct fcm_slice names = fcm_slice_of(id.data + skip, id.size - skip);
        if (w && !fcm_wanted_has_names(w, names)) continue;
        if (w) w->found = true;
        if (f->told[row] || (f->selected && !f->selected[row])) continue;
        f->told[row] = true;
        int result = on_item(context, r, &f->ids, row);
        if (result != 0) return result;
    }
    return 0;
}

// A file of the run that comes next: finds out whether its record is used, and counts why not.
static int meet_file(struct fcm_listing *l, size_t at, const struct fcm_entry *e) {
    uint32_t dependency, entry = l->store.entries[at];
    enum fcm_dependency_change change;
    bool valid = !l->check || fcm_manifest_valid(l->store.manifest, entry, &dependency, &change);
    bool unkept = fcm_store_unkept(e);
    l->states[at] = FCM_FILE_LEFT_OUT;
    l->unkept += unkept;
    l->stale += !unkept && !valid;
    l->native += !unkept && valid && e->raw_length == 0;
    if (e->raw_length == 0) return 0;
    int r = file_init(l, entry, e->path);
    if (r == -ENOMEM) return r;
    l->damaged += valid && r < 0;
    if (r < 0) return 0;
    bool holds = !l->check || fcm_import_order_holds(&l->order, l->file.record);
    l->reordered += valid && !holds;
    if (valid && holds) l->states[at] = FCM_FILE_USABLE;
    return fcm_import_order_pass(&l->order, l->file.record, l->store.info.rootdir, e->path);
}

static int tell_entry(struct fcm_listing *l, size_t at, struct fcm_wanted *w, fcm_on_item *on_item,
                      void *context) {
    struct fcm_entry e;
    fcm_manifest_entry(l->store.manifest, l->store.entries[at], &e);
    if (w && !fcm_wanted_has_file(w, e.path)) return 0;
    if (w && !w->names) w->found = true;
    int r = l->states[at] == FCM_FILE_NEW ? meet_file(l, at, &e) : 0;
    if (r < 0 || l->states[at] == FCM_FILE_LEFT_OUT) return r;
    r = file_init(l, l->store.entries[at], e.path);
    return r < 0 ? r : tell_file(l, w, on_item, context);
}

static int tell_wanted(struct fcm_listing *l, struct fcm_wanted *w, fcm_on_item *on_item,
                       void *context) {
    int r = 0;
    for (size_t i = 0; i < l->store.count && r == 0; i++) {
        r = tell_entry(l, i, w, on_item, context);
    }
    return r;
}

// The outermost folder that pytest was asked for and a path lies in, the path itself without one.
static const char *asked_for(const struct fcm_listing *l, const char *path) {
    const char *found = NULL;
    for (size_t i = 0; i < l->store.folder_count; i++) {
        struct fcm_entry e;
        fcm_manifest_entry(l->store.manifest, l->store.folders[i], &e);
        if (!e.reason || !fcm_path_lies_in(path, e.path)) continue;
        if (!found || strlen(e.path) < strlen(found)) found = e.path;
    }
    return found ? found : path;
}

// Whether files of several folders that pytest was asked for were collected in another order than
// that of their paths.
static bool otherwise_ordered(const struct fcm_listing *l) {
    uint32_t latest = 0, before = 0; // of this argument and those before it, of those before it
    const char *argument = NULL;
    for (size_t i = 0; i < l->store.count; i++) {
        struct fcm_entry e;
        fcm_manifest_entry(l->store.manifest, l->store.entries[i], &e);
        if (e.raw_length == 0) continue;
        if (!argument || !fcm_path_lies_in(e.path, argument)) {
            argument = asked_for(l, e.path);
            before = latest;
        }
        if (e.sequence < before) return true;
        if (e.sequence > latest) latest = e.sequence;
    }
    return false;
}

int fcm_listing_each(struct fcm_listing *l, fcm_on_item *on_item, void *context) {
    if (l->wanted_count == 0) {
        l->otherwise = otherwise_ordered(l);
        return tell_wanted(l, NULL, on_item, context);
    }
    int r = 0;
    for (size_t i = 0; i < l->wanted_count && r == 0; i++) {
        if (!l->wanted[i].covered) r = tell_wanted(l, &l->wanted[i], on_item, context);
    }
    return r;
}

// ---- what is to be said ----

static bool walk_wanted(const struct fcm_listing *l, const char *folder) {
    for (size_t i = 0; i < l->wanted_count; i++) {
        if (fcm_wanted_has_file(&l->wanted[i], folder)) return true;
    }
    return l->wanted_count == 0;
}

// Folders with other entries than when pytest walked them.
static bool say_walk(const struct fcm_listing *l) {
    const char *first = NULL;
    unsigned count = 0;
    for (size_t i = 0; l->check && i < l->store.folder_count; i++) {
        struct fcm_entry e;
        uint32_t entry = l->store.folders[i];
        fcm_manifest_entry(l->store.manifest, entry, &e);
        if (!walk_wanted(l, e.path) || fcm_store_folder_known(&l->store, entry)) continue;
        if (!first) first = e.path;
        count++;
    }
    if (count == 0) return false;
    fcm_log("%u folder%s other entries than when pytest walked %s (%s): tests of new files are not "
            "listed",
            count, count == 1 ? " has" : "s have", count == 1 ? "it" : "them", first);
    return true;
}

static bool say_unfound(const struct fcm_listing *l) {
    bool missing = false;
    for (size_t i = 0; i < l->wanted_count; i++) {
        const struct fcm_wanted *w = &l->wanted[i];
        if (w->found || w->covered) continue;
        fcm_log("%s%s%s: nothing of it was listed", w->text, w->names ? "::" : "",
                w->names ? w->names : "");
        missing = true;
    }
    return missing;
}

bool fcm_listing_say(const struct fcm_listing *l) {
    if (l->stale > 0) {
        fcm_log("%llu stale file%s left out; `fastcollect-meta check` says why",
                (unsigned long long)l->stale, l->stale == 1 ? "" : "s");
    }
    if (l->reordered > 0) {
        fcm_log("%llu file%s left out: collected when other files that change registries had been "
                "imported than come before %s here",
                (unsigned long long)l->reordered, l->reordered == 1 ? "" : "s",
                l->reordered == 1 ? "it" : "them");
    }
    if (l->native > 0) {
        fcm_log("%llu file%s can only be collected by pytest itself and %s left out",
                (unsigned long long)l->native, l->native == 1 ? "" : "s",
                l->native == 1 ? "is" : "are");
    }
    if (l->damaged > 1) {
        fcm_log("%llu damaged records are left out", (unsigned long long)l->damaged);
    }
    if (l->unkept > 0) {
        fcm_log("%llu file%s without a record %s left out: pytest couldn't collect %s, or nothing "
                "of %s could be kept",
                (unsigned long long)l->unkept, l->unkept == 1 ? "" : "s",
                l->unkept == 1 ? "is" : "are", l->unkept == 1 ? "it" : "them",
                l->unkept == 1 ? "it" : "them");
    }
    if (l->selection.undecided > 0) {
        fcm_log("-m asks for arguments of markers that only an import would show; some tests may "
                "be left out");
    }
    if (l->otherwise) {
        fcm_log("pytest was asked for several folders or files in another order than that of their "
                "paths: name them to have their tests in their order");
    }
    if (l->repeated) {
        fcm_log("arguments overlap: pytest before 9.0 prints what several of them name in another "
                "order, or twice");
    }
    if (l->mixed) {
        fcm_log("parameters of higher scopes group tests: pytest may print some in another order");
    }
    if (l->hooked) {
        fcm_log(
            "hooks of plugins or conftests change the list: pytest may print other tests, or in "
            "another order");
    }
    bool walk = say_walk(l), unfound = say_unfound(l);
    return walk || unfound || l->stale || l->native || l->unkept || l->damaged || l->reordered ||
           l->otherwise || l->repeated || l->mixed || l->hooked || l->selection.undecided;
}
