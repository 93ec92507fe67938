import { inspect, isDeepStrictEqual } from 'node:util'
import { type Clock, sleep } from '../base/index.ts'
import { unmet } from './errors.ts'
import type { PluginReply } from './plugin-reply.ts'

/** A value in one line, cut to what a report can show. */
export function show(value: unknown): string {
  const text =
    typeof value === 'string' ? JSON.stringify(value) : inspect(value, { breakLength: Infinity, depth: 6 })
  return text.length > 600 ? `${text.slice(0, 600)}...` : text
}

/** @throws `conformance.unmet` */
export function expectThat(what: string, holds: boolean, expected: string, found: unknown): void {
  if (!holds) throw unmet(what, expected, typeof found === 'string' ? found : show(found))
}

/** Deep equality. @throws `conformance.unmet` */
export function expectEqual(what: string, found: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(found, expected)) throw unmet(what, show(expected), show(found))
}

/** @throws `conformance.unmet` */
export function expectIncludes(what: string, found: readonly string[], expected: string): void {
  if (!found.includes(expected)) throw unmet(what, `${expected} among them`, show(found))
}

/** The value, which must be there. @throws `conformance.unmet` */
export function expectDefined<T>(what: string, value: T | undefined): T {
  if (value === undefined) throw unmet(what, 'to find it', 'nothing')
  return value
}

/** Exit status 0. @throws `conformance.unmet` */
export function expectSuccess(reply: PluginReply): void {
  if (reply.exitCode !== 0) throw unmet(reply.what, 'success', reply.outcome)
}

/** What an error may look like; a field that is absent is free. */
export interface ErrorDemand {
  /** Any of these; the specification's numbers. */
  readonly codes?: readonly number[]
  /** What `msg` and `details` together must say. */
  readonly mentions?: RegExp
}

/**
 * An exit status other than 0 and an error object on standard output (SPEC 1.1.0 section 5, "Error").
 *
 * @throws `conformance.unmet`
 */
export function expectError(reply: PluginReply, demand: ErrorDemand = {}): void {
  const { codes, mentions } = demand
  if (reply.exitCode === 0) throw unmet(reply.what, 'an error', reply.outcome)
  const error = reply.error()
  if (error === undefined)
    throw unmet(reply.what, 'an error object {code, msg} as JSON on standard output', reply.outcome)
  if (codes !== undefined && !codes.includes(error.code))
    throw unmet(reply.what, `an error with code ${codes.join(' or ')}`, reply.outcome)
  if (mentions !== undefined && !mentions.test(`${error.msg} ${error.details ?? ''}`))
    throw unmet(reply.what, `an error that mentions ${mentions.source}`, reply.outcome)
}

/** How long the kernel may take for what it does after the answer, such as taking a dead namespace apart. */
const SETTLE_MS = 3_000

/** Looks until `look` gives a value, and returns it; undefined if it never did. */
export async function eventually<T>(
  clock: Clock,
  look: () => Promise<T | undefined> | T | undefined,
  timeoutMs = SETTLE_MS,
): Promise<T | undefined> {
  const deadline = clock.nowMs() + timeoutMs
  for (;;) {
    const found = await look()
    if (found !== undefined || clock.nowMs() >= deadline) return found
    await sleep(clock, 20)
  }
}
