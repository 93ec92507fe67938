import type { Row } from '../stats.ts'

const HEADINGS = ['', 'ours', 'peer', 'unit', 'ratio', '95 %', 'n']

const cell = (value: number | null): string => (value === null ? '-' : String(value))

/** The rows as a table for people: names to the left, figures to the right. */
export function formatTable(rows: readonly Row[]): string {
  const body = rows.map(row => [
    row.name,
    cell(row.ours),
    cell(row.peer),
    row.unit,
    row.ratio === null ? '-' : `${row.ratio}x`,
    row.low === undefined ? '-' : `${row.low} to ${row.high}`,
    String(row.n),
  ])
  const all = withoutEmptyColumns([HEADINGS, ...body])
  const widths = (all[0] ?? []).map((_, column) => Math.max(...all.map(line => line[column]?.length ?? 0)))
  return all
    .map(line =>
      line
        .map((text, column) =>
          column === 0 ? text.padEnd(widths[0] ?? 0) : text.padStart(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** A column in which every row has a dash says nothing. */
function withoutEmptyColumns(lines: readonly (readonly string[])[]): string[][] {
  return lines.map(line =>
    line.filter((_, column) => lines.some((other, n) => n > 0 && other[column] !== '-')),
  )
}
