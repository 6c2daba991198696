/* The lock that writers of one manifest take, and the replacement of the file under it. */
#ifndef FCM_MANIFEST_LOCK_H
#define FCM_MANIFEST_LOCK_H

#include "bytes.h"

/* Takes the lock of the manifest at `path`, which lies in a file beside it, PATH.lock. Waits for at
 * most `timeout` seconds, then -EBUSY. The lock is held until the descriptor is closed, or its
 * process dies. */
int fcm_manifest_lock(const char *path, unsigned timeout, int *ret_fd);
void fcm_manifest_unlock(int *fd);

/* Makes `bytes` the content of the file: written beside it, synced, renamed. The lock must be held.
 */
int fcm_manifest_replace(const char *path, struct fcm_slice bytes);

#endif
