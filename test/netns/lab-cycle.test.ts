/** Whole labs through the command line, with the built program: up, use, faults, down, and every way to end early. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { systemClock } from '../../src/base/index.ts'
import { killAgent, restartAgent } from '../../src/lab/faults/agent.ts'
import { Lab } from '../../src/lab/lab.ts'
import { LAB_VARIABLE } from '../../src/lab/layout.ts'
import { checkPod } from '../../src/lab/pods.ts'
import { processesWithEnvironment } from '../../src/lab/process-identity.ts'
import { POD_NETWORK } from '../../src/lab/runtime.ts'

const program = join(import.meta.dirname, '..', '..', 'dist', 'podlace.mjs')

let labs = ''
before(() => {
  labs = mkdtempSync(join(tmpdir(), 'podlace-labs-'))
})
after(async () => {
  for (const name of ['a', 'b']) await podlace('lab', 'down', '--name', name)
  rmSync(labs, { recursive: true, force: true })
})

function start(...args: string[]) {
  const env = { ...process.env, PODLACE_LABS: labs, NO_COLOR: '1' }
  return spawn(process.execPath, [program, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
}

async function podlace(...args: string[]) {
  const child = start(...args)
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', chunk => (stdout += String(chunk)))
  child.stderr.on('data', chunk => (stderr += String(chunk)))
  const [status] = await once(child, 'close')
  return { status, stdout, stderr }
}

/** Runs a command that must succeed, and reads its JSON. */
async function result(...args: string[]) {
  const end = args.includes('--') ? args.indexOf('--') : args.length
  const { status, stdout, stderr } = await podlace(...args.toSpliced(end, 0, '-o', 'json'))
  assert.equal(status, 0, `${args.join(' ')}: ${stderr}`)
  return JSON.parse(stdout)
}

function openLab(name: string): Lab {
  return Lab.open(
    {
      root: labs,
      packageRoot: join(import.meta.dirname, '..', '..'),
      nodeBinary: process.execPath,
      clock: systemClock,
      random: Math.random,
      signal: new AbortController().signal,
      progress: () => undefined,
    },
    name,
  )
}

const marked = (name: string) => processesWithEnvironment(LAB_VARIABLE, join(labs, name))

function assertNothingLeft(name: string) {
  assert.deepEqual(marked(name), [])
  assert.ok(!existsSync(join(labs, name)))
}

describe('a lab', () => {
  beforeEach(async () => {
    if (!existsSync(join(labs, 'a')))
      await result('lab', 'up', '--name', 'a', '--nodes', '2', '--pods-per-node', '1')
  })

  it('is up: every pod reaches every pod, and a command runs in one', async () => {
    const report = await result('lab', 'check', '--name', 'a')
    assert.ok(report.ok)
    assert.equal(report.pairs.length, 4)
    const { exitCode, stdout } = await result('lab', 'exec', 'web-1', '--name', 'a', '--', 'ip', 'route')
    assert.equal(exitCode, 0)
    assert.match(stdout, /^default via 10\.244\.\d+\.1 dev eth0/)
    const trace = await result('lab', 'trace', 'web-1', 'web-2', '--name', 'a')
    assert.equal(trace.verdict, 'reached')
  })

  it('answers a runtime: STATUS, CHECK, and GC that takes only what is not alive', async () => {
    const lab = openLab('a')
    const [node] = lab.state.nodes
    assert.ok(node !== undefined)
    const [pod] = lab.podsOf(node)
    assert.ok(pod !== undefined)
    const runtime = lab.runtime(node)
    await runtime.status(POD_NETWORK)
    await checkPod(lab, pod)
    await runtime.gc(POD_NETWORK, [{ containerID: pod.containerId, ifname: 'eth0' }])
    await checkPod(lab, pod)
    await killAgent(lab, node)
    await assert.rejects(runtime.status(POD_NETWORK), /refused STATUS with code 50/)
    await restartAgent(lab, node)
    await checkPod(lab, pod)
    await podlace('lab', 'exec', node.name, '--name', 'a', '--', 'ip', 'link', 'del', 'cni0')
    await lab.waitFor('the bridge to be back', `agent ${node.name}`, 5_000, () =>
      checkPod(lab, pod).then(() => true),
    )
  })

  it('runs its agents without root, with one capability', () => {
    const state = JSON.parse(readFileSync(join(labs, 'a', 'state.json'), 'utf8'))
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

  it('stands beside another one', async () => {
    await result('lab', 'up', '--name', 'b', '--nodes', '2', '--pods-per-node', '1', '--segments', '2')
    assert.ok((await result('lab', 'check', '--name', 'b')).ok)
    await result('lab', 'down', '--name', 'b')
    assertNothingLeft('b')
    assert.ok((await result('lab', 'check', '--name', 'a')).ok)
  })

  it('is not changed by a second up', async () => {
    const state = readFileSync(join(labs, 'a', 'state.json'), 'utf8')
    const { status, stderr } = await podlace('lab', 'up', '--name', 'a')
    assert.equal(status, 1)
    assert.match(stderr, /lab a is up already .* nothing was changed.* lab down --name a/)
    assert.equal(readFileSync(join(labs, 'a', 'state.json'), 'utf8'), state)
  })

  it('grows and shrinks', async () => {
    const pod = await result('lab', 'run', 'extra', '--node', 'node-2', '--name', 'a')
    assert.equal(pod.node, 'node-2')
    const node = await result('lab', 'add-node', '--name', 'a')
    await result('lab', 'run', 'far', '--node', node.name, '--name', 'a')
    const report = await result('lab', 'check', '--name', 'a')
    assert.ok(report.ok)
    assert.equal(report.pods.length, 4)
    assert.match((await podlace('lab', 'run', 'far', '--name', 'a')).stderr, /has a pod far already/)
    await result('lab', 'remove-node', node.name, '--name', 'a')
    const status = await result('lab', 'status', '--name', 'a')
    assert.equal(status.nodes.length, 2)
    assert.ok((await result('lab', 'check', '--name', 'a')).ok)
  })

  it('heals what is broken in it', async () => {
    const route = await result('lab', 'fault', 'delete-route', 'node-1', '--name', 'a')
    assert.match(route.what, /^route 10\.244\./)
    const fdb = await result('lab', 'fault', 'delete-fdb', 'node-1', '--name', 'a')
    assert.match(fdb.what, /^forwarding entry/)
    const killed = await result('lab', 'fault', 'kill-agent', 'node-2', '--name', 'a')
    assert.equal(killed.writes, 0)
    assert.ok((await result('lab', 'check', '--name', 'a')).ok)
  })

  it('says which of its members there are when one is not known', async () => {
    const { status, stderr } = await podlace('lab', 'exec', 'web-9', '--name', 'a', '--', 'true')
    assert.equal(status, 1)
    assert.match(stderr, /lab a has no pod "web-9"; it has web-/)
  })

  it('goes without a trace, half dead too', async () => {
    const [first, second] = marked('a')
    for (const one of [first, second]) if (one !== undefined) process.kill(one.pid, 'SIGKILL')
    assert.equal((await podlace('lab', 'down', '--name', 'a')).status, 0)
    assertNothingLeft('a')
    assert.match((await podlace('lab', 'down', '--name', 'a')).stderr, /there is no lab "a"/)
  })
})

/** Waits until the lab being made has this many processes. */
const processes = async (count: number) => {
  while (marked('b').length < count) await delay(2)
}

describe('an up that does not end well', () => {
  for (const [signal, status, count] of [
    ['SIGINT', 130, 1],
    ['SIGTERM', 143, 4],
    ['SIGINT', 130, 7],
  ] as const) {
    it(`undoes all after ${signal} with ${count} processes there`, async () => {
      const child = start('lab', 'up', '--name', 'b')
      const closed = once(child, 'close')
      await processes(count)
      child.kill(signal)
      assert.deepEqual(await closed, [status, null])
      assertNothingLeft('b')
    })
  }

  it('leaves what down can remove when it is killed', async () => {
    const child = start('lab', 'up', '--name', 'b')
    const closed = once(child, 'close')
    await processes(5)
    child.kill('SIGKILL')
    await closed
    const again = await podlace('lab', 'up', '--name', 'b')
    assert.equal(again.status, 1)
    assert.match(again.stderr, /not whole .*lab down --name b/)
    assert.equal((await podlace('lab', 'down', '--name', 'b')).status, 0)
    assertNothingLeft('b')
  })

  it('is removed though its state is damaged', async () => {
    await result('lab', 'up', '--name', 'b', '--nodes', '1')
    writeFileSync(join(labs, 'b', 'state.json'), '{"version"')
    const { status, stderr } = await podlace('lab', 'status', '--name', 'b')
    assert.equal(status, 1)
    assert.match(stderr, /state\.json cannot be used/)
    assert.equal((await podlace('lab', 'down', '--name', 'b')).status, 0)
    assertNothingLeft('b')
    assert.ok(!existsSync(labs)) // the last lab takes the directory of labs along
  })
})
