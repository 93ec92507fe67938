import { parseBridgeConfig, planBridge } from '../../src/attach/index.ts'
import { type Entry, NetlinkKernel } from '../../src/kernel/index.ts'
import { Netns } from '../../src/sys/index.ts'
import type { FakeHost } from './fake-host.ts'

/**
 * Makes the guard's tables as our agent does, without a pod in them: they are the node's, and no part of an ADD.
 *
 * @param tunnelPorts UDP ports of the overlay
 */
export async function makeGuardTables({ pid }: FakeHost, tunnelPorts: readonly number[] = []): Promise<void> {
  const netns = Netns.open(`/proc/${pid}/ns/net`)
  const kernel = new NetlinkKernel({ netns })
  try {
    const operations = planTables(tunnelPorts).map(
      entry => ({ op: 'create', entry, why: 'missing' }) as const,
    )
    for (const { error } of await kernel.apply(operations)) if (error !== undefined) throw error
  } finally {
    kernel.close()
    netns.close()
  }
}

function planTables(tunnelPorts: readonly number[]): readonly Entry[] {
  const plan = planBridge(
    {
      network: 'bench',
      containerId: 'bench',
      ifName: 'eth0',
      sandbox: '',
      hostIdentity: 'bench',
      ips: [],
      routes: [],
      dns: {},
      tunnelPorts,
      config: parseBridgeConfig({ type: 'bridge' }),
    },
    '',
  )
  return plan.shared.filter(({ kind }) => kind === 'nft-table' || kind === 'nft-element')
}
