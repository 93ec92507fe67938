import * as v from 'valibot'
import type { SubnetEffect } from '../../overlay/index.ts'
import type { LeaseMemory } from './lease-record.ts'

/** One peer whose program was started; `added` once it ended well. */
export interface ToldSubnet {
  readonly effect: SubnetEffect
  readonly added: boolean
}

const command = v.object({
  program: v.string(),
  args: v.array(v.string()),
  environment: v.record(v.string(), v.string()),
  input: v.string(),
})

const Shape = v.object({
  bootId: v.string(),
  subnets: v.array(
    v.object({
      key: v.string(),
      added: v.boolean(),
      effect: v.object({
        kind: v.literal('subnet'),
        subnets: v.array(v.string()),
        add: v.exactOptional(command),
        remove: v.exactOptional(command),
      }),
    }),
  ),
})

/** What was told in this life of the machine, by key of the effect; nothing if there is no record that can be read. */
export function readTold(memory: LeaseMemory, bootId: string): Map<string, ToldSubnet> {
  const told = new Map<string, ToldSubnet>()
  const parsed = v.safeParse(Shape, parseJson(memory))
  if (!parsed.success || parsed.output.bootId !== bootId) return told
  for (const { key, effect, added } of parsed.output.subnets) told.set(key, { effect, added })
  return told
}

export function writeTold(memory: LeaseMemory, bootId: string, told: ReadonlyMap<string, ToldSubnet>): void {
  const subnets = Array.from(told, ([key, subnet]) => ({ key, ...subnet }))
  memory.write(`${JSON.stringify({ bootId, subnets })}\n`)
}

function parseJson(memory: LeaseMemory): unknown {
  try {
    return JSON.parse(memory.read())
  } catch {
    return undefined
  }
}
