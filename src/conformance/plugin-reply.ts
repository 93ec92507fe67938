import * as v from 'valibot'
import { issuesText } from '../base/index.ts'
import { unmet } from './errors.ts'
import type { Execution } from './execute.ts'

const VERBS = ['ADD', 'DEL', 'CHECK', 'GC', 'STATUS', 'VERSION'] as const
export type Verb = (typeof VERBS)[number]

const errorSchema = v.looseObject({
  cniVersion: v.optional(v.string()),
  code: v.pipe(v.number(), v.integer(), v.minValue(0)),
  msg: v.pipe(v.string(), v.minLength(1)),
  details: v.optional(v.string()),
})
/** SPEC 1.1.0 section 5, "Error". */
export type ErrorReply = v.InferOutput<typeof errorSchema>

const dnsSchema = v.looseObject({
  nameservers: v.optional(v.array(v.string())),
  domain: v.optional(v.string()),
  search: v.optional(v.array(v.string())),
  options: v.optional(v.array(v.string())),
})

const resultSchema = v.looseObject({
  cniVersion: v.optional(v.string()),
  interfaces: v.optional(
    v.array(
      v.looseObject({
        name: v.string(),
        mac: v.optional(v.string()),
        mtu: v.optional(v.number()),
        sandbox: v.optional(v.string()),
      }),
    ),
    [],
  ),
  ips: v.optional(
    v.array(
      v.looseObject({
        address: v.string(),
        gateway: v.optional(v.string()),
        interface: v.optional(v.number()),
        /** Up to 0.4.0. */
        version: v.optional(v.string()),
      }),
    ),
    [],
  ),
  routes: v.optional(v.array(v.looseObject({ dst: v.string(), gw: v.optional(v.string()) })), []),
  dns: v.optional(dnsSchema, {}),
})
/** SPEC 1.1.0 section 5, "Success"; also of 0.3.0 to 1.0.0. Absent lists are empty. */
export type CniResult = v.InferOutput<typeof resultSchema>

const versionSchema = v.looseObject({
  cniVersion: v.string(),
  supportedVersions: v.pipe(v.array(v.string()), v.minLength(1)),
})
/** SPEC 1.1.0 section 5, "VERSION". */
export type VersionReply = v.InferOutput<typeof versionSchema>

/** What a plugin answered to one call. */
export class PluginReply {
  /** The call, in words. */
  readonly what: string
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
  readonly elapsedMs: number

  constructor(what: string, execution: Execution) {
    this.what = what
    this.exitCode = execution.exitCode
    this.stdout = execution.stdout
    this.stderr = execution.stderr
    this.elapsedMs = execution.elapsedMs
  }

  get succeeded(): boolean {
    return this.exitCode === 0
  }

  /** Everything in one line. */
  get outcome(): string {
    const said = [this.stdout, this.stderr]
      .map(text => text.trim().replaceAll(/\s+/g, ' ').slice(0, 400))
      .filter(text => text !== '')
    return `exit status ${this.exitCode}${said.length === 0 ? ', no output' : `: ${said.join(' | ')}`}`
  }

  /** The error object on standard output, if that is what is there. */
  error(): ErrorReply | undefined {
    const parsed = v.safeParse(errorSchema, this.json())
    return parsed.success ? parsed.output : undefined
  }

  /** @throws `conformance.unmet` if standard output is no result */
  result(): CniResult {
    return this.parse(resultSchema, 'a result')
  }

  /** @throws `conformance.unmet` if standard output is no version list */
  versions(): VersionReply {
    return this.parse(versionSchema, 'a list of versions')
  }

  /** Standard output as JSON; undefined if it is none. */
  json(): unknown {
    try {
      return JSON.parse(this.stdout)
    } catch {
      return undefined
    }
  }

  private parse<T>(schema: v.BaseSchema<unknown, T, v.BaseIssue<unknown>>, what: string): T {
    const parsed = v.safeParse(schema, this.json())
    if (parsed.success) return parsed.output
    throw unmet(
      this.what,
      `${what} as JSON on standard output`,
      `${issuesText(parsed.issues)}; ${this.outcome}`,
    )
  }
}
