import { type CaseReport, type Counts, STATUSES, type SuiteReport } from './report.ts'

const row = (name: string, counts: Counts) => [name, ...STATUSES.map(status => String(counts[status] || '-'))]

/** Rows for a table: a heading, one row for each group, and the sum. */
export function tableOf({ groups, total }: SuiteReport): string[][] {
  const heading = ['plugin', 'passed', 'failed', 'not applicable', 'not runnable here']
  return [heading, ...[...groups].map(([name, counts]) => row(name, counts)), row('total', total)]
}

/** The last line: what was passed of what could be tried. */
export function scoreOf({ total }: SuiteReport): string {
  const tried = total.passed + total.failed
  const percent = tried === 0 ? 0 : Math.floor((100 * total.passed) / tried)
  return `score: ${total.passed} of ${tried} cases passed (${percent} %)`
}

/** Why cases were not run, with how many cases each reason kept, the most frequent first. */
export function notRunReasons({ cases }: SuiteReport, status: 'not-applicable' | 'not-runnable'): string[] {
  const kept = cases.filter(one => one.status === status)
  const byReason = Map.groupBy(kept, ({ reasons }) => reasons.join('; '))
  return [...byReason]
    .toSorted(([, a], [, b]) => b.length - a.length)
    .map(([reason, members]) => `${members.length} ${members.length === 1 ? 'case' : 'cases'}: ${reason}`)
}

/** A failed case for people. */
export function failureLines({ id, title, source, reasons }: CaseReport): string[] {
  return [`${id}: ${title}`, ...reasons.map(reason => `  ${reason}`), `  demanded by ${source}`]
}

/** The report as one JSON value; names and order are stable. */
export function toJson(report: SuiteReport): object {
  const { cases, total, groups } = report
  return { total, groups: Object.fromEntries(groups), cases }
}

const XML_ESCAPES: ReadonlyMap<string, string> = new Map([
  ['&', '&amp;'],
  ['<', '&lt;'],
  ['>', '&gt;'],
  ['"', '&quot;'],
])

/** Text and attribute values; characters that XML 1.0 cannot hold at all become U+FFFD. */
function xml(text: string): string {
  return text
    .replaceAll(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '\uFFFD')
    .replaceAll(/[&<>"]/g, found => XML_ESCAPES.get(found) ?? found)
}

/** The report as JUnit XML, one suite for each group. */
export function toJunit({ cases, groups }: SuiteReport): string {
  const suites = [...groups].map(([name, counts]) => {
    const members = cases.filter(({ id }) => id.startsWith(`${name}.`))
    const skipped = counts['not-applicable'] + counts['not-runnable']
    const figures = `tests="${members.length}" failures="${counts.failed}" skipped="${skipped}"`
    return `  <testsuite name="${xml(name)}" ${figures}>\n${members.map(junitCase).join('')}  </testsuite>\n`
  })
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="CNI conformance">\n${suites.join('')}</testsuites>\n`
}

function junitCase({ id, title, source, status, reasons, elapsedMs }: CaseReport): string {
  const [group = '', ...rest] = id.split('.')
  const names = `classname="${xml(group)}" name="${xml(rest.join('.'))}: ${xml(title)}"`
  const open = `    <testcase ${names} time="${(elapsedMs / 1000).toFixed(3)}"`
  if (status === 'passed') return `${open}/>\n`
  const text = xml(reasons.join('\n'))
  const inner =
    status === 'failed'
      ? `<failure message="${text.split('\n', 1)[0] ?? ''}">${text}\ndemanded by ${xml(source)}</failure>`
      : `<skipped message="${status}: ${text}"/>`
  return `${open}>${inner}</testcase>\n`
}
