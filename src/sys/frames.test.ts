import assert from 'node:assert/strict'
import { closeSync, fstatSync, openSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { hasCode } from '../base/index.ts'
import { encodeFrame, type Frame, FrameDecoder, MAX_FRAME_BYTES } from './frames.ts'

interface Sent {
  readonly payload: Uint8Array
  readonly fds: number[]
}

/**
 * Reads a stream of frames as the kernel delivers it: any number of bytes, but a read ends behind the message
 * whose descriptors it brings, and brings them with that message's first byte.
 */
function* reads(sent: readonly Sent[], sizes: readonly number[]): Generator<[Uint8Array, number[]]> {
  const queue = sent.map(frame => ({ bytes: encodeFrame(frame.payload), fds: frame.fds }))
  for (let turn = 0; queue.length > 0; turn += 1) {
    let room = sizes[turn % sizes.length] ?? 1
    const pieces: Uint8Array[] = []
    let fds: number[] = []
    while (room > 0 && fds.length === 0 && queue[0] !== undefined) {
      const head = queue[0]
      const piece = head.bytes.subarray(0, room)
      room -= piece.length
      pieces.push(piece)
      fds = head.fds
      if (piece.length === head.bytes.length) queue.shift()
      else queue[0] = { bytes: head.bytes.subarray(piece.length), fds: [] }
    }
    yield [Buffer.concat(pieces), fds]
  }
}

test('frames survive any cutting, each with its own descriptors', () => {
  const frame = fc.record({
    payload: fc.uint8Array({ maxLength: 40 }),
    fds: fc.array(fc.integer({ min: 1000, max: 2000 }), { maxLength: 3 }),
  })
  const sizes = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 8 })
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 8 }), sizes, (sent, cuts) => {
      const decoder = new FrameDecoder(3)
      const received: Frame[] = []
      for (const [bytes, fds] of reads(sent, cuts)) received.push(...decoder.push(bytes, fds))
      assert.deepEqual(
        received.map(({ payload, fds }) => ({ payload: [...payload], fds })),
        sent.map(({ payload, fds }) => ({ payload: [...payload], fds })),
      )
      assert.equal(decoder.midFrame, false)
    }),
    { numRuns: 300 },
  )
})

test('a frame that is too long is refused as soon as its length is known', () => {
  assert.throws(
    () => encodeFrame(new Uint8Array(MAX_FRAME_BYTES + 1)),
    error => hasCode(error, 'sys.frame-too-long'),
  )
  const decoder = new FrameDecoder(0)
  const header = new Uint8Array(4)
  new DataView(header.buffer).setUint32(0, MAX_FRAME_BYTES + 1)
  assert.deepEqual(decoder.push(header.subarray(0, 3), []), [])
  assert.throws(
    () => decoder.push(header.subarray(3), []),
    error => hasCode(error, 'sys.frame-too-long'),
  )
})

const open = (count: number) => Array.from({ length: count }, () => openSync('/dev/null', 'r'))
const isOpen = (fd: number) => {
  try {
    fstatSync(fd)
    return true
  } catch {
    return false
  }
}

test('descriptors that are too many or in the wrong place are closed', () => {
  const cases: [string, (decoder: FrameDecoder, fds: number[]) => unknown][] = [
    ['sys.too-many-fds', (decoder, fds) => decoder.push(encodeFrame(new Uint8Array(2)), fds)],
    ['sys.too-many-fds', (decoder, fds) => decoder.push(new Uint8Array([0, 0]), fds)],
    [
      'sys.stray-fds',
      (decoder, fds) => {
        decoder.push(new Uint8Array([0, 0, 0]), [])
        return decoder.push(new Uint8Array([9, 1]), fds)
      },
    ],
    [
      'sys.frame-too-long',
      (decoder, fds) => decoder.push(new Uint8Array([0xff, 0xff, 0xff, 0xff]), fds.slice(0, 1)),
    ],
  ]
  for (const [code, provoke] of cases) {
    const fds = open(code === 'sys.frame-too-long' ? 1 : 2)
    assert.throws(
      () => provoke(new FrameDecoder(1), fds),
      error => hasCode(error, code),
      code,
    )
    assert.deepEqual(
      fds.map(isOpen),
      fds.map(() => false),
      code,
    )
  }
})

test('closing closes the descriptors of an unfinished frame, not those that were handed out', () => {
  const decoder = new FrameDecoder(1)
  const [first = -1, second = -1] = open(2)
  const frames = decoder.push(encodeFrame(new Uint8Array(1)), [first])
  decoder.push(new Uint8Array([0, 0]), [second])
  decoder.close()
  assert.deepEqual(frames[0]?.fds, [first])
  assert.equal(isOpen(first), true)
  assert.equal(isOpen(second), false)
  closeSync(first)
})
