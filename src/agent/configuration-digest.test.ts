import assert from 'node:assert/strict'
import { test } from 'node:test'
import { configurationDigest } from './configuration-digest.ts'

const raw = { cniVersion: '1.1.0', name: 'lan', type: 'tuning', mtu: 1400, sysctl: { a: '1', b: '2' } }

test('what a runtime adds from call to call does not count, nor does the order of keys', () => {
  const digest = configurationDigest({ raw })
  assert.match(digest, /^[0-9a-f]{16}$/)
  const again = {
    'cni.dev/valid-attachments': [],
    prevResult: { ips: [] },
    runtimeConfig: { mac: '02:00:00:00:00:01' },
    sysctl: { b: '2', a: '1' },
    mtu: 1400,
    type: 'tuning',
    name: 'lan',
    cniVersion: '1.0.0',
  }
  assert.equal(configurationDigest({ raw: again }), digest)
})

test('what the list says counts, however deep, and of lists the order', () => {
  const configurations: object[] = [
    raw,
    { ...raw, mtu: 1300 },
    { ...raw, sysctl: { a: '1', b: '3' } },
    { ...raw, x: ['a', 'b'] },
    { ...raw, x: ['b', 'a'] },
    { ...raw, x: { y: { z: 1 } } },
    { ...raw, x: { y: { z: 2 } } },
  ]
  const digests = configurations.map(one => configurationDigest({ raw: { ...one } }))
  assert.equal(new Set(digests).size, configurations.length)
})

test('it stays as journals have it', () => {
  const list = { b: [{ d: 1, c: null }, 'x'], a: { z: true, 10: 'ten', 9: 'nine' } }
  assert.equal(configurationDigest({ raw: { ...raw, ...list } }), '7f6eb3b5d09e69ec')
})
