#!/bin/bash
# This clone's own Postgres and Redis, which take no port and share nothing with the system's.
#
#   services.sh start INSTANCE [postgres] [redis]   starts what does not run (both, when none is named)
#   services.sh stop INSTANCE
#   services.sh env INSTANCE                        prints DATABASE_URL, SUPERUSER_URL and REDIS_URL for eval
#   services.sh destroy INSTANCE                    stops, and deletes all data
#   services.sh signal INSTANCE SERVICE SIGNAL      to all processes of a service: KILL, STOP, CONT...
#
# INSTANCE is one of
#   run      whose data matters
#   bench    as durable, for measuring
#   test     fast and forgetful
#   faults   what tests kill: it survives killed servers with all that it has acknowledged, but no crash of the machine
# All listen on Unix sockets only, in a folder that only their user can enter; Postgres also asks the kernel who is
# calling (peer).
#
# As root, the servers run as the user "postgres", because Postgres refuses to run as root. Where that user cannot
# reach the clone (in a closed home directory, say), the data is under /var/lib/order-tracker and .local/outside
# points at it.

. "$(dirname "$0")/settings.sh"
umask 077
# The clone may be closed to the servers' user, who would inherit it as the working directory.
cd /
# libpq and redis-cli would follow the caller's.
unset "${!PG@}" REDISCLI_AUTH
export LC_ALL=C

command=${1:?command} instance=${2:?instance}
shift 2

if [ "$(id -u)" = 0 ]; then
  service_user=postgres
  as_service() { setpriv --reuid=postgres --regid=postgres --init-groups -- "$@"; }
else
  service_user=$(id -un) || die "user $(id -u) has no name (/etc/passwd), and Postgres needs one"
  as_service() { "$@"; }
fi

# A socket's path ends at 107 bytes; the longest of ours is this folder and /.s.PGSQL.5432.
longest_sockets_folder=93
if [ "$command" = start ]; then require_plain_name; fi

main() {
  case $instance in run | bench | test | faults) ;; *) die "instance $instance?" ;; esac
  if [ "$service_user" = postgres ] && ! id postgres >/dev/null 2>&1; then
    # Without its user nothing of ours has ever run.
    case $command in stop | destroy) return ;; esac
    die "run by root, Postgres needs a user: useradd --system postgres"
  fi
  # What is started must not hold a lock of whoever calls: of the tests, say, which keep one in 8.
  exec 8>&-
  make_local_folder
  if [ "$command" = signal ]; then
    # At once: somebody may be waiting for a server that this lets go on.
    find_place || die "nothing has been started yet"
    send_signal "$@"
    return
  fi
  # One change at a time. The servers must not inherit the lock: 9>&- where they are started.
  exec 9>"$local_folder/$instance.lock"
  flock 9

  case $command in
    start)
      find_place create
      [ $# -gt 0 ] || set -- postgres redis
      local service
      for service in "$@"; do "start_$service"; done
      ;;
    stop)
      if find_place; then stop_all; fi
      ;;
    env)
      find_place || die "nothing has been started yet"
      print_environment
      ;;
    destroy)
      if find_place; then
        stop_all
        rm -rf "$folder"
        remove_empty_place
      fi
      ;;
    *) die "services.sh $command?" ;;
  esac
}

# ---- Where things are ----

# Sets folder, sockets, pg and redis. Fails when nothing is there and it may not be created.
find_place() {
  local create=${1:-}
  if [ -L "$local_folder/outside" ] && is_ours "$local_folder/outside"; then
    folder=$(realpath -m "$local_folder/outside")/$instance
  else
    folder=$local_folder/$instance
  fi
  if [ ! -d "$folder" ]; then
    [ -n "$create" ] || return 1
    # An "outside" stays the place, once it is.
    if [ "$service_user" != postgres ] || [ "${folder%/*}" != "$local_folder" ] || can_serve_from "$local_folder"; then
      create_folder "$folder"
    else
      rmdir "$folder" 2>/dev/null || true
      create_outside
      folder=$(realpath "$local_folder/outside")/$instance
      create_folder "$folder"
    fi
  fi
  as_service test -w "$folder" ||
    die "$folder cannot be used by $service_user (it belongs to $(stat -c %U "$folder" 2>/dev/null || echo somebody else)).
  Run as the user who started it first, or move the clone to where $service_user can reach it."
  sockets=$folder/sockets pg=$folder/postgres redis=$folder/redis
  if [ ${#sockets} -gt "$longest_sockets_folder" ]; then
    sockets=/tmp/order-tracker-$(id -u)-$(printf '%s' "$folder" | sha256sum | cut -c1-16)
  fi
}

create_folder() {
  mkdir -p "$1"
  if [ "$(stat -c %U "$1")" != "$service_user" ]; then chown "$service_user:" "$1"; fi
}

# For root: can user postgres live here, with sockets beside the data?
can_serve_from() {
  local place=$1/$instance
  local sockets=$place/sockets
  [ ${#sockets} -le "$longest_sockets_folder" ] || return 1
  chmod go+x "$1" && create_folder "$place" 2>/dev/null && as_service test -w "$place"
}

outside_home=/var/lib/order-tracker

create_outside() {
  local old place
  mkdir -p "$outside_home"
  chmod 711 "$outside_home"
  # A clone that was deleted and made anew begins anew, too. Its former data is nobody's to throw away.
  for old in "$outside_home"/*/; do
    if [ -e "$old/clone" ] && [ "$(cat "$old/clone")" = "$clone" ]; then
      kill_leftovers "$(realpath "$old")"
      say "An earlier clone at this path left its data in ${old%/}. It is not used; delete it when you don't need it."
    fi
  done
  place=$(mktemp -d "$outside_home/$(date +%Y%m%d)-XXXXXX")
  chmod 711 "$place"
  printf '%s\n' "$clone" >"$place/clone"
  ln -sfn "$place" "$local_folder/outside"
  say "The data is in $place, because user postgres cannot work in $clone."
}

# A copied clone must not share its original's data; a moved one keeps it.
is_ours() {
  local place=$1 home
  [ -e "$place/clone" ] || return 1
  home=$(cat "$place/clone")
  [ "$home" = "$clone" ] && return
  if [ "$(realpath -m "$home/.local/outside")" = "$(realpath "$place")" ]; then return 1; fi
  printf '%s\n' "$clone" >"$place/clone"
}

remove_empty_place() {
  local place=${folder%/*}
  [ "$place" != "$local_folder" ] || return 0
  if [ -z "$(find "$place" -mindepth 1 -maxdepth 1 -type d)" ]; then
    rm -rf "$place" "$local_folder/outside"
  fi
}

make_sockets_folder() {
  case $sockets in
    "$folder"/*) as_service mkdir -p -m 700 "$sockets" ;;
    *)
      # Anybody may have put something there under our name.
      mkdir -m 700 "$sockets" 2>/dev/null || true
      if [ -L "$sockets" ] || [ ! -d "$sockets" ] || [ ! -O "$sockets" ]; then
        die "$sockets is needed for sockets, and is not ours"
      fi
      chmod 700 "$sockets"
      ;;
  esac
}

print_environment() {
  local host
  host=$(url_path "$sockets")
  printf 'export DATABASE_URL=%q\n' "postgres://order_tracker@/order_tracker?host=$host&port=5432"
  printf 'export SUPERUSER_URL=%q\n' "postgres://postgres@/postgres?host=$host&port=5432"
  printf 'export REDIS_URL=%q\n' "redis+unix://$host/redis.sock"
}

# ---- Processes ----

# A process is ours when it is named so and works in our folder, which both servers do. PID files alone prove
# nothing: after a reboot, or in a copied clone, the number may be anybody's. Asked as the servers' user, because
# root in a container may not look into other users' processes.
servers_in() { # servers_in FOLDER: prints "PID NAME" of each, also when the folder has been deleted under it
  as_service find /proc/[0-9]*/cwd -maxdepth 0 -printf '%p %l\n' 2>/dev/null |
    FOLDER=$1 awk '
      { split($1, path, "/"); pid = path[3]; sub(/^[^ ]+ /, ""); sub(/ \(deleted\)$/, "") }
      $0 == ENVIRON["FOLDER"] || index($0, ENVIRON["FOLDER"] "/") == 1 {
        if ((getline name < ("/proc/" pid "/comm")) > 0 && (name == "postgres" || name == "redis-server")) print pid, name
      }' || true
}

# Ends processes and waits: end_processes SECONDS SIGNAL PID...
end_processes() {
  local deadline=$((SECONDS + $1)) signal=$2 pid
  shift 2
  kill "-$signal" "$@" 2>/dev/null || true
  for pid in "$@"; do
    while is_alive "$pid"; do
      [ "$SECONDS" -lt "$deadline" ] || return 1
      sleep 0.05
    done
  done
}
is_alive() {
  local state
  state=$(sed -n 's/^State:[[:space:]]*//p' "/proc/$1/status" 2>/dev/null) && [ -n "$state" ] && [ "${state:0:1}" != Z ]
}

# Whatever still works in a folder: killed servers' children, servers of a .local that was deleted.
kill_leftovers() {
  local pids
  mapfile -t pids < <(servers_in "$1" | cut -d' ' -f1)
  [ ${#pids[@]} -gt 0 ] || return 0
  # To Postgres, SIGQUIT is "now, without ceremony".
  end_processes 10 QUIT "${pids[@]}" || end_processes 5 KILL "${pids[@]}" || die "cannot end process ${pids[*]}"
}

stop_all() {
  local pid
  pid=$(postgres_pid)
  # SIGINT is Postgres' fast shutdown: it breaks off what runs and writes everything down.
  if [ -n "$pid" ]; then end_processes 60 INT "$pid" || true; fi
  pid=$(redis_pid)
  if [ -n "$pid" ]; then end_processes 5 TERM "$pid" || true; fi
  kill_leftovers "$folder"
  case $sockets in "$folder"/*) ;; *) rm -rf "$sockets" ;; esac
}

# Makes a log readable again for people when it has grown.
turn_log() {
  if [ "$(stat -c %s "$1" 2>/dev/null || echo 0)" -gt 10000000 ]; then as_service mv -f "$1" "$1.old"; fi
}

send_signal() { # send_signal postgres|redis SIGNAL
  local pids place=$pg
  if [ "$1" = redis ]; then place=$redis; fi
  mapfile -t pids < <(servers_in "$place" | cut -d' ' -f1)
  [ ${#pids[@]} -gt 0 ] || die "$1 of instance $instance does not run"
  # Some may have ended by themselves in between.
  kill "-$2" "${pids[@]}" 2>/dev/null || true
}

is_forgetful() { [ "$instance" = test ] || [ "$instance" = faults ]; }

# Writes a file as the servers' user, in whose folder root should not follow links.
write() { as_service tee "$1" >/dev/null; }

# ---- Postgres ----

postgres_pid() {
  local pid
  pid=$(as_service head -n1 "$pg/postmaster.pid" 2>/dev/null) || return 0
  if servers_in "$pg" | grep -qx "$pid postgres"; then printf '%s' "$pid"; fi
}

start_postgres() {
  local bin pid
  make_sockets_folder
  bin=$(postgres_bin) || die "PostgreSQL 15 or newer is not installed"
  pid=$(postgres_pid)
  if [ -n "$pid" ] && prepare_database 2>/dev/null; then return; fi

  if is_forgetful; then forget_after_reboot; fi
  if as_service test -d "$pg"; then
    local version
    version=$(as_service cat "$pg/PG_VERSION")
    if [ "$(postgres_major "$bin")" != "$version" ]; then
      bin=/usr/lib/postgresql/$version/bin
      [ -x "$bin/postgres" ] || die "the data in $pg was written by PostgreSQL $version: install postgresql-$version"
    fi
  else
    create_cluster "$bin"
  fi
  # It may run without answering (its socket was cleaned away), or have been killed and left children behind.
  if [ -n "$pid" ]; then end_processes 60 INT "$pid" || true; fi
  kill_leftovers "$pg"
  # What a killed server leaves would stop the next one if the number in it is some other process' by now.
  as_service rm -f "$pg/postmaster.pid" "$sockets/.s.PGSQL.5432" "$sockets/.s.PGSQL.5432.lock"

  configure_postgres
  local log=$folder/postgres.log
  turn_log "$log"
  if ! as_service "$bin/pg_ctl" start -s -w -t 300 -D "$pg" -l "$log" </dev/null >/dev/null 9>&-; then
    as_service tail -n 20 "$log" >&2
    die "Postgres did not start; its log is $log"
  fi
  prepare_database
}

# Without fsync, the data outlives a killed server but no crash of the machine; so nothing outlives a boot.
forget_after_reboot() {
  local boot
  boot=$(cat /proc/sys/kernel/random/boot_id)
  if [ "$(as_service cat "$folder/boot" 2>/dev/null)" != "$boot" ]; then
    kill_leftovers "$pg"
    as_service rm -rf "$pg"
    write "$folder/boot" <<<"$boot"
  fi
}

# In another folder first: what stands under the final name is complete.
create_cluster() {
  local bin=$1 options=()
  say "Creating the database in $pg"
  kill_leftovers "$pg.new"
  as_service rm -rf "$pg.new"
  if is_forgetful; then options=(--no-sync); fi
  as_service "$bin/initdb" -D "$pg.new" -U postgres --auth=peer --encoding=UTF8 --locale=C.UTF-8 "${options[@]}" \
    </dev/null >/dev/null 9>&- || die "initdb failed"
  as_service tee -a "$pg.new/postgresql.conf" >/dev/null <<<"include_if_exists 'order-tracker.conf'"
  as_service mv "$pg.new" "$pg"
}

# A quarter of the memory that there is, as Postgres advises, 128 MB to 4 GB. It takes what it uses.
page_cache_mb() {
  local limit total mb
  total=$(awk '/^MemTotal:/ { print $2 * 1024 }' /proc/meminfo)
  limit=$(cat /sys/fs/cgroup/memory.max 2>/dev/null) || limit=max
  mb=$(awk -v total="$total" -v limit="$limit" 'BEGIN { print int((limit ~ /^[0-9]+$/ && limit < total ? limit : total) / 4 / 1048576) }')
  if [ "$mb" -lt 128 ]; then mb=128; elif [ "$mb" -gt 4096 ]; then mb=4096; fi
  echo "$mb"
}

configure_postgres() {
  local quoted=${sockets//\'/\'\'}
  {
    echo "# Written at each start by scripts/services.sh"
    echo "listen_addresses = ''"
    echo "port = 5432"
    echo "unix_socket_directories = '\"$quoted\"'"
    echo "unix_socket_permissions = 0700"
    echo "log_line_prefix = '%m [%p] '"
    echo "log_checkpoints = off"
    if is_forgetful; then
      echo "max_connections = 400"
      echo "fsync = off"
      echo "full_page_writes = off"
      echo "max_wal_size = 4GB"
    fi
    if [ "$instance" = test ]; then echo "synchronous_commit = off"; fi
    case $instance in run | bench) echo "shared_buffers = $(page_cache_mb)MB" ;; esac
    if [ "$instance" = bench ]; then
      # A checkpoint comes when the benchmark asks for one, and not in the middle of somebody's turn.
      echo "checkpoint_timeout = 1h"
      echo "max_wal_size = 16GB"
      echo "maintenance_work_mem = 512MB"
      # Counts statements while the benchmark asks for it.
      echo "shared_preload_libraries = 'pg_stat_statements'"
      echo "pg_stat_statements.track = none"
    fi
  } | write "$pg/order-tracker.conf"
  # Nobody else gets past the folder; and if so, no further than here.
  write "$pg/pg_hba.conf" <<<"local all all peer map=owners"
  local caller
  for caller in "$(id -un)" "$service_user"; do
    printf 'owners "%s" %s\n' "$caller" postgres "$caller" order_tracker
  done | sort -u | write "$pg/pg_ident.conf"
}

# The server is no superuser; it owns its database.
prepare_database() {
  if is_forgetful; then psql_here -c 'SELECT 1' >/dev/null; return; fi
  psql_here >/dev/null <<'SQL'
SELECT 'CREATE ROLE order_tracker LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'order_tracker') \gexec
SELECT 'CREATE DATABASE order_tracker OWNER order_tracker'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'order_tracker') \gexec
SQL
}

# Not Debian's wrapper around it, which takes its time and has opinions.
# One that stands still lets in and says nothing.
psql_here() { PGCONNECT_TIMEOUT=5 "$bin/psql" -X -q -v ON_ERROR_STOP=1 -h "$sockets" -p 5432 -U postgres -d postgres "$@"; }

# ---- Redis ----

redis_pid() { servers_in "$redis" | cut -d' ' -f1; }

start_redis() {
  make_sockets_folder
  if [ -n "$(redis_pid)" ] && redis_answers; then return; fi
  kill_leftovers "$redis"
  as_service mkdir -p -m 700 "$redis"
  local log=$folder/redis.log
  turn_log "$log"
  # Everything in it can be lost: no persistence, and the oldest makes room.
  write "$redis/redis.conf" <<CONF
# Written at each start by scripts/services.sh
port 0
unixsocket "$sockets/redis.sock"
unixsocketperm 700
dir "$redis"
logfile "$log"
daemonize yes
save ""
appendonly no
maxmemory 64mb
maxmemory-policy allkeys-lru
CONF
  if ! as_service redis-server "$redis/redis.conf" </dev/null >/dev/null 9>&- || ! eventually redis_answers; then
    as_service tail -n 20 "$log" >&2 || true
    die "Redis did not start; its log is $log"
  fi
}

redis_answers() { [ "$(redis-cli -s "$sockets/redis.sock" ping 2>/dev/null)" = PONG ]; }

eventually() {
  for _ in $(seq 100); do
    if "$@"; then return; fi
    sleep 0.05
  done
  return 1
}

main "$@"
