/** podman with `network_backend = "cni"` on a node: every call of it runs the plugins. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { nodeCgroup } from '../../src/lab/containerd/cgroups.ts'
import { podImage } from '../../src/lab/containerd/daemon.ts'
import { POD_IMAGE } from '../../src/lab/containerd/image.ts'
import { checkSettings, type Lab, labUp } from '../../src/lab/index.ts'
import { NODE_PATHS } from '../../src/lab/layout.ts'
import { LabCommand } from '../netns/lab-command.ts'
import { bridgeNetwork, NodeHost } from './node-host.ts'

const labs = new LabCommand()
let lab: Lab
let host: NodeHost
/** Those of the lab's own pods. */
let podCables: readonly string[] = []

const lan = bridgeNetwork('lan', 'lan0', '10.88.5.0/24')
const pods = { cniVersion: '1.0.0', name: 'pods', plugins: [{ type: 'podlace' }] }

/** Locks are files: those in /dev/shm would be the machine's. Hybrid control groups need runc, not crun. */
const CONFIG = `[network]
network_backend = "cni"
network_config_dir = "/run/podman/net.d"
cni_plugin_dirs = ["${NODE_PATHS.cniBin}"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"
runtime = "runc"
`

before(async () => {
  lab = await labUp(labs.environment(), checkSettings({ name: 'a', nodes: 2, podsPerNode: 1 }))
  host = new NodeHost(lab, lab.node('node-1'))
  podCables = await host.cables()
  host.write('/run/podman/containers.conf', CONFIG)
  for (const network of [lan, pods])
    host.write(`/run/podman/net.d/${network.name}.conflist`, JSON.stringify(network))
  host.write('/run/podman/pod.tar', await podImage())
  await podman('load', '--quiet', '--input', '/run/podman/pod.tar')
})
after(() => labs.close())

function podman(...args: string[]): Promise<string> {
  const directories = [
    '--root',
    '/run/podman/root',
    '--runroot',
    '/run/podman/run',
    '--tmpdir',
    '/run/podman/tmp',
  ]
  const env = ['env', 'CONTAINERS_CONF=/run/podman/containers.conf', 'TMPDIR=/run/podman']
  return host.output(...env, 'podman', ...directories, '--storage-driver', 'vfs', ...args)
}

/** The limits are stated since the defaults are more than may be had without CAP_SYS_RESOURCE. */
function run(network: string, options: readonly string[], ...command: string[]): Promise<string> {
  const cgroup = nodeCgroup(labs.directory('a'), 'node-1')
  const limits = ['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1024:1024']
  return podman(
    'run',
    '--network',
    network,
    '--cgroup-parent',
    cgroup,
    ...limits,
    ...options,
    POD_IMAGE,
    ...command,
  )
}

const script = (text: string) => ['/bin/sh', '-c', text]

describe('podman', () => {
  it('runs containers on a bridge with addresses of host-local', async () => {
    const printed = await run(
      'lan',
      ['--rm'],
      ...script('ip -4 address show eth0; ip route; ping -c 1 -W 2 10.88.5.1'),
    )
    assert.match(printed, /inet 10\.88\.5\.2\/24/)
    assert.match(printed, /default via 10\.88\.5\.1 dev eth0/)
    assert.match(printed, / 0% packet loss/)
  })

  it('gets the address that it asks for, which others reach', async () => {
    await run('lan:ip=10.88.5.77', ['--detach', '--name', 'server'])
    assert.deepEqual(host.leases(lan), ['10.88.5.77'])
    assert.match(await run('lan', ['--rm'], 'ping', '-c', '1', '-W', '2', '10.88.5.77'), / 0% packet loss/)
    await podman('rm', '--force', '--time', '0', 'server')
  })

  it('runs containers on the pod network, which reach pods of other nodes', async () => {
    const [far = ''] = lab.pod('web-2').addresses
    assert.match(await run('pods', ['--rm'], 'ping', '-c', '1', '-W', '2', far), / 0% packet loss/)
  })

  it('leaves nothing of containers that are gone', async () => {
    assert.deepEqual(host.leases(lan), [])
    assert.deepEqual(await host.cables(), podCables)
  })
})
