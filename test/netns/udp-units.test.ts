/** Parts of the UDP tunnel process by themselves, under sanitizers: what the whole cannot be brought to at will. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { before, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

before(() => void execFileSync('sh', ['native/build.sh', 'udp-units'], { cwd: root }))

const run = (program: string) =>
  execFileSync(`${root}/build/podlace-udp-${program}`, { encoding: 'utf8', timeout: 10_000 })

test('each segment bears its own header, also when sends run out in the middle of a super-packet', () => {
  assert.equal(run('batch'), '62 taken, 400 segments, 0 wrong\n')
})

test('a process that ends gives up its path before anybody sees it go, and starts the next', () => {
  assert.equal(run('close'), 'the path goes first\n')
})
