#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "expression.h"
#include "text.h"

// A leaf is true where its name stands among the words of the context.
struct words {
    const struct fcm_expression *e;
    const char *text;
};

static bool matches(void *context, size_t leaf) {
    const struct words *w = context;
    struct fcm_slice name = fcm_expression_leaf(w->e, leaf)->name;
    char word[64];
    snprintf(word, sizeof(word), " %.*s ", (int)name.size, (const char *)name.data);
    return strstr(w->text, word) != NULL;
}

static bool truth(const char *text, const char *words) {
    FCM_AUTO(fcm_expression) *e = NULL;
    struct fcm_expression_error error;
    assert_int_equal(fcm_expression_compile(text, &e, &error), 0);
    struct words w = {e, words};
    return fcm_expression_evaluate(e, matches, &w);
}

static void test_truth(void **state) {
    const char *words = " true T ";
    static const struct {
        const char *text;
        bool truth;
    } cases[] = {
        {"", false},
        {"  ", false},
        {"true", true},
        {"false", false},
        {"not true", false},
        {"not not true", true},
        {"not not not true", false},
        {"true and false", false},
        {"true or false", true},
        {"not true or false", false},
        {"not (true and false)", true},
        {"false or false or true", true},
        {"true and true and false", false},
        {"true or true and false", true},
        {"(true or true) and false", false},
        {"not false and not false", true},
        {"((true))", true},
        {"(not (T))", false},
        {"true or false and false or false", true},
        {"false and true or T", true},
        {"false and (true or T)", false},
        {"\ttrue\tand T", true},
    };
    for (size_t i = 0; i < FCM_COUNT(cases); i++) {
        if (truth(cases[i].text, words) != cases[i].truth) fail_msg("%s", cases[i].text);
    }
    assert_true(truth("a:b+c-d.e[f]\\g/h", " a:b+c-d.e[f]\\g/h "));
    assert_true(truth("é1", " é1 "));
    assert_true(truth("1234 and 5678e05 and notx and And", " 1234 5678e05 notx And "));
}

// As Python's str.lower().
static void test_lower_case(void **state) {
    static const char *const cases[][2] = {
        {"TEST_ab1[X]", "test_ab1[x]"},
        {"\u00dcBER", "\u00fcber"},
        {"\u0130x", "i\u0307x"},
        {"\u039f\u0394\u039f\u03a3", "\u03bf\u03b4\u03bf\u03c2"},
        {"\u03a3A\u03a3A", "\u03c3a\u03c3a"},
        {"\u03a3", "\u03c3"},
        {"\377A\303", "\377a\303"},
    };
    for (size_t i = 0; i < FCM_COUNT(cases); i++) {
        FCM_AUTO_BUFFER lower = {0};
        fcm_text_add_lower(&lower, fcm_slice_text(cases[i][0]));
        fcm_buffer_add_byte(&lower, 0);
        assert_string_equal((const char *)lower.data, cases[i][1]);
    }
}

// Messages and columns as pytest's tests have them.
static void test_errors(void **state) {
    static const struct {
        const char *text;
        size_t column;
        const char *message;
    } cases[] = {
        {"(", 2, "expected not OR left parenthesis OR identifier; got end of input"},
        {" (", 3, "expected not OR left parenthesis OR identifier; got end of input"},
        {")", 1, "expected not OR left parenthesis OR identifier; got right parenthesis"},
        {") ", 1, "expected not OR left parenthesis OR identifier; got right parenthesis"},
        {"not", 4, "expected not OR left parenthesis OR identifier; got end of input"},
        {"not not", 8, "expected not OR left parenthesis OR identifier; got end of input"},
        {"ident and", 10, "expected not OR left parenthesis OR identifier; got end of input"},
        {"(not)", 5, "expected not OR left parenthesis OR identifier; got right parenthesis"},
        {"and", 1, "expected not OR left parenthesis OR identifier; got and"},
        {"true false", 6, "expected end of input; got identifier"},
        {"(true) false", 8, "expected end of input; got identifier"},
        {"mark(True=False)", 6, "unexpected reserved python keyword `True`"},
        {"mark(def=False)", 6, "unexpected reserved python keyword `def`"},
        {"mark(1)", 6, "not a valid python identifier 1"},
        {"mark(var:=False", 6, "not a valid python identifier var:"},
        {"mark(valid=1, not_valid.x=1)", 15, "not a valid python identifier not_valid.x"},
        {"mark(f.foo=1)", 6, "not a valid python identifier f.foo"},
        {"mark(x=foo)", 8, "unexpected character/s \"foo\""},
        {"mark(x='a", 8, "closing quote \"'\" is missing"},
        {"mark(x='\\n')", 9, "escaping with \"\\\" not supported in marker expression"},
        {"mark()", 6, "expected identifier; got right parenthesis"},
        {"mark(a=1", 9, "expected right parenthesis; got end of input"},
        {"mark(a)", 7, "expected =; got right parenthesis"},
        {"a & b", 3, "unexpected character \"&\""},
        {"\u00e9 or \u20ac", 6, "unexpected character \"\u20ac\""},
        {"i\u0307", 2, "unexpected character \"\u0307\""},
    };
    for (size_t i = 0; i < FCM_COUNT(cases); i++) {
        struct fcm_expression *e;
        struct fcm_expression_error error = {0};
        if (fcm_expression_compile(cases[i].text, &e, &error) != -EINVAL)
            fail_msg("%s", cases[i].text);
        assert_string_equal(error.text, cases[i].message);
        assert_int_equal(error.column, cases[i].column);
    }
}

static void test_arguments(void **state) {
    FCM_AUTO(fcm_expression) *e = NULL;
    struct fcm_expression_error error;
    assert_int_equal(
        fcm_expression_compile("m(a=1,b='x y', c=-5, d=True, e=None) or m or m", &e, &error), 0);
    assert_int_equal(fcm_expression_leaf_count(e), 2);
    const struct fcm_leaf *leaf = fcm_expression_leaf(e, 0);
    assert_int_equal(leaf->argument_count, 5);
    assert_int_equal(leaf->arguments[0].number, 1);
    assert_true(fcm_slice_equal(leaf->arguments[1].text, fcm_slice_text("x y")));
    assert_int_equal(leaf->arguments[2].number, -5);
    assert_int_equal(leaf->arguments[3].kind, FCM_LITERAL_TRUE);
    assert_int_equal(leaf->arguments[4].kind, FCM_LITERAL_NONE);
}

static void test_depth(void **state) {
    char text[20001];
    memset(text, '(', 20000);
    text[20000] = 0;
    struct fcm_expression *e;
    struct fcm_expression_error error;
    assert_int_equal(fcm_expression_compile(text, &e, &error), -EINVAL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_truth),  cmocka_unit_test(test_lower_case),
        cmocka_unit_test(test_errors), cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_depth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
