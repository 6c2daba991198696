/* Scope cleanup and other small helpers that everything in C uses. */
#ifndef FCM_UTIL_H
#define FCM_UTIL_H

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* FCM_AUTO(fcm_x) *x = ...; declares a pointer to struct fcm_x that fcm_x_free() gets at the end of
 * the scope. The module's header says FCM_DEFINE_AUTO(fcm_x) once, after the prototype of
 * fcm_x_free(). */
#define FCM_AUTO(type) __attribute__((cleanup(type##_free_at))) struct type
#define FCM_DEFINE_AUTO(type)                                                                      \
    static inline void type##_free_at(struct type **p) { type##_free(*p); }

/* FCM_AUTO_DONE(fcm_x) x = {0}; the same for an embedded object, with fcm_x_done(&x). */
#define FCM_AUTO_DONE(type) __attribute__((cleanup(type##_done))) struct type

/* Hands a value out of its scope: the variable is NULL afterwards, so its cleanup does nothing. */
#define fcm_take(p)                                                                                \
    __extension__({                                                                                \
        __typeof__(*(p)) fcm_taken_ = *(p);                                                        \
        *(p) = NULL;                                                                               \
        fcm_taken_;                                                                                \
    })

/* FCM_AUTO_FREE char *text = ...; for what free() releases. */
static inline void fcm_free_at(void *p) { free(*(void **)p); }
#define FCM_AUTO_FREE __attribute__((cleanup(fcm_free_at)))

/* FCM_AUTO_CLOSE int fd = -1; closes the descriptor, if any, at the end of the scope. */
static inline void fcm_close_at(int *fd) {
    if (*fd < 0) return;
    int saved = errno; /* a return value may still be made from it */
    close(*fd);
    *fd = -1;
    errno = saved;
}
#define FCM_AUTO_CLOSE __attribute__((cleanup(fcm_close_at)))

/* Like fcm_take(), for descriptors. */
static inline int fcm_take_fd(int *fd) {
    int taken = *fd;
    *fd = -1;
    return taken;
}

#define FCM_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
