import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../base/index.ts'
import { whenKept } from '../../ipam/testing.ts'
import { NodePool } from './node-pool.ts'
import type { Lease } from './source.ts'

const holder = (containerId: string) => ({ containerId, ifName: 'eth0' })

function pool(): NodePool {
  return new NodePool({ clock: new ManualClock(), cooldownMs: 30_000 })
}

const wanted = (...addresses: string[]) => ({ addresses })
const taken = (lease: Lease) => lease

test('without a block no address can be had, and the reason is told', async () => {
  assert.match((await pool().fault()) ?? '', /no pod CIDR/)
})

test('one address of each family, with the gateway of its block', async () => {
  const nodePool = pool()
  nodePool.setBlocks(['10.244.1.0/24', 'fd00:1::/64'], [])
  const { ips } = await whenKept(nodePool.allocate(holder('a'), wanted(), taken))
  assert.deepEqual(ips, [
    { address: '10.244.1.2/24', gateway: '10.244.1.1' },
    { address: 'fd00:1::2/64', gateway: 'fd00:1::1' },
  ])
})

test('a family that is exhausted gives back what the other had given', async () => {
  const nodePool = pool()
  nodePool.setBlocks(['10.244.1.0/24', 'fd00:1::/127'], [['x/eth0', 'fd00:1::1']])
  await assert.rejects(nodePool.allocate(holder('a'), wanted(), taken), { code: 'ipam.exhausted' })
  assert.equal(await nodePool.holds(holder('a')), false)
})

test('what attachments hold is held after a restart; a block that stays keeps its state', async () => {
  const nodePool = pool()
  nodePool.setBlocks(['10.244.1.0/24'], [['x/eth0', '10.244.1.2']])
  assert.equal(
    (await whenKept(nodePool.allocate(holder('a'), wanted(), taken))).ips[0]?.address,
    '10.244.1.3/24',
  )
  nodePool.setBlocks(['10.244.1.0/24'], [])
  await assert.rejects(nodePool.allocate(holder('b'), wanted('10.244.1.2'), taken), { code: 'ipam.taken' })
})

test('an address asked for is given if it is free, and refused in words if not', async () => {
  const nodePool = pool()
  nodePool.setBlocks(['10.244.1.0/24'], [])
  assert.equal(
    (await whenKept(nodePool.allocate(holder('a'), wanted('10.244.1.77'), taken))).ips[0]?.address,
    '10.244.1.77/24',
  )
  await assert.rejects(nodePool.allocate(holder('b'), wanted('10.244.1.77'), taken), { code: 'ipam.taken' })
})
