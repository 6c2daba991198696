# A second environment whose pytest-fastcollect-meta has AddressSanitizer and UndefinedBehaviorSanitizer in all of its C, and
# what runs there. Source it after setup.sh and its set-up; it defines:
#
#   setup_sanitized     makes it in build/sanitized, only when a source has changed
#   sanitized COMMAND   runs a command with its python first in the PATH and the sanitizers' runtime in every process. Leaks
#                       count where our own C made them, not Python's.

sanitized=$root/build/sanitized

setup_sanitized() {
    local hash site build=$root/build/wheel-sanitized
    hash=$(source_digest)
    if grep -qsxF "$hash" "$sanitized/.installed"; then return 0; fi
    say "building pytest-fastcollect-meta with sanitizers"
    rm -rf "$sanitized"
    quietly "$python" -m venv --without-pip "$sanitized" || return 1
    site=$("$sanitized/bin/python" -c 'import sysconfig; print(sysconfig.get_path("platlib"))')
    # Everything else is that of the environment of the tests.
    "$python" -c 'import sysconfig; print(sysconfig.get_path("platlib"))' >"$site/others.pth"
    quietly "$python" -m pip install --no-build-isolation --no-deps --target "$site" \
        --config-settings=build-dir="$build" \
        --config-settings=setup-args=-Db_sanitize=address,undefined \
        --config-settings=setup-args=-Db_lundef=false --config-settings=setup-args=-Dbuildtype=debug \
        --config-settings=setup-args=-Db_ndebug=false "$root" || {
        rm -rf "$sanitized" "$build"
        return 1
    }
    printf '%s\n' "$hash" >"$sanitized/.installed"
}

sanitized() {
    local runtime options=detect_leaks=1:verify_asan_link_order=0:allocator_may_return_null=1:abort_on_error=1
    # What a module under test does to itself is not ours to report; faulthandler tells.
    options+=:handle_segv=0:handle_abort=0:handle_sigill=0:handle_sigfpe=0:handle_sigbus=0
    # The caller of malloc() is the last of these frames: Python's own leaks are left out by its file.
    options+=:malloc_context_size=2
    runtime="$("${CC:-cc}" -print-file-name=libasan.so) $("${CC:-cc}" -print-file-name=libubsan.so)"
    # Nodes that are left to the end of the process would be taken for leaks.
    env PATH="$sanitized/bin:$PATH" FASTCOLLECT_META_GC=native LD_PRELOAD="$runtime" FCM_SANITIZERS="$runtime" ASAN_OPTIONS="$options" \
        UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
        LSAN_OPTIONS="suppressions=$root/script/lib/leaks.txt:print_suppressions=0" "$@"
}
