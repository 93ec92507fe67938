import { NLM_F_CREATE, NLM_F_DUMP, type Request } from '../messages.ts'
import { type Element, encodeElements, encodeSetName, type SetName } from './element.ts'
import { NFT_MSG_DELSETELEM, NFT_MSG_GETSETELEM, NFT_MSG_NEWSETELEM } from './subsystem.ts'

/** Adding and deleting elements: `nft add element`, `nft delete element`. */

/**
 * `nft add element`, as one request or, for many elements, several; for a batch. An element that exists with the
 * same data is no error; with other data it is EEXIST: delete it first, in the same batch.
 */
export function addElements(set: SetName, elements: readonly Element[]): Request[] {
  return requests('add', NFT_MSG_NEWSETELEM, NLM_F_CREATE, set, elements)
}

/** `nft delete element`: the keys count. ENOENT if one is missing, and then nothing of the batch is done. */
export function deleteElements(set: SetName, elements: readonly Element[]): Request[] {
  return requests('delete', NFT_MSG_DELSETELEM, 0, set, elements)
}

/** `nft flush set`. */
export function flushSet(set: SetName): Request {
  return {
    type: NFT_MSG_DELSETELEM,
    flags: 0,
    body: encodeSetName(set),
    what: `flush ${describe(set)}`,
  }
}

/** `nft list set`, for `NetlinkClient.dump` and `decodeElementMessage`. ENOENT if there is no such set. */
export function listElements(set: SetName): Request {
  const body = encodeSetName(set)
  return { type: NFT_MSG_GETSETELEM, flags: NLM_F_DUMP, body, what: `list elements of ${describe(set)}` }
}

function requests(
  verb: string,
  type: number,
  flags: number,
  set: SetName,
  elements: readonly Element[],
): Request[] {
  const made: Request[] = []
  for (let start = 0; start < elements.length; ) {
    const { body, count } = encodeElements(set, elements, start)
    made.push({ type, flags, body, what: `${verb} ${count} elements of ${describe(set)}` })
    start += count
  }
  return made
}

function describe({ family, table, set }: SetName): string {
  return `set ${family} ${table} ${set}`
}
