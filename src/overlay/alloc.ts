import type { AllocBackend } from '../model/index.ts'
import type { Backend } from './backend.ts'

/** alloc: nodes have blocks and their pods addresses; who carries packets between nodes is not our business. */
export function allocBackend({ type }: AllocBackend): Backend {
  return {
    type,
    // flannel gives no type here.
    announcedAs: '',
    families: [4, 6],
    tunnelPorts: [],
    mtu: undefined,
    overhead: () => 0,
    published: () => null,
    nodeEntries: () => [],
    peerEntries: () => ({ entries: [], faults: [] }),
  }
}
