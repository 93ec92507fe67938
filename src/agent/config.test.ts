import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseAgentConfig } from './config.ts'

const GOOD = { nodeName: 'node-1', api: 'http://10.0.0.10:6443' }

function refusal(input: unknown): string {
  try {
    parseAgentConfig(input)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'agent.config') return error.message
    throw error
  }
  return assert.fail('it was taken')
}

test('what is left out has its default', () => {
  const { bridge, stateDir, subnetFile } = parseAgentConfig(GOOD)
  assert.deepEqual([bridge, stateDir, subnetFile], ['cni0', '/var/lib/podlace', '/run/flannel/subnet.env'])
})

test('what is missing or unknown is named, and unknown keys get the list of known ones', () => {
  assert.match(refusal({}), /nodeName: missing$/)
  assert.match(refusal({ ...GOOD, nodename: 'x' }), /nodename: unknown key; known keys: nodeName, api, /)
  assert.match(refusal('text'), /expected keys and values/)
  assert.match(refusal({ ...GOOD, api: '10.0.0.10:6443' }), /api: expected a URL such as http/)
})

test('a node is in one network, and what belongs together comes together', () => {
  const etcd = { nodeName: 'node-1', etcdEndpoints: ['https://10.0.0.10:2379'] }
  assert.equal(parseAgentConfig(etcd).etcdPrefix, '/coreos.com/network')
  assert.match(refusal({ ...GOOD, ...etcd }), /expected etcdEndpoints or api, found both/)
  assert.match(refusal({ ...etcd, setNetworkAvailable: true }), /found both: etcd has no conditions of Nodes/)
  assert.equal(parseAgentConfig({ ...etcd, setNetworkAvailable: false }).setNetworkAvailable, false)
  assert.match(refusal({ ...etcd, etcdEndpoints: [] }), /etcdEndpoints: expected an endpoint, found none/)
  assert.match(
    refusal({ ...etcd, etcdEndpoints: ['10.0.0.10:2379'] }),
    /etcdEndpoints.0: expected a URL such as/,
  )
  for (const etcdPrefix of ['', 'a', '/', '/a/', '//a'])
    assert.match(refusal({ ...etcd, etcdPrefix }), /etcdPrefix: expected a path such as/)
  for (const half of [
    { etcdUsername: 'a' },
    { etcdPassword: 'x' },
    { etcdPasswordFile: '/x' },
    { etcdUsername: 'a', etcdPassword: 'x', etcdPasswordFile: '/x' },
  ])
    assert.match(refusal({ ...etcd, ...half }), /etcdUsername with one of etcdPasswordFile and etcdPassword/)
  assert.doesNotMatch(refusal({ ...etcd, etcdUsername: 'a', etcdPassword: 1234 }), /1234/)
  assert.match(refusal({ ...etcd, etcdKeyFile: 'a' }), /both etcdCertFile and etcdKeyFile/)
  assert.match(refusal({ ...etcd, publicAddress: 'fd00::1' }), /publicAddress: expected an IPv4 address/)
})

test('interface names are such as the kernel takes', () => {
  for (const name of ['cni0', 'eth0.100', 'a'.repeat(15)])
    assert.equal(parseAgentConfig({ ...GOOD, bridge: name, uplink: name }).uplink, name)
  for (const name of ['', 'a'.repeat(16), 'a b', 'a/b', 'a:b', '.', '..', 'ü'.repeat(8)])
    assert.match(
      refusal({ ...GOOD, bridge: name }),
      /bridge: expected the name of an interface, found .*: it /,
    )
})

test('health over HTTP is off until there is a port, and at an address', () => {
  assert.equal(parseAgentConfig(GOOD).healthz, undefined)
  assert.deepEqual(parseAgentConfig({ ...GOOD, healthz: { port: 8080 } }).healthz, {
    host: '0.0.0.0',
    port: 8080,
  })
  assert.deepEqual(parseAgentConfig({ ...GOOD, healthz: { host: '::' } }).healthz, { host: '::', port: 0 })
  assert.match(
    refusal({ ...GOOD, healthz: { host: 'here', port: 1 } }),
    /healthz\.host: expected an IPv4 or IPv6/,
  )
  assert.match(refusal({ ...GOOD, healthz: { port: 65_536 } }), /healthz\.port: /)
})
