import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { Registry } from 'prom-client'
import { ManualClock } from '../../base/index.ts'
import { Graph, type Source } from '../../derive/index.ts'
import type { PeerEnd } from '../../overlay/index.ts'
import { registerPeerMetrics } from './peer-metrics.ts'
import { countPeers, peerPage, summarizePeers } from './peer-summary.ts'
import { PeerWatch } from './peer-watch.ts'

let clock: ManualClock
let ends: Source<PeerEnd>
let watch: PeerWatch
/** Addresses that answer. */
let alive: Set<string>
/** Addresses that answer what bears a right checksum. */
let hearing: Set<string>
/** Devices said to spoil checksums. */
let spoilt: Set<string>

beforeEach(() => {
  clock = new ManualClock()
  ends = new Graph().source('ends')
  alive = new Set()
  hearing = new Set()
  spoilt = new Set()
  watch = new PeerWatch({
    ends,
    world: {
      open: (_family, onAnswer) => {
        const sendTo = (those: Set<string>) => (quoted: Uint8Array, address: string) => {
          const answer = { quoted, address, offender: address, type: 3, code: 3, mtu: 0 }
          if (those.has(address)) clock.after(5, () => onAnswer(answer))
          return undefined
        }
        return { send: sendTo(alive), sendSummed: sendTo(hearing), close: () => {} }
      },
    },
    onSpoiltChecksums: device => spoilt.add(device),
    clock,
    random: Math.random,
  })
})

afterEach(() => watch.stop())

function add(n: number, family: 4 | 6 = 4): void {
  ends.set(`node-${n} ${family}`, {
    nodeName: `node-${n}`,
    family,
    backendType: 'vxlan',
    address: family === 4 ? `10.${n >> 8}.${n & 255}.0` : `fd00:${n.toString(16)}::`,
    publicAddress: `192.0.${n >> 8}.${n & 255}`,
    device: 'flannel.1',
    uplink: 'eth0',
    podMtu: 1450,
    overhead: 50,
    tunnelPorts: [8472],
    offloadsChecksums: true,
  })
}

async function metrics(): Promise<string> {
  const registry = new Registry()
  registerPeerMetrics(registry, () => watch.ways())
  return registry.metrics()
}

test('a peer of two families is as bad as the worse of them', async () => {
  alive.add('10.0.2.0')
  add(2)
  add(2, 6)
  await clock.advance(30_000)
  const [peer, ...others] = summarizePeers(watch.ways())
  assert.deepEqual(others, [])
  assert.deepEqual(peer, {
    node: 'node-2',
    state: 'down',
    rttSeconds: 0.005,
    lossRatio: 1,
    pathMtuBytes: 1450,
  })
  assert.deepEqual(countPeers(watch.ways()), { unknown: 0, up: 0, down: 1 })
  assert.equal(watch.findings().length, 1)
})

test('a way as /peers shows it, before and after an answer', async () => {
  alive.add('10.0.2.0')
  add(2)
  const [before] = Array.from(watch.ways(), peerPage)
  assert.deepEqual(
    [before?.state, before?.rttMs, before?.lastSeen, before?.fault],
    ['unknown', null, null, null],
  )
  await clock.advance(2_000)
  const [after] = Array.from(watch.ways(), peerPage)
  assert.deepEqual([after?.state, after?.rttMs, after?.lossRatio, after?.pathMtu], ['up', 5, 0, 1450])
  assert.match(after?.lastSeen ?? '', /^2023-11-14T22:13:2\d\.\d+Z$/)
})

test('series of each peer go when it goes, and all of them when there are too many', async () => {
  for (let n = 0; n < 500; n += 1) add(n)
  alive.add('10.0.2.0')
  await clock.advance(12_000)
  assert.match(await metrics(), /^podlace_agent_peer_up\{node="node-2"\} 1$/m)
  ends.delete('node-2 4')
  assert.doesNotMatch(await metrics(), /"node-2"/)
  add(2)
  add(500)
  const text = await metrics()
  assert.doesNotMatch(text, /^podlace_agent_peer_up\{/m)
  assert.match(text, /^podlace_agent_peers_state_count\{state="unknown"\} \d+$/m)
})

test('if nearly all are silent, the findings are not', async () => {
  for (let n = 0; n < 60; n += 1) add(n)
  await clock.advance(60_000)
  const found = watch.findings()
  assert.equal(found.length, 51)
  assert.equal(found.at(-1)?.text, '10 more cannot be reached as they should')
})

test('a device is said to spoil checksums when a peer hears nothing else but what bears a right one', async () => {
  hearing.add('10.0.2.0')
  add(2)
  add(3)
  await clock.advance(60_000)
  assert.deepEqual([...spoilt], ['flannel.1'])
  assert.match(
    watch
      .findings()
      .map(({ text }) => text)
      .join('\n'),
    /it hears through flannel\.1 only packets/,
  )
})

test('of peers that are away nothing is said of checksums', async () => {
  add(3)
  await clock.advance(60_000)
  assert.deepEqual([...spoilt], [])
})
