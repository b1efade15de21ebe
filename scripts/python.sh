#!/bin/bash
# Prints the path of a Python that has the packages of tests/schemathesis/requirements.txt: for docs/live_client.py, the
# examples and schemathesis. Installs them first, where they are not there yet, in .local/python: Debian's own Python takes
# none from elsewhere, and nothing outside of the clone is touched.
#   python.sh          does that, or fails
#   python.sh --base   prints the Python that this can be made of, or fails

. "$(dirname "$0")/settings.sh"
cd "$clone"

base() {
  local name
  for name in "${PYTHON:-}" python3 /usr/bin/python3; do
    # Without the package python3-venv, Debian's has venv but not what fills it.
    if [ -n "$name" ] && "$name" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
      command -v "$name"
      return
    fi
  done
  return 1
}

if [ "${1:-}" = --base ]; then
  base
  exit
fi

requirements=(tests/schemathesis/requirements.txt examples/python/requirements.txt)
place=$local_folder/python
made_of() {
  # A venv is of no use elsewhere than where it was made, nor with another Python.
  printf '%s\n' "$place"
  readlink -f "$place/bin/python3" && "$place/bin/python3" --version
  sha256sum "${requirements[@]}"
}

make_local_folder
exec 9>"$local_folder/python.lock"
flock 9
if [ "$(made_of 2>/dev/null)" != "$(cat "$place/made-of" 2>/dev/null)" ] || [ ! -e "$place/made-of" ]; then
  python=$(base) || die "Python 3.10 or newer with venv is needed; Debian: python3-venv"
  say "Installing the tests' packages for Python"
  rm -rf "$place"
  {
    "$python" -m venv "$place"
    # The list is complete: what is not on it does not come.
    "$place/bin/python3" -m pip install --quiet --disable-pip-version-check --no-deps \
      "${requirements[@]/#/--requirement=}"
    "$place/bin/python3" -m pip --disable-pip-version-check check
  } >&2 9>&-
  made_of >"$place/made-of"
fi
echo "$place/bin/python3"
