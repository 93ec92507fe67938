import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setWireguardDevice } from '../../netlink/index.ts'
import type { NetlinkTransport } from '../../sys/index.ts'
import type { WireguardPeerEntry } from '../entry.ts'
import { WireguardKernel } from './wireguard-kernel.ts'

/** A kernel that knows the family, takes all that it is told, and has one device with these peers. */
class FakeWireguard implements NetlinkTransport {
  /** Bodies of the messages that tell of the device. */
  private readonly dump: readonly Buffer[]

  constructor(peers: readonly string[]) {
    this.dump = dumpOf(peers)
  }

  exchange(request: Uint8Array): Uint8Array[] {
    return messagesOf(request).flatMap(message => this.answer(message))
  }

  async exchangeInThread(request: Uint8Array): Promise<Uint8Array[]> {
    await Promise.resolve()
    return this.exchange(request)
  }

  exchangeAside(request: Uint8Array): Promise<Uint8Array[]> {
    return this.exchangeInThread(request)
  }

  close(): void {}

  private answer(message: Buffer): Uint8Array[] {
    const [type, flags, sequence] = [
      message.readUInt16LE(4),
      message.readUInt16LE(6),
      message.readUInt32LE(8),
    ]
    const acknowledged = Buffer.alloc(20)
    message.copy(acknowledged, 4, 0, 16)
    if (type === GENL_ID_CTRL) {
      const body = [
        Buffer.from([1, 2, 0, 0]),
        attribute(1, Buffer.from([FAMILY, 0])),
        attribute(2, text('wireguard')),
      ]
      return [encode(GENL_ID_CTRL, 0, sequence, body), encode(NLMSG_ERROR, 0, sequence, [acknowledged])]
    }
    if ((flags & NLM_F_DUMP) === 0) return [encode(NLMSG_ERROR, 0, sequence, [acknowledged])]
    const parts = this.dump.map(body => encode(FAMILY, NLM_F_MULTI, sequence, [body]))
    return [...parts, encode(NLMSG_DONE, NLM_F_MULTI, sequence, [Buffer.alloc(4)])]
  }
}

const [GENL_ID_CTRL, FAMILY, NLMSG_ERROR, NLMSG_DONE, NLM_F_MULTI, NLM_F_DUMP] = [0x10, 0x22, 2, 3, 2, 0x300]
const secret = new Uint8Array(32).fill(9)
const text = (value: string) => Buffer.from(`${value}\0`)

/** What sets peers is built as what tells of them, but for the command. */
function dumpOf(keys: readonly string[]): Buffer[] {
  const peers = keys.map(publicKey => ({ publicKey, allowedIps: ['10.1.2.0/24'], presharedKey: secret }))
  const family = { id: FAMILY, name: 'wireguard', version: 1, maxAttribute: 8 }
  return setWireguardDevice(family, { linkIndex: 7, peers }).map(({ body }) => {
    const told = Buffer.concat([body, attribute(2, text('wg0'))])
    told[0] = 0
    return told
  })
}

function attribute(number: number, payload: Buffer): Buffer {
  const padded = Buffer.alloc(4 + Math.ceil(payload.length / 4) * 4)
  padded.writeUInt16LE(4 + payload.length)
  padded.writeUInt16LE(number, 2)
  payload.copy(padded, 4)
  return padded
}

function encode(type: number, flags: number, sequence: number, body: readonly Buffer[]): Buffer {
  const message = Buffer.concat([Buffer.alloc(16), ...body])
  message.writeUInt32LE(message.length)
  message.writeUInt16LE(type, 4)
  message.writeUInt16LE(flags, 6)
  message.writeUInt32LE(sequence, 8)
  return message
}

function messagesOf(datagram: Uint8Array): Buffer[] {
  const whole = Buffer.from(datagram)
  const messages: Buffer[] = []
  for (let at = 0; at < datagram.length; ) {
    const length = whole.readUInt32LE(at)
    messages.push(whole.subarray(at, at + length))
    at += Math.ceil(length / 4) * 4
  }
  return messages
}

/** Counts how often the event loop turns meanwhile. */
async function turnsOf(work: () => Promise<void>): Promise<number> {
  let turns = 0
  let done = false
  const count = () => {
    turns += 1
    if (!done) setImmediate(count)
  }
  setImmediate(count)
  await work()
  done = true
  return turns
}

const PEERS = 5_000
const keys = Array.from({ length: PEERS }, (_, n) => {
  const bytes = Buffer.alloc(32, 1)
  bytes.writeUInt32LE(n)
  return bytes.toString('base64')
})
const secrets = { privateKey: () => undefined, presharedKey: () => secret }

function kernelOf(peers: readonly string[]): WireguardKernel {
  return new WireguardKernel({ openGeneric: () => new FakeWireguard(peers), secrets })
}

test('thousands of peers are set with breaths of the event loop between, and all are told of', async () => {
  const items = keys.map(publicKey => {
    const entry: WireguardPeerEntry = {
      kind: 'wireguard-peer',
      link: 'wg0',
      publicKey,
      allowedIps: ['10.1.2.0/24'],
    }
    return { operation: { op: 'create', entry, why: 'missing' } as const, entry, linkIndex: 7 }
  })
  let events = 0
  const turns = await turnsOf(async () => {
    for await (const outcome of kernelOf([]).apply(items)) {
      assert.equal(outcome.failures.size, 0)
      events += outcome.events.length
    }
  })
  assert.equal(events, PEERS)
  assert.ok(turns >= PEERS / 100, `${turns} turns`)
})

test('thousands of peers are read with breaths of the event loop between', async () => {
  const kernel = kernelOf(keys)
  const turns = await turnsOf(async () => {
    const observed = await kernel.observe([7])
    assert.equal(observed.length, PEERS)
  })
  assert.ok(turns >= PEERS / 100, `${turns} turns`)
})
