import { type Address, type Family, formatAddress } from '../ip/index.ts'
import {
  IPTABLES_PREFIX,
  type IptablesChainEntry,
  type IptablesJump,
  type IptablesRule,
  iptablesRule,
} from '../kernel/index.ts'
import { LOOPBACK } from './known-prefixes.ts'
import { attachmentOwner, iptablesChainName } from './names.ts'
import type { ChainedSpec } from './plan.ts'
import type { PortCondition } from './portmap-conditions.ts'
import type { PortmapConfig } from './portmap-config.ts'
import type { FamilyMapping, FamilyPorts } from './portmap-family.ts'

/** Ports that one rule can name (XT_MULTI_PORTS). */
const PORTS_OF_RULE = 15

/** Host ports with iptables: a chain for each attachment and family. */
export function portChain(spec: ChainedSpec, config: PortmapConfig, ports: FamilyPorts): IptablesChainEntry {
  const { address, mappings, masqueraded } = ports
  const { family } = address
  const owner = attachmentOwner(spec)
  const name = iptablesChainName('PORT', spec)
  const bit = mark(config.markMasqBit)
  return {
    kind: 'iptables-chain',
    family,
    table: 'nat',
    name,
    rules: [
      ...config.conditions[family].map(condition => unless(owner, condition)),
      ...singleAddressesFirst(mappings).flatMap(mapping => {
        const packet = matchOf(mapping)
        const destination = `${hostOf(address)}:${mapping.containerPort}`
        return [
          ...masqueraded.map(source =>
            iptablesRule(owner, '-s', source, ...packet, '-j', 'MARK', '--set-xmark', bit),
          ),
          iptablesRule(owner, ...packet, '-j', 'DNAT', '--to-destination', destination),
        ]
      }),
    ],
    jumps: entrances(owner, name, family, mappings),
  }
}

/** What was translated and bears the mark takes an address of the host: the same for all pods of a configuration. */
export function markedChain(family: Family, { markMasqBit }: PortmapConfig): IptablesChainEntry {
  const owner = 'host ports'
  const name = `${IPTABLES_PREFIX}MARK-${markMasqBit}`
  return {
    kind: 'iptables-chain',
    family,
    table: 'nat',
    name,
    rules: [iptablesRule(owner, '-j', 'MASQUERADE', '--random-fully')],
    jumps: [
      {
        from: 'POSTROUTING',
        rule: iptablesRule(owner, '-m', 'mark', '--mark', mark(markMasqBit), '-j', name),
      },
    ],
  }
}

/** What goes to an address of this machine comes here; what the host sends to itself over loopback could not leave. */
function entrances(
  owner: string,
  name: string,
  family: Family,
  mappings: readonly FamilyMapping[],
): readonly IptablesJump[] {
  return (['tcp', 'udp', 'sctp'] as const).flatMap(protocol => {
    const own = mappings.filter(mapping => mapping.protocol === protocol)
    return inGroups([...new Set(own.map(({ hostPort }) => hostPort))]).flatMap((ports): IptablesJump[] => {
      const packet = ['-p', protocol, '-m', 'multiport', '--dports', ports.join(',')]
      const local = ['-m', 'addrtype', '--dst-type', 'LOCAL', '-j', name]
      return [
        { from: 'PREROUTING', rule: iptablesRule(owner, ...packet, ...local) },
        { from: 'OUTPUT', rule: iptablesRule(owner, '!', '-d', LOOPBACK[family], ...packet, ...local) },
      ]
    })
  })
}

function singleAddressesFirst(mappings: readonly FamilyMapping[]): readonly FamilyMapping[] {
  return mappings.toSorted(
    (a, b) => Number(a.hostAddress === undefined) - Number(b.hostAddress === undefined),
  )
}

/** As it stands before a port (RFC 3986, section 3.2.2). */
function hostOf(address: Address): string {
  return address.family === 6 ? `[${formatAddress(address)}]` : formatAddress(address)
}

function inGroups(ports: readonly number[]): readonly (readonly number[])[] {
  const count = Math.ceil(ports.length / PORTS_OF_RULE)
  return Array.from({ length: count }, (_, n) => ports.slice(n * PORTS_OF_RULE, (n + 1) * PORTS_OF_RULE))
}

/** Leaves the chain where the condition does not hold: one rule could not bear several about one thing. */
function unless(owner: string, condition: PortCondition): IptablesRule {
  const not = condition.not === true ? [] : ['!']
  const what =
    condition.on === 'in-link'
      ? ['-i', condition.name.replace(/\*$/, '+')]
      : [condition.on === 'source' ? '-s' : '-d', condition.prefix]
  return iptablesRule(owner, ...not, ...what, '-j', 'RETURN')
}

function matchOf({ protocol, hostPort, hostAddress }: FamilyMapping): readonly string[] {
  const port = ['-p', protocol, '-m', protocol, '--dport', String(hostPort)]
  return hostAddress === undefined ? port : ['-d', hostAddress, ...port]
}

/** Value and mask of one bit. */
function mark(bit: number): string {
  const value = `0x${((1 << bit) >>> 0).toString(16)}`
  return `${value}/${value}`
}
