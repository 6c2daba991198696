#include "memory.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "harness.h"
#include "util.h"

static char root[] = "/tmp/fcm-memory-XXXXXX";

static void put(const char *name, const char *text) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", root, name);
    for (char *slash = strchr(path + strlen(root) + 1, '/'); slash;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static struct fcm_memory read_memory(void) {
    struct fcm_memory memory;
    assert_int_equal(fcm_memory_read(root, &memory), 0);
    return memory;
}

static void the_machine(void **state) {
    (void)state;
    struct fcm_memory memory;
    assert_int_equal(fcm_memory_read(root, &memory), -ENOENT);
    put("proc/meminfo", "nonsense\n");
    assert_int_equal(fcm_memory_read(root, &memory), -EBADMSG);
    put("proc/meminfo", "MemTotal: 8000 kB\nMemFree: 1 kB\nMemAvailable: 5000 kB\n");
    memory = read_memory();
    assert_int_equal(memory.total, 8000 * 1024);
    assert_int_equal(memory.available, 5000 * 1024);
}

static void the_tightest_group_on_the_way_up(void **state) {
    (void)state;
    put("proc/self/cgroup", "5:cpu,memoryless:/x\n0::/outer/inner\n");
    put("sys/fs/cgroup/outer/memory.max", "4000000\n");
    put("sys/fs/cgroup/outer/memory.current", "3500000\n");
    put("sys/fs/cgroup/outer/memory.stat", "anon 1\ninactive_file 500000\n");
    put("sys/fs/cgroup/outer/inner/memory.max", "max\n");
    put("sys/fs/cgroup/outer/inner/memory.current", "7\n");
    struct fcm_memory memory = read_memory();
    assert_int_equal(memory.total, 4000000);
    assert_int_equal(memory.available, 1000000);
}

static void a_group_of_the_first_version(void **state) {
    (void)state;
    put("proc/self/cgroup", "4:cpu,memory:/a\nshort\n");
    put("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "3000000\n");
    put("sys/fs/cgroup/memory/a/memory.usage_in_bytes", "4000000\n");
    struct fcm_memory memory = read_memory();
    assert_int_equal(memory.total, 3000000);
    assert_int_equal(memory.available, 0);
}

static void a_process(void **state) {
    (void)state;
    enum { SIZE = 16 << 20 };
    uint64_t before = fcm_memory_of(getpid());
    FCM_AUTO_FREE char *bytes = malloc(SIZE);
    assert_non_null(bytes);
    memset(bytes, 1, SIZE);
    assert_true(fcm_memory_of(getpid()) >= before + SIZE / 2);
    assert_int_equal(fcm_memory_of(-1), 0);
}

static int make_root(void **state) {
    (void)state;
    return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state) {
    (void)state;
    char command[64];
    snprintf(command, sizeof command, "rm -r %s", root);
    return system(command);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_machine),
        cmocka_unit_test(the_tightest_group_on_the_way_up),
        cmocka_unit_test(a_group_of_the_first_version),
        cmocka_unit_test(a_process),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
