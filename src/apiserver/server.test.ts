import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, describe, it } from 'node:test'
import { silentLogger, systemClock } from '../base/index.ts'
import { MemoryStore } from '../store/index.ts'
import { createApiServer } from './server.ts'

const servers: { close(): Promise<void> }[] = []
after(() => Promise.all(servers.map(server => server.close())))

async function serve(options: Partial<Parameters<typeof createApiServer>[0]> = {}) {
  const store = new MemoryStore({ clock: systemClock, random: Math.random, bookmarkMs: 20 })
  const server = createApiServer({ store, clock: systemClock, log: silentLogger, ...options })
  servers.push(server)
  const { port } = await server.listen(0)
  const url = `http://127.0.0.1:${port}`
  const call = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    const given =
      body === undefined ? {} : { body: text, headers: { 'content-type': 'application/json', ...headers } }
    const response = await fetch(url + path, { method, headers, ...given })
    const answer = await response.text()
    return { status: response.status, headers: response.headers, body: parsed(answer) }
  }
  return { store, port, url, call }
}

// answers are read by path, as a client without types would
// oxlint-disable-next-line no-explicit-any
function parsed(text: string): any {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

const nodes = '/api/v1/nodes'
const node = (name: string) => ({ apiVersion: 'v1', kind: 'Node', metadata: { name }, spec: {} })
const merge = { 'content-type': 'application/merge-patch+json' }

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

describe('API server', () => {
  it('tells kubectl what there is', async () => {
    const { call } = await serve()
    assert.equal((await call('GET', '/healthz')).body, 'ok')
    assert.equal((await call('GET', '/readyz')).status, 200)
    assert.match((await call('GET', '/version')).body.gitVersion, /podlace/)
    assert.deepEqual((await call('GET', '/api')).body.versions, ['v1'])
    assert.equal(
      (await call('GET', '/apis')).body.groups[0].preferredVersion.groupVersion,
      'podlace.dev/v1alpha1',
    )
    const names = (await call('GET', '/api/v1')).body.resources.map(
      (resource: { name: string }) => resource.name,
    )
    assert.deepEqual(names, ['nodes', 'nodes/status', 'pods', 'pods/status'])
    assert.equal((await call('GET', '/apis/podlace.dev/v1alpha1')).body.resources.length, 3)
  })

  it('answers what it does not know with a Status', async () => {
    const { call } = await serve()
    for (const path of [
      '/',
      '/api/v2',
      '/api/v1/secrets',
      '/apis/podlace.dev/v1alpha1/nodes',
      '/api/v1/%zz',
    ]) {
      const { status, body } = await call('GET', path)
      assert.deepEqual([status, body.kind, body.reason, body.code], [404, 'Status', 'NotFound', 404], path)
    }
    const missing = await call('GET', `${nodes}/x`)
    assert.deepEqual(missing.body.details, { name: 'x', kind: 'nodes' })
    assert.match(missing.body.message, /Node x/)
  })

  it('creates, reads, replaces, patches and deletes', async () => {
    const { call } = await serve()
    const created = await call('POST', nodes, node('a'))
    assert.equal(created.status, 201)
    assert.equal((await call('POST', nodes, node('a'))).body.reason, 'AlreadyExists')
    const replaced = await call('PUT', `${nodes}/a`, { ...created.body, spec: { podCIDR: '10.1.0.0/24' } })
    assert.equal(replaced.body.spec.podCIDR, '10.1.0.0/24')
    const stale = await call('PUT', `${nodes}/a`, { ...created.body, spec: { podCIDR: '10.2.0.0/24' } })
    assert.deepEqual([stale.status, stale.body.reason], [409, 'Conflict'])
    const patched = await call('PATCH', `${nodes}/a/status`, { status: { addresses: [] } }, merge)
    assert.deepEqual(patched.body.status, { addresses: [] })
    const list = await call('GET', nodes)
    assert.equal(list.body.kind, 'NodeList')
    assert.equal(list.body.metadata.resourceVersion, patched.body.metadata.resourceVersion)
    const preconditions = { preconditions: { uid: 'other' } }
    assert.equal((await call('DELETE', `${nodes}/a`, preconditions)).status, 409)
    assert.equal((await call('DELETE', `${nodes}/a`)).status, 200)
    assert.equal((await call('GET', `${nodes}/a`)).status, 404)
  })

  it('keeps namespaces apart', async () => {
    const { call } = await serve()
    const pod = { metadata: { generateName: 'web-' }, spec: { nodeName: 'n' } }
    const made = await call('POST', '/api/v1/namespaces/one/pods', pod)
    assert.equal(made.body.metadata.namespace, 'one')
    await call('POST', '/api/v1/namespaces/two/pods', pod)
    assert.equal((await call('GET', '/api/v1/pods')).body.items.length, 2)
    assert.equal((await call('GET', '/api/v1/namespaces/two/pods')).body.items.length, 1)
    const query = '?fieldSelector=spec.nodeName%3Dother'
    assert.equal((await call('GET', `/api/v1/pods${query}`)).body.items.length, 0)
    const astray = { ...pod, metadata: { name: 'x', namespace: 'two' } }
    const refused = await call('POST', '/api/v1/namespaces/one/pods', astray)
    assert.match(refused.body.message, /metadata\.namespace is "two", the path says "one"/)
  })

  it('refuses bad bodies in words', async () => {
    const { call } = await serve()
    const configs = '/apis/podlace.dev/v1alpha1/networkconfigs'
    const spec = { network: '10.244.0.0/16', backend: { type: 'vxlan', vnni: 3 } }
    const unknown = await call('POST', configs, { metadata: { name: 'default' }, spec })
    assert.equal(unknown.status, 422)
    assert.match(unknown.body.message, /spec\.backend\.vnni: unknown field; known here: type, vni, port/)
    assert.equal(unknown.body.details.causes[0].field, 'spec.backend.vnni')
    assert.equal((await call('POST', nodes, '{"a":')).status, 400)
    assert.equal((await call('POST', nodes, '[]')).status, 400)
    assert.equal((await call('POST', nodes, node('a'), { 'content-type': 'application/yaml' })).status, 415)
    const deep = `${'{"a":'.repeat(70)}1${'}'.repeat(70)}`
    assert.match((await call('POST', nodes, deep)).body.message, /deeper than 64/)
    const large = { ...node('a'), padding: 'x'.repeat(3 * 1024 * 1024) }
    assert.equal((await call('POST', nodes, large)).status, 413)
    assert.equal((await call('POST', `${nodes}?dryRun=All`, node('a'))).status, 400)
    assert.match((await call('POST', nodes, { ...node('a'), kind: 'Pod' })).body.message, /kind is "Pod"/)
    assert.equal((await call('GET', nodes)).body.items.length, 0)
  })

  it('patches by the types it knows and names them for the others', async () => {
    const { call } = await serve()
    await call('POST', nodes, { ...node('a'), status: { conditions: [{ type: 'Ready', status: 'True' }] } })
    const conditions = { status: { conditions: [{ type: 'Other', status: 'False' }] } }
    const strategic = { 'content-type': 'application/strategic-merge-patch+json' }
    const merged = await call('PATCH', `${nodes}/a/status`, conditions, strategic)
    assert.equal(merged.body.status.conditions.length, 2)
    const replaced = await call('PATCH', `${nodes}/a/status`, conditions, merge)
    assert.equal(replaced.body.status.conditions.length, 1)
    const json = await call('PATCH', `${nodes}/a`, [], { 'content-type': 'application/json-patch+json' })
    assert.equal(json.status, 415)
    assert.match(json.body.message, /merge-patch\+json/)
    const directive = { metadata: { $retainKeys: ['x'] } }
    assert.equal((await call('PATCH', `${nodes}/a`, directive, strategic)).status, 415)
  })

  it('is not harmed by names that JavaScript knows', async () => {
    const { call } = await serve()
    await call('POST', nodes, node('constructor'))
    assert.equal((await call('GET', `${nodes}/constructor`)).status, 200)
    assert.equal((await call('GET', `${nodes}/__proto__`)).status, 404)
    const poison =
      '{"metadata":{"annotations":{"__proto__":"x"}},"__proto__":{"admin":true},"spec":{"__proto__":{"podCIDR":"10.9.0.0/24"}}}'
    await call('PATCH', `${nodes}/constructor`, poison, merge)
    const found = (await call('GET', `${nodes}/constructor`)).body
    assert.equal(found.spec.podCIDR, undefined)
    assert.equal(Reflect.get({}, 'admin'), undefined)
  })

  it('lets in who has a token, and writes who may write', async () => {
    const tokens = [
      { token: 'secret-1', user: 'admin', access: 'write' as const },
      { token: 'secret-2', user: 'viewer', access: 'read' as const },
    ]
    const { call } = await serve({ tokens })
    const none = await call('GET', nodes)
    assert.deepEqual([none.status, none.body.reason], [401, 'Unauthorized'])
    assert.match(none.headers.get('www-authenticate') ?? '', /Bearer/)
    assert.equal((await call('GET', nodes, undefined, bearer('secret-'))).status, 401)
    assert.equal((await call('GET', nodes, undefined, bearer('secret-2'))).status, 200)
    const forbidden = await call('POST', nodes, node('a'), bearer('secret-2'))
    assert.deepEqual([forbidden.status, forbidden.body.reason], [403, 'Forbidden'])
    assert.equal((await call('POST', nodes, node('a'), bearer('secret-1'))).status, 201)
    assert.equal((await call('GET', '/healthz')).status, 200)
  })

  it('answers HEAD like GET, without a body, and refuses text that is not UTF-8', async () => {
    const { call, url } = await serve()
    const head = await call('HEAD', nodes)
    assert.deepEqual([head.status, head.body], [200, ''])
    const headers = { 'content-type': 'application/json' }
    const bytes = new Uint8Array([0x7b, 0xff, 0x7d])
    const refused = await fetch(url + nodes, { method: 'POST', headers, body: bytes })
    assert.match(await refused.text(), /not UTF-8/)
    assert.equal(refused.status, 400)
  })

  it('says when its port is taken', async () => {
    const { port } = await serve()
    const store = new MemoryStore({ clock: systemClock, random: Math.random })
    const second = createApiServer({ store, clock: systemClock, log: silentLogger })
    await assert.rejects(second.listen(port), /Is another server running there/)
  })
})

describe('API server watches', () => {
  it('stream events and bookmarks as lines, and end after timeoutSeconds', async () => {
    const { call, url } = await serve()
    await call('POST', nodes, node('a'))
    const response = await fetch(`${url}${nodes}?watch=1&allowWatchBookmarks=true&timeoutSeconds=0.15`)
    const later = call('POST', nodes, node('b'))
    const events = (await response.text()).trim().split('\n').map(parsed)
    await later
    const types = events.map((event: { type: string }) => event.type)
    assert.deepEqual(types.slice(0, 2), ['ADDED', 'ADDED'])
    assert.equal(types.at(-1), 'BOOKMARK')
    assert.equal(events.at(-1).object.metadata.resourceVersion, '3')
  })

  it('answer an expired revision with 410 before the first byte, and as an ERROR event after', async () => {
    const store = new MemoryStore({ clock: systemClock, random: Math.random, windowSize: 2 })
    const { call, url } = await serve({ store })
    for (let i = 0; i < 9; i += 1) await call('POST', nodes, node(`n${i}`))
    const expired = await call('GET', `${nodes}?watch=true&resourceVersion=1`)
    assert.deepEqual([expired.status, expired.body.reason], [410, 'Expired'])
    const response = await fetch(`${url}${nodes}?watch=true&resourceVersion=9`)
    // nine changes in one turn of the event loop: the window has moved on before the watcher gets to run
    for (let i = 0; i < 9; i += 1) void store.create('Node', { metadata: { name: `late-${i}` }, spec: {} })
    const last = (await response.text()).trim().split('\n').map(parsed).at(-1)
    assert.deepEqual([last.type, last.object.code], ['ERROR', 410])
  })

  it('cut off a client that does not read', async () => {
    const { store, port } = await serve({ stallMs: 50 })
    const socket = connect(port, '127.0.0.1')
    const closed = new Promise<void>(resolve => socket.once('close', () => resolve()))
    socket.on('error', () => undefined)
    socket.pause()
    socket.write(`GET ${nodes}?watch=1&resourceVersion=0 HTTP/1.1\r\nHost: x\r\n\r\n`)
    const annotations = { big: 'x'.repeat(1_000_000) }
    await store.create('Node', { metadata: { name: 'big' }, spec: {} })
    for (let i = 0; i < 60; i += 1) {
      await store.patch('Node', 'big', { metadata: { annotations: { ...annotations, i: String(i) } } })
      await new Promise(resolve => setTimeout(resolve, 5))
    }
    socket.resume()
    await closed
  })
})
