import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Entry, formatEntry } from '../kernel/index.ts'
import type { CniResult } from './result.ts'
import { checkSysctlAllowlist } from './sysctl-allowlist.ts'
import { planTuning, type TuningSpec } from './tuning.ts'
import { parseTuningConfig } from './tuning-config.ts'

const prevResult: CniResult = {
  interfaces: [
    { name: 'eth0', mac: '02:00:00:00:00:01' },
    { name: 'eth0', mac: '02:00:00:00:00:02', mtu: 1500, sandbox: '/run/netns/a' },
  ],
  ips: [{ interface: 1, address: '10.1.2.3/24' }],
  routes: [{ dst: '0.0.0.0/0' }],
  dns: { domain: 'x' },
}

const spec: Omit<TuningSpec, 'config'> = {
  network: 'pods',
  containerId: 'c1',
  ifName: 'eth0',
  pod: { namespace: 'default', name: 'web-1' },
  prevResult,
}

const text = (entries: readonly Entry[] = []) => entries.map(formatEntry)
const plan = (config: object, change: Partial<TuningSpec> = {}) =>
  planTuning({ ...spec, ...change, config: parseTuningConfig(config) })

const all = {
  sysctl: { 'net.ipv4.conf.IFNAME.arp_filter': '1', 'net.ipv4.tcp_rmem': '4096\t87380  6291456\n' },
  mac: '02:00:00:00:00:0A',
  promisc: true,
  mtu: 1400,
  txQLen: 0,
  allmulti: false,
}

test('sysctls and settings of the interface; the result tells of MAC and MTU', () => {
  const { pod, host, shared, displaced, result, podOnDelete } = plan(all)
  assert.deepEqual(pod, [
    { kind: 'sysctl', path: 'ipv4/conf/eth0/arp_filter', value: '1' },
    { kind: 'sysctl', path: 'ipv4/tcp_rmem', value: '4096 87380 6291456' },
    {
      kind: 'link',
      type: 'device',
      claim: 'use',
      name: 'eth0',
      owner: 'pod default/web-1 eth0',
      mac: '02:00:00:00:00:0a',
      mtu: 1400,
      promisc: true,
      allmulticast: false,
      txQueueLength: 0,
    },
  ])
  assert.deepEqual([...host, ...shared, ...displaced], [])
  assert.deepEqual(result, {
    ...prevResult,
    interfaces: [
      prevResult.interfaces[0],
      { name: 'eth0', mac: '02:00:00:00:00:0a', mtu: 1400, sandbox: '/run/netns/a' },
    ],
  })
  assert.deepEqual(podOnDelete, { remove: [], restore: [] })
})

test('nothing to set passes the result as it is', () => {
  const { pod, result } = plan({ mac: '', mtu: 0, promisc: false, dataDir: '/x' })
  assert.deepEqual(pod, [])
  assert.deepEqual(result, prevResult)
})

test('DEL puts back what was there, and only what was changed', () => {
  const before: readonly Entry[] = [
    { kind: 'sysctl', path: 'ipv4/conf/eth0/arp_filter', value: '0' },
    {
      kind: 'link',
      type: 'veth',
      claim: 'use',
      name: 'eth0',
      owner: '',
      peer: { name: 'veth0', netns: '' },
      mac: '02:00:00:00:00:02',
      mtu: 1500,
      promisc: false,
      allmulticast: true,
      txQueueLength: 1000,
      up: true,
    },
  ]
  const config = { ...all, mac: '', allmulti: undefined }
  const { allmulti: _, ...given } = config
  const restore = plan(given, { before }).podOnDelete?.restore
  assert.deepEqual(restore, [
    before[0],
    {
      kind: 'link',
      type: 'device',
      claim: 'use',
      name: 'eth0',
      owner: 'pod default/web-1 eth0',
      mtu: 1500,
      promisc: false,
      txQueueLength: 1000,
    },
  ])
})

test('args.cni comes before the configuration, a requested MAC too', () => {
  const args = {
    cni: {
      mac: 'read elsewhere',
      sysctl: { 'net.ipv4.conf.IFNAME.arp_filter': '2' },
      promisc: false,
      mtu: 1300,
    },
  }
  const { pod } = plan({ ...all, args }, { requestedMac: { args: '02:00:00:00:00:0b' } })
  assert.deepEqual(text(pod)[0], 'sysctl -w net/ipv4/conf/eth0/arp_filter=2')
  const link = pod.at(-1)
  assert.ok(link?.kind === 'link')
  assert.deepEqual([link.mac, link.mtu, link.promisc], ['02:00:00:00:00:0b', 1300, undefined])
})

const keys: readonly [key: string, ifName: string, path: string][] = [
  ['net.ipv4.conf.IFNAME.forwarding', 'eth0.100', 'ipv4/conf/eth0.100/forwarding'],
  ['net.ipv4.conf.eth0/100.forwarding', 'eth0', 'ipv4/conf/eth0.100/forwarding'],
  ['net/ipv4/conf/eth0.100/forwarding', 'eth0', 'ipv4/conf/eth0.100/forwarding'],
  ['net/ipv6/conf/IFNAME/accept_ra', 'eth0', 'ipv6/conf/eth0/accept_ra'],
]

for (const [key, ifName, path] of keys) {
  test(`sysctl ${key} of ${ifName}`, () => {
    assert.deepEqual(plan({ sysctl: { [key]: '1' } }, { ifName }).pod, [{ kind: 'sysctl', path, value: '1' }])
  })
}

const refused: readonly [what: string, config: object, change: Partial<TuningSpec>, message: RegExp][] = [
  ['a sysctl of the machine', { sysctl: { 'kernel.shmmax': '1' } }, {}, /"kernel\.shmmax" is not below net/],
  ['net alone', { sysctl: { net: '1' } }, {}, /not below net/],
  ['a way up', { sysctl: { 'net/../kernel/x': '1' } }, {}, /names no file/],
  ['a way up in dots', { sysctl: { 'net.//.kernel': '1' } }, {}, /names no file/],
  ['an empty part', { sysctl: { 'net.core..x': '1' } }, {}, /names no file/],
  [
    'a separator in the name',
    { sysctl: { 'net.ipv4.conf.IFNAME.x': '1' } },
    { ifName: 'a/../b' },
    /names no file/,
  ],
  [
    'one sysctl in two spellings',
    { sysctl: { 'net.ipv4.conf.eth0.x': '1', 'net/ipv4/conf/IFNAME/x': '2' } },
    {},
    /sysctl ipv4\/conf\/eth0\/x is set twice, the second time as net\/ipv4/,
  ],
  ['no MAC', { mac: 'x' }, {}, /"x" is not a MAC/],
  [
    'a small MTU for IPv6',
    { mtu: 1000 },
    { prevResult: { ...prevResult, ips: [{ address: 'fd00::1/64' }] } },
    /1280/,
  ],
]

for (const [what, config, change, message] of refused) {
  test(`refused: ${what}`, () =>
    assert.throws(() => plan(config, change), { code: 'attach.invalid-configuration', message }))
}

const refusedConfigs: readonly [config: object, message: RegExp][] = [
  [{ sysctl: { 'net.a': 1 } }, /tuning .*sysctl\.net\.a: /],
  [{ mtu: -1 }, /mtu: /],
  [{ txQLen: -1 }, /txQLen: /],
  [{ args: { cni: { allmulti: 'yes' } } }, /args\.cni\.allmulti: /],
]

for (const [config, message] of refusedConfigs) {
  test(`refused: ${JSON.stringify(config)}`, () =>
    assert.throws(() => parseTuningConfig(config), { code: 'attach.invalid-configuration', message }))
}

const listed = ['net.core.somaxconn', 'net.ipv4.conf.IFNAME.x'].map(key => ({ key, value: '1' }))

test('the allowlist of the node', () => {
  checkSysctlAllowlist(
    listed,
    '^net\\.core\\.somaxconn$\r\n\n# of interfaces (all\n^net.ipv4.conf.IFNAME.[a-z_]*$\n',
  )
  const message = /net\.ipv4\.conf\.IFNAME\.x is not in the allowlist of this node, which has \^net\\\.core/
  assert.throws(() => checkSysctlAllowlist(listed, '^net\\.core'), {
    code: 'attach.invalid-configuration',
    message,
  })
  assert.throws(() => checkSysctlAllowlist(listed, ''), { message: /which allows none/ })
  assert.throws(() => checkSysctlAllowlist(listed, 'net.{3}'), { code: 'pattern.unsupported' })
})
