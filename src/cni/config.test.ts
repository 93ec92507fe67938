import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { PodlaceError } from '../base/index.ts'
import { checkPodlaceKeys, parseConfiguration } from './config.ts'
import { cniErrorReply } from './errors.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const read = (value: unknown) => parseConfiguration(bytes(JSON.stringify(value)))
const base = { cniVersion: '1.1.0', name: 'pods', type: 'podlace' }

test('everything a runtime adds is read', () => {
  const config = read({
    ...base,
    ipam: { type: 'host-local', ranges: [] },
    runtimeConfig: { mac: '02:00:00:00:00:01', ips: ['10.1.2.3'], cgroupPath: '/x' },
    args: { cni: { ips: ['10.1.2.4'] }, other: true },
    dns: { nameservers: ['10.0.0.1'] },
    prevResult: { cniVersion: '0.4.0', ips: [{ version: '4', address: '10.1.2.3/24' }] },
    'cni.dev/valid-attachments': [{ containerID: 'c1', ifname: 'eth0' }],
    'example.com/own': 1,
  })
  assert.equal(config.cniVersion, '1.1.0')
  assert.equal(config.ipam?.type, 'host-local')
  assert.equal(config.runtimeConfig.mac, '02:00:00:00:00:01')
  assert.deepEqual(config.args.ips, ['10.1.2.4'])
  assert.deepEqual(config.prevResult?.ips, [{ address: '10.1.2.3/24' }])
  assert.deepEqual(config.validAttachments, [{ containerId: 'c1', ifName: 'eth0' }])
  assert.equal(config.raw['example.com/own'], 1)
})

test('an absent list of valid attachments is not an empty one', () => {
  assert.equal(read(base).validAttachments, undefined)
  assert.deepEqual(read({ ...base, 'cni.dev/valid-attachments': [] }).validAttachments, [])
  const legacy = read({ ...base, 'cni.dev/attachments': [{ containerID: 'c', ifname: 'e' }] })
  assert.equal(legacy.validAttachments?.length, 1)
})

test('an ipam section without a type means no address management', () => {
  assert.equal(read({ ...base, ipam: {} }).ipam, undefined)
})

test('a configuration without a version is of 0.1.0', () => {
  assert.equal(read({ name: 'pods', type: 'bridge' }).cniVersion, '0.1.0')
})

const refused: readonly [what: string, stdin: string, code: number, message: RegExp][] = [
  ['missing name', '{"cniVersion":"1.0.0","type":"bridge"}', 7, /name: missing/],
  ['a name with a slash', '{"name":"a/b","type":"bridge"}', 7, /name: must start with/],
  ['a type that climbs', '{"name":"a","type":"../../reboot"}', 7, /type: must start with/],
  ['version 9.9.9', '{"cniVersion":"9.9.9","name":"a","type":"bridge"}', 1, /"9\.9\.9" is not spoken here/],
  ['broken JSON', '{"name":', 6, /not JSON/],
  ['nothing', '', 6, /is empty/],
  ['an array', '[]', 6, /not an object/],
  ['a wrong kind of value', '{"name":"a","type":"bridge","ipam":3}', 7, /ipam: .*received 3/],
  ['a prototype', '{"name":"a","type":"bridge","__proto__":{"x":1}}', 7, /__proto__/],
  [
    'a bad earlier result',
    '{"name":"a","type":"b","prevResult":{"ips":[{"address":"x"}]},"cniVersion":"1.0.0"}',
    7,
    /prevResult/,
  ],
]

for (const [what, stdin, code, message] of refused) {
  test(`refused with code ${code}: ${what}`, () => {
    const reply = cniErrorReply(catchError(() => parseConfiguration(bytes(stdin))))
    assert.equal(reply.code, code)
    assert.match(reply.msg, message)
  })
}

test('the versions we speak stand in the details of a version error', () => {
  const reply = cniErrorReply(catchError(() => read({ ...base, cniVersion: '9.9.9' })))
  assert.match(reply.details ?? '', /0\.1\.0, .*1\.1\.0/)
})

test('a sysctl that is there twice is refused', () => {
  const twice = '{"cniVersion":"1.0.0","name":"n","type":"tuning","sysctl":{"net.a":"1","net.a":"2"}}'
  const reply = cniErrorReply(catchError(() => parseConfiguration(bytes(twice))))
  assert.equal(reply.code, 7)
  assert.match(reply.msg, /"net\.a" is there twice/)
})

test('type podlace refuses what it does not know, and says what it knows', () => {
  checkPodlaceKeys(read({ ...base, capabilities: { mac: true }, 'cni.dev/valid-attachments': [] }))
  const reply = cniErrorReply(catchError(() => checkPodlaceKeys(read({ ...base, bridge: 'cni0', mtu: 1 }))))
  assert.equal(reply.code, 2)
  assert.match(reply.msg, /does not know "bridge", "mtu": known are cniVersion, name/)
})

test('any bytes give a configuration or an error of ours', () => {
  const json = fc.json().map(bytes)
  fc.assert(
    fc.property(fc.oneof(json, fc.uint8Array({ maxLength: 64 })), stdin => {
      const error = catchError(() => parseConfiguration(stdin))
      assert.ok(error === undefined || error instanceof PodlaceError)
    }),
    { numRuns: 200 },
  )
})

function catchError(run: () => unknown): unknown {
  try {
    run()
  } catch (error) {
    return error
  }
  return undefined
}
