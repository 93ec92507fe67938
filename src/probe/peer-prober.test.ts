import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { ManualClock } from '../base/index.ts'
import type { ProbeTarget } from './peer-health.ts'
import { PeerProber, type ProbeAnswer } from './peer-prober.ts'

interface Datagram {
  readonly bytes: Uint8Array
  readonly address: string
  readonly atMs: number
  readonly summed: boolean
}

let clock: ManualClock
/** What left this node, and how the network answers. */
let sent: Datagram[]
let answer: (datagram: Datagram) => Partial<ProbeAnswer> | undefined
let seed: number
let opened: number
/** Of which peers it was said, each time. */
let spoilt: string[]

/** Numbers from 0 to 1 that look like chance (mulberry32). */
function random(): number {
  seed = (seed + 0x6d2b79f5) | 0
  let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
}

beforeEach(() => {
  clock = new ManualClock()
  sent = []
  answer = () => ({})
  seed = 1
  opened = 0
  spoilt = []
})

const unreachable = { type: 3, code: 3, mtu: 0 }

function makeProber(): PeerProber {
  return new PeerProber({
    open: (_family, onAnswer) => {
      opened += 1
      return {
        send: (bytes, address) => send(bytes, address, false),
        sendSummed: (bytes, address) => send(bytes, address, true),
        close: () => {},
      }
      function send(bytes: Uint8Array, address: string, summed: boolean): undefined {
        const datagram = { bytes, address, atMs: clock.nowMs(), summed }
        sent.push(datagram)
        const told = answer(datagram)
        if (told !== undefined) {
          const whole = { ...unreachable, quoted: bytes, address, offender: address, ...told }
          clock.after(2, () => onAnswer(whole))
        }
      }
    },
    onSpoiltChecksums: key => spoilt.push(key),
    clock,
    random,
  })
}

function target(n: number): ProbeTarget {
  const [high, low] = [n >> 8, n & 255]
  return { family: 4, address: `10.${high}.${low}.0`, publicAddress: `192.0.${high}.${low}`, fullBytes: 1450 }
}

test('a new peer is asked within a second, and then every ten or so', async () => {
  const prober = makeProber()
  prober.set('a', target(1))
  await clock.advance(1_022)
  assert.equal(prober.report('a')?.state, 'up')
  assert.equal(prober.report('a')?.rttMs, 2)
  await clock.advance(120_000)
  const small = sent.filter(({ bytes }) => bytes.length === 4).map(({ atMs }) => atMs)
  const gaps = small.slice(1).map((atMs, n) => atMs - (small[n] ?? 0))
  assert.ok(gaps.length >= 10)
  assert.ok(gaps.every(gap => gap >= 9_000 && gap <= 11_000))
  assert.deepEqual([...new Set(sent.map(({ bytes }) => bytes.length))], [4, 1450 - 28])
  prober.close()
})

test('many peers are asked fifty times a second in all, evenly', async () => {
  const prober = makeProber()
  for (let n = 0; n < 1_000; n += 1) prober.set(String(n), target(n))
  await clock.advance(23_000)
  assert.equal(new Set(sent.map(({ address }) => address)).size, 1_000)
  sent = []
  await clock.advance(5_000)
  const seconds = Array.from(
    { length: 5 },
    (_, second) =>
      sent.filter(({ bytes, atMs }) => bytes.length === 4 && Math.floor(atMs / 1_000) === 23 + second).length,
  )
  assert.ok(
    seconds.every(count => count > 15 && count < 120),
    `small probes by seconds: ${seconds.join(' ')}`,
  )
  prober.close()
})

test('a peer that falls silent is known within three quick turns, and one that comes back with its next', async () => {
  const prober = makeProber()
  prober.set('a', target(1))
  await clock.advance(5_000)
  answer = ({ address }) => (address === target(1).publicAddress ? {} : undefined)
  await clock.advance(11_000 + 3 * 2_200 + 1_000)
  const { state, answersPublicly } = prober.report('a') ?? {}
  assert.deepEqual([state, answersPublicly], ['down', true])
  answer = () => ({})
  await clock.advance(11_000 + 2)
  assert.equal(prober.report('a')?.state, 'up')
  prober.close()
})

test('who answers in place of the peer, quotes another, or nothing, is not heard', async () => {
  const prober = makeProber()
  const wrong: readonly Partial<ProbeAnswer>[] = [
    { offender: '192.0.2.1' },
    { address: '192.0.2.1', offender: '192.0.2.1' },
    { quoted: new Uint8Array(3) },
    { quoted: new Uint8Array(4) },
  ]
  for (const told of wrong) {
    answer = () => told
    prober.set('a', target(1))
    await clock.advance(20_000)
    assert.equal(prober.report('a')?.state, 'down', JSON.stringify(told))
  }
  prober.close()
})

test('a router that says how much fits is heard, whoever it is', async () => {
  const prober = makeProber()
  answer = ({ bytes }) => (bytes.length > 4 ? { code: 4, mtu: 1_400, offender: '192.0.2.1' } : {})
  prober.set('a', target(1))
  await clock.advance(5_000)
  const { fullSize, toldMtu, state } = prober.report('a') ?? {}
  assert.deepEqual([fullSize, toldMtu, state], ['lost', 1_400, 'up'])
  prober.close()
})

test('a peer that left is neither asked nor reported', async () => {
  const prober = makeProber()
  prober.set('a', target(1))
  await clock.advance(1_000)
  prober.delete('a')
  assert.equal(prober.report('a'), undefined)
  sent = []
  await clock.advance(60_000)
  assert.deepEqual(sent, [])
})

test('a socket that cannot be opened is told, and tried again', async () => {
  let fails = true
  const prober = new PeerProber({
    open: () => {
      if (fails) throw new Error('too many open files')
      return { send: () => undefined, sendSummed: () => undefined, close: () => {} }
    },
    clock,
    random,
  })
  prober.set('a', target(1))
  await clock.advance(1_500)
  assert.equal(prober.report('a')?.refused, 'too many open files')
  fails = false
  await clock.advance(3_200)
  assert.equal(prober.report('a')?.refused, undefined)
  prober.close()
})

test('one socket a family serves all peers', async () => {
  const prober = makeProber()
  for (const n of [1, 2, 3]) prober.set(String(n), target(n))
  prober.set('6', { family: 6, address: 'fd00::', publicAddress: 'fd77::2', fullBytes: 1430 })
  await clock.advance(2_000)
  assert.equal(opened, 2)
  prober.close()
})

test('a peer that hears only what bears a checksum from here is told of, as long as that holds', async () => {
  answer = ({ summed }) => (summed ? {} : undefined)
  const prober = makeProber()
  prober.set('a', { ...target(1), offloads: true })
  prober.set('b', target(2))
  await clock.advance(40_000)
  assert.deepEqual([...new Set(spoilt)], ['a'])
  assert.ok(sent.some(({ summed, address }) => summed && address === '10.0.1.0'))
  assert.ok(!sent.some(({ summed, address }) => summed && address !== '10.0.1.0'))
  answer = () => ({})
  await clock.advance(20_000)
  const before = spoilt.length
  await clock.advance(30_000)
  assert.equal(spoilt.length, before)
  prober.close()
})
