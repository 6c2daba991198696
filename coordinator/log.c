#include "log.h"

#include <stdarg.h>
#include <stdio.h>

void fcm_log(const char *format, ...) {
    char line[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    fprintf(stderr, "fastcollect-meta: %s\n", line);
}
