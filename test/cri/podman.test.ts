/** podman with `network_backend = "cni"` on a node: every call of it runs the plugins. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { nodeCgroup } from '../../src/lab/containerd/cgroups.ts'
import { podImage } from '../../src/lab/containerd/daemon.ts'
import { POD_IMAGE } from '../../src/lab/containerd/image.ts'
import { checkSettings, type Lab, labUp } from '../../src/lab/index.ts'
import { NODE_PATHS } from '../../src/lab/layout.ts'
import { eventually } from '../netns/agent-nodes.ts'
import { LabCommand } from '../netns/lab-command.ts'
import { bridgeNetwork, type NetworkText, NodeHost } from './node-host.ts'

const labs = new LabCommand()
let lab: Lab
let host: NodeHost
let other: NodeHost
/** Those of the lab's own pods. */
let podCables: readonly string[] = []

const lan = bridgeNetwork('lan', 'lan0', '10.88.5.0/24')
/** What podman's own networks have behind the bridge, and settings besides. */
const web = chained(bridgeNetwork('web', 'web0', '10.88.6.0/24'), [
  { type: 'tuning', sysctl: { 'net.ipv4.ip_default_ttl': '77', 'net.unix.max_dgram_qlen': '99' } },
  { type: 'portmap', capabilities: { portMappings: true } },
  { type: 'firewall' },
])
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
  other = new NodeHost(lab, lab.node('node-2'))
  podCables = await host.cables()
  host.write('/run/podman/containers.conf', CONFIG)
  for (const network of [lan, web, pods])
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

function chained(network: NetworkText, plugins: readonly object[]): NetworkText {
  return { ...network, plugins: [...network.plugins, ...plugins] }
}

/** What a command says that must fail. */
async function assertFails(command: Promise<string>): Promise<string> {
  const error: unknown = await command.then(
    output => assert.fail(`it succeeded: ${output}`),
    (reason: unknown) => reason,
  )
  return String(error)
}

/** What a server of HTTP at port 8088 says. */
const visit = (from: NodeHost, address: string) =>
  from.run(
    'timeout',
    '2',
    'bash',
    '-c',
    `exec 3<>/dev/tcp/${address}/8088; echo 'GET / HTTP/1.0' >&3; echo >&3; tail -n 1 <&3`,
  )

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

  it('maps a port of the node to a container, and to no other after it has gone', async () => {
    const server = ['--detach', '--publish', '8088:80', '--name', 'web']
    await run('web', server, ...script('hostname >/tmp/index.html; httpd -f -p 80 -h /tmp'))
    const name = (await podman('exec', 'web', 'hostname')).trim()
    const { address } = lab.node('node-1')
    // The server takes its time to begin.
    await eventually('an answer', async () => (await visit(other, address)).exitCode === 0 || undefined)
    assert.equal((await visit(other, address)).stdout.trim(), name)
    assert.equal((await visit(host, '127.0.0.1')).stdout.trim(), name)
    const taken = await assertFails(run('web', ['--rm', '--publish', '8088:80'], 'true'))
    assert.match(taken, /host port tcp 8088 leads to .* already/)
    await podman('rm', '--force', '--time', '0', 'web')
    assert.notEqual((await visit(other, address)).exitCode, 0)
  })

  it('sets sysctls of a container', async () => {
    const files = ['/proc/sys/net/ipv4/ip_default_ttl', '/proc/sys/net/unix/max_dgram_qlen']
    assert.equal(await run('web', ['--rm'], 'cat', ...files), '77\n99\n')
  })

  it('lets containers through where the node drops what it forwards', async () => {
    const far = lab.node('node-2').address
    const ping = ['ping', '-c', '1', '-W', '2', far]
    await host.output('iptables', '-P', 'FORWARD', 'DROP')
    try {
      assert.match(await run('web', ['--rm'], ...ping), / 0% packet loss/)
      assert.match(await assertFails(run('lan', ['--rm'], ...ping)), /100% packet loss/)
    } finally {
      await host.output('iptables', '-P', 'FORWARD', 'ACCEPT')
    }
  })

  it('leaves nothing of containers that are gone', async () => {
    for (const network of [lan, web]) assert.deepEqual(host.leases(network), [])
    assert.deepEqual(await host.cables(), podCables)
  })
})
