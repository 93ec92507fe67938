import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { EndMarkReader } from './end-mark.ts'

/** All text and the status, when the stream comes in these pieces. */
function readAll(chunks: readonly Uint8Array[]): { text: string; exitCode: number | undefined } {
  const reader = new EndMarkReader()
  const pieces = chunks.map(chunk => reader.read(Buffer.from(chunk)))
  return {
    text: Buffer.concat(pieces.map(piece => piece.text)).toString('latin1'),
    exitCode: pieces.at(-1)?.exitCode,
  }
}

const bytes = (text: string): Uint8Array => Buffer.from(text, 'latin1')

describe('the mark behind the output', () => {
  it('is found, and is no output, wherever the stream is cut', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.nat(255), fc.array(fc.nat(60)), (output, status, cuts) => {
        const stream = Buffer.concat([output, bytes(`\0${status}\n`)])
        const ends = [...cuts.map(cut => cut % stream.length), stream.length].sort((a, b) => a - b)
        const chunks = ends.map((end, i) => stream.subarray(ends[i - 1] ?? 0, end))
        // Output that ends as a mark does, just where the stream is cut, is taken for one; init.sh writes none.
        fc.pre(!chunks.slice(0, -1).some(chunk => /\0\d{1,3}\n$/.test(Buffer.from(chunk).toString('latin1'))))
        const text = Buffer.from(output).toString('latin1')
        assert.deepEqual(readAll(chunks), { text, exitCode: status })
      }),
    )
  })

  it('holds back nothing of a text without NULs', () => {
    const reader = new EndMarkReader()
    assert.equal(reader.read(Buffer.from('half a li')).text.toString(), 'half a li')
    assert.equal(reader.read(Buffer.from('ne\n12\n')).text.toString(), 'ne\n12\n')
  })

  it('is missing until it is whole', () => {
    assert.deepEqual(readAll([bytes('a\0'), bytes('12')]), { text: 'a', exitCode: undefined })
    assert.deepEqual(readAll([bytes('a\0'), bytes('12'), bytes('x')]), {
      text: 'a\x0012x',
      exitCode: undefined,
    })
  })
})
