import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { annotationsFor, peerFromNode } from './annotations.ts'
import { annotationsFromLease, formatLeaseKey, leaseFromAnnotations, parseLeaseKey } from './etcd-lease.ts'
import { dualStack, networkConfig, node, self } from './testing.ts'

const dualSelf = { ...self, podCidrs: ['10.244.1.0/24', 'fd00:10:0:1::/64'] }

/** Those that flannel has too: a lease has no place for others. */
function annotationsOf(config: Parameters<typeof annotationsFor>[0], own = self): Map<string, string> {
  return new Map(
    [...annotationsFor(config, own)].flatMap(([key, value]) =>
      value === null || key.endsWith('/backend-port') ? [] : [[key, value]],
    ),
  )
}

describe("the key of a lease of flannel's", () => {
  it('is made from the blocks, the colons of IPv6 kept', () => {
    for (const [key, cidrs] of [
      ['10.5.34.0-24', ['10.5.34.0/24']],
      ['10.5.34.0-24&fd00:5:0:22::-64', ['10.5.34.0/24', 'fd00:5:0:22::/64']],
    ] as const) {
      assert.equal(formatLeaseKey(cidrs), key)
      assert.deepEqual(parseLeaseKey(key), cidrs)
    }
  })

  for (const key of [
    '',
    '-',
    '10.5.34.0',
    '10.5.34.1-24',
    '10.5.34.0-024',
    '010.5.34.0-24',
    '10.5.34.0-33',
    'fd00::-64',
    '10.5.34.0-24&10.5.35.0-24',
    '10.5.34.0-24&fd00:0::-64',
    '10.5.34.0-24&fd00::-64&fd01::-64',
    '10.5.34.0-24/x',
  ]) {
    it(`is not "${key}"`, () => assert.equal(parseLeaseKey(key), undefined))
  }
})

describe("the value of a lease of flannel's", () => {
  // The bytes that encoding/json makes of flannel's LeaseAttrs.
  const vxlan =
    '{"PublicIP":"192.168.77.1","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"02:00:00:00:00:01"}}'
  const dual =
    '{"PublicIP":"192.168.77.1","PublicIPv6":"fd77::1","BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"02:00:00:00:00:01"},"BackendV6Data":{"VNI":1,"VtepMAC":"02:00:00:00:06:01"}}'
  const hostGateway = '{"PublicIP":"192.168.77.1","PublicIPv6":null,"BackendType":"host-gw"}'

  it('has the bytes that flannel writes', () => {
    assert.equal(leaseFromAnnotations(annotationsOf(networkConfig())), vxlan)
    assert.equal(leaseFromAnnotations(annotationsOf(networkConfig(dualStack), dualSelf)), dual)
    assert.equal(
      leaseFromAnnotations(annotationsOf(networkConfig({ backend: { type: 'host-gw' } }))),
      hostGateway,
    )
  })

  it('says what the annotations say', () => {
    for (const [value, config, own] of [
      [vxlan, networkConfig(), self],
      [dual, networkConfig(dualStack), dualSelf],
      [hostGateway, networkConfig({ backend: { type: 'host-gw' } }), self],
    ] as const) {
      assert.deepEqual(annotationsFromLease(value), annotationsOf(config, own))
    }
  })

  it('says as little as the backends that have little to say', () => {
    for (const backend of [
      { type: 'alloc' },
      { type: 'extension' },
      { type: 'ipip' },
      { type: 'udp' },
    ] as const) {
      const said = annotationsOf(networkConfig({ backend }))
      const value = leaseFromAnnotations(said)
      const type = backend.type === 'alloc' ? '' : `,"BackendType":"${backend.type}"`
      assert.equal(value, `{"PublicIP":"192.168.77.1","PublicIPv6":null${type}}`)
      assert.deepEqual(annotationsFromLease(value), said)
    }
  })

  it('of a flannel node becomes a peer', () => {
    const value =
      '{"PublicIP":"192.168.77.3","BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"02:00:00:00:00:03"},"New":1}'
    const annotations = annotationsFromLease(value)
    assert.ok(typeof annotations !== 'string')
    const { peer, findings } = peerFromNode({
      ...node({}),
      metadata: { ...node({}).metadata, annotations: Object.fromEntries(annotations) },
    })
    assert.deepEqual(findings, [])
    assert.equal(peer?.ipv4?.publicAddress, '192.168.77.3')
  })

  for (const [value, fault] of [
    ['', /not JSON/],
    ['{"PublicIP":', /not JSON/],
    ['null', /no lease/],
    ['[]', /no lease/],
    ['{"PublicIP":1}', /no lease: "PublicIP/],
    ['{"BackendType":{}}', /no lease/],
    [`{"PublicIP":"${'1'.repeat(9000)}"}`, /longer than 8192/],
  ] as const) {
    it(`is not ${value.slice(0, 30)}`, () => {
      const found = annotationsFromLease(value)
      assert.match(typeof found === 'string' ? found : '', fault)
    })
  }

  it('may hold anything', () => {
    fc.assert(
      fc.property(fc.json(), value => {
        const found = annotationsFromLease(value)
        if (typeof found !== 'string') assert.ok(JSON.parse(leaseFromAnnotations(found)))
      }),
    )
  })
})
