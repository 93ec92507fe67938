import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ManualClock, settle, silentLogger } from '../base/index.ts'
import { DHCP_OPTION } from '../packet/index.ts'
import { Leases } from './leases.ts'
import { type LeaseRecord, recordKey } from './record.ts'
import {
  type Answer,
  address,
  encodeAnswer,
  FakeNetwork,
  honest,
  memoryStore,
  POD,
  promise,
  SERVER,
  SERVER_MAC,
} from './testing.ts'

const holder = { containerId: 'c1', network: 'lan', ifName: 'eth0' }
const settings = { options: new Map([[61, Buffer.from('\0c1/lan/eth0')]]), priority: 0 }

/** A daemon with a network, a disk and a clock of its own; `next` is the one after it. */
function daemon({
  network = new FakeNetwork(),
  clock = new ManualClock(),
  disk = new Map<string, LeaseRecord>(),
  broadcast = false,
} = {}) {
  const leases = new Leases({
    site: network,
    store: memoryStore(disk),
    clock,
    random: () => 0,
    log: silentLogger,
    broadcast,
    timeoutMs: 10_000,
    resendMaxMs: 62_000,
    totalMs: 208_000,
  })
  return {
    network,
    clock,
    disk,
    leases,
    add: () => leases.add(holder, POD, '/run/netns/c1', settings),
    get: () => leases.get(holder),
    next: () => daemon({ network, clock, disk }),
  }
}

async function leased(options: Parameters<typeof daemon>[0] = {}, leaseSeconds = 1000) {
  const node = daemon(options)
  node.network.answer = honest('10.1.0.9', promise(leaseSeconds))
  await node.add()
  node.network.said.length = 0
  return node
}

/** What an ADD came to while the clock ran. */
async function outcomeOf(adding: Promise<unknown>, clock: ManualClock, byMs: number): Promise<unknown> {
  const outcome = adding.catch((error: unknown) => error)
  await settle()
  await clock.advance(byMs)
  return Promise.race([outcome, 'not settled'])
}

/** Offers, and refuses what it has offered. */
const fickle: FakeNetwork['answer'] = ({ type }) => [
  {
    type: type === 'discover' ? 'offer' : 'nak',
    yourAddress: '10.1.0.9',
    options: promise(60, [[DHCP_OPTION.message, Buffer.from('taken')]]),
  },
]

describe('getting a lease', () => {
  it('takes four messages, broadcast from no address', async () => {
    const { network, add, disk, get } = daemon()
    network.answer = honest('10.1.0.9')
    const { lease } = await add()
    assert.equal(lease.address, '10.1.0.9/24')
    assert.deepEqual(network.types, ['discover', 'request'])
    for (const { packet, mac } of network.said) {
      assert.deepEqual(
        [packet.source, packet.sourcePort, packet.target, packet.targetPort, mac],
        ['0.0.0.0', 68, '255.255.255.255', 67, 'ffffffffffff'],
      )
    }
    const { options, clientAddress, broadcast } = network.said[1]?.message ?? assert.fail()
    assert.deepEqual([clientAddress, broadcast], ['0.0.0.0', false])
    assert.deepEqual([...(options.get(50) ?? [])], [10, 1, 0, 9])
    assert.deepEqual([...(options.get(54) ?? [])], [10, 1, 0, 1])
    assert.equal(String(options.get(61)), String(settings.options.get(61)))
    assert.deepEqual(get(), disk.get(recordKey(holder)))
    assert.equal(network.openWires, 0)
  })

  it('asks again, ever more slowly, and says within the time limit that nobody answered', async () => {
    const { network, add, clock } = daemon()
    const at: number[] = []
    network.answer = () => {
      at.push(clock.nowMs())
      return []
    }
    const error = await outcomeOf(add(), clock, 10_000)
    assert.ok(error instanceof Error)
    assert.match(error.message, /network lan: no DHCP server answered$/)
    assert.deepEqual(at, [0, 750, 2_250, 5_250])
    assert.equal(network.said[3]?.message.seconds, 5)
    assert.equal(network.openWires, 0)
  })

  it('asks for broadcast answers if it is told to', async () => {
    const node = daemon({ broadcast: true })
    node.network.answer = honest('10.1.0.9')
    await node.add()
    assert.ok(node.network.said.every(({ message }) => message.broadcast))
  })

  it('drops and counts what is no answer', async () => {
    const { network, add, clock } = daemon()
    const offer = { type: 'offer', yourAddress: '10.1.0.66', options: promise(60) } as const
    network.answer = message => {
      if (message.type !== 'discover') return []
      const whole = { ...message, op: 'reply', ...offer } as const
      const damaged = Buffer.from(encodeAnswer(whole))
      damaged.writeUInt8((damaged.at(-1) ?? 0) ^ 0xff, damaged.length - 1)
      const answers: (Answer | Uint8Array)[] = [
        { ...offer, transaction: message.transaction + 1 },
        { ...offer, mac: '02:00:00:00:00:99' },
        { ...offer, op: 'request' },
        { ...offer, options: new Map() },
        { ...offer, options: promise(0) },
        { ...offer, type: 'ack' },
        encodeAnswer(whole).subarray(0, 100),
        damaged,
        new Uint8Array(3),
      ]
      return message.seconds === 0 ? answers : []
    }
    const error = await outcomeOf(add(), clock, 10_000)
    assert.ok(error instanceof Error)
    assert.match(error.message, /no DHCP server answered \(not counted as answers: /)
    for (const fault of [
      /2 of another transaction/,
      /2 for another client/,
      /2 no reply/,
      /2 no server identifier/,
      /2 no lease time/,
      /4 truncated packet/,
      /2 wrong checksum/,
    ])
      assert.match(error.message, fault)
  })

  it('takes the first sound offer of several', async () => {
    const { network, add } = daemon()
    network.answer = ({ type }) => {
      if (type === 'request') return [{ type: 'ack', yourAddress: '10.1.0.9', options: promise(60) }]
      return [
        { type: 'offer', yourAddress: '10.1.0.66', options: new Map() },
        { type: 'offer', yourAddress: '10.1.0.9', options: promise(60) },
        { type: 'offer', yourAddress: '10.1.0.10', options: promise(60) },
      ]
    }
    assert.equal((await add()).lease.address, '10.1.0.9/24')
  })

  it('tries again when a server takes back its offer, at a walk', async () => {
    const { network, add, clock } = daemon()
    network.answer = fickle
    const adding = add()
    await settle()
    await clock.advance(5_500)
    assert.equal(network.types.filter(type => type === 'discover').length, 6)
    network.answer = honest('10.1.0.10')
    await clock.advance(1_000)
    assert.equal((await adding).lease.address, '10.1.0.10/24')
  })

  it('gives up in the end, with the words of the server', async () => {
    const { network, add, clock } = daemon()
    network.answer = fickle
    const error = await outcomeOf(add(), clock, 208_000)
    assert.match(String(error), /DHCP server 10\.1\.0\.1 refused: "taken"/)
  })

  it('hears no ACK of a server that it has not chosen', async () => {
    const { network, add, clock } = daemon()
    const foreign = promise(60, [[DHCP_OPTION.serverIdentifier, address('10.1.0.66')]])
    network.answer = ({ type }) =>
      type === 'discover'
        ? [{ type: 'offer', yourAddress: '10.1.0.9', options: promise(60) }]
        : [{ type: 'ack', yourAddress: '10.1.0.66', options: foreign }]
    const error = await outcomeOf(add(), clock, 300_000)
    assert.match(String(error), /offered 10\.1\.0\.9\/24 and then did not answer .*of another server/)
  })

  it('gives the lease back if it cannot be written down', async () => {
    const node = daemon()
    node.network.answer = honest('10.1.0.9')
    node.disk.set = () => {
      throw new Error('no space left')
    }
    await assert.rejects(node.add(), /no space left/)
    assert.deepEqual(node.network.types, ['discover', 'request', 'release'])
    assert.equal(node.get(), undefined)
  })

  it('once more for the same interface gets what it has', async () => {
    const node = await leased()
    await node.add()
    assert.deepEqual([...(node.network.said[0]?.message.options.get(50) ?? [])], [10, 1, 0, 9])
    // One keeper, not two.
    node.network.said.length = 0
    await node.clock.advance(500_000)
    assert.deepEqual(node.network.types, ['request'])
  })
})

describe('keeping a lease', () => {
  it('asks the server itself at half time, and holds on for another whole one', async () => {
    const node = await leased()
    await node.clock.advance(499_999)
    assert.deepEqual(node.network.types, [])
    await node.clock.advance(1)
    const [renewal] = node.network.said
    assert.deepEqual(
      [renewal?.packet.source, renewal?.packet.target, renewal?.mac, renewal?.message.clientAddress],
      ['10.1.0.9', SERVER, SERVER_MAC.replaceAll(':', ''), '10.1.0.9'],
    )
    assert.deepEqual([renewal?.message.options.has(50), renewal?.message.options.has(54)], [false, false])
    assert.equal(node.get()?.lease.endMs, 1_500_000)
    assert.equal(node.disk.get(recordKey(holder))?.lease.endMs, 1_500_000)
    assert.equal(node.network.openWires, 0)
    await node.clock.advance(499_999)
    assert.equal(node.network.said.length, 1)
    await node.clock.advance(1)
    assert.equal(node.network.said.length, 2)
  })

  it('asks everybody from seven eighths on, each time after half of what is left', async () => {
    const node = await leased()
    const rounds: string[] = []
    let lastMs = 0
    node.network.answer = () => {
      const { packet } = node.network.said.at(-1) ?? assert.fail()
      // Within a round it says the same several times.
      if (node.clock.nowMs() - lastMs > 10_000)
        rounds.push(`${Math.round(node.clock.nowMs() / 1000)} ${packet.target}`)
      lastMs = node.clock.nowMs()
      return []
    }
    await node.clock.advance(999_999)
    const all = '255.255.255.255'
    assert.deepEqual(rounds, [
      ...[500, 693, 789].map(second => `${second} ${SERVER}`),
      ...[859, 875, 945].map((second, index) => `${second} ${index === 0 ? SERVER : all}`),
    ])
    assert.equal(node.get()?.fault, undefined)
  })

  it('tells when a lease has ended, keeps the address, and wants it and no other back', async () => {
    const node = await leased()
    node.network.answer = () => []
    await node.clock.advance(1_011_000)
    assert.equal(node.get()?.fault, 'no DHCP server answered')
    assert.equal(node.get()?.lease.address, '10.1.0.9/24')
    node.network.said.length = 0
    node.network.answer = honest('10.1.0.10')
    await node.clock.advance(120_000)
    assert.equal(node.get()?.fault, 'a DHCP server offered 10.1.0.10 instead')
    assert.ok(node.network.types.every(type => type === 'discover'))
    const { packet, message } = node.network.said[0] ?? assert.fail()
    assert.deepEqual([packet.source, [...(message.options.get(50) ?? [])]], ['10.1.0.9', [10, 1, 0, 9]])
    node.network.answer = honest('10.1.0.9', promise(1000))
    await node.clock.advance(62_000)
    assert.equal(node.get()?.fault, undefined)
    assert.ok((node.get()?.lease.endMs ?? 0) > node.clock.nowMs())
  })

  it('tells when the server refuses, with its words', async () => {
    const node = await leased()
    const options = promise(60, [[DHCP_OPTION.message, Buffer.from('moved away')]])
    node.network.answer = ({ type }) =>
      type === 'request' ? [{ type: 'nak', yourAddress: '0.0.0.0', options }] : []
    await node.clock.advance(500_000)
    assert.match(node.get()?.fault ?? '', /DHCP server 10\.1\.0\.1 refused: "moved away"/)
    assert.equal(node.disk.get(recordKey(holder))?.fault, node.get()?.fault)
  })

  it('takes no other address from a renewal, and no refusal from another server', async () => {
    const node = await leased()
    const foreign = promise(60, [[DHCP_OPTION.serverIdentifier, address('10.1.0.66')]])
    node.network.answer = () => [{ type: 'nak', yourAddress: '0.0.0.0', options: foreign }]
    await node.clock.advance(600_000)
    assert.equal(node.get()?.fault, undefined)
    node.network.answer = honest('10.1.0.77')
    await node.clock.advance(95_000)
    assert.match(node.get()?.fault ?? '', /gave 10\.1\.0\.77 instead of 10\.1\.0\.9\/24/)
    assert.equal(node.get()?.lease.address, '10.1.0.9/24')
  })

  it('asks no more often than a minute apart or the end needs, and knocks rarely when all is lost', async () => {
    const node = await leased({}, 10)
    node.network.answer = () => []
    await node.clock.advance(3_600_000)
    // Four messages a round; a round and its rest take a minute and more.
    const perRound = 4
    assert.ok(node.network.said.length <= (3_600 / 31 + 5) * perRound, String(node.network.said.length))
    assert.equal(node.network.openWires <= 1, true)
  })

  it('sleeps through a lease that lasts longer than timers do', async () => {
    const node = await leased({}, 90 * 24 * 3600)
    await node.clock.advance(44 * 24 * 3_600_000)
    assert.deepEqual(node.network.types, [])
    await node.clock.advance(24 * 3_600_000)
    assert.deepEqual(node.network.types, ['request'])
  })

  it('ends with its interface, quietly', async () => {
    const node = await leased()
    node.network.isGone = true
    await node.clock.advance(500_000)
    assert.equal(node.get(), undefined)
    assert.equal(node.disk.size, 0)
    assert.deepEqual(node.network.types, [])
  })

  it('goes on when the interface cannot be looked at for a while', async () => {
    const node = await leased()
    const { comeBack } = node.network
    node.network.comeBack = () => Promise.reject(new Error('too many open files'))
    await node.clock.advance(500_000)
    assert.equal(node.get()?.fault, undefined)
    node.network.comeBack = comeBack
    await node.clock.advance(10_000)
    assert.deepEqual(node.network.types, ['request'])
    assert.equal(node.get()?.fault, undefined)
  })
})

describe('a lease that cannot be looked after', () => {
  it('is told of when it has ended', async () => {
    const node = await leased()
    node.network.comeBack = () => Promise.reject(new Error('too many open files'))
    await node.clock.advance(1_000_000)
    assert.match(node.get()?.fault ?? '', /cannot be looked after: too many open files/)
  })
})

describe('giving a lease back', () => {
  it('tells the server, once', async () => {
    const node = await leased()
    await node.leases.remove(holder)
    await node.leases.remove(holder)
    const [said, ...more] = node.network.said
    assert.deepEqual(more, [])
    assert.deepEqual(
      [said?.message.type, said?.message.clientAddress, said?.packet.target, said?.mac],
      ['release', '10.1.0.9', SERVER, SERVER_MAC.replaceAll(':', '')],
    )
    assert.deepEqual([...(said?.message.options.keys() ?? [])], [54, 61])
    assert.equal(node.disk.size, 0)
    await node.clock.advance(2_000_000)
    assert.equal(node.network.said.length, 1)
  })

  it('is forgotten if the interface is gone, or the lease is lost already', async () => {
    const gone = await leased()
    gone.network.isGone = true
    await gone.leases.remove(holder)
    assert.deepEqual([gone.network.types, gone.disk.size], [[], 0])
    const lost = await leased()
    lost.network.answer = () => []
    await lost.clock.advance(1_100_000)
    await lost.leases.remove(holder)
    assert.equal(lost.network.types.includes('release'), false)
  })

  it('ends a renewal that is under way', async () => {
    const node = await leased()
    node.network.answer = () => []
    await node.clock.advance(501_000)
    assert.equal(node.network.openWires, 1)
    await node.leases.remove(holder)
    assert.deepEqual([node.network.openWires, node.disk.size], [0, 0])
  })
})

describe('the next daemon', () => {
  it('goes on where the last one stopped', async () => {
    const node = await leased()
    await node.clock.advance(100_000)
    await node.leases.stop()
    const next = node.next()
    next.leases.restore()
    await next.clock.advance(0)
    assert.equal(next.get()?.lease.address, '10.1.0.9/24')
    assert.deepEqual(next.network.types, [])
    await next.clock.advance(400_000)
    assert.deepEqual(next.network.types, ['request'])
  })

  it('renews at once what fell due meanwhile', async () => {
    const node = await leased()
    await node.leases.stop()
    await node.clock.advance(600_000)
    assert.deepEqual(node.network.types, [])
    const next = node.next()
    next.leases.restore()
    await settle()
    await next.clock.advance(0)
    assert.deepEqual(next.network.types, ['request'])
    assert.equal(next.get()?.lease.endMs, 1_600_000)
  })

  it('drops what has nobody any more', async () => {
    const node = await leased()
    await node.leases.stop()
    node.network.isGone = true
    const next = node.next()
    next.leases.restore()
    await next.clock.advance(0)
    assert.deepEqual([next.get(), next.disk.size], [undefined, 0])
  })

  it('is not waited for by an ADD: it is told to try again', async () => {
    const node = daemon()
    const adding = node.add().catch((error: unknown) => error)
    await node.clock.advance(100)
    await node.leases.stop()
    assert.match(String(await adding), /no DHCP server answered/)
    assert.equal(node.network.openWires, 0)
  })
})
