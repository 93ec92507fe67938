import { cniError } from '../errors.ts'
import { isObject, parseJsonObject } from '../json-object.ts'

/** A JSON object as it was read; what is in it is the plugins' affair. */
export type JsonObject = Readonly<Record<string, unknown>>

/** More than any configuration has, and far less than the stack bears when it is written again. */
const MAX_DEPTH = 64

/**
 * A JSON object from a file or a plugin that is to be kept and passed on.
 *
 * Throws as `parseJsonObject` does, and `cni.invalid-configuration` (7) if it is nested deeper than 64.
 */
export function parseOutsideJson(bytes: Uint8Array, op: string, source: string): JsonObject {
  const object = parseJsonObject(bytes, op, source)
  if (isDeeper(object, MAX_DEPTH)) {
    throw cniError('invalid-configuration', op, `${source} is nested deeper than ${MAX_DEPTH} levels`)
  }
  return object
}

function isDeeper(value: unknown, left: number): boolean {
  if (left === 0) return true
  if (Array.isArray(value)) return value.some(item => isDeeper(item, left - 1))
  return isObject(value) && Object.values(value).some(item => isDeeper(item, left - 1))
}
