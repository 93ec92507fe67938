import type { BaseIssue } from 'valibot'
import { getDotPath } from 'valibot'

/**
 * What a validation found, as one line for a message: `ipam.type: Expected string but received 3; name: missing`.
 * At most `limit` issues are told, since hostile input can hold many.
 */
export function issuesText(issues: readonly BaseIssue<unknown>[], limit = 3): string {
  const told = issues.slice(0, limit).map(issueText)
  if (issues.length > limit) told.push(`and ${issues.length - limit} more`)
  return told.join('; ')
}

function issueText(issue: BaseIssue<unknown>): string {
  const path = getDotPath(issue)
  const text = issue.received === 'undefined' ? 'missing' : issue.message
  return path === null || path === undefined ? text : `${path}: ${text}`
}
