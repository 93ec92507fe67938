/** WireGuard, which takes a module that not every machine has. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  applyOnce,
  type Entry,
  NetlinkKernel,
  type WireguardPeerEntry,
  wireguardPublicKey,
} from '../../src/kernel/index.ts'
import { World } from '../../src/kernel/kernel-suite/world.ts'
import { wireguardSuite } from '../../src/kernel/kernel-suite.ts'
import { NetlinkEvents, Netns, netlinkIn } from '../../src/sys/index.ts'
import { failures, ip } from '../netns/host-and-pod.ts'
import { createHarness, run } from '../netns/kernel-harness.ts'

wireguardSuite('NetlinkKernel', createHarness)

const keys = [1, 2].map(fill => new Uint8Array(32).fill(fill))
const [here = '', there = ''] = keys.map(wireguardPublicKey)

/** One end of a tunnel, in a namespace of its own. */
function end(netns: Netns): NetlinkKernel {
  const privateKeys = new Map(keys.map(key => [wireguardPublicKey(key), key]))
  return new NetlinkKernel({
    netns,
    wireguard: {
      openGeneric: () => netlinkIn(netns, 'generic'),
      secrets: { privateKey: name => privateKeys.get(name), presharedKey: () => undefined },
    },
    openEvents: (protocol, groups, options) => NetlinkEvents.openIn(netns, protocol, groups, options),
  })
}

function device(publicKey: string, listenPort: number, address: string): Entry[] {
  return [
    { kind: 'link', type: 'wireguard', name: 'wg0', claim: 'own', owner: 'test', up: true },
    { kind: 'address', link: 'wg0', address },
    { kind: 'wireguard', link: 'wg0', publicKey, listenPort },
  ]
}

test('a peer that is heard from elsewhere is left there, until another endpoint is wanted', async () => {
  using near = Netns.create()
  using far = Netns.create()
  run(near, [
    'ip',
    'link',
    'add',
    'v0',
    'type',
    'veth',
    'peer',
    'name',
    'v0',
    'netns',
    `/proc/${process.pid}/fd/${far.fds.netns}`,
  ])
  for (const [netns, address] of [
    [near, '192.0.2.1/24'],
    [far, '192.0.2.2/24'],
  ] as const) {
    ip(netns, `address add ${address} dev v0`)
    ip(netns, 'link set v0 up')
  }
  const peer: WireguardPeerEntry = {
    kind: 'wireguard-peer',
    link: 'wg0',
    publicKey: there,
    endpoint: { address: '192.0.2.2', port: 51_820 },
    allowedIps: ['10.9.0.2/32'],
  }
  const farKernel = end(far)
  const back = {
    ...peer,
    publicKey: here,
    endpoint: { address: '192.0.2.1', port: 51_820 },
    allowedIps: ['10.9.0.1/32'],
  }
  const farEntries = [...device(there, 52_000, '10.9.0.2/24'), back]
  assert.deepEqual(failures(await applyOnce(farKernel, farEntries)), [])

  const harness = { ...(await createHarness()), kernel: end(near), restart: () => end(near) }
  const world = new World(harness)
  const reconciler = await world.startWith([...device(here, 51_820, '10.9.0.1/24'), peer])
  const seenAt = async () => {
    const kernel = end(near)
    const found = (await kernel.observe()).find(({ entry }) => entry.kind === 'wireguard-peer')?.entry
    kernel.close()
    return found?.kind === 'wireguard-peer' ? found.endpoint?.port : undefined
  }
  try {
    assert.equal(await seenAt(), 51_820)
    run(far, ['bash', '-c', 'echo > /dev/udp/10.9.0.1/9'])
    await harness.eventually(async () => (await seenAt()) === 52_000)
    const { operations } = reconciler.counters
    await reconciler.audit()
    assert.equal(reconciler.counters.operations, operations)
    assert.equal(await seenAt(), 52_000)
    // Something else of it changes.
    const slower = { ...peer, persistentKeepaliveSeconds: 60 }
    world.want([...device(here, 51_820, '10.9.0.1/24'), slower])
    await reconciler.settled()
    assert.deepEqual([reconciler.counters.operations - operations, await seenAt()], [1, 52_000])
    world.want([
      ...device(here, 51_820, '10.9.0.1/24'),
      { ...slower, endpoint: { address: '192.0.2.2', port: 53_000 } },
    ])
    await reconciler.settled()
    assert.equal(await seenAt(), 53_000)
  } finally {
    await world.close()
    harness.kernel.close()
    farKernel.close()
    harness.close()
  }
})
