import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type StaticRequest, staticAddresses } from './static.ts'
import { parseStaticConfig } from './static-config.ts'

const config = parseStaticConfig({
  type: 'static',
  addresses: [
    { address: '10.1.0.5/24', gateway: '10.1.0.1' },
    { address: 'FD00::0:5/64', gateway: '' },
  ],
  routes: [{ dst: '0.0.0.0/0' }, { dst: '10.9.0.0/16', gw: '10.1.0.7', mtu: 1400 }],
  dns: { nameservers: ['10.0.0.1'] },
})

const addresses = (request: StaticRequest) =>
  staticAddresses(config, request).ips.map(({ address, gateway }) => `${address} ${gateway ?? ''}`.trim())

test('the file alone, in canonical text, with its routes and name servers', () => {
  assert.deepEqual(staticAddresses(config, {}), {
    ips: [{ address: '10.1.0.5/24', gateway: '10.1.0.1' }, { address: 'fd00::5/64' }],
    routes: [{ dst: '0.0.0.0/0' }, { dst: '10.9.0.0/16', gw: '10.1.0.7', mtu: 1400 }],
    dns: { nameservers: ['10.0.0.1'] },
  })
})

test('nothing at all makes a layer 2 attachment', () => {
  assert.deepEqual(staticAddresses(parseStaticConfig({}), {}), { ips: [], routes: [], dns: {} })
})

const runtimeConfig = ['10.3.0.5/24']
const args = ['10.4.0.5/24', 'fd04::5/64']
const cniArgs = { ip: '10.5.0.5/24, fd05::5/64', gateway: '10.5.0.1,FD05::1,10.77.0.1' }

const chosen: readonly [what: string, request: StaticRequest, expected: readonly string[]][] = [
  ['runtimeConfig before all', { runtimeConfig, args, cniArgs }, ['10.3.0.5/24']],
  ['args before CNI_ARGS', { runtimeConfig: [], args, cniArgs }, ['10.4.0.5/24', 'fd04::5/64']],
  [
    'CNI_ARGS before the file, a gateway for the subnet it lies in',
    { args: [], cniArgs },
    ['10.5.0.5/24 10.5.0.1', 'fd05::5/64 fd05::1'],
  ],
  ['GATEWAY alone', { cniArgs: { gateway: '10.1.0.9' } }, ['10.1.0.5/24 10.1.0.9', 'fd00::5/64']],
  ['empty CNI_ARGS', { cniArgs: { ip: '', gateway: '' } }, ['10.1.0.5/24 10.1.0.1', 'fd00::5/64']],
]

for (const [what, request, expected] of chosen) {
  test(`source: ${what}`, () => assert.deepEqual(addresses(request), expected))
}

const refused: readonly [what: string, request: StaticRequest, message: RegExp][] = [
  [
    'runtimeConfig',
    { runtimeConfig: ['10.1.1.1'] },
    /^runtimeConfig\.ips must .*10\.1\.2\.3\/24, and holds "10/,
  ],
  ['args', { args: ['x'] }, /^args\.cni\.ips must/],
  ['IP', { cniArgs: { ip: '10.1.1.1/24,' } }, /^IP in CNI_ARGS must .*holds ""/],
  ['GATEWAY', { cniArgs: { gateway: '10.1.1.1/24' } }, /^GATEWAY in CNI_ARGS must be an IP address/],
  ['an address twice', { args: ['fd00::1/64', 'FD00::1/64'] }, /fd00::1\/64 is given twice/],
  [
    'two for an old version',
    { args: ['10.1.0.1/24', '10.1.0.2/24'], onePerFamily: true },
    /one IPv4 address/,
  ],
]

for (const [what, request, message] of refused) {
  test(`refused: ${what}`, () =>
    assert.throws(() => addresses(request), { code: 'attach.invalid-configuration', message }))
}

test('one address of each family goes with an old version', () => {
  assert.equal(addresses({ onePerFamily: true }).length, 2)
})

const refusedConfigs: readonly [config: object, message: RegExp][] = [
  [
    { addresses: [{ address: '10.1.0.5' }] },
    /static ipam .*addresses\.0\.address: "10\.1\.0\.5" is not an IP/,
  ],
  [{ addresses: [{ address: '10.1.0.5/33' }] }, /addresses\.0\.address/],
  [{ addresses: [{ address: '10.1.0.5/24', gateway: '10.1.0.1/24' }] }, /addresses\.0\.gateway/],
  [{ addresses: ['10.1.0.5/24'] }, /addresses\.0/],
  [{ routes: [{ dst: 'default' }] }, /routes\.0\.dst/],
]

for (const [config, message] of refusedConfigs) {
  test(`refused: ${JSON.stringify(config)}`, () =>
    assert.throws(() => parseStaticConfig(config), { code: 'attach.invalid-configuration', message }))
}
