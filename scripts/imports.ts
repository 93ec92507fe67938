/**
 * Reads what a TypeScript file imports, without a parser: comments are blanked, then import and export
 * declarations and `import()` calls are matched.
 */

/** After one of these a slash begins a regular expression, not a division. */
const BEFORE_REGEX =
  /(?:^|[(,=:[!&|?{};+\-*%<>~^]|\b(?:return|typeof|case|in|of|do|else|void|await|yield))\s*$/

/** One lexical element that must be taken as a whole; anything else is a single character. */
const ELEMENTS: readonly { readonly kind: 'comment' | 'string' | 'template'; readonly pattern: RegExp }[] = [
  { kind: 'comment', pattern: /\/\/[^\n]*|\/\*[\s\S]*?\*\//y },
  { kind: 'string', pattern: /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"/y },
  { kind: 'template', pattern: /`(?:\\[\s\S]|[^`\\])*`/y },
]
const REGEX = /\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*/y

export interface SourceText {
  /** Comments, regular expressions and the text of templates blanked; strings kept. Line breaks stay. */
  readonly withStrings: string
  /** Strings blanked too. */
  readonly codeOnly: string
}

const blank = (text: string): string => text.replace(/[^\n]/g, ' ')
/** The text of a template goes, what is between `${` and `}` is code and stays. */
const blankTemplate = (text: string): string =>
  text.replace(/(\$\{[^}]*\})|[^\n]/g, (_all, code: string | undefined) => code ?? ' ')

/** Splits a source into code and the rest. Unclosed elements are taken as code, character by character. */
export function readSource(source: string): SourceText {
  let withStrings = ''
  let codeOnly = ''
  let at = 0
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at
    return pattern.exec(source)?.[0]
  }
  while (at < source.length) {
    let taken: string | undefined
    let kind = ''
    for (const element of ELEMENTS) {
      taken = match(element.pattern)
      kind = element.kind
      if (taken !== undefined) break
    }
    if (taken === undefined) {
      const character = source.charAt(at)
      if (character === '/' && BEFORE_REGEX.test(codeOnly.slice(-20))) taken = match(REGEX)
      if (taken === undefined) {
        withStrings += character
        codeOnly += character
        at += 1
        continue
      }
    }
    const code = kind === 'template' ? blankTemplate(taken) : blank(taken)
    withStrings += kind === 'string' ? taken : code
    codeOnly += code
    at += taken.length
  }
  return { withStrings, codeOnly }
}

const FROM = /\b(?:import|export)\b[^'"();]*?\bfrom\s*(?:'([^'\n]+)'|"([^"\n]+)")/g
const BARE = /\bimport\s*\(?\s*(?:'([^'\n]+)'|"([^"\n]+)")/g

export interface Import {
  readonly specifier: string
  /** Counted from 1. */
  readonly line: number
}

/** Every module a source names: `import x from`, `import type`, `export from`, `import 'x'`, `import('x')`. */
export function readImports(source: string): Import[] {
  const { withStrings: text, codeOnly } = readSource(source)
  const found: Import[] = []
  for (const pattern of [FROM, BARE]) {
    for (const match of text.matchAll(pattern)) {
      const specifier = match[1] ?? match[2]
      // The word may be the content of a string.
      if (specifier === undefined || codeOnly.charAt(match.index) === ' ') continue
      const end = match.index + match[0].length
      found.push({ specifier, line: text.slice(0, end).split('\n').length })
    }
  }
  return found.sort((a, b) => a.line - b.line)
}
