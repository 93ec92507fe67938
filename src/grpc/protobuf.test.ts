import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { hasCode } from '../base/index.ts'
import { blob, field, flag, integer, list, message, nested, text, textMap, texts } from './protobuf.ts'

const inner = message({ name: field(1, text) })
const outer = message({
  number: field(1, integer),
  word: field(2, text),
  yes: field(3, flag),
  bytes: field(4, blob),
  inner: nested(5, inner),
  words: texts(6),
  inners: list(7, inner),
  map: textMap(8),
})
const EMPTY = outer.decode(new Uint8Array())
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const decode = (text: string) => outer.decode(Buffer.from(text.replaceAll(' ', ''), 'hex'))

describe('a protobuf message', () => {
  it('has the bytes of the examples in the specification', () => {
    assert.equal(hex(outer.encode({ ...EMPTY, number: 150 })), '089601')
    assert.equal(hex(outer.encode({ ...EMPTY, word: 'testing' })), '120774657374696e67')
    assert.equal(hex(outer.encode({ ...EMPTY, number: -2 })), '08feffffffffffffffff01')
  })

  it('sends nothing for what is absent, but an empty message and empty elements of a list', () => {
    assert.equal(hex(outer.encode(EMPTY)), '')
    assert.equal(
      hex(outer.encode({ ...EMPTY, inner: { name: '' }, words: ['', 'a'] })),
      '2a00 3200 320161'.replaceAll(' ', ''),
    )
  })

  it('decodes to what was encoded', () => {
    const inners = fc.record({ name: fc.string() }, { noNullPrototype: true })
    const values = fc.record(
      {
        number: fc.maxSafeInteger(),
        word: fc.string({ unit: 'binary' }),
        yes: fc.boolean(),
        bytes: fc.uint8Array({ minLength: 1 }).map(bytes => Buffer.from(bytes)),
        inner: fc.option(inners, { nil: undefined }),
        words: fc.array(fc.string()),
        inners: fc.array(inners),
        map: fc.array(fc.tuple(fc.string(), fc.string())).map(pairs => new Map(pairs)),
      },
      { noNullPrototype: true },
    )
    fc.assert(fc.property(values, value => assert.deepEqual(outer.decode(outer.encode(value)), value)))
  })

  it('takes the last of several, and passes over fields that it does not know', () => {
    assert.equal(decode('0801 0802').number, 2)
    // Field 99 as varint, as eight bytes, as bytes and as four bytes.
    const unknown = '980601 9906 0000000000000000 9a0601ff 9d06 00000000'
    assert.deepEqual(decode(`${unknown} 0805`), { ...EMPTY, number: 5 })
  })

  for (const [why, bytes] of [
    ['ends in a number', '08ff'],
    ['ends in a field', '120474'],
    ['has a number of more than 64 bits', '08ffffffffffffffffffff01'],
    ['has a number that JavaScript cannot hold', '08ffffffffffffff7f'],
    ['has a group', '0b0c'],
    ['has a field number 0', '0001'],
    ['has a number for a text', '1001'],
    ['has bytes for a number', '0a0101'],
  ] as const) {
    it(`is refused when it ${why}`, () => {
      assert.throws(
        () => decode(bytes),
        error => hasCode(error, 'grpc.malformed'),
      )
    })
  }
})
