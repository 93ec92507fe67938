import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { hasCode, systemClock } from '../base/index.ts'
import { withLabLock } from './directory.ts'

let parent = ''
let root = ''
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'podlace-lock-'))
  root = join(parent, 'labs')
})
afterEach(() => rmSync(parent, { recursive: true, force: true }))

const options = (timeoutMs = 5_000) => ({
  clock: systemClock,
  signal: new AbortController().signal,
  timeoutMs,
})

describe('withLabLock', () => {
  it('lets one at a time in, and leaves no trace', async () => {
    const alive = setInterval(() => undefined, 1_000)
    let inside = 0
    const enter = () =>
      withLabLock(root, 'x', options(), async () => {
        inside += 1
        assert.equal(inside, 1)
        await new Promise(resolve => setImmediate(resolve))
        inside -= 1
      })
    await Promise.all(Array.from({ length: 5 }, enter))
    clearInterval(alive)
    assert.ok(!existsSync(root))
  })

  it('does not keep another lab out', async () => {
    await withLabLock(root, 'x', options(), () =>
      withLabLock(root, 'y', options(0), async () => {
        assert.deepEqual(readdirSync(root).sort(), ['.x.lock', '.y.lock'])
      }),
    )
  })

  it('says who is in the way when it has waited long enough', async () => {
    await withLabLock(root, 'x', options(), () =>
      assert.rejects(
        withLabLock(root, 'x', options(0), async () => undefined),
        error => hasCode(error, 'lab.busy') && /another command is changing lab x/.test(error.message),
      ),
    )
  })

  it('is let go when the task fails', async () => {
    const failing = withLabLock(root, 'x', options(), () => Promise.reject(new Error('task')))
    await assert.rejects(failing, /task/)
    await withLabLock(root, 'x', options(0), async () => undefined)
    assert.ok(!existsSync(root))
  })
})
