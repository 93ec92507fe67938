import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { DHCP_OPTION } from '../packet/index.ts'
import { recordKey } from './record.ts'
import { address, holder, honest, leasedDaemon, promise, SERVER, SERVER_MAC } from './testing.ts'

describe('keeping a lease', () => {
  it('asks the server itself at half time, and holds on for another whole one', async () => {
    const node = await leasedDaemon()
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
    const node = await leasedDaemon()
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
    const node = await leasedDaemon()
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
    const node = await leasedDaemon()
    const options = promise(60, [[DHCP_OPTION.message, Buffer.from('moved away')]])
    node.network.answer = ({ type }) =>
      type === 'request' ? [{ type: 'nak', yourAddress: '0.0.0.0', options }] : []
    await node.clock.advance(500_000)
    assert.match(node.get()?.fault ?? '', /DHCP server 10\.1\.0\.1 refused: "moved away"/)
    assert.equal(node.disk.get(recordKey(holder))?.fault, node.get()?.fault)
  })

  it('takes no other address from a renewal, and no refusal from another server', async () => {
    const node = await leasedDaemon()
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
    const node = await leasedDaemon({}, 10)
    node.network.answer = () => []
    await node.clock.advance(3_600_000)
    // Four messages a round; a round and its rest take a minute and more.
    const perRound = 4
    assert.ok(node.network.said.length <= (3_600 / 31 + 5) * perRound, String(node.network.said.length))
    assert.equal(node.network.openWires <= 1, true)
  })

  it('sleeps through a lease that lasts longer than timers do', async () => {
    const node = await leasedDaemon({}, 90 * 24 * 3600)
    await node.clock.advance(44 * 24 * 3_600_000)
    assert.deepEqual(node.network.types, [])
    await node.clock.advance(24 * 3_600_000)
    assert.deepEqual(node.network.types, ['request'])
  })

  it('ends with its interface, quietly', async () => {
    const node = await leasedDaemon()
    node.network.isGone = true
    await node.clock.advance(500_000)
    assert.equal(node.get(), undefined)
    assert.equal(node.disk.size, 0)
    assert.deepEqual(node.network.types, [])
  })

  it('goes on when the interface cannot be looked at for a while', async () => {
    const node = await leasedDaemon()
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
    const node = await leasedDaemon()
    node.network.comeBack = () => Promise.reject(new Error('too many open files'))
    await node.clock.advance(1_000_000)
    assert.match(node.get()?.fault ?? '', /cannot be looked after: too many open files/)
  })
})
