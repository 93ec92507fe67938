import { formatAddress, linkLocalAddress } from '../../src/ip/index.ts'
import type { CniSide } from './cni-side.ts'
import { type Json, jsonAt, jsonList, omit } from './json.ts'

/** The name of the guard's tables, in each family. */
const TABLE = 'podlace-guard'

/** The guard of a host: our agent makes one, and so must the floor. Of Debian's plugins there is none. */
export interface GuardView {
  /** Tables, chains, rules, and sets without what is in them: a line each, as JSON. */
  readonly tables: readonly string[]
  /** Elements with their table and set: a line each. */
  readonly elements: readonly string[]
}

export async function readGuard({ host }: CniSide): Promise<GuardView> {
  const listed: Json = JSON.parse(await host.commands([['nft', '--json', '--stateless', 'list', 'ruleset']]))
  const objects = jsonList(listed['nftables']).flatMap(item =>
    Object.entries(item).map(([kind, value]) => ({ kind, ...jsonAt({ value }, 'value') })),
  )
  const ours = objects.filter(object => isOfGuard(object)).toSorted(byFamily)
  return {
    tables: ours.map(object => JSON.stringify(omit(object, ['handle', 'elem']))),
    elements: ours.flatMap(({ family, name, elem }: Json) =>
      (Array.isArray(elem) ? elem : []).map(element => JSON.stringify({ family, name, element })),
    ),
  }
}

function isOfGuard({ kind, name, table }: Json): boolean {
  return (kind === 'table' ? name : table) === TABLE
}

/** Tables of different families have no order; what is in one has. */
function byFamily({ family: a }: Json, { family: b }: Json): number {
  return String(a).localeCompare(String(b))
}

/** The elements of one port. */
export function guardOfPort({ elements }: GuardView, port: string): readonly string[] {
  return elements.filter(element => element.includes(JSON.stringify(port)))
}

/** The address of the link that the kernel gives a pod by its MAC. */
export function linkLocal(mac: string): string {
  return formatAddress(linkLocalAddress(mac))
}
