#!/usr/bin/env bash
# Runs the checks and the tests, and stops at the first stage that fails. The last line says what it came to.
#
#   test.sh static   types, lint, format, floors
#   test.sh unit     tests without root: src, scripts, bench, test/repo, test/fuzz
#   test.sh sim      the simulation, 30 s with a fresh seed
#   test.sh netns    tests in network namespaces, two files at a time; needs root
#   test.sh cri      container runtimes call our plugins; needs root
#   test.sh peers    tests with servers of others: etcd; needs root
#   test.sh guest    tests on a kernel of their own, emulated, all or those named behind it; needs root
#   test.sh all      everything, then a look around: nothing may be left behind
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH="$PWD/node_modules/.bin:$PATH:/usr/sbin:/sbin"
# biome makes a folder for its logs, even if it writes none.
export XDG_CACHE_HOME="$PWD/.cache"
shopt -s globstar nullglob

what=${1:-all}
started=$SECONDS

finish() {
  echo
  echo "test: $1 ($((SECONDS - started)) s)"
  exit "$2"
}

# stage NAME COMMAND...: quiet commands stay quiet; a failure ends the run.
stage() {
  local name=$1
  shift
  echo "== $name"
  "$@" || finish "FAILED at $name" 1
}

static() {
  stage 'types' tsc -p .
  stage 'lint' oxlint --deny-warnings
  stage 'format' biome check --diagnostic-level=warn .
  stage 'floors' node scripts/check-floors.ts
}

# node_tests CONCURRENCY TIMEOUT_MS FILE...
node_tests() {
  local concurrency=$1 timeout=$2
  shift 2
  [ $# -gt 0 ] || {
    echo 'no test files'
    return 1
  }
  node --test --test-reporter=spec --test-concurrency="$concurrency" --test-timeout="$timeout" "$@"
}

unit() {
  stage 'unit tests' node_tests 2 90000 \
    src/**/*.test.ts scripts/**/*.test.ts bench/**/*.test.ts test/repo/**/*.test.ts test/fuzz/**/*.test.ts
}

sim() {
  stage 'simulation' node src/sim/main.ts --minutes 0.5
}

needs_root() {
  [ "$(id -u)" = 0 ] && return 0
  echo 'The tests in test/netns, test/cri, test/peers and test/guest need root: run `make test` as root.'
  echo 'Without root, `npm run test:unit` runs everything else.'
  return 1
}

netns() {
  stage 'root for the namespace tests' needs_root
  stage 'namespace tests' node_tests 2 600000 test/netns/**/*.test.ts
}

cri() {
  stage 'root for the container runtimes' needs_root
  stage 'container runtimes' node_tests 1 600000 test/cri/**/*.test.ts
}

peers() {
  stage 'root for servers of others' needs_root
  stage 'servers of others' node_tests 1 600000 test/peers/**/*.test.ts
}

# guest [FILE...]
guest() {
  stage 'root for the guest' needs_root
  stage 'guest tests' node scripts/guest/run-tests.ts "$@"
}

# Whatever the tests come to, the look around follows; what failed is said again at the very end.
all() {
  static
  mkdir -p .cache
  export PODLACE_TEST_RUN="podlace-test-$$"
  local before=.cache/leftovers-$$.json failed=()
  node scripts/leftovers.ts snapshot "$before" || finish 'FAILED at the first look around' 1
  (unit) || failed+=('unit tests')
  [ ${#failed[@]} -gt 0 ] || (sim) || failed+=('simulation')
  [ ${#failed[@]} -gt 0 ] || (netns) || failed+=('namespace tests')
  [ ${#failed[@]} -gt 0 ] || (cri) || failed+=('container runtimes')
  [ ${#failed[@]} -gt 0 ] || (peers) || failed+=('servers of others')
  [ ${#failed[@]} -gt 0 ] || (guest) || failed+=('guest tests')
  echo '== nothing left behind'
  node scripts/leftovers.ts compare "$before" || failed+=('look around: something was left behind')
  rm -f "$before"
  [ ${#failed[@]} -eq 0 ] && finish 'everything passed, nothing is left behind' 0
  local IFS=';'
  finish "FAILED: ${failed[*]}; see above" 1
}

case $what in
  static) static && finish 'static checks passed' 0 ;;
  unit) unit && finish 'unit tests passed' 0 ;;
  sim) sim && finish 'the simulation found nothing' 0 ;;
  netns) netns && finish 'namespace tests passed' 0 ;;
  cri) cri && finish 'the container runtimes work' 0 ;;
  peers) peers && finish 'the servers of others understand us' 0 ;;
  guest) guest "${@:2}" && finish 'guest tests passed' 0 ;;
  all) all ;;
  *) echo "test: unknown part: $what (static, unit, sim, netns, cri, peers, guest, all)" >&2 && exit 2 ;;
esac
