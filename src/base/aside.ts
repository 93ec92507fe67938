/** Work that goes on beside this thread. */
export interface Aside {
  /** It has succeeded: known before `done` can tell, which takes a turn of the event loop. */
  readonly isDone: () => boolean
  readonly done: Promise<void>
}

export const NOTHING_ASIDE: Aside = { isDone: () => true, done: Promise.resolve() }

/** Waits only if it must. Throws what the work was refused with. */
export async function finished({ isDone, done }: Aside): Promise<void> {
  if (!isDone()) await done
}
