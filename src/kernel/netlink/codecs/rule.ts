import { addRule, deleteRule, type Request, type Rule } from '../../../netlink/index.ts'
import type { RuleEntry } from '../../entry.ts'
import type { ObservedEntry, Operation } from '../../operation.ts'
import { ROUTE_PROTOCOL } from '../../ownership.ts'

/** Undefined for rules that say more than an entry can. */
export function observedRule(rule: Rule): ObservedEntry | undefined {
  const { family, priority, table, src, dst, iif, oif, fwmark } = rule
  if (rule.action !== 'to-table' || rule.invert || rule.tos !== 0 || rule.ipProtocol !== undefined)
    return undefined
  if (rule.suppressPrefixLength !== undefined) return undefined
  const entry: RuleEntry = {
    kind: 'rule',
    family,
    priority,
    table,
    ...(src === undefined ? {} : { src }),
    ...(dst === undefined ? {} : { dst }),
    ...(iif === undefined ? {} : { iif }),
    ...(oif === undefined ? {} : { oif }),
    ...(fwmark === undefined ? {} : { fwmark }),
  }
  return { entry, mark: rule.protocol === ROUTE_PROTOCOL ? 'ours' : 'foreign' }
}

export function ruleRequests({ op }: Operation, { kind: _kind, ...rule }: RuleEntry): Request[] {
  const spec = { ...rule, protocol: ROUTE_PROTOCOL }
  return [op === 'delete' ? deleteRule(spec) : addRule(spec)]
}
