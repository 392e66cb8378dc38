#!/bin/sh
# Makes .venv and installs the named requirement files into it, the last one being the one that
# takes the others in. Does nothing when that was done before and no file has changed since.
#
#   PYTHON=…  the Python to make it from; otherwise the first fitting one that is found
#
# What says that all is well is a copy of the requirement files inside .venv, written last. A
# run that was cut off leaves .venv/installing behind, and the next one starts afresh.
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

if fits .venv/bin/python && [ ! -e .venv/installing ]; then
    if [ -e "$stamp" ] && cat "$@" | cmp -s - "$stamp"; then
        exit 0
    fi
    # Someone's own environment, or ours with older requirements: kept and brought up to date.
    .venv/bin/python -m pip --version >/dev/null 2>&1 || .venv/bin/python -m ensurepip >/dev/null
else
    python=$(find_python) || exit 1
    say "Making a virtual environment in .venv with $("$python" --version)."
    "$python" -m venv --clear .venv
fi

say "Installing $* into .venv (TensorFlow is large: this can take some minutes the first time)."
touch .venv/installing
quiet=""
[ -t 1 ] || quiet="--quiet"
# Root's environment is our own .venv, so pip's warning about root does not apply.
if ! PIP_ROOT_USER_ACTION=ignore .venv/bin/python -m pip install $quiet \
    --disable-pip-version-check --no-input -r "$last"; then
    say "The packages could not be installed (pip says why above): look to the network and the free space on the disk, then run make again."
    exit 1
fi
for file in "$@"; do
    done_with="${done_with:-} $file"
    # Unquoted on purpose: a list of file names without blanks.
    cat $done_with >".venv/installed-$file"
done
rm .venv/installing
