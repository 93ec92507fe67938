import { PodlaceError } from './errors.ts'
import { type Node, parsePattern } from './pattern-syntax.ts'

/** A step of the machine; `to` are the steps after it. */
type Step =
  | { readonly do: 'take'; readonly test: (char: string) => boolean; readonly to: number }
  | { readonly do: 'start' | 'end'; readonly to: number }
  | { readonly do: 'fork'; readonly to: number[] }
  | { readonly do: 'match' }

/**
 * A regular expression from outside as a function that tells whether some part of a text matches, in time linear in
 * the text, whatever the expression (all alternatives are followed at once: Thompson, CACM 11(6), 1968).
 *
 * Known are literals, `.`, classes with ranges, `\d \w \s` and their opposites, `^ $`, groups, `|`, `* + ?`: what RE2
 * and JavaScript read alike. `pattern.unsupported` names anything else.
 */
export function linearPattern(text: string): (subject: string) => boolean {
  const tree = parsePattern(text)
  if (typeof tree === 'string') {
    const message = `the regular expression ${JSON.stringify(text)} is not read here: ${tree}`
    throw new PodlaceError('read a regular expression', message, { code: 'pattern.unsupported' })
  }
  const steps: Step[] = []
  append(steps, tree)
  steps.push({ do: 'match' })
  return subject => run(steps, [...subject])
}

/** Appends the steps of a node; they end by going on to the step after them. */
function append(steps: Step[], node: Node): void {
  switch (node.kind) {
    case 'char':
      steps.push({ do: 'take', test: node.test, to: steps.length + 1 })
      return
    case 'edge':
      steps.push({ do: node.edge, to: steps.length + 1 })
      return
    case 'sequence':
      for (const part of node.parts) append(steps, part)
      return
    case 'choice':
      appendChoice(steps, node.parts)
      return
    case 'repeat':
      appendRepeat(steps, node)
  }
}

function appendChoice(steps: Step[], parts: readonly Node[]): void {
  const starts: number[] = []
  const ends: number[][] = []
  steps.push({ do: 'fork', to: starts })
  for (const part of parts) {
    starts.push(steps.length)
    append(steps, part)
    const end: number[] = []
    ends.push(end)
    steps.push({ do: 'fork', to: end })
  }
  for (const end of ends) end.push(steps.length)
}

function appendRepeat(steps: Step[], { part, optional, many }: Extract<Node, { kind: 'repeat' }>): void {
  const ways = [steps.length + 1]
  steps.push({ do: 'fork', to: ways })
  const body = steps.length
  append(steps, part)
  if (many) steps.push({ do: 'fork', to: [body, steps.length + 1] })
  if (optional) ways.push(steps.length)
}

function run(steps: readonly Step[], subject: readonly string[]): boolean {
  let active = new Set<number>()
  for (let at = 0; at <= subject.length; at += 1) {
    // A match may begin anywhere.
    follow(steps, active, 0, at, subject.length)
    if (active.has(steps.length - 1)) return true
    const char = subject[at]
    if (char === undefined) return false
    const next = new Set<number>()
    for (const index of active) {
      const step = steps[index]
      if (step?.do === 'take' && step.test(char)) follow(steps, next, step.to, at + 1, subject.length)
    }
    active = next
  }
  return false
}

/** Adds a step, and all that it comes to without taking a character. */
function follow(
  steps: readonly Step[],
  active: Set<number>,
  first: number,
  at: number,
  length: number,
): void {
  const waiting = [first]
  for (let index = waiting.pop(); index !== undefined; index = waiting.pop()) {
    if (active.has(index)) continue
    active.add(index)
    const step = steps[index]
    if (step?.do === 'fork') waiting.push(...step.to)
    else if (step?.do === 'start' && at === 0) waiting.push(step.to)
    else if (step?.do === 'end' && at === length) waiting.push(step.to)
  }
}
