/** Labs whose pods are containers. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { labCgroup, nodeCgroup, processesInCgroup } from '../../src/lab/containerd/cgroups.ts'
import { LabCommand } from '../netns/lab-command.ts'
import { labSuite } from '../netns/lab-suite.ts'

labSuite('containerd')

const labs = new LabCommand()
after(() => labs.close())

const up = ['lab', 'up', '--name', 'b', '--nodes', '2', '--pods-per-node', '2', '--runtime', 'containerd']
const containers = (name: string) => processesInCgroup(labCgroup(labs.directory(name)))

describe('pods that are containers', () => {
  it('have processes, files and a name of their own', async () => {
    await labs.result(...up)
    const inPod = (...command: string[]) =>
      labs.result('lab', 'exec', 'web-1', '--name', 'b', '--', ...command)
    assert.equal((await inPod('hostname')).stdout, 'web-1\n')
    assert.equal((await inPod('cat', '/proc/1/comm')).stdout, 'sleep\n')
    assert.match((await inPod('ls', '/')).stdout, /^bin\ndev\netc\n/)
    assert.equal(
      (await labs.run('lab', 'exec', 'web-1', '--name', 'b', '--', 'sh', '-c', 'exit 7')).status,
      7,
    )
  })

  it('end with a node that is removed, and only they', async () => {
    const cgroup = nodeCgroup(labs.directory('b'), 'node-2')
    assert.ok(processesInCgroup(cgroup).length > 0)
    await labs.result('lab', 'remove-node', 'node-2', '--name', 'b')
    assert.deepEqual(processesInCgroup(cgroup), [])
    assert.ok((await labs.result('lab', 'check', '--name', 'b')).ok)
    await labs.result('lab', 'down', '--name', 'b')
    labs.assertNothingLeft('b')
  })
})

/** Waits until the lab being made has this many processes in containers. */
async function untilContainers(count: number): Promise<void> {
  while (containers('b').length < count) await delay(2)
}

describe('an up that ends while containers start', () => {
  for (const count of [1, 5]) {
    it(`undoes all after SIGINT with ${count} of their processes there`, async () => {
      const child = labs.start(...up)
      const closed = once(child, 'close')
      await untilContainers(count)
      child.kill('SIGINT')
      assert.deepEqual(await closed, [130, null])
      assert.deepEqual(containers('b'), [])
      labs.assertNothingLeft('b')
    })

    it(`leaves what down can remove when it is killed with ${count} there`, async () => {
      const child = labs.start(...up)
      const closed = once(child, 'close')
      await untilContainers(count)
      child.kill('SIGKILL')
      await closed
      assert.equal((await labs.run('lab', 'down', '--name', 'b')).status, 0)
      assert.deepEqual(containers('b'), [])
      labs.assertNothingLeft('b')
    })
  }
})
