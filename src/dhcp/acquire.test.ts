import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ManualClock, settle } from '../base/index.ts'
import { DHCP_OPTION } from '../packet/index.ts'
import { recordKey } from './record.ts'
import {
  type Answer,
  address,
  encodeAnswer,
  FakeNetwork,
  fakeDaemon,
  holder,
  honest,
  leasedDaemon,
  promise,
  settings,
} from './testing.ts'

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
    const { network, add, disk, get } = fakeDaemon()
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
    const { network, add, clock } = fakeDaemon()
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
    const node = fakeDaemon({ broadcast: true })
    node.network.answer = honest('10.1.0.9')
    await node.add()
    assert.ok(node.network.said.every(({ message }) => message.broadcast))
  })

  it('drops and counts what is no answer', async () => {
    const { network, add, clock } = fakeDaemon()
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
    const { network, add } = fakeDaemon()
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
    const { network, add, clock } = fakeDaemon()
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
    const { network, add, clock } = fakeDaemon()
    network.answer = fickle
    const error = await outcomeOf(add(), clock, 208_000)
    assert.match(String(error), /DHCP server 10\.1\.0\.1 refused: "taken"/)
  })

  it('hears no ACK of a server that it has not chosen', async () => {
    const { network, add, clock } = fakeDaemon()
    const foreign = promise(60, [[DHCP_OPTION.serverIdentifier, address('10.1.0.66')]])
    network.answer = ({ type }) =>
      type === 'discover'
        ? [{ type: 'offer', yourAddress: '10.1.0.9', options: promise(60) }]
        : [{ type: 'ack', yourAddress: '10.1.0.66', options: foreign }]
    const error = await outcomeOf(add(), clock, 300_000)
    assert.match(String(error), /offered 10\.1\.0\.9\/24 and then did not answer .*of another server/)
  })

  it('gives the lease back if it cannot be written down', async () => {
    const node = fakeDaemon()
    node.network.answer = honest('10.1.0.9')
    node.disk.set = () => {
      throw new Error('no space left')
    }
    await assert.rejects(node.add(), /no space left/)
    assert.deepEqual(node.network.types, ['discover', 'request', 'release'])
    assert.equal(node.get(), undefined)
  })

  it('once more for the same interface gets what it has', async () => {
    const node = await leasedDaemon()
    await node.add()
    assert.deepEqual([...(node.network.said[0]?.message.options.get(50) ?? [])], [10, 1, 0, 9])
    // One keeper, not two.
    node.network.said.length = 0
    await node.clock.advance(500_000)
    assert.deepEqual(node.network.types, ['request'])
  })
})
