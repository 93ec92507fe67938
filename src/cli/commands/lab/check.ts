import type { Command } from 'commander'
import type { CheckReport } from '../../../lab/index.ts'
import type { CliContext } from '../../context.ts'
import { ExitWith } from '../../exit.ts'
import { labEnvironment } from '../../lab-environment.ts'
import { choosePalette, type Palette } from '../../ui/palette.ts'
import { renderTable } from '../../ui/table.ts'
import { type LabFlags, onLab, printResult } from './common.ts'

const HELP = `
Every pod probes every pod, itself too, by ICMP and TCP. A cell shows the ICMP round trip in milliseconds, or which
protocols failed. The exit status is 1 if a pair fails.`

export function addCheckCommand(lab: Command, context: CliContext): void {
  onLab(lab.command('check'))
    .description('can every pod reach every other?')
    .addHelpText('after', HELP)
    .action(async (flags: LabFlags) => {
      const environment = await labEnvironment(context)
      const { checkName, Lab, labCheck } = await import('../../../lab/index.ts')
      const report = await labCheck(Lab.open(environment, checkName(flags.name)))
      const palette = choosePalette(context.stdout.isTerminal, context.env)
      printResult(context, flags, report, () => checkLines(report, palette))
      if (!report.ok) throw new ExitWith(1)
    })
}

/** At most so many pods make a table that still fits a screen. */
const WIDEST = 16

/** The matrix (sources down, targets across) and a summary; of a big one only what fails. */
function checkLines(report: CheckReport, palette: Palette): string[] {
  const { pods, pairs } = report
  const cell = (from: string, to: string) => {
    const pair = pairs.find(candidate => candidate.from === from && candidate.to === to)
    if (pair === undefined) return palette.dim('-')
    if (pair.failures.length === 0) return pair.icmpRttMs?.toFixed(2) ?? 'ok'
    return palette.bad(pair.failures.map(failure => failure.protocol).join('+'))
  }
  const rows = pods.map(from => [from, ...pods.map(to => cell(from, to))])
  const table = pods.length > WIDEST ? [] : renderTable([['from \\ to', ...pods], ...rows])
  const failures = pairs.flatMap(pair =>
    pair.failures.map(failure => `${pair.from} -> ${pair.to} ${failure.protocol}: ${failure.reason}`),
  )
  const reached = pairs.filter(pair => pair.failures.length === 0).length
  const mark = report.ok ? palette.good('✔') : palette.bad('✘')
  return [...table, ...failures.slice(0, 50), `${mark} ${reached} of ${pairs.length} pairs (ICMP, TCP)`]
}
