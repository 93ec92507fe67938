import { readdirSync } from 'node:fs'
import { eventually } from './expect.ts'
import { type Baseline, findInsidePods, findLeftovers } from './leftovers.ts'
import type { World } from './world.ts'

/** How a case left its host. */
export interface Departure {
  /** What of the case should have gone and did not. */
  readonly faults: readonly string[]
  /** The next case can have the host. */
  readonly reusable: boolean
}

/** Ends the case; what its networks may keep is taken away. */
export async function depart(
  world: World,
  baseline: Baseline,
  versions: ReadonlyMap<string, readonly string[]>,
): Promise<Departure> {
  const { host } = world
  const faults = await world.tidy()
  const insidePods = await findInsidePods(world)
  for (const pod of world.pods) await pod.remove()
  let onHost: string[] = []
  await eventually(world.clock, async () => {
    onHost = await findLeftovers(world, baseline)
    return onHost.length === 0 || undefined
  })
  const left = [...insidePods, ...onHost].map(line => `left after DEL: ${line}`)
  const bridges = () =>
    readdirSync(host.file('/sys/class/net')).filter(name => name.startsWith(world.bridgeName))
  // A daemon that is not told that the network is over would make its bridge again.
  if (bridges().length > 0) await world.giveUpNetworks(versions)
  for (const bridge of bridges()) await host.network.execute(['ip', 'link', 'delete', bridge])
  return { faults: [...faults, ...left], reusable: bridges().length === 0 }
}
