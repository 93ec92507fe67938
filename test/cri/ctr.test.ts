/** `ctr run --cni` on a node: containerd's own client calls the plugins, without kubelet and CRI. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { nodeCgroup } from '../../src/lab/containerd/cgroups.ts'
import { POD_IMAGE } from '../../src/lab/containerd/image.ts'
import { killAgent, restartAgent } from '../../src/lab/faults/agent.ts'
import { checkSettings, type Lab, labUp } from '../../src/lab/index.ts'
import type { LabNode } from '../../src/lab/state.ts'
import { LabCommand } from '../netns/lab-command.ts'
import { bridgeNetwork, cniConfigFile, NodeHost } from './node-host.ts'

const labs = new LabCommand()
let lab: Lab
let node: LabNode
let host: NodeHost
/** Those of the lab's own pods. */
let podCables: readonly string[] = []

before(async () => {
  const settings = checkSettings({ name: 'a', nodes: 2, podsPerNode: 1, runtime: 'containerd' })
  lab = await labUp(labs.environment(), settings)
  node = lab.node('node-1')
  host = new NodeHost(lab, node)
  podCables = await host.cables()
})
after(() => labs.close())

/** ctr takes the first network of /etc/cni/net.d, and runs the plugins itself. */
function ctr(id: string, script: string): string[] {
  const cgroup = `${nodeCgroup(labs.directory('a'), 'node-1')}/${id}`
  const options = ['--rm', '--cni', '--cgroup', cgroup]
  return ['ctr', '--namespace', 'k8s.io', 'run', ...options, POD_IMAGE, id, '/bin/sh', '-c', script]
}

describe('ctr run --cni', () => {
  it('attaches to the pod network: pods of other nodes are reached', async () => {
    const [far = ''] = lab.pod('web-2').addresses
    const printed = await host.output(...ctr('to-pod', `ip -4 address show eth0; ping -c 1 -W 2 ${far}`))
    assert.match(printed, /inet 10\.244\.1\.\d+\/24/)
    assert.match(printed, / 0% packet loss/)
    assert.deepEqual(await host.cables(), podCables)
  })

  const lan = bridgeNetwork('lan', 'lan0', '10.77.0.0/24')

  it('attaches to a bridge with addresses of host-local, and gives back all of it', async () => {
    host.write(cniConfigFile('05-lan.conflist'), JSON.stringify(lan))
    const printed = await host.output(
      ...ctr('on-lan', 'ip -4 address show eth0; ip route; ping -c 1 -W 2 10.77.0.1'),
    )
    assert.match(printed, /inet 10\.77\.0\.2\/24/)
    assert.match(printed, /default via 10\.77\.0\.1 dev eth0/)
    assert.match(printed, / 0% packet loss/)
    assert.deepEqual(host.leases(lan), [])
    assert.deepEqual(await host.cables(), podCables)
  })

  it('is refused without the agent, and nothing is left of the attachment', async () => {
    await killAgent(lab, node)
    try {
      const { exitCode, stderr } = await host.run(...ctr('early', 'true'))
      assert.notEqual(exitCode, 0)
      assert.match(stderr, /agent/)
    } finally {
      await restartAgent(lab, node)
    }
    assert.deepEqual(host.leases(lan), [])
    assert.deepEqual(await host.cables(), podCables)
  })
})
