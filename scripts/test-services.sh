# shellcheck shell=bash
# Sourced by the scripts that run tests: their own Postgres and Redis, stopped when the last of them leaves.

. "$(dirname "${BASH_SOURCE[0]}")/settings.sh"
cd "$clone"

# Exports TEST_DATABASE_URL (a superuser's) and TEST_REDIS_URL, unless the person has brought both; and PYTHON, which has the
# packages for our client, the examples and schemathesis. Most tests do without it: where it can't be had, those others fail.
start_test_services() {
  PYTHON=$(scripts/python.sh) || PYTHON=python3
  export PYTHON
  # A test must not find the person's own server by these.
  unset DATABASE_URL REDIS_URL JWT_SECRET BIND_ADDR PUBLIC_URL FRONTEND_DIR
  if [ -n "${TEST_DATABASE_URL:-}" ] && [ -n "${TEST_REDIS_URL:-}" ]; then return; fi
  make_local_folder
  exec 8>"$local_folder/test.users"
  flock -s 8
  trap leave_test_services EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  scripts/services.sh start test 8>&-
  eval "$(scripts/services.sh env test)"
  export TEST_DATABASE_URL=${TEST_DATABASE_URL:-$SUPERUSER_URL}
  export TEST_REDIS_URL=${TEST_REDIS_URL:-$REDIS_URL}
  unset DATABASE_URL REDIS_URL SUPERUSER_URL
}

leave_test_services() {
  if flock -n -x 8; then
    scripts/services.sh stop test 8>&-
    # Started by the tests that kill it.
    scripts/services.sh stop faults 8>&-
  fi
}
