#!/bin/bash
# make bench: what the server can carry, on services of its own. bench.sh [--quick] [GROUP...]; bench/src/main.rs says more.

. "$(dirname "$0")/server.sh"
scripts/packages.sh build services load

# The limit is only one if it is built from the same libraries.
locked() { sed -n "/^name = \"$2\"$/{n;s/^version = \"\(.*\)\"/\1/p}" "$1"; }
for crate in actix-web actix-http actix-ws bcrypt libmimalloc-sys tokio; do
  version=$(locked Cargo.lock "$crate")
  [ "$(locked bench/Cargo.lock "$crate")" = "$version" ] ||
    die "bench/ has another $crate than the server: cargo update --manifest-path bench/Cargo.toml -p $crate --precise $version"
done

make_local_folder
exec 8>"$local_folder/bench.users"
flock -n 8 || die "make bench runs already"
leave() {
  # Its data is worth nothing.
  scripts/services.sh destroy bench 8>&-
}
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

target=$(target_folder)
cargo build --release --locked --bin order-tracker 8>&-
cargo build --release --locked --manifest-path bench/Cargo.toml --target-dir "$target/bench" 8>&-

# The peer's packages; their scripts are not needed.
if [ ! -e bench/peer-express/node_modules/.package-lock.json ] ||
  [ bench/peer-express/package-lock.json -nt bench/peer-express/node_modules/.package-lock.json ]; then
  npm --prefix bench/peer-express ci --ignore-scripts --no-audit --no-fund >/dev/null
fi

# Always from nothing: what earlier runs have left would change the figures.
scripts/services.sh destroy bench 8>&-
scripts/services.sh start bench 8>&-
eval "$(scripts/services.sh env bench)"
ORDER_TRACKER=$target/release/order-tracker
POSTGRES_PROGRAMS=$(postgres_bin)
COMMIT=$(git rev-parse --short HEAD 2>/dev/null || echo 'no commit')
export ORDER_TRACKER POSTGRES_PROGRAMS COMMIT

# A socket is an open file, in whoever opens it and in the server.
ulimit -n "$(ulimit -Hn)"
[ "$(ulimit -n)" = unlimited ] || [ "$(ulimit -n)" -ge 16000 ] || die "a process may open $(ulimit -n) files here; 16,000 are needed"

# Where no .env is, and where the results are kept.
(cd bench && exec "$target/bench/release/bench" run "$@" 8>&-)
