/** What a regular expression is made of. */
export type Node =
  | { readonly kind: 'char'; readonly test: Test }
  | { readonly kind: 'edge'; readonly edge: 'start' | 'end' }
  | { readonly kind: 'sequence' | 'choice'; readonly parts: readonly Node[] }
  | { readonly kind: 'repeat'; readonly part: Node; readonly optional: boolean; readonly many: boolean }

type Test = (char: string) => boolean

/** Deep enough for any list of names, and far from the end of the stack. */
const MAX_CHARS = 1000

const REPEATS: ReadonlyMap<string, { readonly optional: boolean; readonly many: boolean }> = new Map([
  ['*', { optional: true, many: true }],
  ['+', { optional: false, many: true }],
  ['?', { optional: true, many: false }],
])

/** Classes that RE2 and JavaScript know by one letter, here in ASCII as RE2 has them. */
const CLASSES: ReadonlyMap<string, Test> = new Map([
  ['d', char => /^[0-9]$/.test(char)],
  ['w', char => /^[0-9A-Za-z_]$/.test(char)],
  ['s', char => /^[\t\n\f\r ]$/.test(char)],
])

/** The expression as a tree, or in words why it is none. */
export function parsePattern(text: string): Node | string {
  if (text.length > MAX_CHARS) return `it has ${text.length} characters, at most ${MAX_CHARS} are read`
  const reader = new Reader([...text])
  try {
    const tree = choice(reader)
    return reader.peek() === undefined ? tree : '")" closes no group'
  } catch (error) {
    if (error instanceof Refused) return error.message
    throw error
  }
}

class Refused extends Error {}

class Reader {
  private readonly chars: readonly string[]
  private at = 0

  constructor(chars: readonly string[]) {
    this.chars = chars
  }

  peek(): string | undefined {
    return this.chars[this.at]
  }

  /** Past the next character, if it is this one. */
  skip(char: string): boolean {
    if (this.peek() !== char) return false
    this.at += 1
    return true
  }

  take(missing: string): string {
    const char = this.peek()
    if (char === undefined) throw new Refused(missing)
    this.at += 1
    return char
  }
}

function choice(reader: Reader): Node {
  const parts = [sequence(reader)]
  while (reader.skip('|')) parts.push(sequence(reader))
  return { kind: 'choice', parts }
}

function sequence(reader: Reader): Node {
  const parts: Node[] = []
  for (let next = reader.peek(); next !== undefined && next !== '|' && next !== ')'; next = reader.peek()) {
    const part = atom(reader)
    const repeat = REPEATS.get(reader.peek() ?? '')
    if (repeat === undefined) parts.push(part)
    else {
      reader.take('')
      parts.push({ kind: 'repeat', part, ...repeat })
    }
  }
  return { kind: 'sequence', parts }
}

function atom(reader: Reader): Node {
  const char = reader.take('')
  if (REPEATS.has(char))
    throw new Refused(`"${char}" has nothing to repeat; lazy and possessive forms are not known`)
  switch (char) {
    case '(':
      return group(reader)
    case '[':
      return { kind: 'char', test: bracketed(reader) }
    case '^':
      return { kind: 'edge', edge: 'start' }
    case '$':
      return { kind: 'edge', edge: 'end' }
    case '.':
      return { kind: 'char', test: one => one !== '\n' }
    case '\\':
      return { kind: 'char', test: escaped(reader) }
    case '{':
      throw new Refused(
        'counted repetition is not known: write the part several times, or use "*", "+" or "?"',
      )
    default:
      return { kind: 'char', test: one => one === char }
  }
}

function group(reader: Reader): Node {
  if (reader.skip('?') && !reader.skip(':')) throw new Refused('of groups with "(?" only "(?:" is known')
  const inner = choice(reader)
  if (!reader.skip(')')) throw new Refused('a group is not closed')
  return inner
}

function escaped(reader: Reader): Test {
  const char = reader.take('it ends with a lone "\\"')
  const known = CLASSES.get(char)
  if (known !== undefined) return known
  const opposite = CLASSES.get(char.toLowerCase())
  if (opposite !== undefined) return one => !opposite(one)
  if (/[0-9A-Za-z]/.test(char)) throw new Refused(`"\\${char}" is not known`)
  return one => one === char
}

function bracketed(reader: Reader): Test {
  const open = 'a class is not closed'
  const negated = reader.skip('^')
  const tests: Test[] = []
  // A "]" that stands first is RE2's way to mean the character, JavaScript's for an empty class.
  if (reader.peek() === ']') throw new Refused('a class is empty, or begins with "]": write "\\]"')
  while (!reader.skip(']')) {
    const first = reader.take(open)
    if (first === '[') throw new Refused('named classes are not known, and "[" in a class is written "\\["')
    if (first === '\\') tests.push(escaped(reader))
    else tests.push(reader.skip('-') ? range(reader, first) : one => one === first)
  }
  return one => tests.some(test => test(one)) !== negated
}

/** After `a-`: to the next character, unless the class ends, where `-` is itself. */
function range(reader: Reader, first: string): Test {
  if (reader.peek() === ']') return one => one === first || one === '-'
  const last = reader.take('a class is not closed')
  if (last === '\\' || last === '[' || last < first) {
    throw new Refused(`"${first}-${last}" is no range of characters`)
  }
  return one => one >= first && one <= last
}
