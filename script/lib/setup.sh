# Shared by script/try and script/test: everything that has to be there before the product can run.
# Source it; it defines functions and `root` (the checkout), and leaves the current folder alone.
#
#   setup_system KIND...      compilers and libraries: `build`, and `tests` for what only the tests need
#   setup_venv                .venv in the checkout, of the first suitable Python it finds
#   setup_packages NAME...    the packages of script/lib/requirements-NAME.txt, once for each content
#   setup_product             build and install, only when a source has changed
#
# Variables that are honoured: PYTHON (the interpreter for .venv), FCM_VENV (another place for it).

set -euo pipefail
unset PYTHONDONTWRITEBYTECODE PYTHONHOME PYTHONPATH VIRTUAL_ENV
# Times with a dot, sorting by bytes, and UTF-8 where the machine has it.
case "$(locale -a 2>/dev/null || true)" in
    *C.utf8* | *C.UTF-8*) export LC_ALL=C.UTF-8 ;;
    *) export LC_ALL=C ;;
esac
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_ROOT_USER_ACTION=ignore

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
venv=${FCM_VENV:-$root/.venv}
logs=$root/build/logs

say() { printf '== %s\n' "$*"; }
die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# Runs a command silently; when it fails, shows the end of what it printed and returns its status.
quietly() {
    local log status=0
    mkdir -p "$logs"
    log=$(mktemp "$logs/${1##*/}.XXXXXX")
    "$@" >"$log" 2>&1 </dev/null || status=$?
    if [ "$status" -ne 0 ]; then
        printf 'failed (%s): %s\n' "$status" "$*" >&2
        tail -n 60 "$log" >&2
    fi
    rm -f "$log"
    return "$status"
}

# Only one set-up at a time in one checkout.
setup_lock() {
    if command -v flock >/dev/null 2>&1; then
        mkdir -p "$root/build"
        exec 9>"$root/build/.setup.lock"
        flock -w 900 9 || die "another set-up has been running in $root for 15 minutes"
    fi
}
setup_unlock() { { exec 9>&-; } 2>/dev/null || true; }

# The first interpreter that is at least 3.10; prints its real path.
find_python() {
    local name path
    for name in ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.10}; do
        path=$("$name" -c 'import sys
if sys.version_info >= (3, 10) and sys.implementation.name == "cpython":
    print(sys.executable)' 2>/dev/null) || continue
        if [ -n "$path" ]; then
            printf '%s\n' "$path"
            return 0
        fi
    done
    return 1
}

has_header() { printf '#include <%s>\n' "$1" | "${CC:-cc}" -E - >/dev/null 2>&1; }

# Prints the Debian packages that are missing. $1: interpreter; then kinds.
missing_packages() {
    local python=$1 version include
    shift
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    include=$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')
    command -v "${CC:-cc}" >/dev/null 2>&1 || printf 'gcc libc6-dev '
    command -v pkg-config >/dev/null 2>&1 || printf 'pkg-config '
    command -v protoc-c >/dev/null 2>&1 || printf 'protobuf-c-compiler '
    has_header ev.h || printf 'libev-dev '
    has_header protobuf-c/protobuf-c.h || printf 'libprotobuf-c-dev '
    has_header zstd.h || printf 'libzstd-dev '
    has_header xxhash.h || printf 'libxxhash-dev '
    [ -f "$include/Python.h" ] || printf 'python%s-dev ' "$version"
    "$python" -c 'import ensurepip, venv' 2>/dev/null || printf 'python%s-venv ' "$version"
    case " $* " in *' tests '*)
        printf '#include <stdarg.h>\n#include <stddef.h>\n#include <stdint.h>\n#include <setjmp.h>\n#include <cmocka.h>\n' |
            "${CC:-cc}" -E - >/dev/null 2>&1 || printf 'libcmocka-dev '
        ;;
    esac
}

setup_system() {
    local missing sudo=
    base_python=$(find_python) || {
        base_python=
        missing='python3 python3-venv python3-dev'
    }
    [ -z "$base_python" ] || missing=$(missing_packages "$base_python" "$@")
    missing=${missing% }
    [ -n "$missing" ] || return 0
    if ! command -v apt-get >/dev/null 2>&1; then
        die "this machine lacks what these Debian packages hold; install them (or what your system calls them) and try again:
    $missing"
    fi
    if [ "$(id -u)" -ne 0 ]; then
        if command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
            sudo=sudo
        else
            die "system packages are missing, and installing them needs root. Run this and try again:
    sudo apt-get update && sudo apt-get install -y --no-install-recommends $missing"
        fi
    fi
    say "installing system packages: $missing"
    # shellcheck disable=SC2086
    quietly $sudo env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 update ||
        printf 'warning: apt-get update failed; going on with the lists that are there\n' >&2
    # shellcheck disable=SC2086
    quietly $sudo env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 \
        install -y --no-install-recommends $missing ||
        die "apt-get could not install: $missing"
    base_python=$(find_python) || die "no CPython 3.10 or later found (tried python3, python3.13 ... python3.10)"
    missing=$(missing_packages "$base_python" "$@")
    [ -z "${missing% }" ] || die "still missing after the installation: $missing"
}

setup_venv() {
    local want have=
    want=$("$base_python" -c 'import sys; print(sys.version, sys.base_prefix)')
    if [ -x "$venv/bin/python" ]; then
        have=$("$venv/bin/python" -c 'import pip, sys; print(sys.version, sys.base_prefix)' 2>/dev/null) || have=
    fi
    # A venv knows its own place: one that was moved or copied is made anew.
    if [ "$want" != "$have" ] || ! grep -qsxF "$venv" "$venv/.place"; then
        say "making ${venv#"$root"/} with Python $("$base_python" -c 'import platform; print(platform.python_version())') ($base_python)"
        quietly "$base_python" -m venv --clear "$venv" ||
            die "python -m venv failed; on Debian it needs the package python3-venv"
        printf '%s\n' "$venv" >"$venv/.place"
    fi
    python=$venv/bin/python
    export PATH="$venv/bin:$PATH"
}

digest() { sha256sum | cut -d ' ' -f 1; }

setup_packages() {
    local name list stamp hash args=()
    for name in "$@"; do
        list=$root/script/lib/requirements-$name.txt
        stamp=$venv/.requirements-$name
        hash=$(digest <"$list")
        grep -qsxF "$hash" "$stamp" && continue
        args+=(-r "$list")
    done
    [ ${#args[@]} -gt 0 ] || return 0
    say "installing Python packages ($*)"
    quietly "$python" -m pip install "${args[@]}" ||
        quietly "$python" -m pip install "${args[@]}" ||
        die "pip could not install the packages named in script/lib/requirements-*.txt ($*)"
    for name in "$@"; do
        digest <"$root/script/lib/requirements-$name.txt" >"$venv/.requirements-$name"
    done
}

# A digest of everything that goes into the wheel, by name and content.
source_digest() {
    (
        cd "$root"
        find meson.build meson.options pyproject.toml README.md schema coordinator worker pytest_plugin \
            -name __pycache__ -prune -o -type f -print0 |
            sort -z | xargs -0 sha256sum
        printf '%s\n' "$root" "${CC:-cc}"
    ) | digest
}

setup_product() {
    local stamp=$venv/.installed hash tag build
    hash=$(source_digest)
    if grep -qsxF "$hash" "$stamp"; then return 0; fi
    tag=$("$python" -c 'import sys; print(sys.implementation.cache_tag)')
    build=$root/build/wheel-$tag-${venv##*/}
    say "building and installing pytest-fastcollect-meta"
    rm -f "$stamp"
    local install=("$python" -m pip install --no-build-isolation --no-deps --force-reinstall
        --config-settings=build-dir="$build" "$root")
    # An old build folder may know a compiler or a place that is gone.
    if [ -d "$build" ]; then
        quietly "${install[@]}" 2>/dev/null || {
            rm -rf "$build"
            quietly "${install[@]}" || die "the build failed"
        }
    else
        quietly "${install[@]}" || die "the build failed"
    fi
    printf '%s\n' "$hash" >"$stamp"
}
