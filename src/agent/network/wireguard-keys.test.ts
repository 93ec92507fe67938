import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { presharedKeyFingerprint, wireguardPublicKey } from '../../kernel/index.ts'
import type { BackendConfig, NetworkConfig } from '../../model/index.ts'
import { WireguardKeys } from './wireguard-keys.ts'

function network(backend: BackendConfig): NetworkConfig {
  const metadata = {
    name: 'default',
    uid: 'u',
    resourceVersion: '1',
    creationTimestamp: '2026-01-01T00:00:00Z',
  }
  const spec = { network: '10.244.0.0/16', backend }
  return { apiVersion: 'podlace.dev/v1alpha1', kind: 'NetworkConfig', metadata, spec }
}

/** A disk with one file. */
function disk(text?: string) {
  const files = { text, writes: 0 }
  const file = {
    path: '/state/wireguard.key',
    read: () => files.text,
    create(written: string) {
      files.text = written
      files.writes += 1
    },
  }
  let made = 0
  const random = (count: number) =>
    createHash('sha512')
      .update(`${(made += 1)}`)
      .digest()
      .subarray(0, count)
  return { files, keys: () => new WireguardKeys(file, random) }
}

test('a key is made once, when a network asks for it', () => {
  const { files, keys } = disk()
  const first = keys()
  assert.deepEqual(first.takeUp(undefined), {})
  assert.deepEqual(first.takeUp(network({ type: 'vxlan' })), {})
  assert.equal(files.writes, 0)
  const answer = first.takeUp(network({ type: 'wireguard' }))
  assert.equal(files.writes, 1)
  const written = Buffer.from(files.text ?? '', 'base64')
  assert.deepEqual([written.length, (written[0] ?? 0) & 7, (written[31] ?? 0) & 192], [32, 0, 64])
  assert.deepEqual(answer, { wireguardKey: wireguardPublicKey(written) })
  const second = keys()
  assert.deepEqual(second.takeUp(network({ type: 'wireguard' })), answer)
  assert.equal(files.writes, 1)
})

test('who applies gets the keys by what names them, and no others', () => {
  const privateKey = new Uint8Array(32).fill(5)
  const keys = disk(`${Buffer.from(privateKey).toString('base64')}\n`).keys()
  const publicKey = wireguardPublicKey(privateKey)
  assert.equal(keys.privateKey(publicKey), undefined)
  const shared = Buffer.alloc(32, 9)
  const fingerprint = presharedKeyFingerprint(shared)
  keys.takeUp(network({ type: 'wireguard', presharedKey: shared.toString('base64') }))
  assert.deepEqual(keys.privateKey(publicKey), Buffer.from(privateKey))
  assert.deepEqual(keys.presharedKey(fingerprint), shared)
  assert.equal(keys.privateKey(wireguardPublicKey(shared)), undefined)
  keys.takeUp(network({ type: 'wireguard' }))
  assert.equal(keys.presharedKey(fingerprint), undefined)
})

test('a damaged file is told without its content, and is not replaced', () => {
  for (const text of ['', 'c2VjcmV0', `x${Buffer.alloc(32, 1).toString('base64')}`]) {
    const { files, keys } = disk(text)
    const answer = keys().takeUp(network({ type: 'wireguard' }))
    assert.ok('lacks' in answer)
    assert.match(answer.lacks, /\/state\/wireguard\.key holds no key of 32 bytes/)
    assert.ok(text === '' || !answer.lacks.includes(text))
    assert.deepEqual([files.text, files.writes], [text, 0])
  }
})

test('a disk that fails is why the node has no key, until it does not', () => {
  let isFull = true
  const file = {
    path: '/state/wireguard.key',
    read: () => undefined,
    create: () => {
      if (isFull) throw new Error('ENOSPC: no space left on device')
    },
  }
  const keys = new WireguardKeys(file, count => new Uint8Array(count))
  const answer = keys.takeUp(network({ type: 'wireguard' }))
  assert.ok('lacks' in answer && answer.lacks.includes('ENOSPC'))
  isFull = false
  assert.ok('wireguardKey' in keys.takeUp(network({ type: 'wireguard' })))
})
