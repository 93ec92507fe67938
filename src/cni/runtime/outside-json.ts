import { cniError } from '../errors.ts'
import { isObject, parseJsonObject } from '../json-object.ts'

/** A JSON object as it was read; what is in it is the plugins' affair. */
export type JsonObject = Readonly<Record<string, unknown>>

/** More than any configuration has, and far less than the stack bears when it is written again. */
const MAX_DEPTH = 64

/**
 * A JSON object from a file or a plugin that is to be kept and passed on.
 *
 * Throws as `parseJsonObject` does, and `cni.invalid-configuration` (7) for what could not be written again as it is:
 * more than 64 levels, a number beyond what a double holds.
 */
export function parseOutsideJson(bytes: Uint8Array, op: string, source: string): JsonObject {
  const object = parseJsonObject(bytes, op, source)
  const fault = faultOf(object, MAX_DEPTH)
  if (fault === undefined) return object
  throw cniError('invalid-configuration', op, `${source} ${fault}`)
}

function faultOf(value: unknown, levelsLeft: number): string | undefined {
  if (levelsLeft === 0) return `is nested deeper than ${MAX_DEPTH} levels`
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : 'has a number that is too large'
  const parts = Array.isArray(value) ? value : isObject(value) ? Object.values(value) : []
  for (const part of parts) {
    const fault = faultOf(part, levelsLeft - 1)
    if (fault !== undefined) return fault
  }
  return undefined
}
