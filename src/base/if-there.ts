/** What a call of `node:fs` gives, or undefined if the file or directory is not there. Throws for any other reason. */
export function ifThere<T>(access: () => T): T | undefined {
  try {
    return access()
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}
