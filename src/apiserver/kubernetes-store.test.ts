import assert from 'node:assert/strict'
import { createServer, type ServerResponse } from 'node:http'
import { after, describe, it } from 'node:test'
import { ManualClock, silentLogger, systemClock } from '../base/index.ts'
import { isStoreError, KubernetesStore, MemoryStore, type StoreErrorCode } from '../store/index.ts'
import { storeSuite } from '../store/testing.ts'
import { createApiServer } from './server.ts'

const stops: (() => unknown)[] = []
after(() => Promise.all(stops.map(stop => stop())))

storeSuite('KubernetesStore against our API server', async () => {
  const inner = new MemoryStore({ clock: systemClock, random: Math.random })
  const tokens = [{ token: 'sesame', user: 'test', access: 'write' as const }]
  const server = createApiServer({ store: inner, clock: systemClock, log: silentLogger, tokens })
  const { port } = await server.listen(0)
  const store = new KubernetesStore({
    server: `http://127.0.0.1:${port}`,
    token: 'sesame',
    clock: systemClock,
  })
  const close = async () => {
    store.close()
    await server.close()
  }
  return { store, compact: () => inner.compact(), close }
})

/** A server that answers every request with `answer`. */
async function scripted(answer: (out: ServerResponse, url: string) => void): Promise<string> {
  const server = createServer((incoming, out) => answer(out, incoming.url ?? ''))
  stops.push(() => {
    server.closeAllConnections()
    server.close()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
}

function connect(server: string, options: Partial<ConstructorParameters<typeof KubernetesStore>[0]> = {}) {
  const store = new KubernetesStore({ server, clock: systemClock, ...options })
  stops.push(() => store.close())
  return store
}

function isError(code: StoreErrorCode, words: RegExp) {
  return (error: unknown) => {
    assert.ok(isStoreError(error, code), String(error))
    assert.match(error.message, words)
    return true
  }
}

async function firstEvent(store: KubernetesStore) {
  const watch = store.watch('Node', { resourceVersion: '1', signal: AbortSignal.timeout(5_000) })
  for await (const event of watch) return event
  return undefined
}

const meta = (name: string) => ({
  name,
  uid: 'u',
  resourceVersion: '7',
  creationTimestamp: '2026-01-01T00:00:00Z',
})

describe('KubernetesStore', () => {
  it('says who cannot be reached', async () => {
    await assert.rejects(
      connect('http://127.0.0.1:1').get('Node', 'a'),
      isError('store.unavailable', /127\.0\.0\.1:1/),
    )
    assert.throws(() => connect('not a url'), isError('store.config', /expected a URL/))
    assert.throws(
      () => connect('http://x', { caFile: '/nowhere/ca' }),
      isError('store.config', /\/nowhere\/ca/),
    )
  })

  it('survives answers that no API server gives', async () => {
    const html = connect(await scripted(out => out.writeHead(502).end('<html>Bad Gateway</html>')))
    await assert.rejects(html.get('Node', 'a'), isError('store.unavailable', /502/))
    await assert.rejects(firstEvent(html), isError('store.unavailable', /502/))
    const noise = connect(await scripted(out => out.end('{"type":"ADDED"}\n')))
    await assert.rejects(firstEvent(noise), isError('store.unavailable', /no event/))
    const cut = connect(await scripted(out => out.writeHead(200).write('{"type":') && out.destroy()))
    await assert.rejects(firstEvent(cut), isError('store.unavailable', /watch Node/))
    const busy = connect(await scripted(out => out.writeHead(429, { 'retry-after': '3' }).end('{}')))
    await assert.rejects(busy.list('Node'), error => {
      assert.ok(isStoreError(error, 'store.unavailable'))
      assert.equal(error.payload.retryAfterMs, 3_000)
      return true
    })
  })

  it('takes nothing for an empty list that is no list', async () => {
    const answers = ['{}', '{"items":[]}', '{"metadata":{"resourceVersion":"3"}}', '{"kind":"Status"}']
    for (const text of answers) {
      const store = connect(await scripted(out => out.end(text)))
      await assert.rejects(store.list('Node'), isError('store.unavailable', /no list/), text)
    }
    const go = connect(await scripted(out => out.end('{"metadata":{"resourceVersion":"3"},"items":null}')))
    assert.deepEqual(await go.list('Node'), { items: [], resourceVersion: '3' })
  })

  it('lists again when an object is deleted that it cannot read', async () => {
    const object = { kind: 'Node', apiVersion: 'v1', metadata: meta('bad'), spec: { podCIDR: 3 } }
    const line = JSON.stringify({ type: 'DELETED', object })
    const store = connect(await scripted(out => out.end(`${line}\n`)))
    await assert.rejects(firstEvent(store), isError('store.expired', /cannot be read/))
  })

  it('reads lists page by page and sets aside what is no object of the kind', async () => {
    const url = await scripted((out, asked) => {
      const second = asked.includes('continue=more')
      const items = second
        ? [{ metadata: meta('c') }]
        : [
            { metadata: meta('a'), spec: {} },
            { metadata: meta('b'), spec: { podCIDR: 3 } },
          ]
      const metadata = { resourceVersion: '9', ...(second ? {} : { continue: 'more' }) }
      out.end(JSON.stringify({ kind: 'NodeList', metadata, items }))
    })
    const list = await connect(url).list('Node')
    assert.deepEqual(
      list.items.map(item => [item.metadata.name, item.kind]),
      [
        ['a', 'Node'],
        ['c', 'Node'],
      ],
    )
    assert.deepEqual(
      list.rejected?.map(item => item.key),
      ['b'],
    )
    assert.match(list.rejected?.[0]?.message ?? '', /spec\.podCIDR/)
  })

  it('puts events together from pieces, and passes over one object that does not fit', async () => {
    const lines = [
      {
        type: 'MODIFIED',
        object: { kind: 'Node', apiVersion: 'v1', metadata: meta('bad'), spec: { podCIDR: 3 } },
      },
      { type: 'ADDED', object: { kind: 'Node', apiVersion: 'v1', metadata: { ...meta('ü'), name: 'good' } } },
    ]
    const bytes = Buffer.from(lines.map(line => `${JSON.stringify(line)}\n`).join(''))
    const url = await scripted(async out => {
      out.writeHead(200)
      for (let at = 0; at < bytes.length; at += 50) {
        out.write(bytes.subarray(at, at + 50))
        await new Promise(resolve => setImmediate(resolve))
      }
      out.end()
    })
    const rejected: string[] = []
    const store = connect(url, { onRejected: (_, { key }) => rejected.push(key) })
    const seen: string[] = []
    for await (const event of store.watch('Node', {
      resourceVersion: '1',
      signal: AbortSignal.timeout(5_000),
    })) {
      seen.push(event.type === 'BOOKMARK' ? `bookmark ${event.resourceVersion}` : event.object.metadata.name)
    }
    assert.deepEqual(seen, ['bookmark 7', 'good'])
    assert.deepEqual(rejected, ['bad'])
  })

  it('gives up a call and a watch on which nothing comes', async () => {
    const clock = new ManualClock()
    const asked: string[] = []
    const url = await scripted((out, path) => {
      asked.push(path)
      if (path.includes('watch=1')) out.writeHead(200).flushHeaders()
    })
    const store = connect(url, { clock, timeoutMs: 1_000, watchIdleMs: 5_000 })
    const call = assert.rejects(store.get('Node', 'a'), isError('store.unavailable', /does not answer/))
    while (asked.length < 1) await new Promise(resolve => setTimeout(resolve, 5))
    await clock.advance(1_000)
    await call
    const watch = assert.rejects(firstEvent(store), isError('store.unavailable', /watch Node/))
    while (asked.length < 2) await new Promise(resolve => setTimeout(resolve, 5))
    await clock.advance(5_000)
    await watch
  })

  it('gives up a watch whose answer does not begin', async () => {
    const clock = new ManualClock()
    const asked: string[] = []
    const url = await scripted((_, path) => asked.push(path))
    const store = connect(url, { clock, timeoutMs: 1_000, watchIdleMs: 5_000 })
    const watch = assert.rejects(firstEvent(store), isError('store.unavailable', /watch Node/))
    while (asked.length < 1) await new Promise(resolve => setTimeout(resolve, 5))
    await clock.advance(1_000)
    await watch
  })
})
