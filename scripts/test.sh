#!/usr/bin/env bash
# Runs the checks and the tests. The first stage that fails is the last thing printed.
#
#   test.sh static   types, lint, format, floors
#   test.sh unit     tests without root: src, scripts, bench, test/repo
#   test.sh netns    tests in network namespaces, one file after the other; needs root
#   test.sh all      everything, then a look around: nothing may be left behind
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH="$PWD/node_modules/.bin:$PATH:/usr/sbin:/sbin"
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
    src/**/*.test.ts scripts/**/*.test.ts bench/**/*.test.ts test/repo/**/*.test.ts
}

needs_root() {
  [ "$(id -u)" = 0 ] && return 0
  echo 'The tests in test/netns make network namespaces and need root: run `make test` as root.'
  echo 'Without root, `npm run test:unit` runs everything else.'
  return 1
}

netns() {
  stage 'root for the namespace tests' needs_root
  stage 'namespace tests' node_tests 1 600000 test/netns/**/*.test.ts
}

# Whatever happens, the look around comes after the tests.
all() {
  static
  mkdir -p .cache
  export PODLACE_TEST_RUN="podlace-test-$$"
  local before=.cache/leftovers-$$.json failed=0
  node scripts/leftovers.ts snapshot "$before" || finish 'FAILED at the first look around' 1
  (unit) || failed=1
  [ $failed = 1 ] || (netns) || failed=1
  echo '== nothing left behind'
  node scripts/leftovers.ts compare "$before" || failed=2
  rm -f "$before"
  case $failed in
    0) finish 'everything passed, nothing is left behind' 0 ;;
    1) finish 'FAILED; see above' 1 ;;
    2) finish 'FAILED: something was left behind; see above' 1 ;;
  esac
}

case $what in
  static) static && finish 'static checks passed' 0 ;;
  unit) unit && finish 'unit tests passed' 0 ;;
  netns) netns && finish 'namespace tests passed' 0 ;;
  all) all ;;
  *) echo "test: unknown part: $what (static, unit, netns, all)" >&2 && exit 2 ;;
esac
