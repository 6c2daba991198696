// A Python interpreter that is the user's: same executable, virtual environment, options and
// variables.
#pragma once

// Runs the interpreter with a Python command line (argv[0] is replaced by `executable`) and returns
// the exit status. Owns the process: called once, by main().
int fcm_embed_run(int argc, char **argv, const char *executable);
