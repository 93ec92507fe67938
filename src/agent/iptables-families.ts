import type { Family } from '../ip/index.ts'

export const IPTABLES_FAMILIES: readonly Family[] = [4, 6]

/** Families of which the host has iptables. */
export type IptablesFamilies = () => Promise<readonly Family[]>

/**
 * Asked once in the agent's life: where iptables is missing, every ADD would start a program to learn it.
 *
 * @param fault why the host has no iptables of the family, in words; undefined if it has
 */
export function iptablesFamilies(fault: (family: Family) => Promise<string | undefined>): IptablesFamilies {
  let asked: Promise<readonly Family[]> | undefined
  return () => {
    asked ??= Promise.all(IPTABLES_FAMILIES.map(fault)).then(faults =>
      IPTABLES_FAMILIES.filter((_, i) => faults[i] === undefined),
    )
    return asked
  }
}
