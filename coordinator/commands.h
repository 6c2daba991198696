// Subcommands of `fastcollect-meta`; each stands in a file of its own.
#pragma once

// What the shell gets.
enum {
    FCM_EXIT_OK = 0,
    FCM_EXIT_FAILED = 1,
    FCM_EXIT_USAGE = 2,
    FCM_EXIT_STALE = 3, // list, check, export: something is stale or was left out
};

// Runs with argv[0] the subcommand's name; returns the exit status.
typedef int fcm_command(int argc, char **argv);

fcm_command fcm_command_build;
fcm_command fcm_command_check;
fcm_command fcm_command_doctor;
fcm_command fcm_command_export;
fcm_command fcm_command_list;
fcm_command fcm_command_merge;
fcm_command fcm_command_serve;
fcm_command fcm_command_shard;
fcm_command fcm_command_show;
