import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { deleteOperation } from '../../src/etcd/index.ts'
import { localMac } from '../../src/ip/index.ts'
import { BACKEND, EtcdNode, flannelValue, PREFIX, SUBNETS } from './etcd-agent-bench.ts'

const HOUR_MS = 3_600_000
const MAC = '02:00:00:00:00:03'
const peer = flannelValue('192.168.77.3', MAC)
const PEER = ['10.5.3.0', MAC]

describe("an agent in flannel's etcd", () => {
  it('claims a block as flannel does, and serves pods', async () => {
    await using node = await EtcdNode.start()
    const block = await node.ready()
    const [[key, value] = ['', '']] = [...node.leases()]
    assert.equal(key, block.replace('/', '-'))
    assert.equal(value, flannelValue('192.168.77.1', localMac('vtep/4/node-1')))
    const client = node.server.client()
    const kv = await client.get(`${SUBNETS}/${key}`)
    const left = await client.leaseTimeLeft(kv?.lease ?? 0n)
    assert.ok(left !== undefined && left > 86_000 && left <= 86_400, String(left))
    const { result } = await node.bench.add('c1')
    assert.equal(
      result?.ips?.[0]?.address.split('.').slice(0, 3).join('.'),
      block.split('.').slice(0, 3).join('.'),
    )
  })

  it('forgets nodes that leave by one write, and so at one revision', async () => {
    await using node = await EtcdNode.start()
    await node.ready()
    node.put('10.5.3.0-24', peer)
    node.put('10.5.4.0-24', flannelValue('192.168.77.4', '02:00:00:00:00:04'))
    await node.until('both are there', () => node.bench.commandsAbout(...PEER, '10.5.4.0').length === 5)
    const gone = ['10.5.3.0-24', '10.5.4.0-24'].map(key => deleteOperation(`${SUBNETS}/${key}`))
    await node.server.client().transact([], gone)
    await node.until('both are gone', () => node.bench.commandsAbout(...PEER, '10.5.4.0').length === 0)
    assert.equal(node.bench.agent.notReady(), undefined)
  })

  it('says what is wrong with the configuration, and takes it when it is right', async () => {
    await using node = await EtcdNode.start()
    await node.ready()
    node.server.ctl('del', `${SUBNETS}/`, '--prefix')
    node.server.ctl('put', `${PREFIX}/config`, '{')
    await node.until('it says so', () =>
      /config cannot be used: .*not JSON/.test(node.bench.agent.notReady() ?? ''),
    )
    node.server.ctl('put', `${PREFIX}/config`, JSON.stringify({ Network: '10.6.0.0/16', Backend: BACKEND }))
    assert.match(await node.ready(), /^10\.6\./)
  })

  it('claims a block of each family under one key, if the network has two', async () => {
    await using node = await EtcdNode.start()
    await node.ready()
    node.server.ctl('del', `${SUBNETS}/`, '--prefix')
    const dual = { Network: '10.5.0.0/16', EnableIPv6: true, IPv6Network: 'fd00:5::/56', Backend: BACKEND }
    node.server.ctl('put', `${PREFIX}/config`, JSON.stringify(dual))
    await node.until('it has two blocks', () => node.bench.agent.network?.self.podCidrs.length === 2)
    assert.match(await node.ready(), /^10\.5\.\d+\.0\/24 fd00:5:0:[0-9a-f]+::\/64$/)
    assert.match([...node.leases().keys()].join(), /^10\.5\.\d+\.0-24&fd00:5:0:[0-9a-f]+::-64$/)
    const { result } = await node.bench.add('c1')
    assert.equal(result?.ips?.length, 2)
    await node.until('it has confirmed', () => node.bench.agent.leaseState.remainingMs > 19 * HOUR_MS)
  })

  it('keeps its block when it starts again, and gets it back after its lease is over', async () => {
    await using node = await EtcdNode.start()
    const block = await node.ready()
    await node.restart()
    assert.equal(await node.ready(), block)
    assert.equal(node.leases().size, 1)
    node.server.ctl('del', `${SUBNETS}/`, '--prefix')
    await node.until('it has a lease again', () => node.leases().size === 1)
    assert.equal(await node.ready(), block)
    await node.bench.stop()
    node.server.ctl('del', `${SUBNETS}/`, '--prefix')
    await node.restart()
    await node.until('it has a lease again', () => node.leases().size === 1)
    assert.equal(await node.ready(), block)
  })

  it('takes over the lease of the flannel that ran on its node, and leaves a reservation what it is', async () => {
    for (const isReserved of [false, true]) {
      await using node = await EtcdNode.start()
      await node.ready()
      const client = node.server.client()
      await client.deleteAll(`${SUBNETS}/`)
      const lease = isReserved ? 0n : await client.grantLease(600)
      await client.put(`${SUBNETS}/10.5.177.0-24`, flannelValue('192.168.77.1', '02:00:00:00:00:77'), lease)
      await node.until(
        'it has that block',
        () => node.bench.agent.network?.self.podCidrs[0] === '10.5.177.0/24',
      )
      assert.equal(await node.ready(), '10.5.177.0/24')
      await node.until('it renewed', () => node.bench.agent.leaseState.state.is === 'valid')
      const kv = await client.get(`${SUBNETS}/10.5.177.0-24`)
      const left = await client.leaseTimeLeft(kv?.lease ?? 0n)
      if (isReserved) assert.equal(kv?.lease, 0n)
      else assert.ok((left ?? 0) > 86_000, String(left))
    }
  })
})

describe('an agent whose lease in etcd is lost', () => {
  it('cuts itself off when another node has the block, and says so', async () => {
    await using node = await EtcdNode.start()
    const block = await node.ready()
    await node.bench.add('c1')
    node.put('10.5.3.0-24', peer)
    await node.until('the peer is there', () => node.bench.commandsAbout(...PEER).length === 3)
    const key = block.replace('/', '-')
    node.put(key, flannelValue('192.168.77.9', '02:00:00:00:00:09'))
    await node.until('it has another block', () => node.leases().size === 3)
    await node.until('it is cut off', () => node.bench.commandsAbout(...PEER).length === 0)
    assert.match(
      node.bench.agent.notReady() ?? '',
      /addresses that are not of this node's blocks|belongs to Node/,
    )
    const { error } = await node.bench.call('STATUS', 'c1')
    assert.equal(error?.code, 50)
    assert.match(error?.msg ?? '', /cut off/)
    assert.equal((await node.bench.add('c2')).error?.code, 11)
    // Its pods are the last that hold it back.
    await node.bench.call('DEL', 'c1')
    assert.notEqual(await node.ready(), block)
    await node.until('the peers are back', () => node.bench.commandsAbout(...PEER).length === 3)
  })

  it('gives way to another agent that answers for its address', async () => {
    await using node = await EtcdNode.start()
    const block = await node.ready()
    await node.until('it has confirmed', () => node.bench.agent.leaseState.state.is === 'valid')
    const client = node.server.client()
    const key = `${SUBNETS}/${block.replace('/', '-')}`
    // As flannel renews: by a lease of its own.
    await client.put(key, (await client.get(key))?.value ?? '', await client.grantLease(600))
    await node.until('it is cut off', () => /another agent answers/.test(node.bench.agent.notReady() ?? ''))
  })
})

describe('an agent and an etcd that has faults', () => {
  it('keeps what was good of a node when its value is garbage', async () => {
    await using node = await EtcdNode.start()
    await node.ready()
    node.put('10.5.3.0-24', peer)
    await node.until('the peer is there', () => node.bench.commandsAbout(...PEER).length === 3)
    for (const value of ['{"PublicIP":', '[]', 'x']) {
      node.put('10.5.3.0-24', value)
      node.put('10.5.9.0-24', flannelValue('192.168.77.9', '02:00:00:00:00:09'))
      await node.until('a good one is there', () => node.bench.commandsAbout('10.5.9.0').length === 2)
      assert.equal(node.bench.commandsAbout(...PEER).length, 3)
      node.server.ctl('del', `${SUBNETS}/10.5.9.0-24`)
      await node.until('it is gone', () => node.bench.commandsAbout('10.5.9.0').length === 0)
    }
    assert.equal(node.bench.agent.notReady(), undefined)
    node.put('10.5.3.0-24', flannelValue('192.168.77.33', MAC))
    await node.until('the peer moved', () => node.bench.commandsAbout('192.168.77.33').length === 1)
  })

  it('writes its own lease again when somebody wrote over it', async () => {
    await using node = await EtcdNode.start()
    const block = await node.ready()
    const [[key, value] = ['', '']] = [...node.leases()]
    const client = node.server.client()
    const { lease = 0n } = (await client.get(`${SUBNETS}/${key}`)) ?? {}
    await client.put(`${SUBNETS}/${key}`, 'garbage', lease)
    await node.until('it is as it was', () => node.leases().get(key) === value)
    assert.equal(await node.ready(), block)
  })

  it('claims one of the blocks that are left, and of several nodes each its own', async () => {
    await using node = await EtcdNode.start()
    node.server.ctl(
      'put',
      `${PREFIX}/config`,
      JSON.stringify({
        Network: '10.5.0.0/16',
        SubnetMin: '10.5.8.0',
        SubnetMax: '10.5.9.0',
        Backend: BACKEND,
      }),
    )
    await node.ready()
    node.server.ctl('del', `${SUBNETS}/`, '--prefix')
    node.put('10.5.8.0-24', peer)
    await node.until('it has the other', () => node.leases().has('10.5.9.0-24'))
    assert.equal(await node.ready(), '10.5.9.0/24')
  })
})
