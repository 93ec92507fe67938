import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { decodeReply, encodeRequest } from '../../src/cni/index.ts'
import { SERVICE_UID } from '../../src/lab/index.ts'
import { connectUnix } from '../../src/sys/index.ts'
import { eventually, ip } from './agent-nodes.ts'
import { LoneAgent } from './lone-agent.ts'
import { ping } from './ping.ts'

let node: LoneAgent

beforeEach(async () => {
  node = new LoneAgent()
  await node.start()
})
afterEach(() => node.close())

function dataDir(): string {
  const directory = path.join(node.directory, 'leases')
  if (!fs.existsSync(directory)) {
    fs.mkdirSync(directory)
    fs.chownSync(directory, SERVICE_UID, SERVICE_UID)
  }
  return directory
}

function bridgeConfig(extra: object = {}): object {
  return {
    name: 'lan',
    type: 'bridge',
    bridge: 'br-test',
    isDefaultGateway: true,
    ipam: { type: 'host-local', subnet: '10.9.0.0/29', routes: [{ dst: '10.0.0.0/8' }], dataDir: dataDir() },
    ...extra,
  }
}

function inNode(command: string): string {
  const enter = `--net=/proc/${process.pid}/fd/${node.netns.fds.netns}`
  return execFileSync('nsenter', [enter, ...command.split(' ')], { encoding: 'utf8' })
}

test('bridge with host-local: result, gateway, port, leases on disk; DEL removes lease and port', () => {
  const { output, exitCode } = node.call('ADD', 'a', bridgeConfig())
  assert.equal(exitCode, 0, JSON.stringify(output))
  assert.equal(output.ips?.[0]?.address, '10.9.0.2/29')
  assert.equal(fs.readFileSync(path.join(dataDir(), 'lan/10.9.0.2'), 'utf8'), 'a\r\neth0')
  assert.match(ip(node.netns, '-br address show br-test'), /10\.9\.0\.1\/29/)
  assert.match(ip(node.netns, 'link show master br-test'), /veth[0-9a-f]{8}/)
  assert.match(ip(node.pod('a'), 'route'), /10\.0\.0\.0\/8 via 10\.9\.0\.1/)
  assert.equal(node.call('CHECK', 'a', bridgeConfig()).exitCode, 0)
  assert.equal(node.call('DEL', 'a', bridgeConfig()).exitCode, 0)
  assert.ok(!fs.existsSync(path.join(dataDir(), 'lan/10.9.0.2')))
  assert.equal(ip(node.netns, 'link show master br-test'), '')
})

test('a port has no address of its own, and either end one queue', () => {
  assert.equal(node.call('ADD', 'a', bridgeConfig()).exitCode, 0)
  const port = ip(node.netns, '-d link show master br-test')
  assert.match(port, /addrgenmode none numtxqueues 1 numrxqueues 1 /)
  const [name = ''] = /veth[0-9a-f]{8}/.exec(port) ?? []
  assert.equal(ip(node.netns, `-6 address show dev ${name}`), '')
  assert.match(ip(node.pod('a'), '-d link show eth0'), /addrgenmode eui64 numtxqueues 1 numrxqueues 1 /)
  // Without IPv6 the kernel would not hear of the address that is not to be.
  const ipam = { type: 'host-local', subnet: '10.8.0.0/29', dataDir: dataDir() }
  const narrow = bridgeConfig({ name: 'narrow', bridge: 'br-narrow', mtu: 1200, ipam })
  const { output, exitCode } = node.call('ADD', 'b', narrow)
  assert.equal(exitCode, 0, JSON.stringify(output))
  assert.match(ip(node.netns, 'link show master br-narrow'), /mtu 1200 .* state UP/)
})

test('firewall, of which the shim passes no way into the pod: ADD, CHECK and DEL', () => {
  const { output: prevResult } = node.call('ADD', 'a', bridgeConfig())
  const firewall = bridgeConfig({ type: 'firewall', ingressPolicy: 'same-bridge', prevResult })
  const { output, exitCode } = node.call('ADD', 'a', firewall)
  assert.equal(exitCode, 0, JSON.stringify(output))
  assert.equal(node.call('CHECK', 'a', firewall).exitCode, 0)
  const before = inNode('nft list ruleset')
  assert.equal(node.call('DEL', 'a', firewall).exitCode, 0)
  assert.notEqual(inNode('nft list ruleset'), before)
  assert.equal(node.call('CHECK', 'a', firewall).output.code, 103)
})

test('a plugin that works in the pod, and a shim that passes no way into it: told so, and nothing is left', async () => {
  const { output: prevResult } = node.call('ADD', 'a', bridgeConfig())
  const before = await node.hostState()
  const { netns, route } = node.pod('a').fds
  const config = { cniVersion: '1.1.0', name: 'lan', type: 'sbr', prevResult }
  const environment = new Map([
    ['CNI_COMMAND', 'ADD'],
    ['CNI_CONTAINERID', 'a'],
    ['CNI_IFNAME', 'eth0'],
    ['CNI_NETNS', '/run/netns/a'],
  ])
  const fds = ['netns', 'route'] as const
  const stdin = Buffer.from(JSON.stringify(config))
  const agent = connectUnix(path.join(node.stateDir, 'cni.sock'))
  try {
    const answer = new Promise<Uint8Array>(resolve => agent.onFrame(resolve))
    agent.sendWithFds(encodeRequest({ type: 'sbr', fds, environment, stdin }), [netns, route])
    const { exitCode, stdout } = decodeReply(await answer)
    assert.equal(exitCode, 1)
    assert.match(Buffer.from(stdout).toString(), /install shim and agent of one release/)
  } finally {
    agent.close()
  }
  assert.deepEqual(await node.hostState(), before)
  assert.equal(node.call('ADD', 'a', config).exitCode, 0)
})

test('a /29 gives five pods an address; the sixth is told so, and nothing of it remains', () => {
  for (const id of ['a', 'b', 'c', 'd', 'e']) assert.equal(node.call('ADD', id, bridgeConfig()).exitCode, 0)
  const ports = ip(node.netns, 'link show master br-test')
  const { output } = node.call('ADD', 'f', bridgeConfig())
  assert.equal(output.code, 100, output.msg)
  assert.equal(node.call('STATUS', 'f', bridgeConfig()).output.code, 50)
  assert.equal(ip(node.netns, 'link show master br-test'), ports)
  assert.equal(fs.readdirSync(path.join(dataDir(), 'lan')).filter(name => name.startsWith('10.')).length, 5)
})

test('ipMasq is one rule set a network; pods are elements of it, and GC takes the last of it', () => {
  node.call('ADD', 'a', bridgeConfig({ ipMasq: true }))
  node.call('ADD', 'b', bridgeConfig({ ipMasq: true }))
  const rules = inNode('nft list table ip podlace-net-lan')
  assert.match(rules, /10\.9\.0\.2, 10\.9\.0\.3/)
  assert.equal(rules.match(/masquerade/g)?.length, 1)
  node.call('DEL', 'a', bridgeConfig({ ipMasq: true }))
  assert.doesNotMatch(inNode('nft list table ip podlace-net-lan'), /10\.9\.0\.2/)
  node.call('GC', 'x', bridgeConfig({ ipMasq: true, 'cni.dev/valid-attachments': [] }))
  assert.doesNotMatch(inNode('nft list ruleset'), /podlace-net-lan/)
  assert.doesNotMatch(ip(node.netns, 'link'), /br-test/)
  assert.deepEqual(
    fs.readdirSync(path.join(dataDir(), 'lan')).filter(name => name.startsWith('10.')),
    [],
  )
})

test("a bridge that somebody else made is used as it is, and left when the network's last pod goes", () => {
  ip(node.netns, 'link add br-test type bridge')
  ip(node.netns, 'link set br-test alias mine')
  assert.equal(node.call('ADD', 'a', bridgeConfig()).exitCode, 0)
  node.call('GC', 'x', bridgeConfig({ 'cni.dev/valid-attachments': [] }))
  assert.match(ip(node.netns, 'link show br-test'), /alias mine/)
})

test('another address on the bridge is an error that names it', () => {
  ip(node.netns, 'link add br-test type bridge')
  ip(node.netns, 'address add 10.77.0.1/24 dev br-test')
  const { output } = node.call('ADD', 'a', bridgeConfig())
  assert.equal(output.code, 102, output.msg)
  assert.match(output.msg ?? '', /10\.77\.0\.1/)
})

test('forceAddress lets the other address make room', () => {
  ip(node.netns, 'link add br-test type bridge')
  ip(node.netns, 'address add 10.77.0.1/24 dev br-test')
  const { output, exitCode } = node.call('ADD', 'a', bridgeConfig({ forceAddress: true }))
  assert.equal(exitCode, 0, output.msg)
  const addresses = ip(node.netns, '-br -4 address show br-test')
  assert.match(addresses, /10\.9\.0\.1\/29/)
  assert.doesNotMatch(addresses, /10\.77/)
})

test('a foreign interface under the name of the host’s end is refused by name', () => {
  const { output } = node.call('ADD', 'a', bridgeConfig())
  assert.ok(output.ips !== undefined)
  const [name] = /veth[0-9a-f]{8}/.exec(ip(node.netns, 'link show master br-test')) ?? []
  assert.ok(name !== undefined)
  node.call('DEL', 'a', bridgeConfig())
  ip(node.netns, `link add ${name} type bridge`)
  const again = node.call('ADD', 'a', bridgeConfig())
  assert.equal(again.output.code, 101, again.output.msg)
  assert.match(again.output.msg ?? '', new RegExp(`${name}.*not ours`))
  assert.match(ip(node.netns, `-d link show ${name}`), /bridge/)
})

test('flannel: bridge and addresses follow from the file the agent wrote', async () => {
  const config = {
    name: 'flan',
    type: 'flannel',
    subnetFile: path.join(node.stateDir, 'subnet.env'),
    delegate: { bridge: 'cbr0' },
    ipam: { dataDir: dataDir() },
  }
  const { output } = node.call('ADD', 'a', config)
  assert.equal(output.ips?.[0]?.address, '10.244.1.2/24', JSON.stringify(output))
  assert.match(ip(node.pod('a'), 'link show eth0'), /mtu 1450/)
  assert.match(ip(node.pod('a'), 'route'), /10\.244\.0\.0\/16 via 10\.244\.1\.1/)
  fs.rmSync(path.join(node.stateDir, 'subnet.env'))
  const missing = node.call('ADD', 'b', config)
  assert.equal(missing.output.code, 11)
  assert.match(missing.output.msg ?? '', /subnet\.env cannot be read/)
  assert.equal(node.call('DEL', 'a', config).exitCode, 0)
  assert.deepEqual(
    fs.readdirSync(path.join(dataDir(), 'flan')).filter(name => name.startsWith('10.')),
    [],
  )
})

test('host-local called as an address plugin of its own', () => {
  const config = { ...bridgeConfig(), type: 'host-local' }
  const { output } = node.call('ADD', 'a', config)
  assert.equal(output.ips?.[0]?.address, '10.9.0.2/29', JSON.stringify(output))
  assert.equal(node.call('CHECK', 'a', config).exitCode, 0)
  assert.equal(node.call('DEL', 'a', config).exitCode, 0)
  assert.equal(node.call('CHECK', 'a', config).output.code, 103)
})

test('a /31 has room for one pod, which reaches its gateway', async () => {
  const config = bridgeConfig({ ipam: { type: 'host-local', subnet: '10.9.0.0/31', dataDir: dataDir() } })
  const { output } = node.call('ADD', 'a', config)
  assert.equal(output.ips?.[0]?.address, '10.9.0.1/31', JSON.stringify(output))
  await eventually('an answer', async () => (await ping(node.pod('a'), '10.9.0.0')) === 'ok' || undefined)
  assert.equal(node.call('ADD', 'b', config).output.code, 100)
})

test('who comes back under its name has its address again, also from an agent that was killed meanwhile', async () => {
  const args = { cni: { sticky: 'db-0' } }
  const add = (id: string, extra: object) =>
    node.call('ADD', id, bridgeConfig(extra)).output.ips?.[0]?.address
  assert.equal(add('a', { args }), '10.9.0.2/29')
  await node.kill()
  await node.start()
  node.call('DEL', 'a', bridgeConfig({ args }))
  assert.equal(add('b', {}), '10.9.0.3/29')
  assert.equal(add('c', { args }), '10.9.0.2/29')
})

/** An address plugin of somebody else: a script that writes down how it is called. */
function foreignIpam(answer: string): string {
  const log = path.join(node.directory, 'calls')
  const script = `#!/bin/sh
echo "$CNI_COMMAND $CNI_IFNAME $(tr -d '\\n' | grep -o '"name":"[a-z]*"')" >> ${log}
[ $CNI_COMMAND = ADD ] || exit 0
${answer}
`
  fs.writeFileSync(path.join(node.binDir, 'their-ipam'), script, { mode: 0o755 })
  return log
}

test('addresses of a plugin of somebody else: it is run for every verb, and gets what it needs', async () => {
  const log = foreignIpam(
    `echo '{"cniVersion":"1.1.0","ips":[{"address":"10.55.0.7/24","gateway":"10.55.0.1"}]}'`,
  )
  const config = bridgeConfig({ ipMasq: true, ipam: { type: 'their-ipam' } })
  const { output, exitCode } = node.call('ADD', 'a', config)
  assert.equal(exitCode, 0, JSON.stringify(output))
  assert.equal(output.ips?.[0]?.address, '10.55.0.7/24')
  assert.match(ip(node.pod('a'), '-br -4 address show eth0'), /10\.55\.0\.7\/24/)
  assert.match(ip(node.pod('a'), 'route'), /default via 10\.55\.0\.1/)
  assert.match(ip(node.netns, '-br -4 address show br-test'), /10\.55\.0\.1\/24/)
  assert.match(inNode('nft list table ip podlace-net-lan'), /10\.55\.0\.7/)
  // A second ADD is refused, and takes nothing from the first.
  assert.equal(node.call('ADD', 'a', config).output.code, 101)
  for (const command of ['CHECK', 'STATUS', 'DEL']) {
    assert.equal(node.call(command, 'a', config).exitCode, 0, command)
  }
  assert.equal(node.call('GC', 'a', { ...config, 'cni.dev/valid-attachments': [] }).exitCode, 0)
  const calls = fs.readFileSync(log, 'utf8').trim().split('\n')
  assert.deepEqual(
    calls,
    ['ADD', 'CHECK', 'STATUS', 'DEL', 'GC'].map(command => `${command} eth0 "name":"lan"`),
  )
  assert.doesNotMatch(ip(node.netns, 'link'), /br-test|veth/)
})

test('an address plugin of somebody else that refuses: its code and words come through, nothing remains', async () => {
  const log = foreignIpam(`echo '{"code":11,"msg":"no leases left"}'; exit 1`)
  const config = bridgeConfig({ ipam: { type: 'their-ipam' } })
  const before = await node.hostState()
  const { output } = node.call('ADD', 'a', config)
  assert.equal(output.code, 11)
  assert.match(output.msg ?? '', /their-ipam: no leases left/)
  assert.deepEqual(
    (await node.hostState()).filter(key => key.includes('veth')),
    before.filter(key => key.includes('veth')),
  )
  assert.match(fs.readFileSync(log, 'utf8'), /DEL eth0/)
})

test('a DEL while the agent is away reaches the address plugin of somebody else with the next call of any pod', async () => {
  const log = foreignIpam(`echo '{"cniVersion":"1.1.0","ips":[{"address":"10.55.0.7/24"}]}'`)
  const config = bridgeConfig({ ipam: { type: 'their-ipam' } })
  assert.equal(node.call('ADD', 'a', config).exitCode, 0)
  await node.kill()
  assert.equal(node.call('DEL', 'a', config).exitCode, 0)
  await node.start()
  assert.doesNotMatch(fs.readFileSync(log, 'utf8'), /DEL/)
  assert.equal(node.call('STATUS', 'x', bridgeConfig()).exitCode, 0)
  assert.match(fs.readFileSync(log, 'utf8'), /DEL eth0/)
  assert.deepEqual(fs.readdirSync(path.join(node.stateDir, 'tombstones')), [])
})

test('VERSION is answered, and what is not valid is refused with its code before anything is made', async () => {
  const before = await node.hostState()
  assert.match(JSON.stringify(node.call('VERSION', 'a').output), /"1\.1\.0"/)
  const refusals: [object, number, RegExp][] = [
    [{ cniVersion: '9.9.9' }, 1, /9\.9\.9/],
    [{ name: '' }, 7, /name/],
    [{ name: 'pods', bridge: 'x' }, 2, /does not know "bridge"/],
    [bridgeConfig({ ipMasqBackend: 'ipvs' }), 7, /ipMasqBackend/],
    [bridgeConfig({ vlan: 4095 }), 7, /vlan/],
    [bridgeConfig({ bridge: 'a-name-that-is-too-long' }), 7, /bridge/],
    [bridgeConfig({ ipam: { type: 'none-such' } }), 7, /CNI_PATH has a plugin none-such/],
    [bridgeConfig({ ipam: { type: '../bin/host-local' } }), 7, /ipam/],
    [bridgeConfig({ ipam: { type: 'host-local', subnet: '10.9.0.1/33' } }), 7, /subnet/],
    [bridgeConfig({ ipam: { type: 'host-local', dataDir: dataDir() } }), 7, /no ranges/],
  ]
  for (const [config, code, message] of refusals) {
    const { output } = node.call('ADD', 'a', config)
    assert.equal(output.code, code, JSON.stringify(output))
    assert.match(output.msg ?? '', message)
  }
  assert.deepEqual(await node.hostState(), before)
})
