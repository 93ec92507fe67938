import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseWireguardKey } from './wireguard-key.ts'

const key = Buffer.alloc(32, 0xfb)
const text = key.toString('base64')

test('a key is 32 bytes in base64, as `wg` writes it', () => {
  assert.deepEqual(parseWireguardKey(text), key)
})

test('nothing else is one', () => {
  const others = [
    '',
    text.slice(0, -1),
    `${text}\n`,
    ` ${text}`,
    key.toString('base64url'),
    key.toString('hex'),
    Buffer.alloc(31).toString('base64'),
    Buffer.alloc(33).toString('base64'),
    // The last character has two bits that no byte holds.
    `${text.slice(0, -2)}t=`,
  ]
  for (const other of others) assert.equal(parseWireguardKey(other), undefined, other)
})
