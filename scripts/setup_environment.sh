#!/bin/sh
# Creates .venv and installs the last of the named lock files, which contains all the others. Does
# nothing if that has been done and no file has changed since.
#
#   PYTHON=…  the Python to use; otherwise the first suitable version found
#
# uv installs; pip fetches uv if it is missing, and installs if that fails. Both check every package
# against the hashes of the lock. After uv, .venv/not-compiled exists: the dashboard compiles the
# bytecode after its first page (cifarviz/bytecode.py).
#
# A copy of the lock files inside .venv, written last, marks success. An interrupted call leaves
# .venv/installing, and the next call starts from the beginning.
set -eu

for last in "$@"; do :; done
stamp=".venv/installed-$last"

fits() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null
}

say() {
    printf '%s\n' "$*" >&2
}

# Prints the Python to use, or on standard error why there is none. Commands must run: version
# managers leave commands that start nothing.
find_python() {
    advice="please install Python 3.11, 3.12 or 3.13 (Debian, Ubuntu: apt-get install python3 python3-venv), or choose a version with make PYTHON=/path/to/python."
    unfit=""
    bare=""
    for candidate in "${PYTHON:-python3}" python3 python3.13 python3.12 python3.11; do
        version=$("$candidate" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue
        if ! fits "$candidate"; then
            case $version in
                2.* | 3.[0-9] | 3.10) unfit=${unfit:-"Python $version ($candidate) is too old for TensorFlow"} ;;
                *) unfit=${unfit:-"Python $version ($candidate) is too new for TensorFlow"} ;;
            esac
        elif ! "$candidate" -c 'import ensurepip, venv' 2>/dev/null; then
            bare=${bare:-"Python $version ($candidate) came without its venv module: please install it (Debian, Ubuntu: apt-get install python$version-venv)."}
        else
            if [ -n "${PYTHON:-}" ] && [ "$candidate" != "$PYTHON" ]; then
                say "PYTHON=$PYTHON cannot be used; using Python $version ($candidate) instead."
            fi
            printf '%s\n' "$candidate"
            return 0
        fi
    done
    if [ -n "$bare" ]; then say "$bare"; else say "${unfit:-No Python was found}: $advice"; fi
    return 1
}

# pip for .venv: its own, that of its base Python, or the one in ensurepip, which takes seconds to
# unpack. The warning about root does not apply, as the environment is not the system's.
pip() {
    export PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
    if .venv/bin/python -m pip --version >/dev/null 2>&1; then
        .venv/bin/python -m pip "$@"
    elif "$python" -m pip --version >/dev/null 2>&1; then
        "$python" -m pip --python .venv/bin/python "$@"
    else
        .venv/bin/python -m ensurepip >/dev/null && .venv/bin/python -m pip "$@"
    fi
}

# Prints the uv to use, if one runs.
find_uv() {
    for candidate in uv .venv/bin/uv; do
        if "$candidate" --version >/dev/null 2>&1; then
            printf '%s\n' "$candidate"
            return 0
        fi
    done
    return 1
}

install_with_uv() {
    if ! uv=$(find_uv); then
        sed -n '/^uv==/,/[^\\]$/p' requirements-dev.lock >.venv/uv.lock
        pip install --quiet --require-hashes -r .venv/uv.lock || return 1
        uv=$(find_uv) || return 1
    fi
    # Use the mirror in pip's settings, which uv does not read.
    if [ -z "${UV_DEFAULT_INDEX:-}${UV_INDEX_URL:-}" ]; then
        index=${PIP_INDEX_URL:-$("$python" -m pip config get global.index-url 2>/dev/null || :)}
        if [ -n "$index" ]; then export UV_DEFAULT_INDEX="$index"; fi
    fi
    "$uv" pip install $quiet --python .venv/bin/python --require-hashes -r "$last"
}

if fits .venv/bin/python && [ ! -e .venv/installing ]; then
    if [ -e "$stamp" ] && cat "$@" | cmp -s - "$stamp"; then
        exit 0
    fi
    # An existing environment, the user's own or with an older lock, is updated.
    python=$(.venv/bin/python -c 'import sys; print(sys._base_executable)')
else
    python=$(find_python) || exit 1
    say "Creating a virtual environment in .venv with $("$python" --version)."
    "$python" -m venv --without-pip --clear .venv
fi

say "Installing $last into .venv (TensorFlow is large: this can take some minutes the first time)."
touch .venv/installing
quiet=""
[ -t 1 ] || quiet="--quiet"
if install_with_uv; then
    touch .venv/not-compiled
else
    say "uv could not install the packages; trying pip."
    if ! pip install $quiet --require-hashes -r "$last"; then
        say "The packages could not be installed (see pip's output above). Check the network and the free disk space, then run make again."
        exit 1
    fi
fi
for file in "$@"; do
    done_with="${done_with:-} $file"
    # Unquoted on purpose: a list of file names without blanks.
    cat $done_with >".venv/installed-$file"
done
rm .venv/installing
