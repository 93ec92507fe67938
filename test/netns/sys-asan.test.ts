/**
 * The addon's own tests once more under AddressSanitizer and UBSan: overruns, use after free, leaks of no
 * object.
 */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Together they call every host function of the addon but `mount`, well and badly. */
const FILES = [
  'src/sys/errors.test.ts',
  'src/sys/file-aside.test.ts',
  'src/sys/error-queue-socket.test.ts',
  'src/sys/flock.test.ts',
  'src/sys/frames.test.ts',
  'src/sys/netns.test.ts',
  'src/sys/unix-server.test.ts',
  'test/netns/sys-netns.test.ts',
  'test/netns/sys-events.test.ts',
  'test/netns/sys-packets.test.ts',
  'test/netns/sys-peers.test.ts',
  'test/netns/sys-probes.test.ts',
  'test/netns/sys-descriptors.test.ts',
]

test('the tests of the sys room find no memory error', () => {
  execFileSync('sh', ['native/build.sh', 'asan'], { cwd: root })
  const library = execFileSync('cc', ['-print-file-name=libasan.so'], { encoding: 'utf8' }).trim()
  const env = new Map(Object.entries(process.env))
  env.delete('NODE_TEST_CONTEXT')
  env.set('LD_PRELOAD', library)
  env.set('PODLACE_ADDON', `${root}/build/podlace-asan.node`)
  // Node itself frees little at exit; what the addon forgets is looked for by the descriptor tests.
  env.set('ASAN_OPTIONS', 'detect_leaks=0:halt_on_error=1')
  env.set('UBSAN_OPTIONS', 'halt_on_error=1:print_stacktrace=1')
  for (const file of FILES) {
    const child = spawnSync(process.execPath, [file], {
      cwd: root,
      env: Object.fromEntries(env),
      encoding: 'utf8',
      timeout: 120_000,
    })
    assert.equal(child.status, 0, `${file}\n${child.stdout}${child.stderr}`)
  }
})
