#include "expression.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "text.h"

/* Python's own parser of nested code gives up in this region too. */
#define DEPTH_MAX 500

enum token { LPAREN, RPAREN, OR, AND, NOT, IDENT, END, EQUAL, STRING, COMMA };
static const char *const token_text[] = {
    [LPAREN] = "left parenthesis",
    [RPAREN] = "right parenthesis",
    [OR] = "or",
    [AND] = "and",
    [NOT] = "not",
    [IDENT] = "identifier",
    [END] = "end of input",
    [EQUAL] = "=",
    [STRING] = "string literal",
    [COMMA] = ",",
};

/* One register: LEAF and FALSE set it, NOT turns it, the jumps look at it. */
enum operation { LEAF, FALSE, NEGATE, JUMP_IF_TRUE, JUMP_IF_FALSE };
struct instruction {
    enum operation operation;
    size_t operand;
};

struct fcm_expression {
    char *text;
    struct fcm_buffer lower;
    struct instruction *code;
    size_t code_count, code_capacity;
    struct fcm_leaf *leaves;
    size_t leaf_count, leaf_capacity;
};

struct parser {
    struct fcm_expression *e;
    struct fcm_slice input;
    size_t at;
    enum token token;
    struct fcm_slice value; /* of the token */
    size_t position;
    unsigned depth;
    struct fcm_expression_error *error;
};

__attribute__((format(printf, 3, 4))) static int fail(struct parser *p, size_t position,
                                                      const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(p->error->text, sizeof(p->error->text), format, arguments);
    va_end(arguments);
    p->error->column = fcm_text_length(fcm_slice_of(p->input.data, position)) + 1;
    return -EINVAL;
}

static int lex_string(struct parser *p) {
    uint8_t quote = p->input.data[p->at];
    const uint8_t *begin = p->input.data + p->at + 1;
    size_t left = p->input.size - p->at - 1;
    const uint8_t *end = left ? memchr(begin, quote, left) : NULL;
    if (!end) return fail(p, p->at, "closing quote \"%c\" is missing", quote);
    struct fcm_slice value = fcm_slice_of(begin, (size_t)(end - begin));
    const uint8_t *backslash = value.size ? memchr(begin, '\\', value.size) : NULL;
    if (backslash) {
        return fail(p, (size_t)(backslash - p->input.data),
                    "escaping with \"\\\" not supported in marker expression");
    }
    p->token = STRING;
    p->value = value;
    p->at += value.size + 2;
    return 0;
}

/* (:?\w|:|\+|-|\.|\[|\]|\\|/)+ */
static size_t identifier_size(struct fcm_slice s) {
    size_t size = 0;
    while (size < s.size) {
        struct fcm_slice rest = fcm_slice_of(s.data + size, s.size - size);
        size_t n = memchr(":+-.[]\\/", rest.data[0], 8) ? 1 : fcm_text_word(rest);
        if (n == 0) break;
        size += n;
    }
    return size;
}

static int lex_identifier(struct parser *p) {
    struct fcm_slice rest = fcm_slice_of(p->input.data + p->at, p->input.size - p->at);
    size_t size = identifier_size(rest);
    if (size == 0) {
        return fail(p, p->at, "unexpected character \"%.*s\"", (int)fcm_text_character(rest),
                    (const char *)rest.data);
    }
    p->value = fcm_slice_of(rest.data, size);
    p->token = IDENT;
    if (fcm_slice_equal(p->value, fcm_slice_text("or"))) p->token = OR;
    if (fcm_slice_equal(p->value, fcm_slice_text("and"))) p->token = AND;
    if (fcm_slice_equal(p->value, fcm_slice_text("not"))) p->token = NOT;
    p->at += size;
    return 0;
}

static int next_token(struct parser *p) {
    while (p->at < p->input.size && (p->input.data[p->at] == ' ' || p->input.data[p->at] == '\t')) {
        p->at++;
    }
    p->position = p->at;
    if (p->at == p->input.size) {
        p->token = END;
        return 0;
    }
    switch (p->input.data[p->at]) {
    case '(': p->token = LPAREN; break;
    case ')': p->token = RPAREN; break;
    case '=': p->token = EQUAL; break;
    case ',': p->token = COMMA; break;
    case '\'':
    case '"': return lex_string(p);
    default: return lex_identifier(p);
    }
    p->at++;
    return 0;
}

static int expect(struct parser *p, enum token token) {
    if (p->token != token) {
        return fail(p, p->position, "expected %s; got %s", token_text[token], token_text[p->token]);
    }
    return next_token(p);
}

static int emit(struct parser *p, enum operation operation, size_t operand) {
    struct fcm_expression *e = p->e;
    if (e->code_count == e->code_capacity) {
        size_t capacity = e->code_capacity ? e->code_capacity * 2 : 16;
        struct instruction *code = reallocarray(e->code, capacity, sizeof(*code));
        if (!code) return -ENOMEM;
        e->code = code;
        e->code_capacity = capacity;
    }
    e->code[e->code_count++] = (struct instruction){operation, operand};
    return 0;
}

static bool argument_equal(const struct fcm_keyword_argument *a,
                           const struct fcm_keyword_argument *b) {
    return fcm_slice_equal(a->name, b->name) && a->kind == b->kind && a->number == b->number &&
           fcm_slice_equal(a->text, b->text);
}

static bool leaf_equal(const struct fcm_leaf *a, const struct fcm_leaf *b) {
    if (!fcm_slice_equal(a->name, b->name) || a->argument_count != b->argument_count) return false;
    for (size_t i = 0; i < a->argument_count; i++) {
        if (!argument_equal(&a->arguments[i], &b->arguments[i])) return false;
    }
    return true;
}

/* Takes over the leaf's arguments. */
static int add_leaf(struct parser *p, struct fcm_leaf *leaf) {
    struct fcm_expression *e = p->e;
    for (size_t i = 0; i < e->leaf_count; i++) {
        if (!leaf_equal(&e->leaves[i], leaf)) continue;
        free(leaf->arguments);
        return emit(p, LEAF, i);
    }
    if (e->leaf_count == e->leaf_capacity) {
        size_t capacity = e->leaf_capacity ? e->leaf_capacity * 2 : 8;
        struct fcm_leaf *leaves = reallocarray(e->leaves, capacity, sizeof(*leaves));
        if (!leaves) {
            free(leaf->arguments);
            return -ENOMEM;
        }
        e->leaves = leaves;
        e->leaf_capacity = capacity;
    }
    e->leaves[e->leaf_count] = *leaf;
    return emit(p, LEAF, e->leaf_count++);
}

static bool is_identifier(struct fcm_slice s) {
    if (s.size == 0 || (s.data[0] >= '0' && s.data[0] <= '9')) return false;
    while (s.size > 0) {
        size_t n = fcm_text_word(s);
        if (n == 0) return false;
        s = fcm_slice_of(s.data + n, s.size - n);
    }
    return true;
}

static bool is_keyword(struct fcm_slice s) {
    static const char *const keywords[] = {
        "False",    "None",     "True",   "as",     "assert", "async", "await",  "break",
        "class",    "continue", "def",    "del",    "elif",   "else",  "except", "finally",
        "for",      "from",     "global", "if",     "import", "in",    "is",     "lambda",
        "nonlocal", "pass",     "raise",  "return", "try",    "while", "with",   "yield",
    };
    for (size_t i = 0; i < FCM_COUNT(keywords); i++) {
        if (fcm_slice_equal(s, fcm_slice_text(keywords[i]))) return true;
    }
    return false;
}

/* Digits, with a minus before them or not. A number beyond 64 bits is refused: no marker is likely
 * to have one. */
static bool parse_number(struct fcm_slice s, int64_t *ret) {
    bool negative = s.size > 0 && s.data[0] == '-';
    uint64_t n = 0;
    if (s.size == (negative ? 1u : 0u)) return false;
    for (size_t i = negative; i < s.size; i++) {
        if (s.data[i] < '0' || s.data[i] > '9') return false;
        if (n > (uint64_t)INT64_MAX / 10) return false;
        n = n * 10 + (uint64_t)(s.data[i] - '0');
    }
    if (n > (uint64_t)INT64_MAX) return false;
    *ret = negative ? -(int64_t)n : (int64_t)n;
    return true;
}

static int parse_value(struct parser *p, struct fcm_keyword_argument *a) {
    if (p->token == STRING) {
        a->kind = FCM_LITERAL_TEXT;
        a->text = p->value;
        return next_token(p);
    }
    struct fcm_slice value = p->value;
    size_t position = p->position;
    int r = expect(p, IDENT);
    if (r < 0) return r;
    if (parse_number(value, &a->number)) {
        a->kind = FCM_LITERAL_INT;
    } else if (fcm_slice_equal(value, fcm_slice_text("True"))) {
        a->kind = FCM_LITERAL_TRUE;
    } else if (fcm_slice_equal(value, fcm_slice_text("False"))) {
        a->kind = FCM_LITERAL_FALSE;
    } else if (fcm_slice_equal(value, fcm_slice_text("None"))) {
        a->kind = FCM_LITERAL_NONE;
    } else {
        return fail(p, position, "unexpected character/s \"%.*s\"", (int)value.size, value.data);
    }
    return 0;
}

static int parse_argument(struct parser *p, struct fcm_keyword_argument *a) {
    struct fcm_slice name = p->value;
    size_t position = p->position;
    if (p->token != IDENT) return expect(p, IDENT);
    if (!is_identifier(name)) {
        return fail(p, position, "not a valid python identifier %.*s", (int)name.size, name.data);
    }
    if (is_keyword(name)) {
        return fail(p, position, "unexpected reserved python keyword `%.*s`", (int)name.size,
                    name.data);
    }
    int r = next_token(p);
    if (r == 0) r = expect(p, EQUAL);
    a->name = name;
    return r == 0 ? parse_value(p, a) : r;
}

static int add_argument(struct fcm_leaf *leaf, const struct fcm_keyword_argument *a) {
    size_t n = leaf->argument_count;
    struct fcm_keyword_argument *arguments =
        reallocarray(leaf->arguments, n + 1, sizeof(*arguments));
    if (!arguments) return -ENOMEM;
    arguments[n] = *a;
    leaf->arguments = arguments;
    leaf->argument_count = n + 1;
    return 0;
}

/* After the left parenthesis. */
static int parse_arguments(struct parser *p, struct fcm_leaf *leaf) {
    for (;;) {
        struct fcm_keyword_argument a = {0};
        size_t position = p->position;
        int r = parse_argument(p, &a);
        for (size_t i = 0; r == 0 && i < leaf->argument_count; i++) {
            if (fcm_slice_equal(leaf->arguments[i].name, a.name)) {
                r = fail(p, position, "keyword argument repeated: %.*s", (int)a.name.size,
                         a.name.data);
            }
        }
        if (r == 0) r = add_argument(leaf, &a);
        if (r < 0) return r;
        if (p->token != COMMA) return expect(p, RPAREN);
        r = next_token(p);
        if (r < 0) return r;
    }
}

static int parse_leaf(struct parser *p) {
    struct fcm_leaf leaf = {.name = p->value};
    int r = next_token(p);
    if (r == 0 && p->token == LPAREN) {
        r = next_token(p);
        if (r == 0) r = parse_arguments(p, &leaf);
    }
    if (r == 0) return add_leaf(p, &leaf);
    free(leaf.arguments);
    return r;
}

static int parse_or(struct parser *p);

static int parse_not(struct parser *p) {
    bool negate = false;
    int r = 0;
    while (p->token == NOT && r == 0) {
        negate = !negate;
        r = next_token(p);
    }
    if (r < 0) return r;
    if (p->token == LPAREN) {
        if (++p->depth > DEPTH_MAX) return fail(p, p->position, "too many parentheses");
        r = next_token(p);
        if (r == 0) r = parse_or(p);
        if (r == 0) r = expect(p, RPAREN);
        p->depth--;
    } else if (p->token == IDENT) {
        r = parse_leaf(p);
    } else {
        return fail(p, p->position, "expected not OR left parenthesis OR identifier; got %s",
                    token_text[p->token]);
    }
    return r == 0 && negate ? emit(p, NEGATE, 0) : r;
}

/* The operands of one operator: each but the last is followed by a jump behind the next one. */
static int parse_chain(struct parser *p, enum token token, enum operation jump,
                       int (*parse_operand)(struct parser *p)) {
    int r = parse_operand(p);
    while (r == 0 && p->token == token) {
        size_t at = p->e->code_count;
        r = emit(p, jump, 0);
        if (r == 0) r = next_token(p);
        if (r == 0) r = parse_operand(p);
        if (r == 0) p->e->code[at].operand = p->e->code_count;
    }
    return r;
}

static int parse_and(struct parser *p) { return parse_chain(p, AND, JUMP_IF_FALSE, parse_not); }
static int parse_or(struct parser *p) { return parse_chain(p, OR, JUMP_IF_TRUE, parse_and); }

static int parse(struct parser *p) {
    int r = next_token(p);
    if (r < 0) return r;
    if (p->token == END) return emit(p, FALSE, 0);
    r = parse_or(p);
    return r == 0 ? expect(p, END) : r;
}

/* Lower case may be longer: offsets first, slices when the buffer stays where it is. */
static int lower_leaves(struct fcm_expression *e) {
    for (size_t i = 0; i < e->leaf_count; i++) {
        size_t before = e->lower.size;
        fcm_text_add_lower(&e->lower, e->leaves[i].name);
        e->leaves[i].lower.size = e->lower.size - before;
    }
    if (e->lower.failed) return -ENOMEM;
    size_t offset = 0;
    for (size_t i = 0; i < e->leaf_count; i++) {
        e->leaves[i].lower.data = e->lower.data + offset;
        offset += e->leaves[i].lower.size;
    }
    return 0;
}

int fcm_expression_compile(const char *text, struct fcm_expression **ret,
                           struct fcm_expression_error *ret_error) {
    FCM_AUTO(fcm_expression) *e = calloc(1, sizeof(*e));
    if (!e) return -ENOMEM;
    e->text = strdup(text);
    if (!e->text) return -ENOMEM;
    struct parser p = {.e = e, .input = fcm_slice_text(e->text), .error = ret_error};
    int r = parse(&p);
    if (r == 0) r = lower_leaves(e);
    if (r < 0) return r;
    *ret = fcm_take(&e);
    return 0;
}

void fcm_expression_free(struct fcm_expression *e) {
    if (!e) return;
    for (size_t i = 0; i < e->leaf_count; i++) free(e->leaves[i].arguments);
    free(e->leaves);
    free(e->code);
    free(e->text);
    fcm_buffer_done(&e->lower);
    free(e);
}

size_t fcm_expression_leaf_count(const struct fcm_expression *e) { return e->leaf_count; }
const struct fcm_leaf *fcm_expression_leaf(const struct fcm_expression *e, size_t leaf) {
    return &e->leaves[leaf];
}

bool fcm_expression_evaluate(const struct fcm_expression *e,
                             bool (*leaf_matches)(void *context, size_t leaf), void *context) {
    bool truth = false;
    for (size_t at = 0; at < e->code_count;) {
        const struct instruction *i = &e->code[at++];
        switch (i->operation) {
        case LEAF: truth = leaf_matches(context, i->operand); break;
        case FALSE: truth = false; break;
        case NEGATE: truth = !truth; break;
        case JUMP_IF_TRUE: at = truth ? i->operand : at; break;
        case JUMP_IF_FALSE: at = truth ? at : i->operand; break;
        }
    }
    return truth;
}
