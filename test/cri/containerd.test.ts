/** The runtime of most clusters, containerd, calls our plugins on two nodes, as kubelet has it do by the CRI. */
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { checkSettings, type Lab, labUp } from '../../src/lab/index.ts'
import { eventually } from '../netns/agent-nodes.ts'
import { LabCommand } from '../netns/lab-command.ts'
import { CriNode, type Sandbox } from './cri-node.ts'

const labs = new LabCommand()
const settings = checkSettings({ name: 'a', nodes: 2, podsPerNode: 0, runtime: 'containerd' })
let lab: Lab
let one: CriNode
let two: CriNode

before(async () => {
  lab = await labUp(labs.environment(), settings)
  const [first, second] = lab.state.nodes
  assert.ok(first !== undefined && second !== undefined)
  one = new CriNode(lab, first)
  two = new CriNode(lab, second)
})
after(() => labs.close())
afterEach(async () => {
  for (const node of [one, two]) await node.removeAll()
})

const NOTHING = { sandboxes: [], cables: [], attachments: [], namespaces: [], results: [] }

async function assertReaches(node: CriNode, from: Sandbox, to: Sandbox) {
  const { exitCode, stdout, stderr } = await node.exec(from, ['ping', '-c', '1', '-W', '2', to.address])
  assert.equal(exitCode, 0, `${from.address} to ${to.address}: ${stdout}${stderr}`)
}

describe('containerd with our plugins', () => {
  it('is ready for pods', async () => {
    const { runtimeName } = await one.cri.version()
    assert.equal(runtimeName, 'containerd')
    const conditions = await one.cri.conditions()
    assert.deepEqual(
      conditions.map(({ type, status }) => [type, status]),
      [
        ['RuntimeReady', true],
        ['NetworkReady', true],
      ],
    )
  })

  it('runs pods that reach each other on one node and across nodes', async () => {
    const near = await one.run('near')
    const beside = await one.run('beside')
    const far = await two.run('far')
    assert.match(near.address, /^10\.244\.1\.\d+$/)
    assert.match(beside.address, /^10\.244\.1\.\d+$/)
    assert.match(far.address, /^10\.244\.2\.\d+$/)
    await assertReaches(one, near, beside)
    await assertReaches(one, near, far)
    await assertReaches(two, far, near)
  })

  it('gives the pod what the status tells, and its loopback', async () => {
    const sandbox = await one.run('inside')
    const eth0 = await one.exec(sandbox, ['ip', 'address', 'show', 'dev', 'eth0'])
    assert.match(eth0.stdout, new RegExp(`inet ${sandbox.address.replaceAll('.', '\\.')}/24 `))
    const lo = await one.exec(sandbox, ['ping', '-c', '1', '-W', '2', '127.0.0.1'])
    assert.equal(lo.exitCode, 0, lo.stdout)
  })

  it('leaves nothing of a pod that is stopped and removed, however often', async () => {
    const { id } = await one.run('short')
    assert.notDeepEqual(await one.traces(), NOTHING)
    await one.cri.stopPodSandbox(id)
    await one.cri.stopPodSandbox(id)
    const status = await one.cri.podSandboxStatus(id)
    assert.deepEqual([status.ready, status.addresses], [false, []])
    await one.cri.removePodSandbox(id)
    await one.cri.removePodSandbox(id)
    await assert.rejects(one.cri.podSandboxStatus(id), { code: 'grpc.refused', message: /with status 5/ })
    assert.deepEqual(await one.traces(), NOTHING)
  })

  it('gives pods that start at once different addresses', async () => {
    const sandboxes = await Promise.all(Array.from({ length: 6 }, (_, index) => one.run(`burst-${index}`)))
    assert.equal(new Set(sandboxes.map(({ address }) => address)).size, 6)
    await Promise.all(sandboxes.map(({ id }) => one.remove(id)))
    assert.deepEqual(await one.traces(), NOTHING)
  })
})

describe('containerd while the agent is away', () => {
  it('stops a pod whose agent was killed since; the next agent finds nothing of it', async () => {
    const { id } = await one.run('orphan')
    await one.killAgent()
    await one.remove(id)
    await one.restartAgent()
    await eventually('the pod to be forgotten', async () => {
      const { attachments } = await one.traces()
      return attachments?.length === 0 ? true : undefined
    })
    assert.deepEqual(await one.traces(), NOTHING)
  })

  it('keeps addresses apart across a restart of the agent', async () => {
    const older = await one.run('older')
    await one.killAgent()
    await one.restartAgent()
    const younger = await one.run('younger')
    assert.notEqual(younger.address, older.address)
    await assertReaches(one, younger, older)
    await assertReaches(one, older, younger)
  })

  it('is told to try again later, and keeps nothing of the attempt', async () => {
    await one.killAgent()
    try {
      await assert.rejects(one.run('early'), { code: 'grpc.refused', message: /try again|code.*11/i })
    } finally {
      await one.restartAgent()
    }
    assert.deepEqual(await one.traces(), NOTHING)
    assert.match((await one.run('early')).address, /^10\.244\.1\./)
  })

  it('tells that the network is not ready, from version 2 on', async () => {
    const { runtimeVersion } = await one.cri.version()
    const asksStatus = Number.parseInt(runtimeVersion.replace(/^v/, ''), 10) >= 2
    const networkReady = async () => {
      const conditions = await one.cri.conditions()
      return conditions.find(({ type }) => type === 'NetworkReady')?.status
    }
    await one.killAgent()
    try {
      // Earlier ones look for a configuration and ask no plugin.
      assert.equal(await networkReady(), !asksStatus)
    } finally {
      await one.restartAgent()
    }
    assert.equal(await networkReady(), true)
  })
})
