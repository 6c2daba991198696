// Match expressions, compiled and evaluated.
#include <stdlib.h>

#include "expression.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool every_other(void *context, size_t leaf) { return leaf % 2 == 0; }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    FCM_AUTO(fcm_expression) *e = NULL;
    struct fcm_expression_error error;
    char *text = malloc(size + 1);
    if (!text) return 0;
    memcpy(text, data, size);
    text[size] = 0;
    if (fcm_expression_compile(text, &e, &error) == 0)
        fcm_expression_evaluate(e, every_other, NULL);
    free(text);
    return 0;
}
