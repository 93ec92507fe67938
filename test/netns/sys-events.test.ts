/** Multicast events: order, synchronous draining, overflow and what comes after it. */
import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { hasCode } from '../../src/base/index.ts'
import { NetlinkEvents, Netns } from '../../src/sys/index.ts'
import { setUp } from './sys-messages.ts'

const LO = 1
const RTNLGRP_LINK = 1

let netns: Netns
let events: NetlinkEvents | undefined
beforeEach(() => {
  netns = Netns.create()
})
afterEach(() => {
  events?.close()
  netns.close()
})

const flip = (up: boolean) => netns.route.exchange(setUp(LO, up))

/** IFF_UP in the ifinfomsg of each event. */
const upFlags = (datagrams: Uint8Array[]) =>
  datagrams.map(bytes => (Buffer.from(bytes).readUInt32LE(24) & 1) === 1)

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; !condition(); tries += 1) {
    assert.ok(tries < 5000, 'it did not happen')
    await delay(1)
  }
}

test('changes arrive in order, those from before start included', async () => {
  events = NetlinkEvents.openIn(netns, 'route', [RTNLGRP_LINK])
  const seen: boolean[] = []
  flip(true)
  events.start(
    datagrams => seen.push(...upFlags(datagrams)),
    () => assert.fail('overflow'),
  )
  flip(false)
  await until(() => seen.length >= 2)
  flip(true)
  await until(() => seen.length >= 3)
  assert.deepEqual(seen, [true, false, true])
})

test('drain takes what an own write caused, so that it is not delivered later', async () => {
  events = NetlinkEvents.openIn(netns, 'route', [RTNLGRP_LINK])
  const delivered: boolean[] = []
  events.start(
    datagrams => delivered.push(...upFlags(datagrams)),
    () => assert.fail('overflow'),
  )
  flip(true)
  const { datagrams, overflow } = events.drain()
  assert.deepEqual(upFlags(datagrams), [true])
  assert.equal(overflow, false)
  assert.deepEqual(events.drain().datagrams, [])
  flip(false)
  await until(() => delivered.length > 0)
  assert.deepEqual(delivered, [false])
})

test('an overflow is told once, by the loop or by drain, and events go on after it', async () => {
  events = NetlinkEvents.openIn(netns, 'route', [RTNLGRP_LINK], { receiveBufferBytes: 4096 })
  const overrun = () => {
    for (let i = 0; i < 100; i += 1) flip(i % 2 === 0)
  }
  overrun()
  assert.equal(events.drain().overflow, true)
  assert.deepEqual(events.drain(), { datagrams: [], overflow: false })
  const delivered: boolean[] = []
  let overflows = 0
  events.start(
    datagrams => delivered.push(...upFlags(datagrams)),
    () => {
      overflows += 1
    },
  )
  overrun()
  await until(() => overflows > 0)
  const before = delivered.length
  flip(true)
  await until(() => delivered.length > before)
  assert.equal(delivered.at(-1), true)
  assert.equal(overflows, 1)
})

test('what cannot be watched is refused', () => {
  assert.throws(
    () => NetlinkEvents.openIn(netns, 'route', []),
    error => hasCode(error, 'sys.bad-groups'),
  )
  assert.throws(
    () => NetlinkEvents.openIn(netns, 'route', [100_000]),
    error => hasCode(error, 'sys.einval'),
  )
  const open = NetlinkEvents.open('route', [RTNLGRP_LINK])
  open.start(
    () => {},
    () => {},
  )
  const again = () =>
    open.start(
      () => {},
      () => {},
    )
  assert.throws(again, error => hasCode(error, 'sys.busy'))
  open.close()
  open.close()
  assert.throws(
    () => open.drain(),
    error => hasCode(error, 'sys.closed'),
  )
})
