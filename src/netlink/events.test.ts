import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ByteWriter } from './byte-writer.ts'
import { withoutSuperseded } from './events.ts'
import { AF_BRIDGE, AF_UNSPEC } from './families.ts'
import { RTM_DELLINK, RTM_NEWLINK } from './link.ts'
import { IFF_UP, linkHeader } from './link-attributes.ts'
import type { Message } from './messages.ts'

const RTM_NEWADDR = 20

function message(type: number, index: number, { up = true, family = AF_UNSPEC } = {}): Message {
  const writer = new ByteWriter()
  linkHeader.write(writer, { family, index, flags: up ? IFF_UP : 0 })
  return { type, flags: 0, sequence: 0, portId: 0, body: writer.finish() }
}

/** Which messages stay, by position. */
function stays(messages: readonly Message[], known: readonly number[] = [], followsVlans = true): number[] {
  const kept = withoutSuperseded(messages, { isKnown: index => known.includes(index), followsVlans })
  return kept.map(one => messages.indexOf(one))
}

test('of several messages of a known link the last one stays, of a new one the first as well', () => {
  const messages = [1, 2, 1, 1, 2].map(index => message(RTM_NEWLINK, index))
  assert.deepEqual(stays(messages, [1, 2]), [3, 4])
  assert.deepEqual(stays(messages, [1]), [1, 3, 4])
})

test('a link that was down for a moment is seen to be', () => {
  const messages = [true, false, false, true].map(up => message(RTM_NEWLINK, 1, { up }))
  assert.deepEqual(stays(messages, [1]), [0, 2, 3])
})

test('what was told before a deletion is not superseded by what comes after it', () => {
  const messages = [RTM_NEWLINK, RTM_DELLINK, RTM_NEWLINK, RTM_NEWLINK].map(type => message(type, 1))
  assert.deepEqual(stays(messages, [1]), [0, 1, 3])
})

test('of a bridge port the last message stays, whether its link is known or not', () => {
  const messages = [1, 2, 1, 1].map(index => message(RTM_NEWLINK, index, { family: AF_BRIDGE }))
  assert.deepEqual(stays(messages, [1]), [1, 3])
  assert.deepEqual(stays(messages), [1, 3])
})

test('a link and the port that it is do not speak for each other', () => {
  const families = [AF_BRIDGE, AF_UNSPEC, AF_BRIDGE, AF_UNSPEC]
  const messages = families.map(family => message(RTM_NEWLINK, 1, { family }))
  assert.deepEqual(stays(messages, [1]), [2, 3])
  assert.deepEqual(stays(messages), [1, 2, 3])
})

test('where VLANs are of no interest a later message of its link speaks for a port', () => {
  const families = [AF_BRIDGE, AF_UNSPEC, AF_BRIDGE]
  const messages = families.map(family => message(RTM_NEWLINK, 1, { family }))
  assert.deepEqual(stays(messages, [1], false), [1, 2])
  assert.deepEqual(stays(messages.slice(0, 2), [1], false), [1])
  assert.deepEqual(stays(messages.slice(0, 2), [1], true), [0, 1])
  const another = [message(RTM_NEWLINK, 1, { family: AF_BRIDGE }), message(RTM_NEWLINK, 2)]
  assert.deepEqual(stays(another, [1, 2], false), [0, 1])
})

test('what a port was before its link went away, or it left its bridge, is not superseded', () => {
  for (const family of [AF_UNSPEC, AF_BRIDGE]) {
    const port = { family: AF_BRIDGE }
    const messages = [
      message(RTM_NEWLINK, 1),
      message(RTM_NEWLINK, 1, port),
      message(RTM_DELLINK, 1, { family }),
      message(RTM_NEWLINK, 1, port),
      message(RTM_NEWLINK, 1),
    ]
    assert.deepEqual(stays(messages, [1]), family === AF_UNSPEC ? [0, 1, 2, 3, 4] : [1, 2, 3, 4])
  }
})

test('other objects and messages cut short are left alone', () => {
  const short: Message = { ...message(RTM_NEWLINK, 1), body: new Uint8Array(3) }
  const messages = [message(RTM_NEWADDR, 1), short, message(RTM_NEWADDR, 1), message(RTM_NEWLINK, 1)]
  assert.deepEqual(stays(messages, [1]), [0, 1, 2, 3])
})
