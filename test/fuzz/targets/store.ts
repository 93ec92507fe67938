import type { ApiRequest } from '../../../src/apiserver/api-request.ts'
import { createApiHandler } from '../../../src/apiserver/handler.ts'
import type { WatchStream } from '../../../src/apiserver/watch-stream.ts'
import { type LogFields, ManualClock, settle, silentLogger } from '../../../src/base/index.ts'
import { allKinds, checkObject, type KindMap } from '../../../src/model/index.ts'
import { overwriteFromNode, peerFromNode, planNode, planPeer } from '../../../src/overlay/index.ts'
import { networkConfig, peer, self } from '../../../src/overlay/testing.ts'
import { KubernetesStore, MemoryStore, unsupportedDirective } from '../../../src/store/index.ts'
import type { KubernetesTransport } from '../../../src/store/kubernetes-transport.ts'
import { mergePatch } from '../../../src/store/merge-patch.ts'
import { target } from '../engine/target.ts'
import { json, NOT_JSON, textOf } from './input.ts'
import { node, objects } from './objects.ts'

/** Objects on their way in: from an API server that we ask, and from clients that ask ours. */

const kinds = allKinds().map(({ kind }) => kind)
const clock = new ManualClock()
const random = () => 0.5

export const storeTargets = [
  target({
    name: 'model.object',
    form: 'json',
    errors: [NOT_JSON],
    seeds: objects.map(object => JSON.stringify(object)),
    decode: input => {
      const value = json(input)
      return kinds.map(kind => checkObject(kind, value))
    },
  }),
  target({
    name: 'overlay.node',
    form: 'json',
    errors: [NOT_JSON],
    seeds: [JSON.stringify(node)],
    decode: input => {
      const checked = checkObject('Node', json(input))
      if (!checked.ok) return checked
      const reading = peerFromNode(checked.object)
      const plan = reading.peer && planPeer(dualStack, { ...self, podCidrs }, reading.peer)
      return { reading, plan, overwrite: overwriteFromNode(checked.object) }
    },
  }),
  target({
    name: 'overlay.network-config',
    form: 'json',
    errors: [NOT_JSON],
    seeds: objects.filter(({ kind }) => kind === 'NetworkConfig').map(object => JSON.stringify(object)),
    decode: input => {
      const checked = checkObject('NetworkConfig', json(input))
      if (!checked.ok) return checked
      return [planNode(checked.object, { ...self, podCidrs }), planPeer(checked.object, self, peer)]
    },
  }),
  target({
    name: 'store.merge-patch',
    form: 'json',
    errors: [NOT_JSON],
    seeds: [
      '[{"status":{"conditions":[{"type":"a","x":1}]}},{"status":{"conditions":[{"type":"a","$patch":"delete"},{"type":"b"}]}}]',
      '[{"metadata":{"labels":{"a":"b"}}},{"metadata":{"labels":{"a":null,"__proto__":{"c":1}},"$setElementOrder/x":[]}}]',
    ],
    decode: input => {
      const [whole, patch] = [json(input)].flat()
      const keys = { 'status.conditions': 'type', 'spec.containers': 'name' }
      return [unsupportedDirective(patch), mergePatch(whole, patch), mergePatch(whole, patch, keys)]
    },
  }),
  target({
    name: 'store.list',
    form: 'text',
    errors: ['store'],
    seeds: [
      `200 ${JSON.stringify({ kind: 'NodeList', metadata: { resourceVersion: '7', continue: 'x' }, items: [node] })}`,
      '410 {"message":"too old"}',
      '503 <html>',
    ],
    decode: input => clientOf(input).list('Node'),
  }),
  target({
    name: 'store.object',
    form: 'text',
    errors: ['store'],
    seeds: [
      `200 ${JSON.stringify(node)}`,
      '409 {"kind":"Status","reason":"AlreadyExists","message":"m"}',
      '422 {"message":"m","details":{"causes":[{"field":"spec","message":"wrong"}]}}',
    ],
    decode: input => clientOf(input).get('Node', 'node-3'),
  }),
  target({
    name: 'store.watch',
    form: 'text',
    errors: ['store'],
    seeds: [
      `200 ${objects.map(object => JSON.stringify({ type: 'MODIFIED', object })).join('\n')}\n`,
      `200 ${JSON.stringify({ type: 'DELETED', object: node })}\n\n{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9"}}}`,
      '200 {"type":"ERROR","object":{"code":410,"message":"too old"}}\n',
      '410 {"message":"too old"}',
    ],
    decode: async input => {
      const { signal } = new AbortController()
      const events = []
      for await (const event of clientOf(input).watch('Node', { resourceVersion: '1', signal }))
        events.push(event)
      return events
    },
  }),
  target({
    name: 'apiserver.request',
    form: 'text',
    errors: [],
    seeds: [
      ...objects.map(object => `POST ${collectionOf(object)} application/json\n${JSON.stringify(object)}`),
      `PUT /api/v1/nodes/node-1 application/json\n${JSON.stringify({ ...node, metadata: { name: 'node-1' } })}`,
      'PATCH /api/v1/nodes/node-1 application/merge-patch+json\n{"metadata":{"annotations":{"a/b":"c"}}}',
      'PATCH /api/v1/nodes/node-1/status application/strategic-merge-patch+json\n{"status":{"conditions":[{"type":"a","status":"True"}]}}',
      'DELETE /api/v1/nodes/node-1 application/json\n{"preconditions":{"uid":"u"}}',
      'GET /api/v1/pods?labelSelector=a%3Db&fieldSelector=spec.nodeName%3Dx&limit=5 application/json\n',
      'GET /api/v1/namespaces/default/pods?watch=1&resourceVersion=0&allowWatchBookmarks=1&timeoutSeconds=5 a\n',
      'GET /apis/podlace.dev/v1alpha1 a\n',
      'GET /openapi/v2 a\n',
    ],
    decode: answerTo,
  }),
]

const dualStack = networkConfig({ network: '10.244.0.0/16', ipv6Network: 'fd00:10::/48' })
const podCidrs = ['10.244.1.0/24', 'fd00:10:0:1::/64']

const LAST_PAGE = '{"metadata":{"resourceVersion":"8"},"items":[]}'

/** A client of a server that answers every request with the status and the body of the input, in pieces. */
function clientOf(input: Uint8Array): KubernetesStore {
  const [, status = '200', body = ''] = /^(\d{3}) ([^]*)$/.exec(textOf(input)) ?? []
  let answered = 0
  const transport: KubernetesTransport = {
    server: 'http://api',
    open: async () => {
      answered += 1
      // A list goes on as long as it is told so: the second page is the last.
      return {
        status: Number(status),
        retryAfterMs: undefined,
        body: pieces(answered > 1 ? LAST_PAGE : body),
      }
    },
    close: () => undefined,
  }
  return new KubernetesStore({ transport, clock, random })
}

async function* pieces(text: string): AsyncGenerator<string> {
  for (let at = 0; at < text.length; at += 1000) yield text.slice(at, at + 1000)
}

function collectionOf({ apiVersion, kind, metadata }: KindMap[keyof KindMap]): string {
  const group = apiVersion.includes('/') ? 'apis' : 'api'
  const namespace = metadata.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`
  return `/${group}/${apiVersion}${namespace}/${kind.toLowerCase()}s`
}

/** The answer of our server, which has one node, to `METHOD path media-type`, a line break and the body. */
async function answerTo(input: Uint8Array): Promise<unknown> {
  const request = requestOf(input)
  const store = new MemoryStore({ clock, random })
  await store.create('Node', { ...node, metadata: { name: 'node-1' } })
  const faults: string[] = []
  const log = {
    ...silentLogger,
    error: (what: string, fields: LogFields = {}) => void faults.push(`${what}: ${String(fields['error'])}`),
  }
  const handler = createApiHandler({ store, clock, log })
  const lines: string[] = []
  const answering = handler.handle(request, streamInto(lines))
  await settle()
  handler.close()
  const answer = await answering
  if (answer !== undefined && answer.status >= 500) throw new Error(faults.join('; '))
  return { answer, lines, stored: await store.list('Node') }
}

function requestOf(input: Uint8Array): ApiRequest {
  const end = input.indexOf(0x0a)
  const [method = '', target = '', type = ''] = textOf(input.subarray(0, Math.max(0, end))).split(' ')
  const body = (async function* () {
    yield input.subarray(end + 1)
  })()
  return { method, target, headers: { 'content-type': type }, body }
}

function streamInto(lines: string[]): WatchStream {
  let opened = false
  return {
    get opened() {
      return opened
    },
    open: () => void (opened = true),
    write: async line => void lines.push(line),
    end: () => undefined,
    onClose: () => undefined,
  }
}
