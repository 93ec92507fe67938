import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, beforeEach, describe, it } from 'node:test'
import { decodeCacheEntry, encodeCacheEntry } from '../../src/cni/index.ts'
import { killAgent, restartAgent } from '../../src/lab/faults/agent.ts'
import { fromMachine } from '../../src/lab/holder.ts'
import type { LabRuntime } from '../../src/lab/index.ts'
import { NODE_PATHS } from '../../src/lab/layout.ts'
import { checkPod } from '../../src/lab/pods.ts'
import { POD_NETWORK } from '../../src/lab/runtime.ts'
import { LabCommand } from './lab-command.ts'

/** What a lab does whoever runs its pods: from up to down, through the command line. */
export function labSuite(runtime: LabRuntime): void {
  describe(`a lab of the runtime ${runtime}`, () => {
    const labs = new LabCommand()
    after(() => labs.close())
    beforeEach(async () => {
      if (labs.exists('a')) return
      await labs.result(
        'lab',
        'up',
        '--name',
        'a',
        '--nodes',
        '2',
        '--pods-per-node',
        '1',
        '--runtime',
        runtime,
      )
    })

    it('is up: every pod reaches every pod, and a command runs in one', async () => {
      const report = await labs.result('lab', 'check', '--name', 'a')
      assert.ok(report.ok)
      assert.equal(report.pairs.length, 4)
      const { exitCode, stdout } = await labs.result(
        'lab',
        'exec',
        'web-1',
        '--name',
        'a',
        '--',
        'ip',
        'route',
      )
      assert.equal(exitCode, 0)
      assert.match(stdout, /^default via 10\.244\.\d+\.1 dev eth0/)
      const trace = await labs.result('lab', 'trace', 'web-1', 'web-2', '--name', 'a')
      assert.equal(trace.verdict, 'reached')
    })

    it('answers a runtime: STATUS, CHECK, and GC that takes only what is not alive', async () => {
      const lab = labs.open('a')
      const [node] = lab.state.nodes
      assert.ok(node !== undefined)
      const [pod] = lab.podsOf(node)
      assert.ok(pod !== undefined)
      const runtime = lab.runtime(node)
      await runtime.status(POD_NETWORK)
      await checkPod(lab, pod)
      await runtime.gc(POD_NETWORK, [{ containerId: pod.containerId, ifName: 'eth0' }])
      await checkPod(lab, pod)
      await killAgent(lab, node)
      await assert.rejects(runtime.status(POD_NETWORK), /refused STATUS with code 50/)
      await restartAgent(lab, node)
      await checkPod(lab, pod)
      await labs.run('lab', 'exec', node.name, '--name', 'a', '--', 'ip', 'link', 'del', 'cni0')
      await lab.waitFor('the bridge to be back', `agent ${node.name}`, 5_000, () =>
        checkPod(lab, pod).then(() => true),
      )
    })

    it('keeps what ADD answered as libcni does, byte for byte', () => {
      const lab = labs.open('a')
      for (const pod of lab.state.pods) {
        const name = `${POD_NETWORK.name}-${pod.containerId}-eth0`
        const path = fromMachine(lab.holder(lab.node(pod.node)), `${NODE_PATHS.cniCache}/results/${name}`)
        const bytes = readFileSync(path)
        assert.equal(encodeCacheEntry(decodeCacheEntry(bytes, path)), bytes.toString())
      }
    })

    it('grows and shrinks', async () => {
      const pod = await labs.result('lab', 'run', 'extra', '--node', 'node-2', '--name', 'a')
      assert.equal(pod.node, 'node-2')
      const node = await labs.result('lab', 'add-node', '--name', 'a')
      await labs.result('lab', 'run', 'far', '--node', node.name, '--name', 'a')
      const report = await labs.result('lab', 'check', '--name', 'a')
      assert.ok(report.ok)
      assert.equal(report.pods.length, 4)
      assert.match((await labs.run('lab', 'run', 'far', '--name', 'a')).stderr, /has a pod far already/)
      await labs.result('lab', 'remove-node', node.name, '--name', 'a')
      const status = await labs.result('lab', 'status', '--name', 'a')
      assert.equal(status.nodes.length, 2)
      assert.ok((await labs.result('lab', 'check', '--name', 'a')).ok)
    })

    it('heals what is broken in it', async () => {
      const route = await labs.result('lab', 'fault', 'delete-route', 'node-1', '--name', 'a')
      assert.match(route.what, /^route 10\.244\./)
      const fdb = await labs.result('lab', 'fault', 'delete-fdb', 'node-1', '--name', 'a')
      assert.match(fdb.what, /^forwarding entry/)
      const killed = await labs.result('lab', 'fault', 'kill-agent', 'node-2', '--name', 'a')
      assert.equal(killed.writes, 0)
      assert.ok((await labs.result('lab', 'check', '--name', 'a')).ok)
    })

    it('says which of its members there are when one is not known', async () => {
      const { status, stderr } = await labs.run('lab', 'exec', 'web-9', '--name', 'a', '--', 'true')
      assert.equal(status, 1)
      assert.match(stderr, /lab a has no pod "web-9"; it has web-/)
    })

    it('goes without a trace, half dead too', async () => {
      const [first, second] = labs.processes('a')
      for (const one of [first, second]) if (one !== undefined) process.kill(one.pid, 'SIGKILL')
      assert.equal((await labs.run('lab', 'down', '--name', 'a')).status, 0)
      labs.assertNothingLeft('a')
      assert.match((await labs.run('lab', 'down', '--name', 'a')).stderr, /there is no lab "a"/)
    })
  })
}
