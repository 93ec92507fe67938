/** The plugin dhcp with a real server, under our plugins and others: agent, daemon and server are processes. */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import { afterEach, beforeEach, test } from 'node:test'
import { eventually, ip } from './agent-nodes.ts'
import { DhcpNode } from './dhcp-node.ts'

const BRIDGE = { type: 'bridge', bridge: 'lan', ipam: { type: 'dhcp' } }
const MACVLAN = { type: 'macvlan', master: 'up1', ipam: { type: 'dhcp' } }
const REFERENCE = '/usr/lib/cni'

let node: DhcpNode

beforeEach(() => {
  node = new DhcpNode()
})

afterEach(() => node.close())

async function start(leaseSeconds: number): Promise<void> {
  await Promise.all([node.startServer(leaseSeconds), node.startDaemon(), node.startAgent()])
}

/** Attaches a pod and gives its address. */
function add(containerId: string, config: object = BRIDGE): string {
  const { exitCode, output } = node.call('ADD', containerId, config)
  assert.equal(exitCode, 0, JSON.stringify(output))
  return output.ips?.[0]?.address ?? assert.fail('it has no address')
}

test('a pod under bridge gets address, routes and name servers of the network, and gives the address back', async () => {
  await start(3600)
  const { exitCode, output } = node.call('ADD', 'a', BRIDGE)
  assert.equal(exitCode, 0, JSON.stringify(output))
  const address = output.ips?.[0]?.address ?? ''
  assert.match(address, /^10\.77\.0\.\d+\/24$/)
  assert.equal(output.ips?.[0]?.gateway, '10.77.0.1')
  // Classless routes, and so not the router's.
  assert.deepEqual(output.routes, [
    { dst: '10.88.0.0/16', gw: '10.77.0.2' },
    { dst: '0.0.0.0/0', gw: '10.77.0.1' },
  ])
  assert.deepEqual(output.dns, { nameservers: ['10.77.0.53'], domain: 'pods.example' })
  const inside = [ip(node.pod('a'), '-br -4 address show eth0'), ip(node.pod('a'), 'route')].join('')
  for (const shown of [address, 'default via 10.77.0.1', '10.88.0.0/16 via 10.77.0.2'])
    assert.ok(inside.includes(shown), `${shown} in ${inside}`)
  assert.equal(node.call('CHECK', 'a', BRIDGE).exitCode, 0)
  assert.equal(node.call('STATUS', 'a', BRIDGE).exitCode, 0)

  const host = address.replace('/24', '')
  assert.equal(node.call('DEL', 'a', BRIDGE).exitCode, 0)
  await eventually(
    'the server to hear of it',
    () => node.heard.includes(`release from ${host} to 10.77.0.1`) || undefined,
  )
  await eventually(
    'the server to let it go',
    async () => new RegExp(`${host} .*expired`).test(await node.serverLeases()) || undefined,
  )
  assert.deepEqual(node.leaseFiles(), [])
  assert.equal(node.call('DEL', 'a', BRIDGE).exitCode, 0)
})

test('two pods under macvlan have an address each, and the daemon holds nothing of them', async () => {
  await start(3600)
  const addresses = ['a', 'b'].map(pod => add(pod, MACVLAN))
  assert.equal(new Set(addresses).size, 2)
  for (const [index, pod] of ['a', 'b'].entries())
    assert.ok(ip(node.pod(pod), '-br -4 address show eth0').includes(addresses[index] ?? '?'))
  const pid = fs.readFileSync(node.at('dhcp.pid'), 'utf8')
  const open = fs.readdirSync(`/proc/${pid}/fd`).map(fd => {
    try {
      return fs.readlinkSync(`/proc/${pid}/fd/${fd}`)
    } catch {
      return ''
    }
  })
  assert.deepEqual(
    open.filter(target => target.startsWith('net:')),
    [],
  )
})

test('a lease is renewed with the server itself, by the daemon and, after that is killed, by the next one', async () => {
  await Promise.all([node.startServer(120, 3), node.startDaemon(), node.startAgent()])
  const address = add('a')
  const host = address.replace('/24', '')
  const discovers = () => node.heard.filter(said => said.startsWith('discover')).length
  const renewals = () => node.heard.filter(said => said === `request from ${host} to 10.77.0.1`).length
  await eventually('a renewal', () => renewals() >= 1 || undefined)
  const asked = discovers()
  await node.end('dhcp')
  const before = renewals()
  await node.startDaemon()
  await eventually('a renewal by the next daemon', () => renewals() > before || undefined)
  assert.equal(discovers(), asked)
  assert.equal(node.call('CHECK', 'a', BRIDGE).exitCode, 0)
  assert.ok(ip(node.pod('a'), '-br -4 address show eth0').includes(address))
  assert.equal(node.call('DEL', 'a', BRIDGE).exitCode, 0)
  await eventually('the release', () => node.heard.includes(`release from ${host} to 10.77.0.1`) || undefined)
})

test('a lease that the server does not renew is told, the pod keeps its address, and gets the lease back', async () => {
  await Promise.all([node.startServer(4), node.startDaemon('--timeout', '2s'), node.startAgent()])
  const address = add('a')
  await node.end('server')
  const lost = await eventually('the lease to be lost', () => {
    const { output } = node.call('STATUS', 'a', BRIDGE)
    return output.code === undefined ? undefined : output
  })
  assert.equal(lost.code, 51)
  assert.match(lost.msg ?? '', /1 leases of network lan are lost, such as .* no DHCP server answered/)
  assert.equal(node.call('CHECK', 'a', BRIDGE).output.code, 103)
  assert.ok(ip(node.pod('a'), '-br -4 address show eth0').includes(address))
  await node.startServer(3600)
  await eventually('the lease to be back', () => node.call('CHECK', 'a', BRIDGE).exitCode === 0 || undefined)
  assert.ok(ip(node.pod('a'), '-br -4 address show eth0').includes(address))
})

test('without a server an ADD fails in time, in words, and leaves nothing', async () => {
  await Promise.all([node.startDaemon('--timeout', '1s'), node.startAgent()])
  const { output } = node.call('ADD', 'a', BRIDGE)
  assert.equal(output.code, 11)
  assert.match(output.msg ?? '', /plugin dhcp: no address for network lan: no DHCP server answered/)
  assert.deepEqual(node.leaseFiles(), [])
  assert.doesNotMatch(ip(node.pod('a'), '-br link'), /eth0/)
  assert.doesNotMatch(ip(node.host, '-br link'), /veth/)
})

test('without the daemon: ADD is to be tried again, STATUS says so, DEL needs nobody', async () => {
  await node.startAgent()
  assert.equal(node.call('ADD', 'a', BRIDGE).output.code, 11)
  assert.equal(node.call('STATUS', 'a', BRIDGE).output.code, 50)
  assert.equal(node.call('DEL', 'a', BRIDGE).exitCode, 0)
})

test('a pod that went while no daemon was there is forgotten by the next one', async () => {
  await start(3600)
  for (const pod of ['gone', 'other', 'here']) add(pod, MACVLAN)
  assert.equal(node.leaseFiles().length, 3)
  await node.end('dhcp', 'SIGTERM')
  assert.equal(fs.existsSync(node.at('dhcp.pid')), false)
  assert.equal(node.leaseFiles().length, 3)
  node.loseName('gone')
  // Another namespace under the same name.
  node.loseName('other')
  node.far.pin(node.at('pods/other'))
  await node.startDaemon()
  await eventually('two leases to be forgotten', () => node.leaseFiles().length === 1 || undefined)
  assert.equal(node.call('CHECK', 'here', MACVLAN).exitCode, 0)
})

test('GC gives back what the runtime does not know any more', async () => {
  await start(3600)
  for (const pod of ['a', 'b']) add(pod)
  const valid = [{ containerID: 'b', ifname: 'eth0' }]
  assert.equal(node.call('GC', 'x', { ...BRIDGE, 'cni.dev/valid-attachments': valid }).exitCode, 0)
  assert.equal(node.leaseFiles().length, 1)
  assert.equal(node.call('CHECK', 'b', BRIDGE).exitCode, 0)
})

test('a second daemon is refused', async () => {
  await node.startDaemon()
  assert.match(node.refusedDaemon(), /another DHCP daemon is running with the state directory/)
})

for (const { toldOf, ...config } of [
  // It takes the interface away before it says so.
  { type: 'bridge', bridge: 'lan', toldOf: false },
  { type: 'macvlan', master: 'up1', toldOf: true },
]) {
  test(`the reference ${config.type} plugin gets its addresses from it too`, async () => {
    await Promise.all([node.startServer(3600), node.startDaemon()])
    const full = { ...config, cniVersion: '1.0.0', ipam: { type: 'dhcp' } }
    const { exitCode, output } = node.call('ADD', 'a', full, REFERENCE)
    assert.equal(exitCode, 0, JSON.stringify(output))
    const address = output.ips?.[0]?.address ?? '?'
    assert.ok(ip(node.pod('a'), '-br -4 address show eth0').includes(address))
    assert.equal(node.call('DEL', 'a', full, REFERENCE).exitCode, 0)
    assert.deepEqual(node.leaseFiles(), [])
    if (!toldOf) return
    const said = `release from ${address.replace('/24', '')} to 10.77.0.1`
    await eventually('the release', () => node.heard.includes(said) || undefined)
  })
}
