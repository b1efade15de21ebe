#!/bin/bash
# Installs Debian packages, as root: apt-install.sh PACKAGE...
# Only the programs are wanted. Debian's packages would also create and start servers, now and at each boot, on
# ports that may be somebody's: this holds them back, and leaves services that are there already as they are.

set -euo pipefail
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

policy=/usr/sbin/policy-rc.d
saved=$policy.before-order-tracker
cluster_folder=/etc/postgresql-common/createcluster.d
cluster_conf=$cluster_folder/order-tracker.conf

# Two clones may come here at the same time.
exec 9>/run/order-tracker-apt.lock
flock 9

restore() {
  if [ -e "$saved" ]; then mv -f "$saved" "$policy"
  elif grep -qs order-tracker "$policy"; then rm -f "$policy"; fi
  rm -f "$cluster_conf"
  rmdir --ignore-fail-on-non-empty "$cluster_folder" 2>/dev/null || true
}
trap restore EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
restore # what a killed run may have left

# Asked by invoke-rc.d and by systemd's helper before they start or restart anything; 101 is "no".
if [ -e "$policy" ]; then mv "$policy" "$saved"; fi
cat >"$policy" <<'POLICY'
#!/bin/sh
# Written by order-tracker's make for the time of one apt-get install, and removed after it.
exit 101
POLICY
chmod 755 "$policy"

# No cluster "main".
mkdir -p "$cluster_folder"
echo 'create_main_cluster = false' >"$cluster_conf"

redis_was_there=$(dpkg-query -W -f '${db:Status-Status}' redis-server 2>/dev/null || true)

apt-get -q -o DPkg::Lock::Timeout=300 update
# Closed: the lock must not stay with anything that apt leaves running.
apt-get -q -y -o DPkg::Lock::Timeout=300 --no-install-recommends install "$@" </dev/null 9>&-

if [ "$redis_was_there" != installed ] && [ -e /lib/systemd/system/redis-server.service ]; then
  # Nor at the next boot.
  deb-systemd-helper disable redis-server.service >/dev/null 2>&1 || true
  update-rc.d redis-server disable >/dev/null 2>&1 || true
  if [ -d /run/systemd/system ]; then systemctl daemon-reload || true; fi
  echo "Redis is installed, its system service is off; to use that too: systemctl enable --now redis-server" >&2
fi
