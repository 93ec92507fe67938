const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** The part of `process` that is needed here. */
interface SignalSource {
  on(signal: NodeJS.Signals, listener: () => void): unknown
  off(signal: NodeJS.Signals, listener: () => void): unknown
}

/**
 * An abort signal that the first SIGINT, SIGTERM or SIGHUP fires, with the signal's name as its reason. Later ones
 * are ignored: what is being undone must not be left half undone. Keeps the process alive until `dispose`, since
 * none of the timers of `systemClock` does.
 */
export function stopSignal(source: SignalSource): { signal: AbortSignal; dispose(): void } {
  const controller = new AbortController()
  const listeners = SIGNALS.map(name => {
    const listener = () => controller.abort(name)
    source.on(name, listener)
    return { name, listener }
  })
  const alive = setInterval(() => undefined, 2 ** 30)
  return {
    signal: controller.signal,
    dispose() {
      clearInterval(alive)
      for (const { name, listener } of listeners) source.off(name, listener)
    },
  }
}

/** Resolves when the signal fires: how a daemon waits for its end. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
