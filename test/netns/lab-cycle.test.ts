/** Whole labs through the command line, with the built program: up, use, faults, down, and every way to end early. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, beforeEach, describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { eventually } from './agent-nodes.ts'
import { LabCommand } from './lab-command.ts'
import { labSuite } from './lab-suite.ts'

const labs = new LabCommand()
after(() => labs.close())

labSuite('namespace')

describe('a lab', () => {
  beforeEach(async () => {
    if (!labs.exists('a'))
      await labs.result('lab', 'up', '--name', 'a', '--nodes', '2', '--pods-per-node', '1')
  })
  after(() => labs.result('lab', 'down', '--name', 'a'))

  it('runs its agents without root, with one capability', () => {
    const state = JSON.parse(readFileSync(join(labs.directory('a'), 'state.json'), 'utf8'))
    const agents = state.processes.filter((one: { role: string }) => one.role.startsWith('agent'))
    assert.equal(agents.length, 2)
    for (const { pid } of agents) {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8')
      assert.match(status, /^Uid:\t64113\t64113\t64113\t64113$/m)
      for (const set of ['CapPrm', 'CapEff', 'CapBnd', 'CapInh', 'CapAmb'])
        assert.match(status, new RegExp(`^${set}:\\t0000000000001000$`, 'm'))
      assert.match(status, /^NoNewPrivs:\t1$/m)
    }
  })

  it('has nodes that say how they do, and which peer does not answer', async () => {
    const status = async () => {
      const program = join(import.meta.dirname, '..', '..', 'dist', 'podlace.mjs')
      const inNode = [process.execPath, program, 'status', '--json']
      return JSON.parse((await labs.run('lab', 'exec', '--name', 'a', 'node-1', '--', ...inNode)).stdout)
    }
    const peerIs = (state: string) =>
      eventually(
        `the peer to be ${state}`,
        async () => (await status()).peers[0].state === state || undefined,
      )
    await peerIs('up')
    await labs.result('lab', 'fault', 'partition', '--name', 'a', 'node-2')
    await peerIs('down')
    const { findings } = (await status()).status
    assert.equal(findings[0].about, 'Node node-2')
    assert.match(findings[0].text, /does not answer at all/)
    await labs.result('lab', 'fault', 'partition', '--heal', '--name', 'a', 'node-2')
    await peerIs('up')
  })

  it('stands beside another one', async () => {
    await labs.result('lab', 'up', '--name', 'b', '--nodes', '2', '--pods-per-node', '1', '--segments', '2')
    assert.ok((await labs.result('lab', 'check', '--name', 'b')).ok)
    await labs.result('lab', 'down', '--name', 'b')
    labs.assertNothingLeft('b')
    assert.ok((await labs.result('lab', 'check', '--name', 'a')).ok)
  })

  it('is not changed by a second up', async () => {
    const state = readFileSync(join(labs.directory('a'), 'state.json'), 'utf8')
    const { status, stderr } = await labs.run('lab', 'up', '--name', 'a')
    assert.equal(status, 1)
    assert.match(stderr, /lab a is up already .* nothing was changed.* lab down --name a/)
    assert.equal(readFileSync(join(labs.directory('a'), 'state.json'), 'utf8'), state)
  })
})

/** Waits until the lab being made has this many processes. */
const processes = async (count: number) => {
  while (labs.processes('b').length < count) await delay(2)
}

describe('an up that does not end well', () => {
  for (const [signal, status, count] of [
    ['SIGINT', 130, 1],
    ['SIGTERM', 143, 4],
    ['SIGINT', 130, 7],
  ] as const) {
    it(`undoes all after ${signal} with ${count} processes there`, async () => {
      const child = labs.start('lab', 'up', '--name', 'b')
      const closed = once(child, 'close')
      await processes(count)
      child.kill(signal)
      assert.deepEqual(await closed, [status, null])
      labs.assertNothingLeft('b')
    })
  }

  it('leaves what down can remove when it is killed', async () => {
    const child = labs.start('lab', 'up', '--name', 'b')
    const closed = once(child, 'close')
    await processes(5)
    child.kill('SIGKILL')
    await closed
    const again = await labs.run('lab', 'up', '--name', 'b')
    assert.equal(again.status, 1)
    assert.match(again.stderr, /not whole .*lab down --name b/)
    assert.equal((await labs.run('lab', 'down', '--name', 'b')).status, 0)
    labs.assertNothingLeft('b')
  })

  it('is removed though its state is damaged', async () => {
    await labs.result('lab', 'up', '--name', 'b', '--nodes', '1')
    writeFileSync(join(labs.directory('b'), 'state.json'), '{"version"')
    const { status, stderr } = await labs.run('lab', 'status', '--name', 'b')
    assert.equal(status, 1)
    assert.match(stderr, /state\.json cannot be used/)
    assert.equal((await labs.run('lab', 'down', '--name', 'b')).status, 0)
    labs.assertNothingLeft('b')
    assert.ok(!existsSync(labs.root)) // the last lab takes the directory of labs along
  })
})
