import { type Kind, type KubeObject, kindInfo } from '../model/index.ts'
import { storeError } from './errors.ts'
import { isJsonObject } from './merge-patch.ts'
import type { ListOptions } from './store.ts'

export type Matcher = (object: KubeObject) => boolean

/** What a list or watch with these options shows. Throws store.invalid for a selector that cannot be read. */
export function matcherOf(kind: Kind, options: ListOptions): Matcher {
  const tests: Matcher[] = []
  const { namespace, labelSelector, fieldSelector } = options
  if (namespace !== undefined) tests.push(object => object.metadata.namespace === namespace)
  if (labelSelector !== undefined) tests.push(...parseLabelSelector(kind, labelSelector))
  if (fieldSelector !== undefined) tests.push(...parseFieldSelector(kind, fieldSelector))
  return object => tests.every(test => test(object))
}

/** `a=b`, `a==b`, `a!=b`, `a in (b,c)`, `a notin (b,c)`, `a`, `!a`, joined by commas. */
function parseLabelSelector(kind: Kind, text: string): Matcher[] {
  return splitOutsideParentheses(text).map(term => {
    const set = /^([^\s=!(),]+)\s+(in|notin)\s*\(([^()]*)\)$/.exec(term)
    if (set !== null) {
      const [, key = '', operator, list = ''] = set
      const values = new Set(list.split(',').map(value => value.trim()))
      const inSet: Matcher = object => {
        const found = label(object, key)
        return found !== undefined && values.has(found)
      }
      return operator === 'in' ? inSet : object => !inSet(object)
    }
    const equality = /^([^\s=!(),]+)\s*(==|=|!=)\s*([^\s=!(),]*)$/.exec(term)
    if (equality !== null) {
      const [, key = '', operator, value] = equality
      return object => (label(object, key) === value) !== (operator === '!=')
    }
    const presence = /^(!?)\s*([^\s=!(),]+)$/.exec(term)
    if (presence === null) throw unreadable(kind, 'labelSelector', term, 'a=b, a!=b, a in (b,c), a or !a')
    const [, negated, key = ''] = presence
    return object => (label(object, key) === undefined) === (negated === '!')
  })
}

function parseFieldSelector(kind: Kind, text: string): Matcher[] {
  const allowed = ['metadata.name', 'metadata.namespace', ...kindInfo(kind).selectableFields]
  return splitOutsideParentheses(text).map(term => {
    const [, path = '', operator, value = ''] = /^([\w.]+)(==|=|!=)(.*)$/.exec(term) ?? []
    if (!allowed.includes(path)) {
      throw unreadable(kind, 'fieldSelector', term, `one of ${allowed.join(', ')} with =, == or !=`)
    }
    // an absent field selects like an empty one: spec.nodeName= finds pods without a node
    return object => (fieldText(object, path) === value) !== (operator === '!=')
  })
}

function splitOutsideParentheses(text: string): string[] {
  const terms = text.match(/(?:[^,(]|\([^)]*\)?)+/g) ?? []
  return terms.map(term => term.trim()).filter(term => term !== '')
}

function label(object: KubeObject, key: string): string | undefined {
  const labels = object.metadata.labels
  return labels !== undefined && Object.hasOwn(labels, key) ? labels[key] : undefined
}

function fieldText(object: KubeObject, path: string): string {
  let value: unknown = object
  for (const step of path.split('.')) {
    value = isJsonObject(value) && Object.hasOwn(value, step) ? value[step] : undefined
  }
  return value === undefined ? '' : String(value)
}

function unreadable(kind: Kind, where: string, term: string, expected: string): Error {
  const message = `${where} has "${term}", expected ${expected}`
  return storeError(`select ${kind}`, message, {
    code: 'store.invalid',
    kind,
    issues: [{ path: where, message }],
  })
}
