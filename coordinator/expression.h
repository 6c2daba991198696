/* The match expressions of -k and -m, with pytest's grammar (_pytest/mark/expression.py). */
#ifndef FCM_EXPRESSION_H
#define FCM_EXPRESSION_H

#include "bytes.h"
#include "util.h"

enum fcm_literal_kind {
    FCM_LITERAL_NONE,
    FCM_LITERAL_FALSE,
    FCM_LITERAL_TRUE,
    FCM_LITERAL_INT,
    FCM_LITERAL_TEXT
};

/* name=value within parentheses. */
struct fcm_keyword_argument {
    struct fcm_slice name;
    enum fcm_literal_kind kind;
    int64_t number;        /* of FCM_LITERAL_INT */
    struct fcm_slice text; /* of FCM_LITERAL_TEXT */
};

/* A name in the expression, with its arguments if it has any. Equal ones are one leaf. */
struct fcm_leaf {
    struct fcm_slice name;
    struct fcm_slice lower; /* the name in lower case */
    struct fcm_keyword_argument *arguments;
    size_t argument_count;
};

struct fcm_expression;

struct fcm_expression_error {
    size_t column; /* from 1, in characters */
    char text[160];
};

/* Compiles an expression; the text is copied. -EINVAL with what is wrong, -ENOMEM. */
int fcm_expression_compile(const char *text, struct fcm_expression **ret,
                           struct fcm_expression_error *ret_error);
void fcm_expression_free(struct fcm_expression *e);
FCM_DEFINE_AUTO(fcm_expression)

size_t fcm_expression_leaf_count(const struct fcm_expression *e);
const struct fcm_leaf *fcm_expression_leaf(const struct fcm_expression *e, size_t leaf);
/* Its truth, given that of the leaves that matter. An empty expression is false. */
bool fcm_expression_evaluate(const struct fcm_expression *e,
                             bool (*leaf_matches)(void *context, size_t leaf), void *context);

#endif
