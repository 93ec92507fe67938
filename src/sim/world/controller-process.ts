import { PodCidrController } from '../../controller/index.ts'
import type { Store } from '../../store/index.ts'
import type { Scheduler } from '../scheduler.ts'
import { Process } from './process.ts'

/** A controller and its supervisor: lives one after the other. */
export class ControllerHost {
  readonly name: string
  process: Process | undefined
  private readonly scheduler: Scheduler
  private readonly connect: (process: Process) => Store
  private lives = 0
  private restartMs = 500

  constructor(scheduler: Scheduler, name: string, connect: (process: Process) => Store) {
    this.scheduler = scheduler
    this.name = name
    this.connect = connect
  }

  start(): void {
    this.lives += 1
    const process = new Process(this.scheduler, `${this.name}/${this.lives}`)
    const { clock, random, log } = process
    const controller = new PodCidrController({ store: this.connect(process), clock, random, log })
    process.onEnd(() => {
      this.scheduler.after(this.restartMs, `${this.name} is started again`, () => this.start())
    })
    this.process = process
    controller.start()
  }

  /** It is killed at one of its next steps. */
  crash(steps: number, restartMs: number): void {
    this.restartMs = restartMs
    this.process?.armCrash(steps)
  }

  pause(forMs: number): void {
    const { process } = this
    process?.clock.pause()
    this.scheduler.after(forMs, `${this.name} goes on`, () => process?.clock.resume())
  }

  heal(): void {
    this.process?.disarm()
    this.process?.clock.resume()
  }
}
