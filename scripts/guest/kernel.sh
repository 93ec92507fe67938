#!/usr/bin/env bash
# Fetches a Debian kernel for the guest, once, and prints the folder that holds it: .cache/guest/VERSION with `vmlinuz`
# and `modules`. Nothing is installed: the package is only unpacked. Needs apt-get, and network the first time.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export PATH="$PATH:/usr/sbin:/sbin"
cache=$PWD/.cache/guest

# Names that stand for the newest kernel of their kind. The cloud kernel is a third of the other and has all we need.
METAPACKAGES=(linux-image-6.12-cloud-amd64 linux-image-cloud-amd64 linux-image-6.12-amd64 linux-image-amd64)

say() {
  printf 'guest: %s\n' "$*" >&2
}

# The folder of the kernel that was fetched last, if there is one.
cached() {
  local found
  # shellcheck disable=SC2012 # versions have no strange characters
  found=$(ls -1td "$cache"/*/modules 2>/dev/null | head -n 1)
  [ -n "$found" ] && dirname "$found"
}

# The package that a metapackage stands for now.
package_of() {
  apt-cache depends --no-recommends --no-suggests "$1" 2>/dev/null |
    sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1
}

# fetch PACKAGE: leaves it unpacked in its folder, or fails. A kernel whose root cannot be virtiofs is of no use.
fetch() {
  local version=${1#linux-image-} work
  work=$(mktemp -d "$cache/fetch-XXXXXX")
  # shellcheck disable=SC2064 # the folder of now
  trap "rm -rf '$work'" EXIT
  (cd "$work" && apt-get -q download "$1" >&2 2>/dev/null) || return 1
  dpkg-deb --extract "$work"/*.deb "$work" || return 1
  grep -q '^CONFIG_VIRTIO_FS=y' "$work/boot/config-$version" || return 1
  depmod -b "$work" "$version" || return 1
  mkdir "$work/kernel"
  mv "$work/boot/vmlinuz-$version" "$work/kernel/vmlinuz"
  mv "$work/lib/modules/$version" "$work/kernel/modules"
  # Another run may have been faster; its result is as good.
  mv -T "$work/kernel" "$cache/$version" 2>/dev/null || [ -e "$cache/$version/modules" ]
}

newest() {
  local metapackage package
  for metapackage in "${METAPACKAGES[@]}"; do
    package=$(package_of "$metapackage")
    [ -n "$package" ] || continue
    say "fetching $package"
    (fetch "$package") && return 0
    say "$package cannot be fetched, or cannot start from virtiofs"
  done
  return 1
}

mkdir -p "$cache"
cached && exit 0
newest || {
  say 'reading the lists of packages anew'
  apt-get -q -o DPkg::Lock::Timeout=300 update >&2 && newest
} || {
  say 'no kernel: one of these Debian packages must be had by apt-get:' "${METAPACKAGES[@]}"
  exit 1
}
cached
