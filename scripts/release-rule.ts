import type { OpenApiDocument } from '../src/http/openapi/document.ts'
import { breakingChanges } from './api-changes.ts'

interface Release {
  /** The interface of the last release. */
  readonly before: OpenApiDocument
  /** What is to take its place. */
  readonly after: OpenApiDocument
  /** The text of CHANGELOG.md, which tells what was released. */
  readonly changelog: string
  /** Whoever releases says that nobody can have written a program for `before`. */
  readonly isUnreleased: boolean
}

/** Why one interface may not take the place of another, one sentence each; empty when it may. */
export function releaseProblems({ before, after, changelog, isUnreleased }: Release): string[] {
  const known = before.info.version
  if (isUnreleased && changelog.includes(`\n## [${known}]`)) return [`${known} was released, as CHANGELOG.md says`]
  if (isUnreleased || mayBreak(known, after.info.version)) return []
  return breakingChanges(before, after)
}

/** Whether a version may break what another has promised: a new major one, and before 1.0 a new minor one. */
function mayBreak(before: string, after: string): boolean {
  const [[major, minor], [newMajor, newMinor]] = [partsOf(before), partsOf(after)]
  return newMajor > major || (major === 0 && newMajor === 0 && newMinor > minor)
}

function partsOf(version: string): [major: number, minor: number] {
  const [, major, minor] = /^(\d+)\.(\d+)\./.exec(version) ?? []
  if (major === undefined || minor === undefined) throw new Error(`${JSON.stringify(version)} is no version`)
  return [Number(major), Number(minor)]
}
