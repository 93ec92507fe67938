import { formatDuration } from './format.ts'
import { isEscape, type Palette, splitVisible, visibleWidth } from './palette.ts'

/** A step as it is shown: what it says in its line, and lines below. */
export interface StepView {
  readonly state: 'running' | 'done' | 'failed'
  readonly headline: string
  /** Shown right of the headline, before the time: `p50 0.06 ms`. */
  readonly figures?: string
  readonly details?: readonly string[]
  /** While running: what it is doing right now. */
  readonly activity?: string
  readonly elapsedMs: number
}

export interface RenderOptions {
  /** Columns there are. */
  readonly width: number
  readonly palette: Palette
  /** Counts up while a step runs: turns the spinner. */
  readonly frame: number
}

const SPINNER = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']
const WIDEST = 100

/** The step as lines: a mark, the headline, figures and time at the right, then the details, indented. */
export function renderStep(step: StepView, options: RenderOptions): string[] {
  const { palette } = options
  const width = Math.max(20, Math.min(options.width, WIDEST))
  const time = palette.dim(formatDuration(step.elapsedMs).padStart(8))
  if (step.state === 'running') {
    const activity = step.activity === undefined ? '' : palette.dim(`  ${step.activity}`)
    const left = `${palette.accent(spinner(options.frame))} ${step.headline}${activity}`
    // One line, always: it is drawn over itself.
    return [joinSides(truncate(left, width - 10), time, width)]
  }
  const mark = step.state === 'done' ? palette.good('✔') : palette.bad('✘')
  const figures = step.figures === undefined ? '' : `${palette.bold(step.figures)}  `
  const headline = step.state === 'done' ? step.headline : palette.bad(step.headline)
  const details = (step.details ?? []).map(line => (line === '' ? '' : `    ${line}`))
  return [joinSides(`${mark} ${headline}`, `${figures}${time}`, width), ...details]
}

function spinner(frame: number): string {
  return SPINNER[frame % SPINNER.length] ?? ''
}

/** `left` and `right` with blanks between; at least two, even if the line grows too long. */
function joinSides(left: string, right: string, width: number): string {
  const blanks = Math.max(2, width - visibleWidth(left) - visibleWidth(right))
  return `${left}${' '.repeat(blanks)}${right}`
}

/** Cuts a text with colours to `width` columns; the colours are closed. */
function truncate(text: string, width: number): string {
  if (visibleWidth(text) <= width) return text
  let kept = ''
  let columns = 0
  for (const part of splitVisible(text)) {
    if (!isEscape(part) && columns >= width - 1) continue
    kept += part
    if (!isEscape(part)) columns += 1
  }
  return `${kept}…`
}
