import { systemClock } from '../base/index.ts'
import type { LabEnvironment } from '../lab/index.ts'
import type { CliContext } from './context.ts'
import { choosePalette } from './ui/palette.ts'
import { Progress } from './ui/progress.ts'

/** Loads the lab and gives it what it needs of this process. @throws LabError `lab.not-root` */
export async function labEnvironment(
  context: CliContext,
  progress: (text: string) => void = () => undefined,
): Promise<LabEnvironment> {
  const { checkRoot, LABS_ROOT, packageRoot } = await import('../lab/index.ts')
  checkRoot(context.uid)
  return {
    root: context.env['PODLACE_LABS'] ?? LABS_ROOT,
    packageRoot: packageRoot(),
    nodeBinary: process.execPath,
    clock: systemClock,
    random: Math.random,
    signal: context.signal,
    progress,
  }
}

/** The progress display of a command; its text goes to standard output. */
export function progressOf(context: CliContext): Progress {
  const palette = choosePalette(context.stdout.isTerminal, context.env)
  return new Progress({ screen: context.stdout, palette, clock: systemClock })
}
