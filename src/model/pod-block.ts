import type { NetworkConfig } from './kinds.ts'

/** `10.244.3.0-24`, or `fd00-10-244-3---64`: the name of the block of this prefix, a valid object name. */
export function blockName(cidr: string): string {
  const name = cidr.replaceAll(':', '-').replace('/', '-')
  // a name begins and ends with a letter or digit
  return name.startsWith('-') ? `0${name}` : name
}

/** Seconds for which the block of a node that left stays reserved for it: one hour, if the network says nothing else. */
export function blockCooldownSeconds(spec: NetworkConfig['spec'] | undefined): number {
  return spec?.blockCooldownSeconds ?? 3_600
}
