import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EtcdMembership } from '../../src/agent/etcd/index.ts'
import { SubnetClaim } from '../../src/agent/etcd/subnet-claim.ts'
import { SubnetTable } from '../../src/agent/etcd/subnet-table.ts'
import { silentLogger, systemClock } from '../../src/base/index.ts'
import { EtcdClient, type RangeResult } from '../../src/etcd/index.ts'
import { BACKEND, flannelValue, PREFIX, SUBNETS } from './etcd-agent-bench.ts'
import { EtcdServer } from './etcd-server.ts'

const NODES = 6

/** Who the n-th node is. */
function nodeOptions(n: number) {
  const publicAddress = `192.168.77.${n}`
  return {
    prefix: PREFIX,
    nodeName: `node-${n}`,
    publicAddress,
    uplinkAddress: publicAddress,
    masquerading: { masquerade: true },
    configName: 'default',
    bootId: 'boot',
    ttlSeconds: 86_400,
  }
}

const announcementOf = (address: string) => () => new Map([['flannel.alpha.coreos.com/public-ip', address]])

async function serverWithConfig(): Promise<EtcdServer> {
  const server = await EtcdServer.start()
  server.ctl('put', `${PREFIX}/config`, JSON.stringify({ Network: '10.5.0.0/16', Backend: BACKEND }))
  return server
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = systemClock.nowMs() + 10_000
  while (!(await holds())) {
    assert.ok(systemClock.nowMs() < deadline, `waited 10 s until ${what}`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

test('nodes that all want the first free block at one moment get one each, and leave no lease behind', async () => {
  await using server = await serverWithConfig()
  const claims = Array.from({ length: NODES }, (_, n) => {
    const options = nodeOptions(n + 1)
    return new SubnetClaim({
      table: new SubnetTable({ ...options, etcd: server.client(), onLost: () => {} }),
      announcement: announcementOf(options.publicAddress),
      previous: () => [],
      onFault: () => {},
      clock: systemClock,
      // Everybody draws the first.
      random: () => 0,
      log: silentLogger,
    })
  })
  for (const claim of claims) claim.poke()
  const client = server.client()
  const leasesOf = async () => (await client.list(`${SUBNETS}/`)).kvs
  await until('all have a lease', async () => (await leasesOf()).length === NODES)
  const kvs = await leasesOf()
  assert.deepEqual(
    kvs.map(({ key }) => key),
    Array.from({ length: NODES }, (_, n) => `${SUBNETS}/10.5.${n + 1}.0-24`),
  )
  assert.equal(new Set(kvs.map(({ value }) => JSON.parse(value).PublicIP)).size, NODES)
  assert.deepEqual(
    claims.map(({ fault }) => fault),
    Array.from({ length: NODES }),
  )
  const grants = () => server.ctl('lease', 'list').match(/^[0-9a-f]{6,}$/gm)?.length
  await until('no other lease is left', () => grants() === NODES)
  for (const claim of claims) claim.stop()
})

test('a lease that is gone before anybody saw it is claimed again', async () => {
  await using server = await serverWithConfig()
  const client = server.client()
  const options = nodeOptions(1)
  const membership = new EtcdMembership({
    ...options,
    etcd: server.client(),
    readSubnetFile: () => '',
    clock: systemClock,
    random: Math.random,
    log: silentLogger,
  })
  const end = membership.join({ lookAtSelf: () => {}, announcement: announcementOf(options.publicAddress) })
  const keys = async () => (await client.list(`${SUBNETS}/`)).kvs.map(({ key }) => key)
  await until('it has a lease', async () => (await keys()).length === 1)
  await client.deleteAll(`${SUBNETS}/`)
  // As the agent follows it: it never heard of a Node of its own, so nothing goes when it finds none.
  assert.deepEqual((await membership.store.list('Node')).items, [])
  await until('it has a lease again', async () => (await keys()).length === 1)
  // And if it is seen only by a watch, which tells of both at once.
  const { resourceVersion } = await membership.store.list('Node')
  await client.deleteAll(`${SUBNETS}/`)
  const ending = new AbortController()
  const watch = membership.store.watch('Node', { resourceVersion, signal: ending.signal })
  const events = watch[Symbol.asyncIterator]()
  assert.equal((await events.next()).value?.type, 'DELETED')
  await until('it has a lease once more', async () => (await keys()).length === 1)
  ending.abort()
  await events.return?.()
  end()
})

/** Counts the keys that it was sent. */
class CountingClient extends EtcdClient {
  sent = 0

  override async list(prefix: string): Promise<RangeResult> {
    const result = await super.list(prefix)
    this.sent += result.kvs.length
    return result
  }
}

test('a node reads its own lease alone, and still sees who else has its block, and that it lost it', async () => {
  await using server = await serverWithConfig()
  const client = server.client()
  const put = (key: string, address: string) =>
    client.put(`${SUBNETS}/${key}`, flannelValue(address, '02:00:00:00:00:09'))
  for (let n = 10; n < 40; n += 1) await put(`10.5.${n}.0-24`, `192.168.77.${n}`)
  await put('10.5.1.0-24', '192.168.77.1')
  using etcd = Object.assign(new CountingClient({ endpoints: [server.url], clock: systemClock }), {
    [Symbol.dispose]: () => etcd.close(),
  })
  let lost = 0
  const table = new SubnetTable({ ...nodeOptions(1), etcd, onLost: () => (lost += 1) })
  await table.list('Node')
  etcd.sent = 0
  const ofNode = await table.find('Node', 'node-1')
  const ofBlock = await table.find('PodBlock', '10.5.1.0-24')
  assert.deepEqual([ofNode?.kv.key, ofBlock?.object.spec.nodeName], [`${SUBNETS}/10.5.1.0-24`, 'node-1'])
  assert.equal(etcd.sent, 2)
  // Another key for the same block, and ours is made anew: the other one is older.
  await put('10.5.1.0-24&fd00:5:0:1::-64', '192.168.77.2')
  await client.delete(`${SUBNETS}/10.5.1.0-24`)
  await put('10.5.1.0-24', '192.168.77.1')
  assert.equal(
    (await table.find('PodBlock', '10.5.1.0-24'))?.object.spec.nodeName,
    '10.5.1.0-24.fd00-5-0-1---64',
  )
  assert.equal(etcd.sent, 4)
  assert.equal(lost, 0)
  await put('10.5.1.0-24', '192.168.77.3')
  assert.equal(await table.find('Node', 'node-1'), undefined)
  assert.equal(lost, 1)
})
