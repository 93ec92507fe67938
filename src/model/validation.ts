import * as v from 'valibot'
import { apiVersionOf, kindInfo } from './kind-table.ts'
import type { Kind, KindMap } from './kinds.ts'
import { isLabel, isSubdomain } from './schemas/common.ts'
import { nodeSchema, podSchema } from './schemas/core.ts'
import { networkConfigSchema } from './schemas/network-config.ts'
import { podBlockSchema } from './schemas/pod-block.ts'

/** One thing wrong with an object: where, and what was expected and found. */
export interface Issue {
  /** Dotted path from the object's root: `spec.backend.vni`. Empty for the object itself. */
  readonly path: string
  readonly message: string
}

const schemas: { readonly [K in Kind]: v.GenericSchema } = {
  Node: nodeSchema,
  Pod: podSchema,
  NetworkConfig: networkConfigSchema,
  PodBlock: podBlockSchema,
}

/** The result of looking at a value from outside. A good value is the same value, with all its fields, now typed. */
export type Checked<T> =
  | { readonly ok: true; readonly object: T }
  | { readonly ok: false; readonly issues: readonly Issue[] }

/** Holds a whole object, as a store has it, against its kind's schema and the rules for names. */
export function checkObject<K extends Kind>(kind: K, value: unknown): Checked<KindMap[K]> {
  const result = v.safeParse(schemas[kind], value)
  const issues = result.success ? nameIssues(kind, value) : result.issues.map(describe)
  return issues.length === 0 && isOfKind(kind, value) ? { ok: true, object: value } : { ok: false, issues }
}

/** What is wrong, in one line: `spec.backend.vni: expected a whole number from 1 to 16777215, found 0`. */
export function issuesText(issues: readonly Issue[]): string {
  return issues
    .map(issue => (issue.path === '' ? issue.message : `${issue.path}: ${issue.message}`))
    .join('; ')
}

/** The type follows from the schema that has just been passed; this is the one place that says so. */
function isOfKind<K extends Kind>(kind: K, value: unknown): value is KindMap[K] {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === kind
}

function describe(issue: v.BaseIssue<unknown>): Issue {
  const path = v.getDotPath(issue) ?? ''
  const ours = !issue.message.startsWith('Invalid')
  if (ours) return { path, message: issue.message }
  return { path, message: `expected ${issue.expected ?? 'another value'}, found ${issue.received}` }
}

/** Names end up in paths, in file names and in kernel objects: their form is checked wherever an object comes in. */
function nameIssues(kind: Kind, value: unknown): Issue[] {
  if (!isOfKind(kind, value)) return [{ path: 'kind', message: `expected ${kind}` }]
  const info = kindInfo(kind)
  const { name, namespace } = value.metadata
  const issues: Issue[] = []
  const expected =
    info.nameFormat === 'label'
      ? 'at most 63 lower-case letters, digits and -'
      : 'at most 253 lower-case letters, digits, - and . (RFC 1123), beginning and ending with a letter or digit'
  const nameIsGood = info.nameFormat === 'label' ? isLabel(name) : isSubdomain(name)
  if (!nameIsGood) issues.push({ path: 'metadata.name', message: `expected ${expected}, found "${name}"` })
  if (info.namespaced && (namespace === undefined || !isLabel(namespace))) {
    issues.push({
      path: 'metadata.namespace',
      message: `expected a namespace, found ${JSON.stringify(namespace)}`,
    })
  }
  if (!info.namespaced && namespace !== undefined) {
    issues.push({
      path: 'metadata.namespace',
      message: `expected none, ${kind} is cluster-scoped; found "${namespace}"`,
    })
  }
  if (value.apiVersion !== apiVersionOf(info)) {
    issues.push({
      path: 'apiVersion',
      message: `expected ${apiVersionOf(info)}, found "${value.apiVersion}"`,
    })
  }
  return issues
}
