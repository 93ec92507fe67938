import { nft, type Request } from '../../../netlink/index.ts'
import type { NftElementEntry, NftOutcome, NftSet } from '../../entry.ts'
import type { ObservedEntry } from '../../operation.ts'

/** Elements of one set. Their owner is the table's: ours. */
export function observedElements(set: nft.Set, elements: readonly nft.Element[]): ObservedEntry[] {
  return nft.keyedElements(set, elements).map(({ key, value }) => {
    const entry: NftElementEntry = {
      kind: 'nft-element',
      family: set.family,
      table: set.table,
      set: set.name,
      key,
      ...(value === undefined ? {} : { value: observedValue(value) }),
    }
    return { entry, mark: 'ours' }
  })
}

function observedValue(value: readonly string[] | nft.Verdict): readonly string[] | NftOutcome {
  if (!('do' in value)) return value
  switch (value.do) {
    case 'jump':
    case 'goto':
      return { do: value.do, chain: value.chain }
    case 'drop':
    case 'accept':
    case 'return':
      return { do: value.do }
    case 'continue':
    case 'break':
      // No entry says that; `return` differs from whatever else is desired.
      return { do: 'return' }
  }
}

/** All of one set, in one message or a few. */
export function elementRequests(
  op: 'create' | 'delete',
  set: NftSet,
  elements: readonly NftElementEntry[],
): Request[] {
  const [first] = elements
  if (first === undefined) return []
  const name = { family: first.family, table: first.table, set: first.set }
  const encoded = elements.flatMap(element => nft.elementsOf(set, element))
  return op === 'create' ? nft.addElements(name, encoded) : nft.deleteElements(name, encoded)
}
