// fastcollect-meta-worker: a Python interpreter that passes for the user's, with the main process's
// hash secret. Everything else that a zygote or a worker does is in the modules it imports.
#include "embed.h"
#include "secret.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
    const char *executable = getenv("FASTCOLLECT_META_EXECUTABLE");
    if (argc < 1 || !executable || !*executable) {
        fprintf(stderr, "fastcollect-meta-worker: started by hand; "
                        "it is a part of `fastcollect-meta serve`\n");
        return 2;
    }
    const char *secret = getenv("FASTCOLLECT_META_HASH_SECRET");
    if (fcm_secret_set(secret && *secret ? secret : NULL) < 0)
        fprintf(stderr,
                "fastcollect-meta-worker: FASTCOLLECT_META_HASH_SECRET is not 48 hex digits; "
                "hashes will differ from the main process\n");
    return fcm_embed_run(argc, argv, executable);
}
