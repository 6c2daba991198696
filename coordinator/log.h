// Lines on stderr: for what went wrong and what follows from it. Never for progress.
#pragma once

// "fastcollect-meta: " and the text, as one line.
__attribute__((format(printf, 1, 2))) void fcm_log(const char *format, ...);
