/* The tests of a manifest that arguments, -k and -m select, in the order in which pytest prints
 * them: what the commands list and shard have in common. What is wrong is said on stderr. */
#ifndef FCM_LISTING_H
#define FCM_LISTING_H

#include <stdbool.h>

#include "import_order.h"
#include "node_id.h"
#include "selection.h"
#include "store.h"

/* What the command line says; texts are the caller's and outlive the listing. */
struct fcm_listing_options {
    const char *manifest, *section; /* NULL: see fcm_store_open */
    const char *keyword, *mark;     /* of -k and -m, NULL: none */
    bool unchecked;                 /* stale files too */
    char **paths;                   /* PATH[::NAME...], absolute or from the working folder */
    size_t path_count;
};

/* What was found out of a file when it was met first. */
enum fcm_file_state { FCM_FILE_NEW, FCM_FILE_USABLE, FCM_FILE_LEFT_OUT };

/* The file whose tests are being told. */
struct fcm_listed_file {
    uint32_t entry;
    bool decoded, damaged;
    Fcm__Record *record;
    struct fcm_node_ids ids;
    bool *selected, *told; /* by row */
};

struct fcm_listing {
    struct fcm_store store;
    struct fcm_selection selection;
    struct fcm_expression *keyword, *mark;
    struct fcm_wanted *wanted;
    size_t wanted_count;
    bool check;
    struct fcm_import_order order;
    enum fcm_file_state *states; /* by place in `store.entries` */
    struct fcm_listed_file file;
    struct fcm_buffer bytes;
    struct fcm_buffer shared; /* parameters of session and package scope: name, NUL */
    uint64_t stale, native, unkept, damaged, reordered;
    bool hooked; /* hooks that were run where files were collected choose, order or make tests */
    bool mixed;  /* pytest may group tests otherwise: files share such parameters, or only a part of
                    a file with parameters of higher scopes is asked for */
    bool otherwise; /* what pytest was asked for may stand in another order */
    bool repeated;  /* arguments overlap, and this pytest keeps both */
};

/* Opens the manifest and compiles the expressions. An exit status; fcm_listing_done in any case. */
int fcm_listing_open(struct fcm_listing *l, const struct fcm_listing_options *options);
void fcm_listing_done(struct fcm_listing *l);
#define FCM_AUTO_LISTING __attribute__((cleanup(fcm_listing_done))) struct fcm_listing

/* Calls for each selected test in order, until a call returns other than 0, which is then the
 * result. -ENOMEM. */
typedef int fcm_on_item(void *context, const Fcm__Record *record, const struct fcm_node_ids *ids,
                        size_t row);
int fcm_listing_each(struct fcm_listing *l, fcm_on_item *on_item, void *context);

/* Says what was left out, or may stand elsewhere. False: nothing. */
bool fcm_listing_say(const struct fcm_listing *l);

#endif
