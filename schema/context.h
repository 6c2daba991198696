// Contexts of results: which files that change registries were imported before
// (docs/known-limitations.md).
#pragma once

#include <stdint.h>

#include "bytes.h"
#include "fastcollect.pb-c.h"

enum { FCM_CONTEXT_SIZE = 8 };

// The digest of registrars: their paths relative to the root folder, joined by NUL, in the order of
// collection. Without any a context is empty.
void fcm_context_digest(struct fcm_slice paths, uint8_t ret_digest[FCM_CONTEXT_SIZE]);

// Whether a record holds after those registrars: one of its contexts, or its beginning, is theirs.
// What follows there says which filters of warnings held, those of conftests: with `filtered` a
// file before it has set others, and no such context holds.
bool fcm_context_holds(const Fcm__Record *record, struct fcm_slice paths, bool filtered);
