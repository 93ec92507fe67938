import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { settle } from '../base/index.ts'
import { createAtOnce } from '../ipam/testing.ts'
import { AgentBench } from './testing/agent-bench.ts'

let dataDir: string
let bench: AgentBench
let writing: PromiseWithResolvers<void>

/** Lease files are made when the test says so. */
beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'podlace-lease-'))
  writing = Promise.withResolvers<void>()
  const made = async (path: string, content: string) => {
    await writing.promise
    await createAtOnce(path, content).done
  }
  bench = await AgentBench.start({
    createFile: (path, content) => ({ isDone: () => false, done: made(path, content) }),
  })
  await bench.quiet()
})
afterEach(async () => {
  await bench.stop()
  rmSync(dataDir, { recursive: true })
})

async function someTurns(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await settle()
}

const lease = () => join(dataDir, 'pods', '10.9.0.2')
const ipam = () => ({ type: 'host-local', subnet: '10.9.0.0/24', dataDir })
const CALLS = { bridge: { type: 'bridge', isGateway: true }, 'host-local alone': { type: 'host-local' } }

for (const [what, plugin] of Object.entries(CALLS)) {
  const call = (command: string) => bench.call(command, 'a', { ...plugin, ipam: ipam() })
  describe(what, () => {
    test('an ADD is answered when its lease is on disk', async () => {
      let answered = false
      const adding = call('ADD').finally(() => {
        answered = true
      })
      await someTurns()
      assert.ok(!answered && !existsSync(lease()))
      writing.resolve()
      const { result } = await adding
      assert.equal(result?.ips?.[0]?.address, '10.9.0.2/24')
      assert.ok(existsSync(lease()))
      assert.equal((await call('DEL')).error, undefined)
      assert.ok(!existsSync(lease()))
    })

    test('a DEL that comes meanwhile leaves nothing', async () => {
      const adding = call('ADD')
      await someTurns()
      const deleting = call('DEL')
      await someTurns()
      writing.resolve()
      await adding
      assert.equal((await deleting).error, undefined)
      assert.ok(!existsSync(lease()))
      assert.equal(bench.agent.attached.size, 0)
    })

    test('one that cannot be written is an ADD that fails with code 5 and leaves nothing', async () => {
      const before = bench.hostState()
      const adding = call('ADD')
      writing.reject(Object.assign(new Error('no space left on device'), { code: 'ENOSPC' }))
      const { error } = await adding
      assert.equal(error?.code, 5)
      assert.match(error?.msg ?? '', /the disk is full/)
      assert.equal(bench.agent.attached.size, 0)
      assert.deepEqual(bench.hostState(), before)
      const leases = readdirSync(join(dataDir, 'pods')).filter(name => name.startsWith('10.'))
      assert.deepEqual(leases, [])
    })
  })
}
