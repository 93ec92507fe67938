import assert from 'node:assert/strict'
import { silentLogger } from '../../base/index.ts'
import { Graph, type Source } from '../../derive/index.ts'
import { type Node, objectKey } from '../../model/index.ts'
import { Informer, KubernetesStore } from '../../store/index.ts'
import { Scheduler, type SimClock } from '../scheduler.ts'
import { type SimLink, SimServer, type SimTransport } from './index.ts'

/** A process that follows the nodes of a simulated API server. */
export interface Client {
  readonly link: SimLink
  readonly clock: SimClock
  readonly transport: SimTransport
  readonly store: KubernetesStore
  readonly source: Source<Node>
  readonly informer: Informer<'Node'>
}

/** A server, its clients, and time. */
export class World {
  readonly scheduler: Scheduler
  readonly server: SimServer

  constructor(seed = 1) {
    this.scheduler = new Scheduler({ seed })
    this.server = new SimServer({ scheduler: this.scheduler, windowSize: 20 })
  }

  client(name = 'node-1'): Client {
    const link = this.server.link(name)
    const clock = this.scheduler.clock(name)
    const transport = link.transport(clock)
    const store = new KubernetesStore({ transport, clock, random: () => 0.5 })
    const source = new Graph().source<Node>('nodes')
    const options = { store, clock, random: this.scheduler.stream(name), log: silentLogger }
    const informer = new Informer({ ...options, kind: 'Node', source })
    informer.start()
    return { link, clock, transport, store, source, informer }
  }

  async node(name: string, serial = '0'): Promise<void> {
    const { store } = this.server
    const metadata = { annotations: { serial } }
    await store
      .patch('Node', name, { metadata })
      .catch(() => store.create('Node', { metadata: { name, ...metadata }, spec: {} }))
  }

  run(forMs: number): Promise<void> {
    return this.scheduler.run({ untilMs: this.scheduler.nowMs + forMs, maxEvents: 100_000 })
  }

  async assertFollows({ source, informer }: Client): Promise<void> {
    const { items } = await this.server.store.list('Node')
    const stored = Object.fromEntries(items.map(item => [objectKey(item), item]))
    assert.deepEqual(Object.fromEntries(source.entries()), stored)
    assert.ok(informer.synced && informer.connected)
  }
}
