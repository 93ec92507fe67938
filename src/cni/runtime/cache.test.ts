import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { AttachmentCache } from './cache.ts'
import { type CacheEntry, decodeCacheEntry, encodeCacheEntry } from './cache-entry.ts'

/** Written by hand from libcni's `cachedInfo`: fields in the order of the structure, maps sorted, `&` escaped. */
const TEXT =
  '{"kind":"cniCacheV1","containerId":"c1","config":"eyJuYW1lIjoicG9kcyJ9","ifName":"eth0","networkName":"pods",' +
  '"netns":"/run/netns/a","cniArgs":[["IgnoreUnknown","1"],["K8S_POD_NAME","web-1"]],' +
  '"capabilityArgs":{"mac":"02:00:00:00:00:01","portMappings":[{"containerPort":80,"hostPort":8080,"protocol":"tcp"}]},' +
  '"result":{"cniVersion":"1.0.0","dns":{"domain":"a\\u0026b"},' +
  '"interfaces":[{"mac":"02:00:00:00:00:02","name":"cni0"}],' +
  '"ips":[{"address":"10.1.0.2/24","gateway":"10.1.0.1","interface":0}]}}'

const ENTRY: CacheEntry = {
  network: 'pods',
  attachment: {
    containerId: 'c1',
    ifName: 'eth0',
    netns: '/run/netns/a',
    args: [
      ['IgnoreUnknown', '1'],
      ['K8S_POD_NAME', 'web-1'],
    ],
    capabilityArgs: {
      portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }],
      mac: '02:00:00:00:00:01',
    },
  },
  config: Buffer.from('{"name":"pods"}'),
  result: {
    cniVersion: '1.0.0',
    interfaces: [{ name: 'cni0', mac: '02:00:00:00:00:02' }],
    ips: [{ interface: 0, address: '10.1.0.2/24', gateway: '10.1.0.1' }],
    dns: { domain: 'a&b' },
  },
}
const bare = (containerId: string, network = 'pods'): CacheEntry => ({
  network,
  attachment: { containerId, ifName: 'eth0' },
  config: Buffer.from('{}'),
  result: { cniVersion: '1.0.0' },
})

let directory = ''
let cache = new AttachmentCache('')
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'podlace-cache-'))
  cache = new AttachmentCache(directory)
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const put = (name: string, text: string) => writeFileSync(join(directory, 'results', name), text)

test('the content is that of libcni, both ways', () => {
  assert.equal(encodeCacheEntry(ENTRY), TEXT)
  assert.deepEqual(decodeCacheEntry(Buffer.from(TEXT), 'x'), ENTRY)
})

test('what is empty is left out, keys that are numbers are sorted as text', () => {
  assert.equal(
    encodeCacheEntry({
      ...bare('c'),
      attachment: { containerId: 'c', ifName: 'e', capabilityArgs: { 9: 1, 10: 2 } },
    }),
    '{"kind":"cniCacheV1","containerId":"c","config":"e30=","ifName":"e","networkName":"pods",' +
      '"capabilityArgs":{"10":2,"9":1},"result":{"cniVersion":"1.0.0"}}',
  )
  const none = decodeCacheEntry(Buffer.from(encodeCacheEntry(bare('c'))), 'x')
  assert.deepEqual(none, bare('c'))
})

test('a file for each attachment, for its owner alone, and nothing else', () => {
  cache.write(ENTRY)
  const path = join(directory, 'results', 'pods-c1-eth0')
  assert.equal(readFileSync(path, 'utf8'), TEXT)
  assert.equal(statSync(path).mode & 0o777, 0o600)
  assert.equal(statSync(join(directory, 'results')).mode & 0o777, 0o700)
  cache.write(ENTRY)
  assert.deepEqual(readdirSync(directory), ['results'])
  assert.deepEqual(cache.read('pods', ENTRY.attachment), ENTRY)
  cache.remove('pods', ENTRY.attachment)
  assert.equal(cache.read('pods', ENTRY.attachment), undefined)
  cache.remove('pods', ENTRY.attachment)
})

test('two attachments whose names join to one are told apart', () => {
  cache.write(bare('b-c', 'a'))
  assert.equal(cache.read('a-b', { containerId: 'c', ifName: 'eth0' }), undefined)
  assert.notEqual(cache.read('a', { containerId: 'b-c', ifName: 'eth0' }), undefined)
})

test('what is not readable is an error for one, and passed over in a list', () => {
  cache.write(bare('c1'))
  cache.write(bare('c2', 'other'))
  for (const [name, text] of [
    ['pods-c3-eth0', ''],
    ['pods-c4-eth0', '{"kind":"cniCacheV0"}'],
    ['pods-c5-eth0', TEXT.slice(0, 100)],
  ] as const) {
    put(name, text)
    const identity = { containerId: name.slice(5, 7), ifName: 'eth0' }
    assert.throws(() => cache.read('pods', identity), { code: 'cni.runtime.cache' })
  }
  assert.deepEqual(cache.list('pods'), [bare('c1')])
  assert.deepEqual(new AttachmentCache(join(directory, 'none')).list('pods'), [])
})
