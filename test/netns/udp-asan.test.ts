/** The tests of the UDP tunnel once more with its process under AddressSanitizer and UBSan, which end it on a finding. */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const FILES = ['control', 'forwarding', 'hostile', 'offload', 'routing'].map(
  name => `test/netns/udp-${name}.test.ts`,
)

test('the tests of the UDP tunnel find no memory error', () => {
  execFileSync('sh', ['native/build.sh', 'udp-asan'], { cwd: root })
  const env = new Map(Object.entries(process.env))
  env.delete('NODE_TEST_CONTEXT')
  env.set('PODLACE_UDP', `${root}/build/podlace-udp-asan`)
  for (const file of FILES) {
    const child = spawnSync(process.execPath, [file], {
      cwd: root,
      env: Object.fromEntries(env),
      encoding: 'utf8',
      timeout: 120_000,
    })
    assert.equal(child.status, 0, `${file}\n${child.stdout}${child.stderr}`)
    assert.doesNotMatch(child.stderr, /Sanitizer/, file)
  }
})
