import { cniError } from '../../cni/index.ts'
import { type Holder, holderKey } from '../addresses/source.ts'
import type { Journal } from '../journal/index.ts'
import type { AttachmentRecord } from './record.ts'

/** Which attachment: that of an interface, or of a plugin that is chained to it. */
export interface AttachmentName {
  readonly holder: Holder
  readonly network: string
  readonly chained?: ChainedName
}

/** One of the plugins of a chain. */
interface ChainedName {
  readonly type: string
  readonly configuration: string | undefined
}

/** An attachment as the journal has it. */
export interface Kept {
  readonly key: string
  readonly record: AttachmentRecord
}

/** So many plugins of one type can be chained to one interface. */
const MOST_OF_A_TYPE = 8

/**
 * Under what keys attachments stand in the journal: that of an interface under its holder's, those that are chained to
 * it under their type besides, from the second on with a number.
 */
export class Places {
  private readonly journal: Pick<Journal<AttachmentRecord>, 'get'>

  constructor(journal: Pick<Journal<AttachmentRecord>, 'get'>) {
    this.journal = journal
  }

  /** Where the attachment is to stand. Throws `cni.interface-exists` if there is no place. */
  free({ holder, chained }: Omit<AttachmentName, 'network'>): string {
    const first = chained === undefined ? holderKey(holder) : chainedKey(holder, chained.type)
    const most = chained === undefined ? 1 : MOST_OF_A_TYPE
    let last = most
    while (last > 0 && this.journal.get(placeKey(first, last)) === undefined) last -= 1
    if (last < most) return placeKey(first, last + 1)
    throw cniError(
      'interface-exists',
      'attach',
      `${placeKey(first, last)} is attached already: DEL it first, or choose another name`,
    )
  }

  /** The interface's own; of those chained to it all of this configuration, or the last if that was changed. */
  named({ holder, chained }: Omit<AttachmentName, 'network'>): readonly Kept[] {
    if (chained === undefined) return this.kept(holderKey(holder), 1)
    const all = this.chainedTo(holder, chained.type)
    const named = all.filter(({ record }) => record.configuration === chained.configuration)
    return named.length > 0 ? named : all.slice(0, 1)
  }

  /** What plugins of this type have chained to the interface; the last comes first, since that is how they go. */
  chainedTo(holder: Holder, type: string): readonly Kept[] {
    return this.kept(chainedKey(holder, type), MOST_OF_A_TYPE)
  }

  /** What stands in the places of `first`; the last comes first. */
  private kept(first: string, most: number): readonly Kept[] {
    const kept: Kept[] = []
    for (let place = most; place > 0; place -= 1) {
      const key = placeKey(first, place)
      const record = this.journal.get(key)?.value
      if (record !== undefined) kept.push({ key, record })
    }
    return kept
  }
}

function chainedKey(holder: Holder, type: string): string {
  return `${holderKey(holder)} ${type}`
}

/** @param place from 1 on */
function placeKey(first: string, place: number): string {
  return place === 1 ? first : `${first} ${place}`
}
