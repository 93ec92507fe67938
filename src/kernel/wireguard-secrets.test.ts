import assert from 'node:assert/strict'
import { test } from 'node:test'
import { presharedKeyFingerprint, wireguardPublicKey } from './wireguard-secrets.ts'

test('the public half is that of RFC 7748, section 6.1', () => {
  const bob = '5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb'
  const half = 'de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f'
  assert.equal(Buffer.from(wireguardPublicKey(Buffer.from(bob, 'hex')), 'base64').toString('hex'), half)
})

test('fingerprints tell keys apart, and hold nothing of them', () => {
  const keys = [1, 2, 3].map(fill => new Uint8Array(32).fill(fill))
  const prints = keys.map(presharedKeyFingerprint)
  assert.equal(new Set(prints).size, 3)
  for (const key of keys) assert.ok(!prints.join().includes(Buffer.from(key).toString('hex').slice(0, 8)))
})
