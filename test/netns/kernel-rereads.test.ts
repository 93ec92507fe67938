import assert from 'node:assert/strict'
import { test } from 'node:test'
import { settle } from '../../src/base/index.ts'
import {
  entryKey,
  NetlinkKernel,
  type NftElementEntry,
  type NftTableEntry,
  type Operation,
} from '../../src/kernel/index.ts'
import { Mirror } from '../../src/kernel/mirror.ts'
import { NetlinkEvents, Netns } from '../../src/sys/index.ts'
import { run } from './kernel-harness.ts'

const table: NftTableEntry = {
  kind: 'nft-table',
  family: 'ip',
  name: 'podlace-reread',
  chains: [],
  // Read in this order: the longer it takes after the first, the likelier that is to change meanwhile.
  sets: ['pods', 'a', 'b', 'c', 'd'].map(name => ({
    name,
    type: 'set',
    interval: false,
    key: ['ipv4_addr'],
  })),
}

const element = (n: number): NftElementEntry => ({
  kind: 'nft-element',
  family: 'ip',
  table: table.name,
  set: 'pods',
  key: [`10.0.${n >> 8}.${n & 255}`],
})

/** What makes the kernel take up events. */
const forwarding: Operation = {
  op: 'create',
  why: 'missing',
  entry: { kind: 'sysctl', path: 'ipv4/ip_forward', value: '1' },
}

test('a transaction of ours while a table is read, since others changed it, is not forgotten', async () => {
  const netns = Netns.create()
  const kernel = new NetlinkKernel({
    netns,
    openEvents: (protocol, groups, options) => NetlinkEvents.openIn(netns, protocol, groups, options),
  })
  try {
    const mirror = new Mirror()
    kernel.watch(event => void mirror.fold(event))
    await kernel.apply([{ op: 'create', why: 'missing', entry: table }])
    for (let n = 0; n < 60; n += 1) {
      run(netns, ['nft', n % 2 === 0 ? 'add' : 'delete', 'element', 'ip', table.name, 'pods', '{ 10.9.9.9 }'])
      const reading = kernel.apply([forwarding])
      for (let turn = 0; turn < 2 * n; turn += 1) await undefined
      await Promise.all([reading, kernel.apply([{ op: 'create', why: 'missing', entry: element(n) }])])
      await settle()
      assert.ok(mirror.get(entryKey(element(n))) !== undefined, `element ${n}`)
    }
  } finally {
    kernel.close()
    netns.close()
  }
})
