#!/usr/bin/env bash
# Installs what is missing and nothing else; quick when all is there.
#
#   setup.sh packages   npm packages (brings Node 24 along)
#   setup.sh build      + compiler, native parts, bundle
#   setup.sh demo       + tools the lab starts or is compared with
#   setup.sh test       + tools the tests compare with
#   setup.sh bench      + tools that set up by hand what is compared
#   setup.sh all        everything
#
# System packages are installed by apt-get, which needs root. Without root, or without apt-get, the message says
# what to install; everything else works as any user.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH="$PWD/node_modules/.bin:$PATH:/usr/sbin:/sbin"

level=${1:-all}
missing=()

fail() {
  printf 'setup: %s\n' "$@" >&2
  exit 1
}

# need PACKAGE PROBE: PROBE is a command's name, or a file if it starts with a slash.
need() {
  case $2 in
    /*) [ -e "$2" ] || missing+=("$1") ;;
    *) command -v "$2" >/dev/null || missing+=("$1") ;;
  esac
}

need_for_build() {
  need gcc cc
  need libc6-dev /usr/include/stdio.h
  need linux-libc-dev /usr/include/linux/netlink.h
  need musl-tools musl-gcc
}

need_for_demo() {
  need iproute2 ip
  need nftables nft
  need iperf3 iperf3
  need util-linux setpriv
  need procps ps
}

need_for_test() {
  need containernetworking-plugins /usr/lib/cni/bridge
  need iptables iptables
  need containerd containerd
  need runc runc
  need busybox-static /bin/busybox
  need podman podman
  need conmon conmon
  need qemu-system-x86 qemu-system-x86_64
  need qemu-system-common /usr/lib/qemu/virtiofsd
  need kmod depmod
  need ipvsadm ipvsadm
  need etcd-server etcd
  need etcd-client etcdctl
  need openssl openssl
}

need_for_bench() {
  need wireguard-tools wg
}

install_missing() {
  [ ${#missing[@]} -gt 0 ] || return 0
  local command="apt-get update && apt-get install -y --no-install-recommends ${missing[*]}"
  command -v apt-get >/dev/null ||
    fail "missing: ${missing[*]} (names of the Debian packages)" 'install them with the package manager of this machine, then try again'
  [ "$(id -u)" = 0 ] ||
    fail "missing: ${missing[*]}" 'run as root, then try again:' "    $command"
  echo "setup: installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  quietly apt-get -o DPkg::Lock::Timeout=300 update
  quietly apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "${missing[@]}"
}

# Shows a command's output only if it fails.
quietly() {
  local log
  log=$("$@" 2>&1 </dev/null) || {
    printf '%s\n' "$log" >&2
    fail "this failed: $*"
  }
}

# npm packages are there if the stamp names this package-lock.json, or if npm itself finished after it was written.
install_packages() {
  local stamp=node_modules/.podlace-lock wanted
  wanted=$(cksum <package-lock.json)
  [ -e "$stamp" ] && [ "$(<"$stamp")" = "$wanted" ] && return 0
  if [ ! -e node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
    command -v npm >/dev/null ||
      fail 'npm is missing; any Node from 20 on with its npm will do, Node 24 comes with the npm packages' \
        'get one from https://nodejs.org; the package nodejs of Debian 12 is Node 18, which is untested'
    echo 'setup: npm ci'
    # npm on a newer Node would leave a compile cache in /tmp.
    quietly env NODE_DISABLE_COMPILE_CACHE=1 npm ci --no-progress --loglevel=error
  fi
  printf '%s\n' "$wanted" >"$stamp"
}

check_node() {
  local version
  version=$(node -p 'process.versions.node' 2>/dev/null) ||
    fail 'no Node that runs: node_modules/.bin/node is for x86-64 Linux; elsewhere install Node 22.18 or newer'
  node -e 'const [a, b] = process.versions.node.split("."); process.exit(+a > 22 || (+a === 22 && +b >= 18) ? 0 : 1)' ||
    fail "Node $version is too old; 22.18 or newer is needed"
}

build() {
  sh native/build.sh
  node scripts/build.ts
}

case $level in
  packages) ;;
  build) need_for_build ;;
  demo) need_for_build && need_for_demo ;;
  test) need_for_build && need_for_demo && need_for_test ;;
  bench | all) need_for_build && need_for_demo && need_for_test && need_for_bench ;;
  *) fail "unknown level: $level" ;;
esac

# Two runs at once (make test in one terminal, make demo in another) take turns.
mkdir -p .cache
if command -v flock >/dev/null; then
  exec 9>.cache/setup.lock
  flock 9
fi

install_missing
install_packages
[ "$level" = packages ] && exit 0
check_node
build
