#!/usr/bin/env bash
# demo.sh [BACKEND [KEEP [GUEST]]]: the demo, after a look at who runs it and at what is missing. KEEP and GUEST are
# empty, 0 or 1; with GUEST it runs on a kernel of its own, which has what this one may lack, and is slow.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH="$PWD/node_modules/.bin:$PATH:/usr/sbin:/sbin"

backend=${1:-vxlan}
keep=${2:-}
guest=${3:-}
[ "$keep" != 0 ] || keep=
[ "$guest" != 0 ] || guest=

fail() {
  printf 'demo: %s\n' "$@" >&2
  exit 1
}

case $backend in
  vxlan | host-gw | udp | ipip | wireguard) ;;
  *) fail "there is no backend $backend: BACKEND is vxlan, host-gw, udp, ipip or wireguard" ;;
esac
[ "$(id -u)" = 0 ] || fail 'the lab makes network namespaces, which needs root; run as root: make demo'
if [ -n "$guest" ]; then
  [ -z "$keep" ] || fail 'KEEP=1 and GUEST=1: the guest ends with the demo, and nothing in it can be kept'
  bash scripts/setup.sh test
  PODLACE_BUNDLE=1 exec node scripts/guest/run.ts node bin/podlace demo --backend "$backend"
fi
bash scripts/setup.sh demo

options=(--backend "$backend")
if [ -n "$keep" ]; then
  options+=(--keep)
  # Said before, since the demo takes this process over: a signal must reach it and nobody else.
  printf 'The lab will stay up. Its commands are shown as "podlace ..."; in this folder type "bin/podlace ...".\n\n'
fi
PODLACE_BUNDLE=1 exec node bin/podlace demo "${options[@]}"
