/** Colours as functions; each gives its text back unchanged where colours are not wanted. */
export interface Palette {
  readonly good: (text: string) => string
  readonly bad: (text: string) => string
  readonly warn: (text: string) => string
  readonly dim: (text: string) => string
  readonly bold: (text: string) => string
  readonly accent: (text: string) => string
}

const plain = (text: string) => text
/** SGR parameters: on, off. */
const sgr = (on: number, off: number) => (text: string) => `\u001b[${on}m${text}\u001b[${off}m`

export const PLAIN: Palette = { good: plain, bad: plain, warn: plain, dim: plain, bold: plain, accent: plain }

export const COLOURED: Palette = {
  good: sgr(32, 39),
  bad: sgr(31, 39),
  warn: sgr(33, 39),
  dim: sgr(2, 22),
  bold: sgr(1, 22),
  accent: sgr(36, 39),
}

/** Colours on a terminal, unless NO_COLOR (https://no-color.org) or a dumb terminal says otherwise. */
export function choosePalette(
  isTerminal: boolean,
  env: Readonly<Record<string, string | undefined>>,
): Palette {
  if ((env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb') return PLAIN
  return isTerminal || (env['FORCE_COLOR'] ?? '') !== '' ? COLOURED : PLAIN
}

/** An escape sequence, or one other character. */
const PARTS = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m|.`, 'gsu')

/** A text as escape sequences and characters. */
export function splitVisible(text: string): string[] {
  return text.match(PARTS) ?? []
}

export function isEscape(part: string): boolean {
  return part.startsWith('\u001b')
}

/** Columns a text takes: escape sequences take none, and nothing we print is wider than one column a character. */
export function visibleWidth(text: string): number {
  return splitVisible(text).filter(part => !isEscape(part)).length
}
