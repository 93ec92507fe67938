import { type AnyNode, type BinaryExpression, parse } from 'acorn'

export interface Instrumented {
  /** The same program, line for line, that calls `$hit(n)` at the start of each branch, `$same` where it compares and `$spread` where it copies. */
  readonly code: string
  /** The number of the first branch behind it. */
  readonly nextEdge: number
  /** The constants that the program compares with and is made of: a dictionary for guesses. */
  readonly constants: ReadonlySet<string | number | bigint>
  /** The keys of its objects: what JSON and other texts are made of. */
  readonly names: ReadonlySet<string>
}

/** What a part of a node is: something that runs or does not, or a list that is copied. */
type Counting = 'statement' | 'expression' | 'copied'

type Branches = Readonly<Record<string, Counting>>

const BODY: Branches = { body: 'statement' }

/** The parts that count, by type of node and name of the part. */
const BRANCHES: ReadonlyMap<string, Branches> = new Map<string, Branches>([
  ['IfStatement', { consequent: 'statement', alternate: 'statement' }],
  ['ConditionalExpression', { consequent: 'expression', alternate: 'expression' }],
  ['LogicalExpression', { right: 'expression' }],
  ['ForStatement', BODY],
  ['ForOfStatement', BODY],
  ['ForInStatement', BODY],
  ['WhileStatement', BODY],
  ['DoWhileStatement', BODY],
  ['FunctionDeclaration', BODY],
  ['FunctionExpression', BODY],
  ['ArrowFunctionExpression', BODY],
  ['CatchClause', BODY],
  ['SpreadElement', { argument: 'copied' }],
])

/** Instruments an ES module without types; its branches are numbered from `firstEdge`. Throws SyntaxError. */
export function instrument(source: string, firstEdge: number): Instrumented {
  const writer = new Writer(source, firstEdge)
  const program = parse(source, { ecmaVersion: 'latest', sourceType: 'module' })
  return {
    code: writer.render(program),
    nextEdge: writer.nextEdge,
    constants: writer.constants,
    names: writer.names,
  }
}

class Writer {
  private readonly source: string
  nextEdge: number
  readonly constants = new Set<string | number | bigint>()
  readonly names = new Set<string>()

  constructor(source: string, firstEdge: number) {
    this.source = source
    this.nextEdge = firstEdge
  }

  render(node: AnyNode): string {
    this.note(node)
    if (node.type === 'BinaryExpression' && /^[!=]==$/.test(node.operator)) return this.comparison(node)
    const branches = new Map(Object.entries(BRANCHES.get(node.type) ?? {}))
    let text = ''
    let at = node.start
    for (const { part, child } of childrenOf(node)) {
      // `{ name }` is key and value at once
      if (child.start < at) continue
      const counting = branches.get(part)
      const rendered = this.render(child)
      text += this.source.slice(at, child.start)
      if (node.type === 'SwitchCase' && child === node.consequent[0]) text += `${this.hit()};`
      text += counting === undefined ? rendered : this.counted(child, rendered, counting)
      at = child.end
    }
    text += this.source.slice(at, node.end)
    const isHalf = node.type === 'IfStatement' && !node.alternate
    return isHalf ? `${text} else {${this.hit()}}` : text
  }

  /** Comparing with what is no number and no text tells nothing of the input. */
  private comparison({ operator, left, right }: BinaryExpression): string {
    const [a, b] = [this.render(left), this.render(right)]
    if (right.type === 'Identifier' && right.name === 'undefined') return `(${a}) ${operator} ${b}`
    this.nextEdge += 1
    return `${operator === '!==' ? '!' : ''}$same(${this.nextEdge - 1},(${a}),(${b}))`
  }

  private counted(node: AnyNode, text: string, counting: Counting): string {
    if (counting === 'copied') return `$spread(${text})`
    if (node.type === 'BlockStatement') return `{${this.hit()};${text.slice(1)}`
    const isExpression = counting === 'expression' || !/Statement$|Declaration$/.test(node.type)
    return isExpression ? `(${this.hit()},${text})` : `{${this.hit()};${text}}`
  }

  private hit(): string {
    this.nextEdge += 1
    return `$hit(${this.nextEdge - 1})`
  }

  private note(node: AnyNode): void {
    if (node.type === 'TemplateElement') this.constants.add(node.value.cooked ?? '')
    if (node.type === 'Property' && node.key.type === 'Identifier') this.names.add(node.key.name)
    if (node.type !== 'Literal') return
    const { value } = node
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint')
      this.constants.add(value)
  }
}

/** The nodes right below, in the order of the source. */
function childrenOf(node: AnyNode): { part: string; child: AnyNode }[] {
  return Object.entries(node)
    .flatMap(([part, value]: [string, unknown]) => [value].flat().map(child => ({ part, child })))
    .filter((entry): entry is { part: string; child: AnyNode } => isNode(entry.child))
    .sort((a, b) => a.child.start - b.child.start)
}

function isNode(value: unknown): value is AnyNode {
  return typeof value === 'object' && value !== null && 'type' in value && 'start' in value
}
