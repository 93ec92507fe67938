import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { hasCode } from '../base/index.ts'
import { u8, u16, u32, u64 } from './arbitraries.ts'
import { ByteReader } from './byte-reader.ts'
import { align4, ByteWriter } from './byte-writer.ts'

const isMalformed = (error: unknown) => hasCode(error, 'netlink.malformed')
const isInvalid = (error: unknown) => hasCode(error, 'netlink.invalid-value')

test('what is written is read back, in either byte order', () => {
  fc.assert(
    fc.property(u8, u16, u32, fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), u64, (a, b, c, d, e) => {
      const writer = new ByteWriter(1).u8(a).u16(b).u32(c).i32(d).u64(e).be16(b).be32(c).be64(e)
      const reader = ByteReader.over(writer.finish())
      assert.deepEqual([reader.u8(), reader.u16(), reader.u32(), reader.i32(), reader.u64()], [a, b, c, d, e])
      assert.deepEqual([reader.be16(), reader.be32(), reader.be64()], [b, c, e])
      assert.equal(reader.remaining, 0)
    }),
  )
})

test('be is network order', () => {
  assert.deepEqual([...new ByteWriter().be16(0x0102).be32(0x03040506).finish()], [1, 2, 3, 4, 5, 6])
})

test('a value out of range is refused, never cut', () => {
  for (const value of [-1, 256, 1.5, Number.NaN]) assert.throws(() => new ByteWriter().u8(value), isInvalid)
  assert.throws(() => new ByteWriter().u16(65_536), isInvalid)
  assert.throws(() => new ByteWriter().i32(2 ** 31), isInvalid)
  assert.throws(() => new ByteWriter().u64(2n ** 64n), isInvalid)
})

test('text is UTF-8 up to the first NUL, and only that is written of it', () => {
  const bytes = new ByteWriter(1).text('vé€😀').u8(0).text('x').finish()
  assert.equal(bytes.length, 12)
  assert.equal(ByteReader.over(bytes).text(), 'vé€😀')
  assert.equal(ByteReader.over(Uint8Array.of(0x61, 0xff)).text(), 'a\ufffd')
  assert.deepEqual([...new ByteWriter().text('\ud800').finish()], [0xef, 0xbf, 0xbd])
})

test('what a writer reserves without a value is zero, and its bytes are its own', t => {
  t.mock.method(Buffer, 'allocUnsafe', (size: number) => Buffer.alloc(size, 0xff))
  const bytes = new ByteWriter(1).u8(1).zeros(2).u8(1).u8(2).pad().finish()
  assert.deepEqual([...bytes], [1, 0, 0, 1, 2, 0, 0, 0])
  bytes.slice()[0] = 9
  assert.equal(bytes[0], 1)
})

test('bytes that are read are a copy', () => {
  const source = Uint8Array.of(1)
  const kept = ByteReader.over(source).bytes()
  source[0] = 2
  assert.equal(kept[0], 1)
})

test('a reader stays within its window, whatever lies around it', () => {
  const around = Uint8Array.of(9, 9, 1, 2, 3, 9, 9)
  const reader = ByteReader.over(around.subarray(2, 5))
  assert.throws(() => reader.u32(), isMalformed)
  assert.deepEqual([...reader.bytes()], [1, 2, 3])
  assert.throws(() => reader.u8(), isMalformed)
  assert.throws(() => reader.bytes(-1), isMalformed)
})

test('attributes are padded, nest, and come back in their order', () => {
  const writer = new ByteWriter(4)
  writer.attribute(1, false, inner => inner.u8(7))
  writer.attribute(2, true, inner =>
    inner.attribute(3, false, deep => deep.bytes(Uint8Array.of(1, 2, 3, 4, 5))),
  )
  const bytes = writer.finish()
  assert.equal(bytes.length, align4(bytes.length))
  assert.deepEqual([...bytes.subarray(0, 8)], [5, 0, 1, 0, 7, 0, 0, 0])
  const reader = ByteReader.over(bytes)
  assert.deepEqual([reader.nextAttribute(), reader.payload().u8()], [1, 7])
  assert.equal(reader.nextAttribute(), 2)
  const nested = reader.payload()
  assert.deepEqual([nested.nextAttribute(), nested.payload().remaining], [3, 5])
  assert.deepEqual([nested.nextAttribute(), reader.nextAttribute()], [undefined, undefined])
})

test('an attribute that is too long, and one that lies about its length', () => {
  assert.throws(() => new ByteWriter().attribute(1, false, writer => writer.zeros(65_532)), isInvalid)
  new ByteWriter().attribute(1, false, writer => writer.zeros(65_531))
  for (const length of [0, 3, 9, 0xffff]) {
    const bytes = new ByteWriter().u16(length).u16(1).u32(0).finish()
    assert.throws(() => ByteReader.over(bytes).nextAttribute(), isMalformed)
  }
})

test('the last attribute may lack its padding', () => {
  const bytes = new ByteWriter().attribute(1, false, writer => writer.u8(7)).finish()
  const reader = ByteReader.over(bytes.subarray(0, 5))
  assert.deepEqual([reader.nextAttribute(), reader.payload().bytes()], [1, Uint8Array.of(7)])
  assert.equal(reader.nextAttribute(), undefined)
})
