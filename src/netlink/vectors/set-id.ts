import type { nft } from '../index.ts'

/** What rules look up, as nft says it: with the id that it gave the set besides its name. */
export function withSetId(expressions: readonly nft.Expression[], setId: number): nft.Expression[] {
  return expressions.map(expression => (expression.expr === 'lookup' ? { ...expression, setId } : expression))
}
