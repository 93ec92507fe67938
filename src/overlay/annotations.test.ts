import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { annotationsFor, overwriteFromNode, peerFromNode } from './annotations.ts'
import { dualStack, networkConfig, node, peer, readBack, self } from './testing.ts'

const vxlan = {
  'backend-type': 'vxlan',
  'public-ip': '192.168.77.3',
  'backend-data': '{"VNI":1,"VtepMAC":"02:00:00:00:00:03"}',
}

test('a peer as flannel writes it', () => {
  assert.deepEqual(peerFromNode(node(vxlan)), { peer, findings: [] })
})

test('both families, an old flannel without VNI, capital letters', () => {
  const dual = {
    ...vxlan,
    'backend-data': '{"VtepMAC":"0A:00:00:00:00:03","More":1}',
    'public-ipv6': 'FD77:0::3',
    'backend-v6-data': '{"VNI":1,"VtepMAC":"02:00:00:00:06:03"}',
  }
  const { peer: found, findings } = peerFromNode(node(dual, ['10.244.3.0/24', 'fd00:10:0:3::/64']))
  assert.deepEqual(findings, [])
  assert.deepEqual(found?.ipv4, {
    podCidr: '10.244.3.0/24',
    publicAddress: '192.168.77.3',
    data: { type: 'vxlan', identity: '0a:00:00:00:00:03' },
  })
  assert.deepEqual(found?.ipv6, {
    podCidr: 'fd00:10:0:3::/64',
    publicAddress: 'fd77::3',
    data: { type: 'vxlan', vni: 1, identity: '02:00:00:00:06:03' },
  })
})

test('host-gw needs no data', () => {
  const found = peerFromNode(
    node({ 'backend-type': 'host-gw', 'backend-data': 'null', 'public-ip': '192.168.77.3' }),
  )
  assert.deepEqual(found.peer?.ipv4, { podCidr: '10.244.3.0/24', publicAddress: '192.168.77.3' })
})

test('a pod CIDR in other letters is the same one', () => {
  const address = { 'backend-type': 'host-gw', 'public-ipv6': 'fd77::3' }
  const found = peerFromNode(node(address, ['FD00:0010:0:3::/64']))
  assert.equal(found.peer?.ipv6?.podCidr, 'fd00:10:0:3::/64')
})

const faults: readonly [what: string, annotations: Record<string, string>, text: RegExp][] = [
  ['nothing yet', {}, /not part of the pod network yet: .*backend-type is missing/],
  ['no address', { 'backend-type': 'vxlan' }, /public-ip is missing/],
  ['words for an address', { ...vxlan, 'public-ip': 'x; reboot' }, /public-ip is "x; reboot"/],
  ['the other family', { ...vxlan, 'public-ip': 'fd77::3' }, /no IPv4 address of a node/],
  ['loopback', { ...vxlan, 'public-ip': '127.0.0.1' }, /no IPv4 address of a node/],
  ['a group', { ...vxlan, 'public-ip': '239.1.1.1' }, /no IPv4 address of a node/],
  ['broadcast', { ...vxlan, 'public-ip': '255.255.255.255' }, /no IPv4 address of a node/],
  ['no data', { 'backend-type': 'vxlan', 'public-ip': '192.168.77.3' }, /backend-data is missing/],
  ['broken data', { ...vxlan, 'backend-data': '{' }, /backend-data is "\{", which is not JSON/],
  ['data of null', { ...vxlan, 'backend-data': 'null' }, /backend-data is not valid/],
  ['a VNI too large', { ...vxlan, 'backend-data': '{"VNI":16777216,"VtepMAC":"02:00:00:00:00:03"}' }, /VNI/],
  ['a multicast MAC', { ...vxlan, 'backend-data': '{"VtepMAC":"01:00:5e:00:00:01"}' }, /not a unicast MAC/],
  ['a MAC of zeros', { ...vxlan, 'backend-data': '{"VtepMAC":"00:00:00:00:00:00"}' }, /not a unicast MAC/],
  ['data without end', { ...vxlan, 'backend-data': ' '.repeat(2000) }, /longer than 1024/],
]

for (const [what, annotations, text] of faults) {
  test(`finding: ${what}`, () => {
    const { peer: found, findings } = peerFromNode(node(annotations))
    assert.equal(found, undefined)
    assert.equal(findings[0]?.object, 'Node node-3')
    assert.match(findings[0]?.text ?? '', text)
  })
}

test('a fault of one family leaves the other; a node without a block waits', () => {
  const { peer: found, findings } = peerFromNode(node(vxlan, ['10.244.3.0/24', 'fd00:10:0:3::/64', 'x']))
  assert.deepEqual(found, peer)
  assert.equal(findings.length, 2)
  assert.match(peerFromNode(node(vxlan, [])).findings[0]?.text ?? '', /no pod CIDR yet/)
})

test('what a node publishes is what its peers read', () => {
  const cases = [networkConfig(), networkConfig({ backend: { type: 'host-gw' } }), networkConfig(dualStack)]
  for (const config of cases) {
    const own = { ...self, podCidrs: ['10.244.1.0/24', 'fd00:10:0:1::/64'] }
    const annotations = [...annotationsFor(config, own)].filter(([, text]) => text !== null)
    const names = annotations.map(([name, text]) => [name.split('/')[1], text])
    const cidrs = config.spec.ipv6Network === undefined ? own.podCidrs.slice(0, 1) : own.podCidrs
    const { peer: found, findings } = peerFromNode(node(Object.fromEntries(names), cidrs))
    assert.deepEqual(findings, [])
    assert.equal(found?.ipv4?.publicAddress, '192.168.77.1')
    assert.equal(found?.ipv6?.publicAddress, config.spec.ipv6Network === undefined ? undefined : 'fd77::1')
  }
})

test('host-gw publishes as flannel does: data of null, also for IPv6', () => {
  const config = networkConfig({ ...dualStack, backend: { type: 'host-gw' } })
  const own = { ...self, podCidrs: ['10.244.1.0/24', 'fd00:10:0:1::/64'] }
  assert.deepEqual(readBack(annotationsFor(config, own)), {
    'kube-subnet-manager': 'true',
    'backend-type': 'host-gw',
    'public-ip': '192.168.77.1',
    'backend-data': 'null',
    'public-ipv6': 'fd77::1',
    'backend-v6-data': 'null',
  })
})

test('a family that is gone is taken back, an overwritten address is told instead of the own', () => {
  const written = annotationsFor(networkConfig(), self, { publicAddress: '203.0.113.1' })
  assert.deepEqual(
    [...written],
    [
      ['flannel.alpha.coreos.com/kube-subnet-manager', 'true'],
      ['flannel.alpha.coreos.com/backend-type', 'vxlan'],
      ['flannel.alpha.coreos.com/backend-port', '8472'],
      ['flannel.alpha.coreos.com/public-ip', '203.0.113.1'],
      ['flannel.alpha.coreos.com/backend-data', '{"VNI":1,"VtepMAC":"02:00:00:00:00:01"}'],
      ['flannel.alpha.coreos.com/public-ipv6', null],
      ['flannel.alpha.coreos.com/backend-v6-data', null],
    ],
  )
})

test('overwritten addresses are checked', () => {
  const good = overwriteFromNode(node({ 'public-ip-overwrite': '203.0.113.1' }))
  assert.deepEqual(good, { findings: [], publicAddress: '203.0.113.1' })
  const bad = overwriteFromNode(node({ 'public-ipv6-overwrite': 'x' }))
  assert.match(bad.findings[0]?.text ?? '', /public-ipv6-overwrite is "x"/)
})

test('whatever annotations hold, there is an answer', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.json(),
    fc.constantFrom('vxlan', 'host-gw', '192.168.77.3'),
  )
  const names = [
    'backend-type',
    'backend-data',
    'backend-v6-data',
    'public-ip',
    'public-ipv6',
    '__proto__',
  ] as const
  const pairs = fc.array(fc.tuple(fc.constantFrom(...names), text), { maxLength: 6 })
  fc.assert(
    fc.property(pairs, fc.array(text, { maxLength: 3 }), (annotations, cidrs) => {
      const { peer: found, findings } = peerFromNode(node(Object.fromEntries(annotations), cidrs))
      assert.ok(found !== undefined || findings.length > 0)
      for (const finding of findings)
        assert.equal(
          [...finding.text].some(char => char < ' '),
          false,
        )
    }),
    { numRuns: 300 },
  )
})
