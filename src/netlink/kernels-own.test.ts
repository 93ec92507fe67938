import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeFdb } from './fdb.ts'
import { isKernelsOwn } from './kernels-own.ts'
import { encodeNeighbour } from './neighbour.ts'
import { NTF_EXT_LEARNED, NTF_SELF, RTM_DELNEIGH, RTM_NEWNEIGH } from './neighbour-wire.ts'
import { encodeNewRoute, RTM_DELROUTE, RTM_NEWROUTE } from './route.ts'
import type { RouteType } from './route-names.ts'

const isOwn = (type: number, body: Uint8Array) =>
  isKernelsOwn({ type, flags: 0, sequence: 0, portId: 0, body })

test("entries of a bridge's table are the kernel's own, those of a device's own table are not", () => {
  const entry = { linkIndex: 3, mac: '02:42:00:00:00:01' }
  for (const type of [RTM_NEWNEIGH, RTM_DELNEIGH]) {
    assert.equal(isOwn(type, encodeFdb({ ...entry, self: false })), true)
    assert.equal(isOwn(type, encodeFdb({ ...entry, dst: '192.0.2.1' })), false)
  }
})

test('neighbours of IP are of interest, whatever their flags', () => {
  const neighbour = { linkIndex: 3, address: '192.0.2.1', mac: '02:42:00:00:00:01' }
  for (const flags of [0, NTF_SELF, NTF_EXT_LEARNED])
    assert.equal(isOwn(RTM_NEWNEIGH, encodeNeighbour({ ...neighbour, flags })), false)
})

test('of routes the type decides', () => {
  const types: Record<string, readonly RouteType[]> = {
    own: ['local', 'broadcast', 'anycast', 'multicast'],
    others: ['unicast', 'blackhole', 'unreachable', 'prohibit'],
  }
  for (const message of [RTM_NEWROUTE, RTM_DELROUTE])
    for (const [whose, all] of Object.entries(types))
      for (const type of all)
        for (const dst of ['192.0.2.0/24', 'ff00::/8'])
          assert.equal(isOwn(message, encodeNewRoute({ dst, type })), whose === 'own', `${type} ${dst}`)
})

test('a message that is cut short is left to those who decode it', () => {
  assert.equal(isOwn(RTM_NEWROUTE, new Uint8Array(4)), false)
  assert.equal(isOwn(RTM_NEWNEIGH, new Uint8Array()), false)
  assert.equal(
    isOwn(RTM_NEWNEIGH, encodeFdb({ linkIndex: 3, mac: '02:42:00:00:00:01', self: false }).slice(0, 8)),
    false,
  )
})
