// Subcommands of `fastcollect-meta`; each stands in a file of its own.
#pragma once

// What the shell gets.
enum {
    FCM_EXIT_OK = 0,
    FCM_EXIT_FAILED = 1,
    FCM_EXIT_USAGE = 2,
};

// Runs with argv[0] the subcommand's name; returns the exit status.
typedef int fcm_command(int argc, char **argv);

fcm_command fcm_command_serve;
fcm_command fcm_command_doctor;
