// fastcollect-meta: the coordinator. Which subcommands there are, and what they are called with.
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "config.h"
#include "util.h"

static const struct {
    const char *name;
    fcm_command *run;
    const char *summary;
} commands[] = {
    {"build", fcm_command_build, "collect now and write the manifest"},
    {"check", fcm_command_check, "say which records of the manifest are stale, and why"},
    {"doctor", fcm_command_doctor, "say which interpreter, mode and cores would be used, and why"},
    {"export", fcm_command_export, "print all of the manifest as JSON, one file a line"},
    {"list", fcm_command_list, "print the ids of the tests in the manifest"},
    {"merge", fcm_command_merge, "put manifests and durations of shards together"},
    {"serve", fcm_command_serve, "serve one run of pytest (started by the plugin)"},
    {"shard", fcm_command_shard, "print the ids of the tests of one shard"},
    {"show", fcm_command_show, "print what the manifest holds of a file or a test"},
};

static void print_help(FILE *to) {
    fputs("usage: fastcollect-meta COMMAND [OPTION]...\n"
          "\n"
          "The helper of `pytest -p fastcollect_meta`.\n"
          "\n"
          "commands:\n",
          to);
    for (size_t i = 0; i < FCM_COUNT(commands); i++)
        fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].summary);
    fputs("\n"
          "options:\n"
          "  -h, --help    print this\n"
          "  --version     print the version\n",
          to);
}

int main(int argc, char **argv) {
    static const struct option known[] = {
        {"help", no_argument, NULL, 'h'}, {"version", no_argument, NULL, 'V'}, {0}};
    int c;
    // "+": what follows the command is the command's.
    while ((c = getopt_long(argc, argv, "+h", known, NULL)) != -1) {
        switch (c) {
        case 'h': print_help(stdout); return FCM_EXIT_OK;
        case 'V': puts("fastcollect-meta " FCM_VERSION); return FCM_EXIT_OK;
        default: return FCM_EXIT_USAGE; // getopt has said what is wrong
        }
    }
    if (optind == argc) {
        print_help(stderr);
        return FCM_EXIT_USAGE;
    }
    const char *name = argv[optind];
    for (size_t i = 0; i < FCM_COUNT(commands); i++)
        if (strcmp(commands[i].name, name) == 0)
            return commands[i].run(argc - optind, argv + optind);
    fprintf(stderr, "fastcollect-meta: no command is called '%s'; see --help\n", name);
    return FCM_EXIT_USAGE;
}
