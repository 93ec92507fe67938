import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SubnetClaim } from '../../src/agent/etcd/subnet-claim.ts'
import { SubnetTable } from '../../src/agent/etcd/subnet-table.ts'
import { silentLogger, systemClock } from '../../src/base/index.ts'
import { BACKEND, PREFIX, SUBNETS } from './etcd-agent-bench.ts'
import { EtcdServer } from './etcd-server.ts'

const NODES = 6

test('nodes that all want the first free block at one moment get one each, and leave no lease behind', async () => {
  await using server = await EtcdServer.start()
  server.ctl('put', `${PREFIX}/config`, JSON.stringify({ Network: '10.5.0.0/16', Backend: BACKEND }))
  const claims = Array.from({ length: NODES }, (_, n) => {
    const publicAddress = `192.168.77.${n + 1}`
    const table = new SubnetTable({
      etcd: server.client(),
      prefix: PREFIX,
      nodeName: `node-${n}`,
      publicAddress,
      uplinkAddress: publicAddress,
      masquerading: { masquerade: true },
      configName: 'default',
      bootId: 'boot',
      ttlSeconds: 86_400,
      onUnreadable: () => {},
    })
    return new SubnetClaim({
      table,
      announcement: () => new Map([['flannel.alpha.coreos.com/public-ip', publicAddress]]),
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
  const deadline = systemClock.nowMs() + 10_000
  let kvs: readonly { readonly key: string; readonly value: string }[] = []
  while (kvs.length < NODES && systemClock.nowMs() < deadline) ({ kvs } = await client.list(`${SUBNETS}/`))
  assert.deepEqual(
    kvs.map(({ key }) => key),
    Array.from({ length: NODES }, (_, n) => `${SUBNETS}/10.5.${n + 1}.0-24`),
  )
  assert.equal(new Set(kvs.map(({ value }) => JSON.parse(value).PublicIP)).size, NODES)
  assert.deepEqual(
    claims.map(({ fault }) => fault),
    Array.from({ length: NODES }),
  )
  const leases = () => server.ctl('lease', 'list').match(/^[0-9a-f]{6,}$/gm)?.length
  while (leases() !== NODES && systemClock.nowMs() < deadline)
    await new Promise(resolve => setTimeout(resolve, 50))
  assert.equal(leases(), NODES)
  for (const claim of claims) claim.stop()
})
