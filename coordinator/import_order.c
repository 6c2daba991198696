#include "import_order.h"

#include <errno.h>

#include "context.h"
#include "node_id.h"

void fcm_import_order_done(struct fcm_import_order *order) { fcm_buffer_done(&order->paths); }

bool fcm_import_order_holds(const struct fcm_import_order *order, const Fcm__Record *record) {
    return fcm_context_holds(record, fcm_buffer_slice(&order->paths), order->filtered);
}

int fcm_import_order_pass(struct fcm_import_order *order, const Fcm__Record *record,
                          const char *rootdir, const char *path) {
    if (record->n_filters > 0) order->filtered = true;
    if (!record->registrar) return 0;
    if (order->paths.size > 0) fcm_buffer_add_byte(&order->paths, 0);
    fcm_node_id_add_base(&order->paths, rootdir, path);
    return order->paths.failed ? -ENOMEM : 0;
}
