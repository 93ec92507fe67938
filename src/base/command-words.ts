/** What a shell would make something of, by the names that people know it by. */
const SHELL_CHARACTERS: ReadonlyMap<string, string> = new Map([
  ['|', 'a pipe'],
  ['&', 'a list or a job in the background'],
  [';', 'a list'],
  ['<', 'a redirection'],
  ['>', 'a redirection'],
  ['(', 'a subshell'],
  [')', 'a subshell'],
  ['$', 'a variable'],
  ['`', 'a command substitution'],
  ['\\', 'an escape'],
  ['*', 'a pattern'],
  ['?', 'a pattern'],
  ['[', 'a pattern'],
  [']', 'a pattern'],
  ['{', 'a brace expansion'],
  ['}', 'a brace expansion'],
  ['~', 'a home directory'],
  ['#', 'a comment'],
  ['!', 'a history expansion'],
  ['\n', 'a second command'],
])
/** What a shell looks at between double quotes as well. */
const IN_DOUBLE_QUOTES = new Set(['$', '`', '\\', '!'])

/** A program and its arguments, or what is wrong with the line. */
export type CommandWords =
  | { readonly program: string; readonly args: readonly string[] }
  | { readonly fault: string }

/**
 * A line of configuration as a program and its arguments, which no shell ever sees. Words are apart by blanks and tabs.
 * Quotes, single or double, take what is between them as it stands, and may be a part of a word: `--name="a b"` is one.
 * There are no escapes. What a shell would make something of is refused by name, so that no line means another thing
 * here than there: it belongs in a script, whose name is the command.
 */
export function commandWords(line: string): CommandWords {
  const words: string[] = []
  let word: string | undefined
  let quote = ''
  for (const char of line) {
    const meaning = SHELL_CHARACTERS.get(char)
    const isSpecial = quote === '' || (quote === '"' && IN_DOUBLE_QUOTES.has(char))
    if (meaning !== undefined && isSpecial) return { fault: refusal(char, meaning) }
    if (char === quote) quote = ''
    else if (quote === '' && (char === '"' || char === "'")) {
      quote = char
      word ??= ''
    } else if (quote === '' && (char === ' ' || char === '\t')) {
      if (word !== undefined) words.push(word)
      word = undefined
    } else word = (word ?? '') + char
  }
  if (quote !== '') return { fault: `a quote ${quote} has no end` }
  if (word !== undefined) words.push(word)
  const [program, ...args] = words
  if (program === undefined || program === '') return { fault: 'it names no program' }
  if (program.includes('=')) return { fault: `${program} is an assignment: no shell reads this line` }
  return { program, args }
}

function refusal(char: string, meaning: string): string {
  const shown = char === '\n' ? 'a line break' : char
  return `${shown} is ${meaning} for a shell, and no shell reads this line: put it in a script, and give the script's name`
}
