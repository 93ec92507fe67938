import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import type { Draft, Kind, KindMap, Node, Pod } from '../model/index.ts'
import { isStoreError, type StoreErrorCode } from './errors.ts'
import type { Store, WatchEvent } from './store.ts'

/** A store under test and what only the test may do with it. */
export interface StoreUnderTest {
  readonly store: Store
  /** Makes the past unavailable: a watch from before now has to expire. */
  compact(): void
  close(): Promise<void>
}

/** What every implementation of `Store` must do. Each test gets a store of its own. */
export function storeSuite(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(`store suite: ${name}`, () => {
    const opened: StoreUnderTest[] = []
    const fresh = async () => {
      const under = await open()
      opened.push(under)
      return under
    }
    after(() => Promise.all(opened.map(under => under.close())))
    describeObjects(fresh)
    describeWrites(fresh)
    describePatches(fresh)
    describeWatches(fresh)
  })
}

type Fresh = () => Promise<StoreUnderTest>

export function nodeDraft(name: string, extra: Partial<Draft<Node>> = {}): Draft<Node> {
  return { metadata: { name }, spec: {}, ...extra }
}

export function podDraft(name: string, nodeName?: string): Draft<Pod> {
  return { metadata: { name, namespace: 'default' }, spec: nodeName === undefined ? {} : { nodeName } }
}

async function refuses(promise: Promise<unknown>, code: StoreErrorCode, words?: RegExp): Promise<void> {
  await assert.rejects(promise, (error: unknown) => {
    assert.ok(isStoreError(error, code), `expected ${code}, got ${String(error)}`)
    if (words !== undefined) assert.match(error.message, words)
    return true
  })
}

function describeObjects(fresh: Fresh): void {
  it('completes what it creates', async () => {
    const { store } = await fresh()
    const node = await store.create(
      'Node',
      nodeDraft('a', { metadata: { name: 'a', labels: { zone: 'x' } } }),
    )
    assert.equal(node.apiVersion, 'v1')
    assert.equal(node.kind, 'Node')
    assert.match(node.metadata.uid, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    assert.match(node.metadata.creationTimestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
    assert.equal(node.metadata.generation, 1)
    assert.deepEqual(node.metadata.labels, { zone: 'x' })
    assert.deepEqual(await store.get('Node', 'a'), node)
  })

  it('keeps fields of core kinds that it does not know', async () => {
    const { store } = await fresh()
    const spec = { podCIDR: '10.1.0.0/24', taints: [{ key: 'k', effect: 'NoSchedule' }] }
    await store.create('Node', nodeDraft('a', { spec }))
    assert.deepEqual((await store.get('Node', 'a')).spec, spec)
  })

  it('refuses a second object of one name, and finds none that is not there', async () => {
    const { store } = await fresh()
    await store.create('Node', nodeDraft('a'))
    await refuses(store.create('Node', nodeDraft('a')), 'store.exists', /a/)
    await refuses(store.get('Node', 'b'), 'store.not-found', /b/)
    await refuses(store.get('Pod', 'default/a'), 'store.not-found', /a/)
    await refuses(store.delete('Node', 'b'), 'store.not-found')
    await refuses(store.patch('Node', 'b', {}), 'store.not-found')
  })

  it('makes names from generateName', async () => {
    const { store } = await fresh()
    const names = new Set<string>()
    for (let i = 0; i < 5; i += 1) {
      const pod = await store.create('Pod', { metadata: { generateName: 'web-', namespace: 'x' }, spec: {} })
      assert.match(pod.metadata.name, /^web-[a-z0-9]{5}$/)
      names.add(pod.metadata.name)
    }
    assert.equal(names.size, 5)
  })

  it('says what is wrong with a bad object, by path', async () => {
    const { store } = await fresh()
    const bad = {
      metadata: { name: 'x' },
      spec: { network: '10.0.0.1/16', backend: { type: 'vxlan' as const } },
    }
    await refuses(store.create('NetworkConfig', bad), 'store.invalid', /spec\.network.*10\.0\.0\.0\/16/)
    await refuses(store.create('Node', nodeDraft('Not_A_Name')), 'store.invalid', /metadata\.name/)
    await refuses(store.create('Node', nodeDraft('__proto__')), 'store.invalid', /metadata\.name/)
    assert.equal((await store.list('Node')).items.length, 0)
  })

  it('treats names and labels that JavaScript knows like any other', async () => {
    const { store } = await fresh()
    await refuses(store.get('Node', 'constructor'), 'store.not-found')
    const labels = { constructor: 'x' }
    await store.create('Node', nodeDraft('constructor', { metadata: { name: 'constructor', labels } }))
    const selected = await store.list('Node', { labelSelector: 'constructor=x' })
    assert.equal(selected.items[0]?.metadata.name, 'constructor')
    assert.equal((await store.list('Node', { labelSelector: 'toString' })).items.length, 0)
  })

  it('lists by namespace, label and field', async () => {
    const { store } = await fresh()
    await store.create('Pod', podDraft('one', 'node-1'))
    await store.create('Pod', { ...podDraft('two', 'node-2'), metadata: { name: 'two', namespace: 'other' } })
    await store.create(
      'Node',
      nodeDraft('a', { metadata: { name: 'a', labels: { tier: 'web', zone: 'x' } } }),
    )
    await store.create('Node', nodeDraft('b', { metadata: { name: 'b', labels: { tier: 'db' } } }))
    const names = async <K extends Kind>(kind: K, options: Parameters<Store['list']>[1]) =>
      (await store.list(kind, options)).items.map(item => item.metadata.name).sort()
    assert.deepEqual(await names('Pod', { namespace: 'other' }), ['two'])
    assert.deepEqual(await names('Pod', { fieldSelector: 'spec.nodeName=node-1' }), ['one'])
    assert.deepEqual(await names('Pod', { fieldSelector: 'metadata.name!=one' }), ['two'])
    assert.deepEqual(await names('Node', { labelSelector: 'tier in (web, x),zone' }), ['a'])
    assert.deepEqual(await names('Node', { labelSelector: 'tier notin (web)' }), ['b'])
    assert.deepEqual(await names('Node', { labelSelector: '!zone' }), ['b'])
    assert.deepEqual(await names('Node', { labelSelector: 'tier!=web' }), ['b'])
    await refuses(store.list('Pod', { fieldSelector: 'spec.secret=x' }), 'store.invalid', /spec\.nodeName/)
    await refuses(store.list('Pod', { labelSelector: 'a=b=c' }), 'store.invalid', /labelSelector/)
  })
}

function describeWrites(fresh: Fresh): void {
  it('refuses an update that is based on an old read', async () => {
    const { store } = await fresh()
    const first = await store.create('Node', nodeDraft('a'))
    const second = await store.update('Node', { ...first, spec: { podCIDR: '10.1.0.0/24' } })
    assert.notEqual(second.metadata.resourceVersion, first.metadata.resourceVersion)
    assert.equal(second.metadata.generation, 2)
    await refuses(store.update('Node', { ...first, spec: {} }), 'store.conflict', /read it again/)
    const stale = { ...second, metadata: { ...second.metadata, uid: 'other' } }
    await refuses(store.update('Node', stale), 'store.conflict')
  })

  it('makes no revision of an update that changes nothing', async () => {
    const { store } = await fresh()
    const node = await store.create('Node', nodeDraft('a'))
    assert.equal((await store.update('Node', node)).metadata.resourceVersion, node.metadata.resourceVersion)
    const patched = await store.patch('Node', 'a', { spec: {} })
    assert.equal(patched.metadata.resourceVersion, node.metadata.resourceVersion)
  })

  it('keeps status and the rest apart', async () => {
    const { store } = await fresh()
    const pod = await store.create('Pod', podDraft('p', 'node-1'))
    const withStatus = await store.updateStatus('Pod', { ...pod, spec: {}, status: { podIP: '10.1.0.2' } })
    assert.deepEqual([withStatus.spec.nodeName, withStatus.status.podIP], ['node-1', '10.1.0.2'])
    assert.equal(withStatus.metadata.generation, 1)
    const updated = await store.update('Pod', { ...withStatus, spec: { hostNetwork: true }, status: {} })
    assert.deepEqual([updated.spec.hostNetwork, updated.status.podIP], [true, '10.1.0.2'])
    const patched = await store.patchStatus('Pod', 'default/p', {
      spec: { hostNetwork: false },
      status: { phase: 'Running' },
    })
    assert.deepEqual([patched.spec.hostNetwork, patched.status.phase], [true, 'Running'])
  })

  it('takes annotations along with the status of a core kind, as flannel writes them, and of no other', async () => {
    const { store } = await fresh()
    await store.create('Node', nodeDraft('a', { metadata: { name: 'a', annotations: { x: '1' } } }))
    const metadata = { creationTimestamp: '2001-01-01T00:00:00Z', annotations: { y: '2' } }
    const node = await store.patchStatus('Node', 'a', { metadata }, { strategy: 'strategic' })
    assert.deepEqual(node.metadata.annotations, { x: '1', y: '2' })
    assert.notEqual(node.metadata.creationTimestamp, metadata.creationTimestamp)
    await store.create('PodBlock', {
      metadata: { name: '10.1.0.0-24' },
      spec: { cidr: '10.1.0.0/24', nodeName: 'a', nodeUID: node.metadata.uid },
    })
    const block = await store.patchStatus('PodBlock', '10.1.0.0-24', { metadata, status: { attachments: 1 } })
    assert.deepEqual([block.metadata.annotations, block.status.attachments], [undefined, 1])
  })

  it('lets nobody change what belongs to the store', async () => {
    const { store } = await fresh()
    const node = await store.create('Node', nodeDraft('a'))
    const metadata = { uid: node.metadata.uid, creationTimestamp: '2001-01-01T00:00:00Z', generation: 99 }
    const patched = await store.patch('Node', 'a', { metadata, spec: { podCIDR: '10.1.0.0/24' } })
    assert.equal(patched.metadata.creationTimestamp, node.metadata.creationTimestamp)
    assert.equal(patched.metadata.generation, 2)
  })

  it('deletes under preconditions', async () => {
    const { store } = await fresh()
    const node = await store.create('Node', nodeDraft('a'))
    await refuses(store.delete('Node', 'a', { uid: 'another' }), 'store.conflict')
    const gone = await store.delete('Node', 'a', { uid: node.metadata.uid })
    assert.equal(gone?.metadata.uid, node.metadata.uid)
    await refuses(store.get('Node', 'a'), 'store.not-found')
    const again = await store.create('Node', nodeDraft('a'))
    assert.notEqual(again.metadata.uid, node.metadata.uid)
  })

  it('keeps an object with finalizers until the last is gone', async () => {
    const { store } = await fresh()
    await store.create('Node', nodeDraft('a', { metadata: { name: 'a', finalizers: ['example.com/x'] } }))
    const dying = await store.delete('Node', 'a')
    assert.ok(dying?.metadata.deletionTimestamp)
    const twice = await store.delete('Node', 'a')
    assert.equal(twice?.metadata.resourceVersion, dying.metadata.resourceVersion)
    await store.patch('Node', 'a', { metadata: { finalizers: null } })
    await refuses(store.get('Node', 'a'), 'store.not-found')
  })

  it('lets one of two writers win a creation and a claim', async () => {
    const { store } = await fresh()
    const spec = { cidr: '10.244.3.0/24', nodeName: 'a', nodeUID: '1' }
    const draft = { metadata: { name: '10.244.3.0-24' }, spec }
    const created = await Promise.allSettled([
      store.create('PodBlock', draft),
      store.create('PodBlock', draft),
    ])
    assert.deepEqual(created.map(result => result.status).sort(), ['fulfilled', 'rejected'])
    const block = await store.get('PodBlock', '10.244.3.0-24')
    const claim = (nodeUID: string) => store.update('PodBlock', { ...block, spec: { ...spec, nodeUID } })
    const claims = await Promise.allSettled([claim('2'), claim('3')])
    assert.deepEqual(claims.map(result => result.status).sort(), ['fulfilled', 'rejected'])
  })
}

function describePatches(fresh: Fresh): void {
  it('merges patches: null removes, lists are replaced', async () => {
    const { store } = await fresh()
    await store.create('Node', nodeDraft('a', { metadata: { name: 'a', annotations: { x: '1', y: '2' } } }))
    const patched = await store.patch('Node', 'a', {
      metadata: { annotations: { x: null, z: '3' } },
      spec: { podCIDRs: ['10.1.0.0/24'] },
    })
    assert.deepEqual(patched.metadata.annotations, { y: '2', z: '3' })
    assert.deepEqual(patched.spec.podCIDRs, ['10.1.0.0/24'])
    const replaced = await store.patch('Node', 'a', { spec: { podCIDRs: ['10.2.0.0/24'] } })
    assert.deepEqual(replaced.spec.podCIDRs, ['10.2.0.0/24'])
  })

  it('merges conditions by type when asked for a strategic merge', async () => {
    const { store } = await fresh()
    const ready = { type: 'Ready', status: 'True' } as const
    await store.create('Node', nodeDraft('a', { status: { conditions: [ready] } }))
    const network = { type: 'NetworkUnavailable', status: 'False' }
    const options = { strategy: 'strategic' } as const
    const patched = await store.patchStatus('Node', 'a', { status: { conditions: [network] } }, options)
    assert.deepEqual(patched.status.conditions, [ready, network])
  })

  it('patches under preconditions and refuses what makes the object invalid', async () => {
    const { store } = await fresh()
    const node = await store.create('Node', nodeDraft('a'))
    const options = { resourceVersion: node.metadata.resourceVersion }
    await store.patch('Node', 'a', { spec: { podCIDR: '10.1.0.0/24' } }, options)
    await refuses(store.patch('Node', 'a', { spec: { podCIDR: '10.2.0.0/24' } }, options), 'store.conflict')
    await refuses(store.patch('Node', 'a', { spec: { podCIDR: 7 } }), 'store.invalid', /spec\.podCIDR/)
    assert.equal((await store.get('Node', 'a')).spec.podCIDR, '10.1.0.0/24')
  })
}

function describeWatches(fresh: Fresh): void {
  it('shows every change after a list, in order', async () => {
    const { store } = await fresh()
    await store.create('Node', nodeDraft('before'))
    const { resourceVersion } = await store.list('Node')
    await store.create('Node', nodeDraft('a'))
    await store.create('Pod', podDraft('noise'))
    await store.patch('Node', 'a', { spec: { podCIDR: '10.1.0.0/24' } })
    await store.delete('Node', 'a')
    const events = await take(store, 'Node', { resourceVersion }, 3)
    assert.deepEqual(
      events.map(event => event.type),
      ['ADDED', 'MODIFIED', 'DELETED'],
    )
    const revisions = events.map(event => BigInt(event.object.metadata.resourceVersion))
    assert.deepEqual(
      revisions,
      revisions.toSorted((a, b) => Number(a - b)),
    )
    assert.equal(events[2]?.object.spec.podCIDR, '10.1.0.0/24')
  })

  it('shows changes as they come, and ends when told to', async () => {
    const { store } = await fresh()
    const { resourceVersion } = await store.list('Node')
    const abort = new AbortController()
    const seen: string[] = []
    for await (const event of store.watch('Node', {
      resourceVersion,
      signal: abort.signal,
      onOpen: () => void store.create('Node', nodeDraft('live')),
    })) {
      if (event.type === 'BOOKMARK') continue
      seen.push(event.object.metadata.name)
      abort.abort()
    }
    assert.deepEqual(seen, ['live'])
  })

  it('shows a watch with a selector only what passes it, and a leaver as deleted', async () => {
    const { store } = await fresh()
    const { resourceVersion } = await store.list('Pod')
    await store.create('Pod', podDraft('p'))
    await store.create('Pod', podDraft('q', 'node-2'))
    await store.patch('Pod', 'default/p', { spec: { nodeName: 'node-1' } })
    await store.patch('Pod', 'default/p', { spec: { hostNetwork: true } })
    await store.patch('Pod', 'default/p', { spec: { nodeName: 'node-2' } })
    const options = { resourceVersion, fieldSelector: 'spec.nodeName=node-1' }
    const events = await take(store, 'Pod', options, 3)
    assert.deepEqual(
      events.map(event => [event.type, event.object.metadata.name]),
      [
        ['ADDED', 'p'],
        ['MODIFIED', 'p'],
        ['DELETED', 'p'],
      ],
    )
  })

  it('refuses a watch from a revision that is gone or from elsewhere', async () => {
    const { store, compact } = await fresh()
    const { resourceVersion } = await store.list('Node')
    await store.create('Node', nodeDraft('a'))
    await store.create('Node', nodeDraft('b'))
    compact()
    await refuses(
      take(store, 'Node', { resourceVersion: String(Number(resourceVersion) + 1) }, 1),
      'store.expired',
    )
    await refuses(take(store, 'Node', { resourceVersion: '999999999' }, 1), 'store.expired')
    const now = await store.list('Node')
    await store.create('Node', nodeDraft('c'))
    assert.equal((await take(store, 'Node', now, 1)).length, 1)
  })
}

type ObjectEvent<T> = Exclude<WatchEvent<T>, { type: 'BOOKMARK' }>

/** The first `count` events about objects. */
async function take<K extends Kind>(
  store: Store,
  kind: K,
  options: { readonly resourceVersion: string; readonly fieldSelector?: string },
  count: number,
): Promise<ObjectEvent<KindMap[K]>[]> {
  const abort = new AbortController()
  const events: ObjectEvent<KindMap[K]>[] = []
  for await (const event of store.watch(kind, { ...options, signal: abort.signal })) {
    if (event.type === 'BOOKMARK') continue
    events.push(event)
    if (events.length === count) break
  }
  abort.abort()
  return events
}
