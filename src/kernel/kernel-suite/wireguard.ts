import assert from 'node:assert/strict'
import type { Entry, LinkEntry, WireguardEntry, WireguardPeerEntry } from '../entry.ts'
import { entryKey } from '../entry.ts'
import { describe } from '../findings.ts'
import { formatEntry } from '../format.ts'
import { presharedKeyFingerprint, type WireguardSecrets, wireguardPublicKey } from '../wireguard-secrets.ts'
import { OWNER } from './entries.ts'
import { codes, type World } from './world.ts'

/** WireGuard: only for kernels that have it. Whoever makes the harness gives its kernels `suiteSecrets`. */

const privateKeys = [11, 12, 13, 14].map(fill => new Uint8Array(32).fill(fill))
const presharedKey = new Uint8Array(32).fill(21)
const byPublicKey = new Map(privateKeys.slice(0, 2).map(key => [wireguardPublicKey(key), key]))
const [own = '', ownNext = '', alice = '', bob = ''] = privateKeys.map(wireguardPublicKey)
const fingerprint = presharedKeyFingerprint(presharedKey)

export const suiteSecrets: WireguardSecrets = {
  privateKey: publicKey => byPublicKey.get(publicKey),
  presharedKey: name => (name === fingerprint ? presharedKey : undefined),
}

const LINK = 'wg7'
const link: LinkEntry = {
  kind: 'link',
  type: 'wireguard',
  name: LINK,
  claim: 'own',
  owner: OWNER,
  mtu: 1400,
  up: true,
}
const device: WireguardEntry = { kind: 'wireguard', link: LINK, publicKey: own, listenPort: 51_999 }
const toAlice: WireguardPeerEntry = {
  kind: 'wireguard-peer',
  link: LINK,
  publicKey: alice,
  endpoint: { address: '192.168.77.2', port: 51_820 },
  allowedIps: ['fd00:2::/64', '10.244.2.0/24'],
  persistentKeepaliveSeconds: 25,
  presharedKey: fingerprint,
}
const toBob: WireguardPeerEntry = {
  kind: 'wireguard-peer',
  link: LINK,
  publicKey: bob,
  endpoint: { address: 'fd77::3', port: 51_821 },
  allowedIps: ['10.244.3.0/24'],
}
const base: readonly Entry[] = [
  { kind: 'route', dst: '10.244.0.0/16', table: 254, metric: 0, link: LINK },
  { kind: 'address', link: LINK, address: '10.244.1.0/32' },
  link,
]
const tunnel: readonly Entry[] = [toAlice, toBob, device, ...base]

/** Nothing is left to do, nobody complains, and an audit writes nothing. */
async function isAtRest(world: World, reconciler: Awaited<ReturnType<World['start']>>): Promise<void> {
  await world.converges()
  await reconciler.settled()
  assert.deepEqual(codes(reconciler), [])
  const { operations } = reconciler.counters
  await reconciler.audit()
  assert.equal(reconciler.counters.operations, operations)
}

export async function makesTunnel(world: World): Promise<void> {
  await isAtRest(world, await world.startWith(tunnel))
  const second = await world.start(world.harness.restart())
  assert.equal(second.counters.operations, 0)
}

export async function changesTunnel(world: World): Promise<void> {
  const reconciler = await world.startWith(tunnel)
  const { presharedKey: _none, ...plain } = toAlice
  for (const changed of [
    [
      { ...toAlice, allowedIps: toBob.allowedIps },
      { ...toBob, allowedIps: toAlice.allowedIps },
    ],
    [plain, { ...toBob, presharedKey: fingerprint, persistentKeepaliveSeconds: 5 }],
    [
      { ...toAlice, endpoint: { address: '192.168.77.9', port: 7 } },
      { ...toBob, allowedIps: [] },
    ],
    [toAlice, toBob],
  ] satisfies WireguardPeerEntry[][]) {
    world.want([...base, { ...device, listenPort: 52_000 }, ...changed])
    await isAtRest(world, reconciler)
  }
  const links = reconciler.history().filter(({ key }) => key === entryKey(link))
  assert.equal(links.length, 1)
}

export async function rotatesKeys(world: World): Promise<void> {
  const reconciler = await world.startWith([...base, device, toAlice])
  world.want([...base, { ...device, publicKey: ownNext }, { ...toAlice, publicKey: bob }])
  await isAtRest(world, reconciler)
  assert.deepEqual(await peersSeen(world), [`wireguard-peer ${bob} dev ${LINK}`])
}

export async function removesPeer(world: World): Promise<void> {
  const reconciler = await world.startWith(tunnel)
  world.want([...base, device, toBob])
  await isAtRest(world, reconciler)
  assert.deepEqual(await peersSeen(world), [entryKey(toBob)])
}

/** Another program sets what no kernel tells of. */
export async function mendsAtAudit(world: World): Promise<void> {
  const reconciler = await world.startWith(tunnel)
  const other = world.harness.restart()
  const outcomes = await other.apply([
    { op: 'delete', entry: toAlice, why: 'stale' },
    { op: 'change', entry: { ...toBob, allowedIps: ['10.244.9.0/24'] }, before: toBob, why: 'differs' },
    { op: 'create', entry: { ...toAlice, publicKey: ownNext }, why: 'missing' },
    { op: 'change', entry: { ...device, listenPort: 52_001 }, before: device, why: 'differs' },
  ])
  assert.deepEqual(
    outcomes.map(({ error }) => error),
    [undefined, undefined, undefined, undefined],
  )
  assert.equal((await world.difference()).length, 4)
  await reconciler.audit()
  await isAtRest(world, reconciler)
}

/** Not one that the kernel has found since, which counts as set. */
export async function givesEndpointBack(world: World): Promise<void> {
  const reconciler = await world.startWith(tunnel)
  const other = world.harness.restart()
  const { endpoint: _lost, ...silent } = toBob
  await other.apply([{ op: 'delete', entry: toBob, why: 'stale' }])
  await other.apply([{ op: 'create', entry: silent, why: 'missing' }])
  const endpoint = async () => {
    const entry = (await world.observed()).get(entryKey(toBob))?.entry
    return entry?.kind === 'wireguard-peer' ? entry.endpoint : undefined
  }
  assert.equal(await endpoint(), undefined)
  await reconciler.audit()
  await isAtRest(world, reconciler)
  assert.deepEqual(await endpoint(), toBob.endpoint)
}

export async function replaysTunnel(world: World): Promise<void> {
  const reconciler = await world.startWith(tunnel)
  world.harness.foreign.remove(link)
  await isAtRest(world, reconciler)
}

export async function adoptsTunnel(world: World): Promise<void> {
  const { foreign } = world.harness
  foreign.add(link)
  const other = world.harness.restart()
  await other.apply(
    [device, toAlice, { ...toBob, publicKey: ownNext }].map(entry => ({
      op: 'create',
      entry,
      why: 'missing',
    })),
  )
  const reconciler = await world.startWith(tunnel)
  await isAtRest(world, reconciler)
  const touched = reconciler.history().map(({ op, key }) => `${op} ${key}`)
  assert.ok(
    !touched.some(line => line.endsWith(entryKey(toAlice)) || line.endsWith(entryKey(device))),
    touched.join(),
  )
}

export async function keepsSecrets(world: World): Promise<void> {
  const stranger = wireguardPublicKey(new Uint8Array(32).fill(99))
  const reconciler = await world.startWith([
    ...tunnel.filter(entry => entry !== device),
    { ...device, publicKey: stranger },
  ])
  assert.deepEqual(codes(reconciler), [`refused ${entryKey(device)}`])
  const seen = [...(await world.observed()).values()].map(({ entry }) => entry)
  const text = [
    ...[...tunnel, ...seen].flatMap(entry => [formatEntry(entry), describe(entry), entryKey(entry)]),
    JSON.stringify([seen, reconciler.history(), reconciler.findings]),
  ].join('\n')
  assert.ok(text.includes(stranger))
  for (const secret of [...privateKeys, presharedKey]) {
    for (const encoding of ['base64', 'hex'] as const) {
      assert.ok(!text.includes(Buffer.from(secret).toString(encoding).slice(0, 20)), encoding)
    }
  }
  assert.ok(!tunnel.some(entry => `${formatEntry(entry)} ${describe(entry)}`.includes(fingerprint)))
}

async function peersSeen(world: World): Promise<string[]> {
  return [...(await world.observed()).keys()].filter(key => key.startsWith('wireguard-peer'))
}
