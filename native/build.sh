#!/bin/sh
# Builds build/podlace.node (cc, node-api-headers), build/podlace-cni and build/podlace-udp (musl-gcc, static). Rebuilds
# only what is older than its sources and says nothing when there is nothing to do.
#   native/build.sh         all three
#   native/build.sh addon   build/podlace.node only
#   native/build.sh shim    build/podlace-cni only
#   native/build.sh udp     build/podlace-udp only
#   native/build.sh asan    build/podlace-asan.node, for test/netns/sys-asan.test.ts
#   native/build.sh udp-asan  build/podlace-udp-asan, for test/netns/udp-asan.test.ts
#   native/build.sh udp-units  build/podlace-udp-batch and -close, for test/netns/udp-units.test.ts
#   native/build.sh spoiling-card  build/podlace-spoiling-card, for test/netns/spoilt-checksums.test.ts
set -eu
cd "$(dirname "$0")/.."

headers=node_modules/node-api-headers/include
warnings='-std=gnu11 -Wall -Wextra -Werror -Wshadow -Wvla'
# Its idle threads outlive a worker that alone had loaded it.
addon_flags="$warnings -fPIC -shared -fvisibility=hidden -Wl,-z,nodelete -I$headers"

say() { echo "native: $*" >&2; }
give_up() { say "$1"; exit 1; }

# True if $1 is missing or older than one of the files behind it.
stale() {
  target=$1
  shift
  [ -f "$target" ] || return 0
  [ -n "$(find "$@" native/build.sh -newer "$target" -print | head -n 1)" ]
}

# What is done with a file that was compiled, before it gets its name.
finish=:

# Compiles to a temporary name first: a reader never sees half a file, and a failed build keeps the old one.
compile() {
  target=$1
  shift
  say "$target"
  if ! "$@" -o "$target.$$" || ! $finish "$target.$$"; then
    rm -f "$target.$$"
    exit 1
  fi
  mv -f "$target.$$" "$target"
}

addon() {
  target=$1
  shift
  stale "$target" native/addon native/common || return 0
  command -v cc >/dev/null || give_up 'no C compiler: install gcc (apt-get install gcc libc6-dev linux-libc-dev)'
  [ -f "$headers/node_api.h" ] || give_up "no $headers/node_api.h: run npm ci"
  # shellcheck disable=SC2086
  compile "$target" cc $addon_flags "$@" native/addon/*.c native/common/*.c
}

# compile_static TARGET FLAGS AND SOURCES...
compile_static() {
  target=$1
  shift
  command -v musl-gcc >/dev/null || give_up 'no musl-gcc: install musl-tools (apt-get install musl-tools)'
  # The kernel's headers are not musl's: they come last, so that musl's own win.
  # shellcheck disable=SC2086
  compile "$target" musl-gcc $warnings -static -no-pie \
    -idirafter /usr/include -idirafter "/usr/include/$(cc -dumpmachine)" "$@"
}

udp() {
  stale build/podlace-udp native/udp || return 0
  compile_static build/podlace-udp -O3 -s -pthread native/udp/*.c
}

# compile_watched TARGET SOURCES...
# Headers of packets lie where the datagrams begin, at odd addresses too: that is no finding.
compile_watched() {
  target=$1
  shift
  # shellcheck disable=SC2086
  compile "$target" cc $warnings -O1 -g -pthread -fno-omit-frame-pointer -Inative/udp \
    -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-sanitize=alignment "$@"
}

udp_asan() {
  stale build/podlace-udp-asan native/udp || return 0
  compile_watched build/podlace-udp-asan native/udp/*.c
}

udp_units() {
  if stale build/podlace-udp-batch native/udp test/netns/udp-batch.c; then
    compile_watched build/podlace-udp-batch test/netns/udp-batch.c native/udp/outward.c native/udp/sending.c \
      native/udp/table.c native/udp/icmp.c
  fi
  stale build/podlace-udp-close native/udp test/netns/udp-close.c || return 0
  compile_watched build/podlace-udp-close test/netns/udp-close.c
}

spoiling_card() {
  stale build/podlace-spoiling-card test/netns/spoiling-card.c || return 0
  # shellcheck disable=SC2086
  compile build/podlace-spoiling-card cc $warnings -O1 test/netns/spoiling-card.c
}

shim() {
  stale build/podlace-cni native/shim native/common || return 0
  # The compiler's name.
  finish='strip --remove-section=.comment'
  compile_static build/podlace-cni -Os -s \
    -fno-asynchronous-unwind-tables -fno-stack-protector -ffunction-sections -fdata-sections \
    -Wl,--gc-sections -Wl,--build-id=none -flto -Wl,-z,noseparate-code -Wl,-z,norelro \
    native/shim/*.c native/common/*.c
  finish=:
}

mkdir -p build
case "${1:-all}" in
  all) addon build/podlace.node -O2 -s && shim && udp ;;
  addon) addon build/podlace.node -O2 -s ;;
  shim) shim ;;
  udp) udp ;;
  udp-asan) udp_asan ;;
  udp-units) udp_units ;;
  spoiling-card) spoiling_card ;;
  asan) addon build/podlace-asan.node -O1 -g -fsanitize=address,undefined -fno-omit-frame-pointer ;;
  *) give_up "unknown target $1: all, addon, shim, udp, asan, udp-asan, udp-units or spoiling-card" ;;
esac
