import { ByteWriter } from '../byte-writer.ts'
import { NLM_F_CREATE, NLM_F_DUMP, type Request } from '../messages.ts'
import { type Element, element, encodeElementMessage } from './element.ts'
import { type Family, NFT_MSG_DELSETELEM, NFT_MSG_GETSETELEM, NFT_MSG_NEWSETELEM } from './subsystem.ts'

/** Adding and deleting elements: `nft add element`, `nft delete element`. */

export interface SetName {
  readonly family: Family
  readonly table: string
  readonly set: string
}

/** The elements of one message stand in one attribute, which holds 65,531 bytes. */
const ELEMENT_BYTES_MAX = 60_000

/**
 * `nft add element`, as one request or, for many elements, several; for a batch. An element that exists with the
 * same data is no error; with other data it is EEXIST: delete it first, in the same batch.
 */
export function addElements(set: SetName, elements: readonly Element[]): Request[] {
  return chunks(elements).map(chunk => request('add', NFT_MSG_NEWSETELEM, NLM_F_CREATE, set, chunk))
}

/** `nft delete element`: the keys count. ENOENT if one is missing, and then nothing of the batch is done. */
export function deleteElements(set: SetName, elements: readonly Element[]): Request[] {
  return chunks(elements).map(chunk => request('delete', NFT_MSG_DELSETELEM, 0, set, chunk))
}

/** `nft flush set`. */
export function flushSet(set: SetName): Request {
  return {
    type: NFT_MSG_DELSETELEM,
    flags: 0,
    body: encodeElementMessage(set),
    what: `flush ${describe(set)}`,
  }
}

/** `nft list set`, for `NetlinkClient.dump` and `decodeElementMessage`. ENOENT if there is no such set. */
export function listElements(set: SetName): Request {
  const body = encodeElementMessage(set)
  return { type: NFT_MSG_GETSETELEM, flags: NLM_F_DUMP, body, what: `list elements of ${describe(set)}` }
}

function request(
  verb: string,
  type: number,
  flags: number,
  set: SetName,
  elements: readonly Element[],
): Request {
  const body = encodeElementMessage({ ...set, elements })
  return { type, flags, body, what: `${verb} ${elements.length} elements of ${describe(set)}` }
}

function describe({ family, table, set }: SetName): string {
  return `set ${family} ${table} ${set}`
}

function chunks(elements: readonly Element[]): Element[][] {
  const result: Element[][] = []
  let bytes = ELEMENT_BYTES_MAX
  for (const item of elements) {
    const writer = new ByteWriter()
    element.write(writer, item)
    bytes += writer.length + 4
    if (bytes > ELEMENT_BYTES_MAX) {
      result.push([])
      bytes = writer.length + 4
    }
    result.at(-1)?.push(item)
  }
  return result
}
