/* The order of imports that matters to results, as a run keeps it (pytest_plugin's
 * import_order.py): a record holds only after the registrars that it was made after. */
#ifndef FCM_IMPORT_ORDER_H
#define FCM_IMPORT_ORDER_H

#include <stdbool.h>

#include "bytes.h"
#include "fastcollect.pb-c.h"

/* The registrars so far. Zeroed: none; fcm_import_order_done in any case. */
struct fcm_import_order {
    struct fcm_buffer paths; /* relative to the root folder, joined by NUL */
    bool filtered;           /* a file has set filters of warnings */
};

void fcm_import_order_done(struct fcm_import_order *order);

/* Whether the record of the file that comes next holds. */
bool fcm_import_order_holds(const struct fcm_import_order *order, const Fcm__Record *record);

/* That file has been imported: where it is a registrar, what comes after it sees what it did.
 * `path` is absolute. 0 or -ENOMEM. */
int fcm_import_order_pass(struct fcm_import_order *order, const Fcm__Record *record,
                          const char *rootdir, const char *path);

#endif
