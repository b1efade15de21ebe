# shellcheck shell=bash
# Sourced by the scripts that run the server: its settings, and the private services, which run as long as somebody
# needs them: the last one to leave stops them.

. "$(dirname "${BASH_SOURCE[0]}")/settings.sh"
cd "$clone"

# Makes .env when it is not there. What has a value in it is never changed.
write_env_file() {
  local secret
  make_local_folder
  exec 7>"$local_folder/env.lock"
  flock 7
  if [ -n "$(setting JWT_SECRET)" ]; then
    exec 7>&-
    return
  fi
  secret=$(od -An -v -tx1 -N48 /dev/urandom | tr -d ' \n')
  if [ -e .env ]; then
    # An empty JWT_SECRET= would hide the one that follows; and the last line may lack its end.
    sed -i --follow-symlinks -E \
      -e '/^[[:space:]]*(export[[:space:]]+)?JWT_SECRET[[:space:]]*=[[:space:]]*(""|'"''"')?[[:space:]]*$/d' -e "\$a\\" .env
    printf 'JWT_SECRET=%s\n' "$secret" >>.env
    chmod 600 .env
  else
    (
      umask 077
      cat >.env.new <<FILE
# This clone's settings. \`make run\` wrote this file once and never changes what is in it.
# The environment goes before it. README.md has the list of all settings.

# Signs the access tokens.
JWT_SECRET=$secret

# Where the server listens, and the address in links. For another port, change both.
# BIND_ADDR=127.0.0.1:8080
# PUBLIC_URL=http://localhost:8080

# A Postgres and a Redis of your own. Without these, \`make run\` starts private ones.
# DATABASE_URL=postgres://user:password@host/database
# REDIS_URL=redis://host
FILE
      mv .env.new .env
    )
  fi
  exec 7>&-
}

# Sets and exports BIND_ADDR and PUBLIC_URL, and sets base_url, where the server can be reached from here.
choose_address() {
  local host port
  BIND_ADDR=$(setting BIND_ADDR)
  BIND_ADDR=${BIND_ADDR:-127.0.0.1:8080}
  if ! [[ $BIND_ADDR =~ ^([0-9.]+|\[[0-9a-fA-F:]+\]):[0-9]{1,5}$ ]] || [ "${BIND_ADDR##*:}" -gt 65535 ]; then
    die "BIND_ADDR: must be an address and port such as 127.0.0.1:8080, not $BIND_ADDR"
  fi
  host=${BIND_ADDR%:*} port=${BIND_ADDR##*:}
  if [ "$port" = 0 ]; then
    port=$(node -e 'const s = require("net").createServer().listen(0, () => { console.log(s.address().port); s.close(); })')
    BIND_ADDR=$host:$port
  fi
  case $host in
    0.0.0.0) host=127.0.0.1 ;;
    '[::]') host='[::1]' ;;
  esac
  base_url=http://$host:$port
  PUBLIC_URL=$(setting PUBLIC_URL)
  if [ -z "$PUBLIC_URL" ]; then
    case $host in
      127.0.0.1 | '[::1]') PUBLIC_URL=http://localhost:$port ;;
      *) PUBLIC_URL=$base_url ;;
    esac
  fi
  export BIND_ADDR PUBLIC_URL
}

require_free_address() {
  # Any answer will do: 7 is "could not connect".
  local code=0
  curl --noproxy '*' -s -o /dev/null --max-time 2 "$base_url" || code=$?
  [ "$code" != 7 ] || return 0
  [ -z "$(running)" ] || say "This clone is running already; make stop ends that."
  die "$BIND_ADDR is taken. Choose another: BIND_ADDR=127.0.0.1:8081 make run (or in .env)"
}

# Starts what the person has not brought, and exports DATABASE_URL and REDIS_URL.
join_services() {
  local own=()
  [ -n "$(setting DATABASE_URL)" ] || own+=(postgres)
  [ -n "$(setting REDIS_URL)" ] || own+=(redis)
  make_local_folder
  me=$local_folder/running/$$
  mkdir -p "$me"
  printf '%s' "$PUBLIC_URL" >"$me/public_url"
  [ ${#own[@]} -gt 0 ] || return 0

  exec 8>"$local_folder/run.users"
  flock -s 8
  joined=yes
  scripts/services.sh start run "${own[@]}" 8>&-
  local given_database given_redis
  given_database=$(setting DATABASE_URL) given_redis=$(setting REDIS_URL)
  eval "$(scripts/services.sh env run)"
  unset SUPERUSER_URL
  DATABASE_URL=${given_database:-$DATABASE_URL}
  REDIS_URL=${given_redis:-$REDIS_URL}
}

leave_services() {
  [ -z "${me:-}" ] || rm -rf "$me"
  [ -n "${joined:-}" ] || return 0
  if flock -n -x 8; then scripts/services.sh stop run 8>&-; fi
}

# Where cargo puts what it builds: the environment or a configuration file of cargo's may say so.
target_folder() {
  cargo metadata --no-deps --offline --format-version 1 | sed -E 's/.*"target_directory":"([^"]*)".*/\1/'
}
