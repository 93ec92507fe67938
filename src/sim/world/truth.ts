import { silentLogger } from '../../base/index.ts'
import { Graph, type Source } from '../../derive/index.ts'
import type { Kind, KindMap, Node, PodBlock } from '../../model/index.ts'
import { Informer, type Store } from '../../store/index.ts'
import type { Scheduler } from '../scheduler.ts'

/** What the store holds, for whoever judges: it is up to date whenever promises have drained. */
export class Truth {
  readonly nodes: Source<Node>
  readonly blocks: Source<PodBlock>
  private readonly scheduler: Scheduler
  private informers: Informer<'Node' | 'PodBlock'>[] = []

  constructor(scheduler: Scheduler, onChange: () => void) {
    this.scheduler = scheduler
    const graph = new Graph()
    this.nodes = graph.source('nodes')
    this.blocks = graph.source('blocks')
    this.nodes.subscribe(onChange)
    this.blocks.subscribe(onChange)
  }

  /** From now on it is this store that counts. */
  follow(store: Store): void {
    for (const informer of this.informers) void informer.stop()
    const informerOf = <K extends Kind>(kind: K, source: Source<KindMap[K]>) => {
      const clock = this.scheduler.clock('truth')
      return new Informer({ store, clock, random: () => 0, log: silentLogger, kind, source })
    }
    this.informers = [informerOf('Node', this.nodes), informerOf('PodBlock', this.blocks)]
    for (const informer of this.informers) informer.start()
  }
}
