// What the numbers in a Record message mean; see fastcollect.proto for its columns.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "fastcollect.pb-c.h"

#define FCM_RECORD_FORMAT 6

// Record.node_flags
enum {
    FCM_NODE_ITEM = 1 << 0,         // an item; without it a collector
    FCM_NODE_FUNCTION = 1 << 1,     // it has a `function`, whose __dict__ keys are recorded
    FCM_NODE_DERIVED_NAME = 1 << 2, // name = original + "[" + "-".join(ids) + "]"
    FCM_NODE_STASH = 1 << 3,        // its stash wasn't empty: only materialization can serve it
    FCM_NODE_FIXTURES = 1 << 4,     // it has `fixturenames`
    FCM_NODE_COLLECTED = 1 << 5,    // a collector whose children are in the record
    FCM_NODE_COROUTINE = 1 << 6,    // its `function` is a coroutine function
};

// Record.flags
enum {
    FCM_RECORD_HIGH_SCOPE = 1 << 0, // a call has a parameter of a scope above function
};

// Scopes of parameters, as in Record.call_scopes.
enum fcm_scope {
    FCM_SCOPE_SESSION,
    FCM_SCOPE_PACKAGE,
    FCM_SCOPE_MODULE,
    FCM_SCOPE_CLASS,
    FCM_SCOPE_FUNCTION,
};

// An entry of a list of Record.call_keys: a number that tells values of this file apart, or, from
// this on, plus a string "module:qualname": the class or function that the value is, in all files.
#define FCM_KEY_NAMED ((uint32_t)1 << 31)

// Unpacks a Record and checks every index, list and value in it, so that readers need not.
// `*ret_record` is the caller's, to be freed with fcm_record_free. Returns 0, -EBADMSG for bytes
// that are not a whole, consistent record of this format, or -ENOMEM.
int fcm_record_unpack(const void *bytes, size_t size, Fcm__Record **ret_record);
void fcm_record_free(Fcm__Record *record);

// Checks the consistency of a record. Returns 0 or -EBADMSG.
int fcm_record_check(const Fcm__Record *record);

// The entries of a list: `*ret_entries` points into the record; returns how many there are. The
// record has been checked.
size_t fcm_record_list(const Fcm__Record *record, uint32_t list, const uint32_t **ret_entries);
