#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node_id.h"
#include "records.h"
#include "selection.h"

static void assert_base(const char *rootdir, const char *path, const char *base) {
    FCM_AUTO_BUFFER b = {0};
    fcm_node_id_add_base(&b, rootdir, path);
    fcm_buffer_add_byte(&b, 0);
    assert_string_equal((const char *)b.data, base);
}

static void test_base(void **state) {
    assert_base("/p", "/p/a/test_x.py", "a/test_x.py");
    assert_base("/", "/p/test_x.py", "p/test_x.py");
    assert_base("/p/q", "/p/r/test_x.py", "../r/test_x.py");
    assert_base("/p/q/s", "/x.py", "../../../x.py");
    assert_base("/pa", "/p/test_x.py", "../p/test_x.py");
}

static void assert_before(const char *a, const char *b) {
    assert_true(fcm_path_compare(a, b) < 0);
    assert_true(fcm_path_compare(b, a) > 0);
    assert_int_equal(fcm_path_compare(a, a), 0);
}

static void test_order(void **state) {
    assert_before("/p/a/z.py", "/p/b.py");
    assert_before("/p/a/z.py", "/p/a.py");
    assert_before("/p/a-b.py", "/p/ab/z.py");
    assert_before("/p/__init__.py", "/p/A.py");
    assert_before("/p/__init__.py", "/p/a/x.py");
    assert_before("/p", "/p/x");
}

static void test_ids_and_keywords(void **state) {
    FCM_AUTO_BUFFER packed = {0};
    FCM_AUTO_NODE_IDS ids = {0};
    FCM_AUTO(fcm_expression) *e = NULL;
    struct fcm_expression_error error;
    Fcm__Record *r;
    struct record_text t = {.path = "/root/sub/Deep/test_x.py", .items = 12};
    bool selected[12];
    make_record(&packed, &t);
    assert_int_equal(fcm_record_unpack(packed.data, packed.size, &r), 0);
    assert_int_equal(fcm_node_ids_init(&ids, r, "/root", t.path), 0);
    assert_true(
        fcm_slice_equal(fcm_node_id(&ids, 12), fcm_slice_text("sub/Deep/test_x.py::test_11")));
    static const struct {
        const char *text;
        unsigned count;
    } cases[] = {{"test_1", 3}, {"TEST_X", 12}, {"deep", 12}, {"sub and test_1 and not 11", 2},
                 {"root", 0},   {"ep/te", 0},   {"Module", 0}};
    for (size_t i = 0; i < FCM_COUNT(cases); i++) {
        assert_int_equal(fcm_expression_compile(cases[i].text, &e, &error), 0);
        struct fcm_selection s = {.keyword = e};
        assert_int_equal(fcm_selection_apply(&s, r, fcm_node_id(&ids, 0), selected), 0);
        unsigned count = 0;
        for (size_t k = 0; k < 12; k++) count += selected[k];
        assert_int_equal(count, cases[i].count);
        fcm_expression_free(fcm_take(&e));
    }
    fcm_record_free(r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_ids_and_keywords),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
