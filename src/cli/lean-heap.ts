import process from 'node:process'
import v8 from 'node:v8'

/**
 * For daemons, which live for weeks beside other people's pods: V8 is to take little memory rather than to put off
 * collecting garbage. To be called first of all, in the process itself, so that it holds however that was started.
 *
 * The young generation stays at its first size, two halves of 1 MB, where it would grow to two of 32 and shrink only when
 * the process rests; V8 takes no maximum once it runs. An agent with two of 4 attaches pods no faster. The old generation
 * is collected when it has grown by 30 %, and not by up to 300 %.
 *
 * Of the two compilers only the quick one is used, Maglev: TurboFan left 11 MB behind in an agent, its own code and what
 * it had worked on, and its results came too late for a program that does a little of everything. For the same reason
 * Maglev begins after 100 calls of a function, and not after 400 to 500. A Node that was built without Maglev has nothing
 * but TurboFan to optimize with.
 */
export function keepHeapLean(): void {
  v8.setFlagsFromString('--semi-space-growth-factor=1')
  v8.setFlagsFromString('--heap-growing-percent=30')
  if (!hasMaglev()) return
  v8.setFlagsFromString('--no-turbofan')
  v8.setFlagsFromString('--invocation-count-for-maglev=100')
  v8.setFlagsFromString('--minimum-invocations-after-ic-update=100')
}

/** Node 22 is built without. */
export function hasMaglev(): boolean {
  return Reflect.get(process.config.variables, 'v8_enable_maglev') === 1
}
