#!/bin/sh
# Makes .venv and installs the named lock files into it, the last one being the one that holds
# all of the others. Does nothing when that was done before and no file has changed since.
#
#   PYTHON=…  the Python to make it from; otherwise the first fitting one that is found
#
# uv installs; where there is none, pip fetches it, and where that fails, pip installs. Both check
# every package against the hashes of the lock. uv leaves the bytecode to be compiled by the
# dashboard, once its first page is out (cifarviz/bytecode.py): .venv/not-compiled says so.
#
# What says that all is well is a copy of the lock files inside .venv, written last. A run that
# was cut off leaves .venv/installing behind, and the next one starts afresh.
set -eu

for last in "$@"; do :; done
stamp=".venv/installed-$last"

fits() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null
}

say() {
    printf '%s\n' "$*" >&2
}

# Prints the Python to use, or one sentence on standard error on why there is none. A name
# counts only if it runs: version managers leave names behind that start nothing.
find_python() {
    advice="please install Python 3.11, 3.12 or 3.13 (Debian, Ubuntu: apt-get install python3 python3-venv), or name one with make PYTHON=/path/to/python."
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
                say "PYTHON=$PYTHON cannot be used here; taking Python $version ($candidate) instead."
            fi
            printf '%s\n' "$candidate"
            return 0
        fi
    done
    if [ -n "$bare" ]; then say "$bare"; else say "${unfit:-No Python was found}: $advice"; fi
    return 1
}

# pip for .venv: its own, or that of the Python it was made from, or the one Python brings along,
# whose unpacking takes some seconds. Root's environment is our own, so its warning does not apply.
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
    # A mirror that pip has been told of; uv does not read pip's settings.
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
    # Someone's own environment, or ours with an older lock: kept and brought up to date.
    python=$(.venv/bin/python -c 'import sys; print(sys._base_executable)')
else
    python=$(find_python) || exit 1
    say "Making a virtual environment in .venv with $("$python" --version)."
    "$python" -m venv --without-pip --clear .venv
fi

say "Installing $last into .venv (TensorFlow is large: this can take some minutes the first time)."
touch .venv/installing
quiet=""
[ -t 1 ] || quiet="--quiet"
if install_with_uv; then
    touch .venv/not-compiled
else
    say "uv could not install the packages; pip tries."
    if ! pip install $quiet --require-hashes -r "$last"; then
        say "The packages could not be installed (pip says why above): look to the network and the free space on the disk, then run make again."
        exit 1
    fi
fi
for file in "$@"; do
    done_with="${done_with:-} $file"
    # Unquoted on purpose: a list of file names without blanks.
    cat $done_with >".venv/installed-$file"
done
rm .venv/installing
