import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { settle } from '../base/index.ts'
import { fakeDaemon, holder, leasedDaemon, SERVER, SERVER_MAC } from './testing.ts'

describe('giving a lease back', () => {
  it('tells the server, once', async () => {
    const node = await leasedDaemon()
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
    const gone = await leasedDaemon()
    gone.network.isGone = true
    await gone.leases.remove(holder)
    assert.deepEqual([gone.network.types, gone.disk.size], [[], 0])
    const lost = await leasedDaemon()
    lost.network.answer = () => []
    await lost.clock.advance(1_100_000)
    await lost.leases.remove(holder)
    assert.equal(lost.network.types.includes('release'), false)
  })

  it('ends a renewal that is under way', async () => {
    const node = await leasedDaemon()
    node.network.answer = () => []
    await node.clock.advance(501_000)
    assert.equal(node.network.openWires, 1)
    await node.leases.remove(holder)
    assert.deepEqual([node.network.openWires, node.disk.size], [0, 0])
  })
})

describe('the next daemon', () => {
  it('goes on where the last one stopped', async () => {
    const node = await leasedDaemon()
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
    const node = await leasedDaemon()
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
    const node = await leasedDaemon()
    await node.leases.stop()
    node.network.isGone = true
    const next = node.next()
    next.leases.restore()
    await next.clock.advance(0)
    assert.deepEqual([next.get(), next.disk.size], [undefined, 0])
  })

  it('is not waited for by an ADD: it is told to try again', async () => {
    const node = fakeDaemon()
    const adding = node.add().catch((error: unknown) => error)
    await node.clock.advance(100)
    await node.leases.stop()
    assert.match(String(await adding), /no DHCP server answered/)
    assert.equal(node.network.openWires, 0)
  })
})
