import * as v from 'valibot'

/** What this node knows of its claim on one block. */
export interface Hold {
  readonly cidr: string
  /** Of the PodBlock object. */
  readonly uid: string
  /** `renewals` of the last confirmation that was ours. */
  readonly renewals: number
  /** Until when the block surely passes to nobody else: monotonic, milliseconds; 0 once it was given up. */
  readonly untilMs: number
  /** Wall time of the last confirmation, for people. */
  readonly confirmedAtMs: number
}

/** What outlives the agent's process: without it an agent that starts while the store is away would not know its limit. */
export interface LeaseRecord {
  /** Of the machine's life that this was written in: the next one has another clock, and no pods. */
  readonly bootId: string
  readonly instance: string
  /** Until then another life of this node's agent may rely on a claim that was taken over from it: monotonic, milliseconds. */
  readonly aloneFromMs: number
  readonly holds: readonly Hold[]
}

/** Where the record is kept. A process that is killed must find what it wrote; after a power cut nobody asks for it. */
export interface LeaseMemory {
  /** Throws, or gives an empty text, if there is none. */
  read(): string
  write(text: string): void
}

const Shape = v.object({
  bootId: v.string(),
  instance: v.string(),
  // Records of earlier versions have none.
  aloneFromMs: v.optional(v.number(), 0),
  holds: v.array(
    v.object({
      cidr: v.string(),
      uid: v.string(),
      renewals: v.number(),
      untilMs: v.number(),
      confirmedAtMs: v.number(),
    }),
  ),
})

/** The record of this life of the machine; undefined if there is none. */
export function readLease(memory: LeaseMemory, bootId: string): LeaseRecord | undefined {
  try {
    const record = v.parse(Shape, JSON.parse(memory.read()))
    return record.bootId === bootId ? record : undefined
  } catch {
    return undefined
  }
}

export function writeLease(memory: LeaseMemory, record: LeaseRecord): void {
  memory.write(`${JSON.stringify(record)}\n`)
}
