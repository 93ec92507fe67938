import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { allKinds } from './kind-table.ts'
import type { Kind } from './kinds.ts'
import { checkObject, issuesText } from './validation.ts'

const metadata = { name: 'x', uid: 'u', resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' }

/** What is wrong with an object, in one line; empty if nothing is. */
function complaint(kind: Kind, value: unknown): string {
  const checked = checkObject(kind, value)
  return checked.ok ? '' : issuesText(checked.issues)
}

function config(spec: object): string {
  return complaint('NetworkConfig', {
    apiVersion: 'podlace.dev/v1alpha1',
    kind: 'NetworkConfig',
    metadata,
    spec,
  })
}

function block(spec: object, status: object = {}): string {
  return complaint('PodBlock', {
    apiVersion: 'podlace.dev/v1alpha1',
    kind: 'PodBlock',
    metadata,
    spec,
    status,
  })
}

function node(extra: object): string {
  return complaint('Node', { apiVersion: 'v1', kind: 'Node', metadata, spec: {}, status: {}, ...extra })
}

const vxlan = { type: 'vxlan' }
const presharedKey = Buffer.alloc(32, 7).toString('base64')
const network = '10.244.0.0/16'

const table: readonly [what: string, complaint: () => string, expected: string | RegExp][] = [
  [
    'a complete config',
    () => config({ network, subnetLength: 24, backend: { ...vxlan, vni: 1, port: 8472, mtu: 1450 } }),
    '',
  ],
  ['a host-gw config', () => config({ network, backend: { type: 'host-gw' }, masquerade: false }), ''],
  ['ports that are not random', () => config({ network, backend: vxlan, masqueradeRandomFully: false }), ''],
  ['an ipip config', () => config({ network, backend: { type: 'ipip', directRouting: true } }), ''],
  [
    'a wireguard config',
    () =>
      config({
        network,
        backend: {
          type: 'wireguard',
          listenPort: 1,
          presharedKey,
          persistentKeepaliveSeconds: 25,
          mode: 'auto',
        },
      }),
    '',
  ],
  [
    'a wireguard key that is none, of which nothing is told',
    () => config({ network, backend: { type: 'wireguard', presharedKey: presharedKey.slice(1) } }),
    /^spec\.backend\.presharedKey: expected a key of 32 bytes in base64, as `wg genpsk` makes it$/,
  ],
  [
    'a wireguard key that is no text, of which nothing is told',
    () => config({ network, backend: { type: 'wireguard', presharedKey: 987_654 } }),
    /^spec\.backend\.presharedKey: expected a key of 32 bytes in base64, as `wg genpsk` makes it$/,
  ],
  [
    'two tunnels at one port',
    () => config({ network, backend: { type: 'wireguard', listenPort: 51_821 } }),
    /spec\.backend: expected listenPort and listenPortV6 to differ/,
  ],
  [
    'one tunnel at one port',
    () => config({ network, backend: { type: 'wireguard', listenPort: 51_821, mode: 'ipv4' } }),
    '',
  ],
  [
    'an unknown mode',
    () => config({ network, backend: { type: 'wireguard', mode: 'both' } }),
    /mode: .*"separate"/,
  ],
  ['two families', () => config({ network, ipv6Network: 'fd00::/48', backend: vxlan }), ''],
  [
    'no network',
    () => config({ backend: vxlan }),
    'spec: expected network or ipv6Network (or both), found neither',
  ],
  ['no backend', () => config({ network }), /spec: expected the field to be given|spec\.backend/],
  [
    'host bits',
    () => config({ network: '10.244.0.1/16', backend: vxlan }),
    /spec\.network: expected an IPv4 prefix.*10\.244\.0\.0\/16/,
  ],
  [
    'a length that no prefix has, told once',
    () => config({ network: '10.244.0.0/99', backend: vxlan }),
    /^spec\.network: expected an IPv4 prefix[^;]*99 is above 32$/,
  ],
  [
    'loopback for pods',
    () => config({ network: '127.0.0.0/8', backend: vxlan }),
    /spec\.network: .*127\.0\.0\.0\/8 is loopback/,
  ],
  [
    'another family',
    () => config({ network: 'fd00::/48', backend: vxlan }),
    /spec\.network: expected an IPv4 prefix.*found IPv6/,
  ],
  [
    'not canonical',
    () => config({ ipv6Network: 'FD00:0::/48', backend: vxlan }),
    /canonical form fd00::\/48/,
  ],
  [
    'a tiny network',
    () => config({ network: '10.0.0.0/29', subnetLength: 30, backend: vxlan }),
    /spec\.network: .*\/28 or shorter.*too small/,
  ],
  [
    'a block larger than the network',
    () => config({ network: '10.0.0.0/26', backend: vxlan }),
    /subnetLength of at least 26.*found 24/,
  ],
  [
    'a number as network',
    () => config({ network: 10, backend: vxlan }),
    /spec\.network: expected an IPv4 prefix like .*found 10/,
  ],
  ['a cooldown of blocks', () => config({ network, backend: vxlan, blockCooldownSeconds: 30 }), ''],
  [
    'one that leaves no time to confirm anything',
    () => config({ network, backend: vxlan, blockCooldownSeconds: 29 }),
    'spec.blockCooldownSeconds: expected a time in seconds from 30 to 604800, found 29',
  ],
  [
    'vni 0',
    () => config({ network, backend: { ...vxlan, vni: 0 } }),
    'spec.backend.vni: expected a whole number from 1 to 16777215, found 0',
  ],
  ['vni 2^24', () => config({ network, backend: { ...vxlan, vni: 2 ** 24 } }), /spec\.backend\.vni/],
  [
    'half a port',
    () => config({ network, backend: { ...vxlan, port: 0.5 } }),
    /spec\.backend\.port: expected a UDP port/,
  ],
  [
    'an unknown backend',
    () => config({ network, backend: { type: 'magic' } }),
    /spec\.backend.*vxlan, host-gw.*"magic"/,
  ],
  [
    'an unknown key',
    () => config({ network, backend: vxlan, subnet: 3 }),
    /^spec\.subnet: unknown field; known here: network, ipv6Network, subnetLength/,
  ],
  [
    'a vxlan key on host-gw',
    () => config({ network, backend: { type: 'host-gw', vni: 3 } }),
    'spec.backend.vni: unknown field; known here: type',
  ],
  [
    'a block whose claim was confirmed',
    () =>
      block(
        { cidr: '10.244.3.0/24', nodeName: 'a', nodeUID: 'u' },
        { lease: { instance: 'i', bootId: 'b', renewals: 1, seconds: 3600 } },
      ),
    '',
  ],
  [
    'a confirmation without its figure',
    () =>
      block(
        { cidr: '10.244.3.0/24', nodeName: 'a', nodeUID: 'u' },
        { lease: { instance: 'i', bootId: 'b', renewals: 1 } },
      ),
    /status\.lease/,
  ],
  ['a block', () => block({ cidr: '10.244.3.0/24', nodeName: 'a', nodeUID: 'u' }, { attachments: 3 }), ''],
  [
    'a block of nobody',
    () => block({ cidr: '10.244.3.0/24', nodeName: '', nodeUID: 'u' }),
    /spec\.nodeName: expected the name of a node/,
  ],
  [
    'no time',
    () => block({ cidr: '10.244.3.0/24', nodeName: 'a', nodeUID: 'u', releasedAt: 'today' }),
    /spec\.releasedAt: expected an RFC 3339 time/,
  ],
  [
    'a negative count',
    () => block({ cidr: '10.244.3.0/24', nodeName: 'a', nodeUID: 'u' }, { attachments: -1 }),
    /status\.attachments/,
  ],
  [
    'a node with fields of others',
    () => node({ spec: { taints: [], podCIDR: 'anything' }, status: { images: [] }, extra: 1 }),
    '',
  ],
  [
    'a condition that is neither',
    () => node({ status: { conditions: [{ type: 'Ready', status: 'Yes' }] } }),
    /status\.conditions\.0\.status: expected .*found "Yes"/,
  ],
  ['another kind', () => node({ kind: 'Pod' }), /kind: expected "Node", found "Pod"/],
  ['another version', () => node({ apiVersion: 'v2' }), /apiVersion: expected "v1"/],
  [
    'a bad name',
    () => node({ metadata: { ...metadata, name: 'a/b' } }),
    /metadata\.name: expected .*RFC 1123.*found "a\/b"/,
  ],
  ['a path as a name', () => node({ metadata: { ...metadata, name: '..' } }), /metadata\.name/],
  ['a long name', () => node({ metadata: { ...metadata, name: 'a'.repeat(64) } }), /metadata\.name/],
  [
    'a namespace where none is',
    () => node({ metadata: { ...metadata, namespace: 'x' } }),
    /metadata\.namespace: expected none/,
  ],
  [
    'a pod without a namespace',
    () => complaint('Pod', { apiVersion: 'v1', kind: 'Pod', metadata, spec: {}, status: {} }),
    /metadata\.namespace: expected a namespace/,
  ],
  [
    'a label with a number',
    () => node({ metadata: { ...metadata, labels: { a: 3 } } }),
    /metadata\.labels: expected a string under "a"/,
  ],
  [
    'a label key with a space',
    () => node({ metadata: { ...metadata, labels: { 'a b': '' } } }),
    /metadata\.labels: expected label keys/,
  ],
  [
    'annotations of any text',
    () => node({ metadata: { ...metadata, annotations: { 'x.dev/y': '{"a": "ü\n"}' } } }),
    '',
  ],
  ['nothing', () => complaint('Node', undefined), /expected/],
  ['a list', () => complaint('Pod', []), /expected/],
]

describe('checkObject', () => {
  for (const [what, actual, expected] of table) {
    it(what, () => {
      if (typeof expected === 'string') assert.equal(actual(), expected)
      else assert.match(actual(), expected)
    })
  }

  it('hands back the very object, with labels that JavaScript knows', () => {
    const labels = JSON.parse('{"constructor":"a","toString":"b"}')
    const value = { apiVersion: 'v1', kind: 'Node', metadata: { ...metadata, labels }, spec: {}, status: {} }
    const checked = checkObject('Node', value)
    assert.ok(checked.ok)
    assert.equal(checked.object, value)
    assert.match(
      node({ metadata: { ...metadata, labels: JSON.parse('{"__proto__":"x"}') } }),
      /metadata\.labels/,
    )
  })

  it('answers for any JSON', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...allKinds()),
        fc.jsonValue(),
        fc.jsonValue(),
        ({ kind }, spec, status) => {
          const checked = checkObject(kind, { apiVersion: 'v1', kind, metadata, spec, status })
          assert.ok(checked.ok || checked.issues.every(issue => issue.message !== ''))
        },
      ),
      { numRuns: 300 },
    )
  })
})
