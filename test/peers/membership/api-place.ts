import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ApiServer, createApiServer } from '../../../src/apiserver/server.ts'
import { silentLogger, systemClock } from '../../../src/base/index.ts'
import { KubernetesStore } from '../../../src/store/index.ts'
import { SqliteStore } from '../../../src/store/sqlite-store.ts'
import { BAD_ANNOTATIONS, flannelAnnotations, kubeletsNode, podCidrPatch } from './kubernetes-objects.ts'
import { type Announced, type Macs, nodeName } from './names.ts'
import { type Membership, Place, type PlaceOptions } from './place.ts'
import type { Wire } from './wire.ts'

/** Of ours alone: flannel does not look at it. */
const PORT = 'flannel.alpha.coreos.com/backend-port'
const STRATEGIC = 'application/strategic-merge-patch+json'

interface NodeParts {
  readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> }
  readonly spec: { readonly podCIDRs?: readonly string[] }
  readonly status: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] }
}

/** Nodes meet at our API server, as kubelet and flannel write them there. */
export abstract class ApiPlace extends Place {
  readonly scribbles = BAD_ANNOTATIONS.length
  private readonly directory = mkdtempSync(join(tmpdir(), 'podlace-membership-'))
  private readonly stores: KubernetesStore[] = []
  private store: SqliteStore
  private server: ApiServer
  private listening = 0

  constructor(options: PlaceOptions) {
    super(options)
    this.store = this.openStore()
    this.server = createApiServer({ store: this.store, clock: systemClock, log: silentLogger })
  }

  async flannel(n: number, macs: Macs = {}): Promise<void> {
    const blocks = this.flannelBlocks(n)
    if ((await this.nodeWith(blocks.join(' '))) === undefined) await this.addMachine(n, blocks)
    await this.annotate(n, flannelAnnotations(this.flannelNode(n, macs)))
  }

  async flannelTakes(n: number, block: string): Promise<void> {
    await this.addMachine(n, [block])
    await this.annotate(n, flannelAnnotations(this.flannelNode(n)))
  }

  async scribble(n: number, which: number): Promise<void> {
    await this.flannel(n)
    await this.annotate(n, BAD_ANNOTATIONS[which] ?? {})
  }

  async remove(n: number): Promise<void> {
    await this.request('DELETE', `/api/v1/nodes/${nodeName(n)}`)
  }

  async written(block: string): Promise<unknown> {
    const { annotations = {} } = (await this.nodeWith(block))?.metadata ?? {}
    const flannels = Object.entries(annotations).filter(
      ([name]) => name.startsWith('flannel.') && name !== PORT,
    )
    return flannels.length === 0 ? undefined : Object.fromEntries(flannels)
  }

  flannelsWords(said: Announced): unknown {
    return flannelAnnotations(said)
  }

  /** Status of a condition of node n; undefined if it has none. */
  async condition(n: number, type: string): Promise<string | undefined> {
    const nodes = await this.machines()
    const { conditions = [] } = nodes.find(({ metadata }) => metadata.name === nodeName(n))?.status ?? {}
    return conditions.find(condition => condition.type === type)?.status
  }

  async kill(): Promise<void> {
    await this.server.close()
    this.store.close()
  }

  async revive(): Promise<void> {
    this.store = this.openStore()
    this.server = createApiServer({ store: this.store, clock: systemClock, log: silentLogger })
    await this.listen()
  }

  async compact(): Promise<void> {
    this.store.compact()
  }

  async listen(): Promise<void> {
    const { port } = await this.server.listen(0)
    this.listening = port
  }

  protected get port(): number {
    return this.listening
  }

  protected async membership(n: number, wire: Wire): Promise<Membership> {
    await this.addMachine(n, this.blocksFor(n))
    return { through: this.client(wire), config: { setNetworkAvailable: true } }
  }

  /** What somebody else than ours gives to node n when it comes, if anybody does. */
  protected abstract blocksFor(n: number): readonly string[]

  protected client(wire: Wire): KubernetesStore {
    const options = { clock: this.clock, random: Math.random, timeoutMs: this.timeoutMs }
    const store = new KubernetesStore({ server: `http://127.0.0.1:${wire.port}`, ...options })
    this.stores.push(store)
    return store
  }

  protected async end(): Promise<void> {
    for (const store of this.stores) store.close()
    await this.kill()
    rmSync(this.directory, { recursive: true })
  }

  protected async request(
    method: string,
    path: string,
    body?: object,
    type = 'application/json',
  ): Promise<unknown> {
    const answer = await fetch(`http://127.0.0.1:${this.port}${path}`, {
      method,
      headers: { 'content-type': type },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`)
    return JSON.parse(text)
  }

  /** kubelet registers it, and whoever gives blocks gives it one. */
  private async addMachine(n: number, blocks: readonly string[]): Promise<void> {
    await this.request('POST', '/api/v1/nodes', kubeletsNode(n))
    if (blocks.length > 0)
      await this.request('PATCH', `/api/v1/nodes/${nodeName(n)}`, podCidrPatch(blocks), STRATEGIC)
  }

  private async annotate(n: number, annotations: Readonly<Record<string, string>>): Promise<void> {
    await this.request(
      'PATCH',
      `/api/v1/nodes/${nodeName(n)}/status`,
      { metadata: { annotations } },
      STRATEGIC,
    )
  }

  private async nodeWith(block: string): Promise<NodeParts | undefined> {
    return (await this.machines()).find(({ spec }) => spec.podCIDRs?.join(' ') === block)
  }

  private async machines(): Promise<readonly NodeParts[]> {
    const { items } = (await this.request('GET', '/api/v1/nodes')) as { readonly items: readonly NodeParts[] }
    return items
  }

  private openStore(): SqliteStore {
    const path = join(this.directory, 'store.sqlite')
    return new SqliteStore({ clock: systemClock, random: Math.random, path, synchronous: 'normal' })
  }
}
