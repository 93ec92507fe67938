import process from 'node:process'
import { FakeCrash } from '../kernel/index.ts'
import { ProcessEnded } from './world/process.ts'

/** Rejections that nobody handles end a real process, so they are failures here; but for what the dead still say. */
export class Strays {
  private readonly found: unknown[] = []
  private readonly onRejection = (error: unknown) => {
    if (!(error instanceof ProcessEnded || error instanceof FakeCrash)) this.found.push(error)
  }

  constructor() {
    process.on('unhandledRejection', this.onRejection)
  }

  throwAny(): void {
    const [first] = this.found.splice(0)
    if (first !== undefined) throw first
  }

  stop(): void {
    process.off('unhandledRejection', this.onRejection)
  }
}
