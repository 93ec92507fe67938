#!/bin/sh
# Shows this machine's files to the guest: read-only, whatever the guest tries, as this process itself can write nothing
# but the folder for its socket ($1). Ends when the guest does.
set -eu
parent=$(readlink "/proc/$PPID/ns/mnt") && [ "$parent" != "$(readlink /proc/self/ns/mnt)" ] || {
  echo 'files.sh: mounts change here, so it must be started by unshare --mount' >&2
  exit 1
}

mount -o remount,bind,ro /
while read -r _ _ _ _ target _; do
  # Some, such as those of namespaces, cannot be; nothing of them can be written either.
  mount -o remount,bind,ro "$target" 2>/dev/null || true
done </proc/self/mountinfo
mount --bind "$1" "$1"
mount -o remount,bind,rw "$1"
# Each file that the guest has seen takes a descriptor; some thousands must do where more are not granted.
ulimit -n 1000000 2>/dev/null || true
# virtiofsd wants a lock file in /run.
mount -t tmpfs run /run
exec /usr/lib/qemu/virtiofsd --socket-path="$1/files.sock" --rlimit-nofile=0 \
  -o source=/ -o sandbox=chroot -o cache=always -o xattr -o log_level=warn
