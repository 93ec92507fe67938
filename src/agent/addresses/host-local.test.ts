import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { ManualClock } from '../../base/index.ts'
import { parseConfiguration } from '../../cni/index.ts'
import { createAtOnce, whenKept } from '../../ipam/testing.ts'
import { HostLocalStores } from './host-local.ts'
import type { Lease } from './source.ts'

let dataDir = ''
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'podlace-host-local-'))
})
afterEach(() => rmSync(dataDir, { recursive: true, force: true }))

const holder = (containerId: string) => ({ containerId, ifName: 'eth0' })
const none = { addresses: [] }
const text = ({ ips }: Lease) => ips.map(({ address }) => address).join(' ')
const dns = (lease: Lease) => lease.dns
const leases = () => readdirSync(join(dataDir, 'lan')).filter(name => /^\d/.test(name))

/** As an agent has them that was just started. */
function stores(): HostLocalStores {
  return new HostLocalStores({
    flock: () => true,
    createFile: createAtOnce,
    clock: new ManualClock(),
    random: Math.random,
    cooldownMs: 30_000,
    readFile: file => readFileSync(file, 'utf8'),
  })
}

function source(from: HostLocalStores, ipam: object, extra: object = {}) {
  const full = { type: 'host-local', dataDir, ...ipam }
  const config = { cniVersion: '1.1.0', name: 'lan', type: 'bridge', ipam: full, ...extra }
  return from.forConfiguration(parseConfiguration(Buffer.from(JSON.stringify(config))))
}

const SMALL = { subnet: '10.1.0.0/30' }

test('STATUS tells of a full pool in words, before the first ADD too, and of room that another program made', async () => {
  mkdirSync(join(dataDir, 'lan'))
  writeFileSync(join(dataDir, 'lan', '10.1.0.2'), 'theirs\r\neth0')
  const agent = stores()
  assert.match(
    (await source(agent, SMALL).fault()) ?? '',
    /no address is free in 10\.1\.0\.0\/30: 1 of 1 are held; delete pods or give the range more addresses/,
  )
  rmSync(join(dataDir, 'lan', '10.1.0.2'))
  assert.equal(await source(agent, SMALL).fault(), undefined)
})

test('what is in the way of the leases is named, by ADD and by STATUS', async () => {
  writeFileSync(join(dataDir, 'lan'), 'a file')
  await assert.rejects(source(stores(), SMALL).allocate(holder('a'), none, text), { code: 'ipam.store' })
  assert.match((await source(stores(), SMALL).fault()) ?? '', /cannot keep leases in .*\/lan/)
  mkdirSync(join(dataDir, 'other', 'lan', 'lock'), { recursive: true })
  const fault = await source(stores(), { ...SMALL, dataDir: join(dataDir, 'other') }).fault()
  assert.match(fault ?? '', /cannot keep leases in .*\/other\/lan/)
})

test('GC keeps what is listed, an old file by its container alone, and takes what another program gave', async () => {
  const agent = stores()
  const lan = source(agent, { subnet: '10.1.0.0/24' })
  for (const name of ['a', 'b']) await whenKept(lan.allocate(holder(name), none, text))
  writeFileSync(join(dataDir, 'lan', '10.1.0.7'), 'old')
  writeFileSync(join(dataDir, 'lan', '10.1.0.8'), 'older')
  writeFileSync(join(dataDir, 'lan', '10.1.0.9'), 'theirs\r\neth0')
  await lan.collect([holder('b'), { containerId: 'old', ifName: 'net1' }])
  assert.deepEqual(leases(), ['10.1.0.3', '10.1.0.7'])
})

test('sets that share addresses are refused', async () => {
  const sets = { ranges: [[{ subnet: '10.1.0.0/24' }], [{ subnet: '10.1.0.128/25' }]] }
  await assert.rejects(source(stores(), sets).allocate(holder('a'), none, text), { code: 'ipam.overlap' })
  const apart = {
    ranges: [
      [{ subnet: '10.1.0.0/24', rangeEnd: '10.1.0.9' }],
      [{ subnet: '10.1.0.0/24', rangeStart: '10.1.0.10' }],
    ],
  }
  assert.equal(
    await whenKept(source(stores(), apart).allocate(holder('a'), none, text)),
    '10.1.0.2/24 10.1.0.10/24',
  )
})

test('a /31 has room for one pod beside its gateway; a /32 needs a gateway elsewhere', async () => {
  const agent = stores()
  assert.equal(
    await whenKept(source(agent, { subnet: '10.1.0.0/31' }).allocate(holder('a'), none, text)),
    '10.1.0.1/31',
  )
  assert.equal(
    await whenKept(source(agent, { subnet: 'fd00::/127' }).allocate(holder('b'), none, text)),
    'fd00::1/127',
  )
  const single = { subnet: '10.2.0.7/32' }
  await assert.rejects(source(agent, single).allocate(holder('c'), none, text), {
    code: 'ipam.too-small',
    message: /a gateway outside of it/,
  })
  const routed = { ...single, gateway: '10.2.0.1' }
  assert.equal(await whenKept(source(agent, routed).allocate(holder('c'), none, text)), '10.2.0.7/32')
})

test('pods whose runtime gives each its own ranges share one directory', async () => {
  const agent = stores()
  const ranged = (n: number) =>
    source(
      agent,
      { subnet: '10.1.0.0/24' },
      { runtimeConfig: { ipRanges: [[{ subnet: `10.2.${n}.0/24` }]] } },
    )
  for (let n = 0; n < 12; n += 1) {
    assert.equal(
      await whenKept(ranged(n).allocate(holder(`p${n}`), none, text)),
      `10.2.${n}.2/24 10.1.0.${n + 2}/24`,
    )
  }
  await source(agent, {}).release(holder('p3'))
  assert.equal(leases().length, 22)
})

test('sticky: by the name of the pod, or what args.cni.sticky says', async () => {
  const pod = { namespace: 'default', name: 'web-0' }
  const ipam = { subnet: '10.1.0.0/24', sticky: true }
  const once = async (lan: ReturnType<typeof source>, containerId: string, request: object) => {
    const given = await whenKept(lan.allocate(holder(containerId), { addresses: [], ...request }, text))
    await lan.release(holder(containerId))
    return given
  }
  assert.equal(await once(source(stores(), ipam), 'a', { pod }), '10.1.0.2/24')
  assert.equal(await once(source(stores(), ipam), 'b', {}), '10.1.0.3/24', 'without a name')
  assert.equal(await once(source(stores(), ipam), 'c', { pod }), '10.1.0.2/24')
  assert.equal(await once(source(stores(), { ...ipam, sticky: false }), 'd', { pod }), '10.1.0.4/24')
  const args = { args: { cni: { sticky: 'db' } } }
  assert.equal(await once(source(stores(), { subnet: '10.1.0.0/24' }, args), 'e', {}), '10.1.0.5/24')
  assert.equal(await once(source(stores(), ipam, args), 'f', { pod }), '10.1.0.5/24')
  assert.throws(() => source(stores(), ipam, { args: { cni: { sticky: 'a b' } } }), {
    code: 'cni.invalid-configuration',
    message: /sticky/,
  })
})

test('resolvConf: what it says is in the lease; one that is not there is named', async () => {
  const resolvConf = join(dataDir, 'resolv.conf')
  const lan = source(stores(), { subnet: '10.1.0.0/24', resolvConf })
  await assert.rejects(lan.allocate(holder('a'), none, dns), {
    code: 'cni.io',
    message: /resolvConf .*resolv\.conf/,
  })
  writeFileSync(resolvConf, 'nameserver 10.0.0.2\n')
  assert.deepEqual(await whenKept(lan.allocate(holder('a'), none, dns)), { nameservers: ['10.0.0.2'] })
})
