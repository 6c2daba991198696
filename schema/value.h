// Python values that travel by value: an entry of Record.values is one of these, written without
// padding.
//
//   'N' None   'T' True   'F' False   'E' Ellipsis
//   'i' zigzag varint                         an int of at most 64 bits
//   'I' varint n, n bytes                     a larger int, two's complement, little endian
//   'f' 8 bytes, 'c' 16 bytes                 float and complex, IEEE 754 little endian
//   's' varint n, n bytes                     str, UTF-8 with surrogates passed through
//   'b' varint n, n bytes                     bytes
//   '(' '[' '<' '>' varint n, n values        tuple, list, set, frozenset
//   '{' varint n, n times key and value       dict, in its order
//
// The writer decides by exact type. A reader checks every length against what is left, and the
// depth.
#pragma once

#include <stddef.h>
#include <stdint.h>

#define FCM_VALUE_MAX 4096     // bytes of one encoded value
#define FCM_VALUE_DEPTH_MAX 16 // containers within containers

// A view of bytes that are being read; the reader moves `at` towards `end`.
struct fcm_view {
    const uint8_t *at;
    const uint8_t *end;
};

// Reads a varint. Returns 0, or -EBADMSG where it is cut off or longer than 64 bits.
int fcm_view_varint(struct fcm_view *view, uint64_t *ret_value);

// Checks that the bytes are one whole value. Returns 0 or -EBADMSG.
int fcm_value_check(const void *bytes, size_t size);

static inline uint64_t fcm_zigzag(int64_t n) { return ((uint64_t)n << 1) ^ (uint64_t)(n >> 63); }

static inline int64_t fcm_unzigzag(uint64_t n) { return (int64_t)(n >> 1) ^ -(int64_t)(n & 1); }
