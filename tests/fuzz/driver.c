// Runs a fuzz target without libFuzzer: fuzz_NAME SECONDS CORPUS_FOLDER [SEED]. Every file of the
// corpus as it is, cut at each byte, and then changed at random until the time is over. What goes
// wrong is a sanitizer's to find; the input that was being tried then lies in ./crash-input.
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "io.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST_FILES = 256, MOST_BYTES = 1 << 16 };

struct input {
    char *bytes;
    size_t size;
};

static struct input corpus[MOST_FILES];
static size_t corpus_size;
static uint8_t current[MOST_BYTES];
static size_t current_size;
static uint64_t state;

static uint64_t next(void) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static size_t below(size_t limit) { return limit ? (size_t)(next() % limit) : 0; }

static int load(const char *folder) {
    DIR *entries = opendir(folder);
    if (!entries) return -errno;
    for (struct dirent *entry; (entry = readdir(entries)) && corpus_size < MOST_FILES;) {
        char path[4096];
        struct input *in = &corpus[corpus_size];
        if (entry->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (fcm_io_read_file(path, MOST_BYTES, &in->bytes, &in->size) == 0) corpus_size++;
    }
    closedir(entries);
    return corpus_size > 0 ? 0 : -ENOENT;
}

static void on_abort(int number) {
    (void)number;
    int fd = open("crash-input", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || fcm_io_write_full(fd, current, current_size) < 0) _exit(98);
    _exit(99);
}

// A copy in memory of exactly that size, so that reading behind its end is seen.
static int try(void) {
    uint8_t *bytes = malloc(current_size ? current_size : 1);
    if (!bytes) return -ENOMEM;
    memcpy(bytes, current, current_size);
    LLVMFuzzerTestOneInput(bytes, current_size);
    free(bytes);
    return 0;
}

static void take(const struct input *in, size_t size) {
    memcpy(current, in->bytes, size);
    current_size = size;
}

static void insert(const void *bytes, size_t size) {
    if (current_size + size > MOST_BYTES) return;
    size_t at = below(current_size + 1);
    memmove(current + at + size, current + at, current_size - at);
    memcpy(current + at, bytes, size);
    current_size += size;
}

static void mutate(void) {
    static const uint8_t edges[] = {0, 1, 0x7f, 0x80, 0xff, 0x40, '(', ')', '\'', '"'};
    uint64_t random = next();
    size_t at = below(current_size);
    switch (below(8)) {
    case 0:
        if (current_size) current[at] ^= (uint8_t)(1U << below(8));
        break;
    case 1:
        if (current_size) current[at] = edges[below(sizeof edges)];
        break;
    case 2:
        if (current_size) current[at] = (uint8_t)random;
        break;
    case 3: insert(&random, 1 + below(sizeof random)); break;
    case 4:
        if (current_size) {
            size_t size = 1 + below(current_size - at > 16 ? 16 : current_size - at);
            memmove(current + at, current + at + size, current_size - at - size);
            current_size -= size;
        }
        break;
    case 5: current_size = at; break;
    case 6: {
        const struct input *other = &corpus[below(corpus_size)];
        size_t from = below(other->size);
        insert(other->bytes + from, below(other->size - from + 1));
        break;
    }
    default:
        if (current_size >= 4) {
            uint32_t number = (uint32_t)random >> below(32);
            memcpy(current + below(current_size - 3), &number, sizeof number);
        }
    }
}

int main(int argc, char **argv) {
    unsigned long long runs = 0;
    struct timespec start, now;
    if (argc < 3) {
        fprintf(stderr, "usage: %s SECONDS CORPUS_FOLDER [SEED]\n", argv[0]);
        return 2;
    }
    double seconds = atof(argv[1]);
    state = argc > 3 ? strtoull(argv[3], NULL, 10) | 1 : 0x9e3779b97f4a7c15;
    int r = load(argv[2]);
    if (r < 0) {
        fprintf(stderr, "%s: %s\n", argv[2], strerror(-r));
        return 2;
    }
    signal(SIGABRT, on_abort);
    for (size_t i = 0; i < corpus_size; i++)
        for (size_t size = 0; size <= corpus[i].size; size++, runs++) {
            take(&corpus[i], size);
            if (try() < 0) return 1;
        }
    clock_gettime(CLOCK_MONOTONIC, &start);
    do {
        for (int i = 0; i < 100; i++, runs++) {
            const struct input *in = &corpus[below(corpus_size)];
            take(in, in->size);
            for (size_t n = 1 + below(8); n > 0; n--) mutate();
            if (try() < 0) return 1;
        }
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while ((double)(now.tv_sec - start.tv_sec) + (double)(now.tv_nsec - start.tv_nsec) / 1e9 <
             seconds);
    printf("%s: %llu inputs\n", argv[0], runs);
    for (size_t i = 0; i < corpus_size; i++) free(corpus[i].bytes);
    return 0;
}
