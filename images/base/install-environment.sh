#!/bin/sh
# Install one image's locked Python environment. `cohorthub image build` runs this inside the base
# image, as root and with no network; the container's changes then become one layer.
#
#   install-environment.sh PREFIX LOCK WHEELHOUSE
#
# The wheelhouse is a read-only mount, so no wheel enters a layer, and pip takes nothing whose hash
# is not in the lock. The result belongs to root: a student can read and run it, not change it.
set -eu

prefix=$1
lock=$2
wheelhouse=$3

if ! find "$wheelhouse" -name '*.whl' | grep --quiet .; then
    echo "The wheelhouse is empty inside the container: the engine does not see this machine's" \
        "files. Build on the machine that the engine runs on." >&2
    exit 3
fi

umask 022
python3 -m venv "$prefix"

# Byte code is left to the step below: pip would stamp it with the wheel's dates.
"$prefix/bin/python" -m pip install --no-index --find-links "$wheelhouse" --require-hashes \
    --requirement "$lock" --no-deps --no-compile --no-cache-dir --disable-pip-version-check \
    --progress-bar off
"$prefix/bin/python" -m pip check --disable-pip-version-check

# Unchecked-hash byte code holds no date and is never held against its source again. So two builds
# of one lock are equal byte for byte, an exported image stays warm whatever happens to its files'
# dates, and a read-only environment loses nothing by it. Some packages ship templates and old
# dialects that do not compile; pip passes over those, and so does this.
find "$prefix" -name __pycache__ -type d -prune -exec rm -rf {} +
"$prefix/bin/python" -m compileall -q -j 0 --invalidation-mode unchecked-hash "$prefix/lib" \
    >/dev/null || true

# Readable by every id, writable by none but root. What served the installation, this script and
# the lock among it, does not stay.
chmod -R u=rwX,go=rX "$prefix"
find /tmp -mindepth 1 -delete
rm -rf /root/.cache
