import { diff, entryKey } from '../../kernel/index.ts'
import type { Machine } from '../world/machine.ts'

/** What it would still take to make a machine as its agent wants it, in words; undefined if it is so. */
export function missingOn(machine: Machine): string | undefined {
  const agent = machine.listening?.agent
  if (agent === undefined) return `the agent of ${machine.name} does not listen`
  const desired = new Map(agent.entries.entries())
  const observed = new Map([...machine.namespace.entries()].map(seen => [entryKey(seen.entry), seen]))
  for (const entry of desired.values()) {
    const sysctl = entry.kind === 'sysctl' ? machine.current?.kernel.readSetting(entry) : undefined
    if (sysctl !== undefined) observed.set(entryKey(entry), sysctl)
  }
  // Who never heard of his Node takes nothing down that an earlier life made, as long as his claim may be good.
  const holds = agent.network === undefined && agent.leaseState.state.is !== 'over'
  const operation = diff(desired, observed).operations.find(({ op }) => !(holds && op === 'delete'))
  if (operation === undefined) return undefined
  const { op, entry, why } = operation
  return `on ${machine.name} it would take: ${op} ${entryKey(entry)}, ${why}`
}
