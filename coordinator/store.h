/* A manifest as the commands list, check, show and export use it: found, opened, one section of it
 * in pytest's order. What is wrong has been said on stderr, in one line, when a function here
 * fails. */
#ifndef FCM_STORE_H
#define FCM_STORE_H

#include "manifest.h"
#include "record.h"

struct fcm_store {
    char *path;
    struct fcm_manifest *manifest;
    uint32_t section;
    struct fcm_section info;
    uint32_t *entries; /* of the section without folders, ordered as pytest walks */
    size_t count;
    uint32_t *folders; /* those that pytest walked */
    size_t folder_count;
    size_t damaged; /* records that were to be read; the first was said */
};

/* `path` NULL: the newest *.manifest in .pytest_cache/d/fastcollect-meta of the working folder or a
 * folder above. `key` NULL: the section written last; else the one whose options key in hexadecimal
 * begins so. An exit status. */
int fcm_store_open(struct fcm_store *s, const char *path, const char *key);
void fcm_store_done(struct fcm_store *s);
#define FCM_AUTO_STORE __attribute__((cleanup(fcm_store_done))) struct fcm_store

/* The record of an entry, checked. `buffer` is used for its bytes and may be used again. 0 or a
 * negative errno, said. */
int fcm_store_record(struct fcm_store *s, uint32_t entry, struct fcm_buffer *buffer,
                     Fcm__Record **ret);
static inline void fcm_store_free_record(Fcm__Record **r) {
    if (*r) fcm_record_free(*r);
}
#define FCM_AUTO_RECORD __attribute__((cleanup(fcm_store_free_record))) Fcm__Record

/* Whether a folder, an entry of `folders`, has the entries that it had when pytest walked it. */
bool fcm_store_folder_known(const struct fcm_store *s, uint32_t folder);

/* Whether an entry says only that the file is there. */
bool fcm_store_unkept(const struct fcm_entry *e);
/* The folder that ids of a file are relative to: the section's root folder, or for a file outside
 * of it the nearest folder around it that pytest was asked for. Lives as long as the manifest. */
const char *fcm_store_base(const struct fcm_manifest *m, uint32_t section, const char *path);
/* Whether a path lies in a folder. */
bool fcm_path_lies_in(const char *path, const char *folder);

/* An argument PATH or PATH::NAME::...: the absolute path without "." and "..", and the names (NULL:
 * none). */
struct fcm_wanted {
    char *path;
    const char *names; /* into `text` */
    char *text;
    bool found;
    bool covered; /* by another argument */
};
int fcm_wanted_init(struct fcm_wanted *w, const char *argument);
void fcm_wanted_done(struct fcm_wanted *w);
/* Whether a file is the path or lies below it. */
bool fcm_wanted_has_file(const struct fcm_wanted *w, const char *path);
/* Whether an item's id behind the file's is the names, or begins with them: a class, or a function
 * with parameters. */
bool fcm_wanted_has_names(const struct fcm_wanted *w, struct fcm_slice names);

#endif
