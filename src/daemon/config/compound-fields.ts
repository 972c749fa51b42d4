import { z } from 'zod'
import { isPreset, type PresetName, presetNames } from '../../core/presets.ts'
import { isNetwork } from '../../util/ip-networks.ts'
import { parseWebhookRule, type WebhookRule } from '../../webhooks/webhook-policy.ts'
import type { Config } from './config.ts'
import { absolutePath, flag, must, optionalText, text } from './fields.ts'
import { isHostName } from './listen.ts'

// Lists and mappings, whose parts are checked one by one.

type InputPresets = Config['executions']['inputPresets']
type TaskPresets = Config['tasks']['presets']

const RUNTIME = 'the name of an OCI runtime'
const RUNTIME_NAME = /^[A-Za-z0-9][\w.-]*$/
const HOST_NAME = 'a host name without a port'
const RECEIVER = 'a host such as hooks.example.org, *.example.org:8443 or http://ci.lan'
const PRESET = `one of ${presetNames().join(', ')}`

export const IMAGE_GLOB = 'a glob of images such as docker.io/library/*'
export const IMAGE_GLOB_PATTERN: RegExp = /^[\w.:/@*-]{1,512}$/

export const optionalRuntime: z.ZodType<string | undefined> = optionalText(RUNTIME, RUNTIME_NAME)

export const hostNames: z.ZodType<string[]> = z.array(
  z.string(must(HOST_NAME)).refine(isHostName, must(HOST_NAME)).toLowerCase(),
  must('a list of host names'),
)

const preset: z.ZodType<PresetName> = z.string(must(PRESET)).refine(isPreset, must(PRESET)) as z.ZodType<PresetName>

export const presets: z.ZodType<PresetName[]> = z.array(preset, must('a list of presets'))

/** In the order of the file, in which the first that fits counts. */
export const taskPresets: z.ZodType<TaskPresets> = z
  .record(
    z.string(must(IMAGE_GLOB)).regex(IMAGE_GLOB_PATTERN, must(IMAGE_GLOB)).toLowerCase(),
    preset,
    must('a mapping of globs of images to presets, such as {"docker.io/library/nginx": web-server}'),
  )
  .transform((mapping) => Object.entries(mapping).map(([glob, name]) => ({ glob, preset: name })))

const INPUT_PRESETS = must('a mapping of names to folders and files, such as {data: {path: /srv/data}}')

export const inputPresets: z.ZodType<InputPresets> = z
  .record(
    text('a name such as data', /^[A-Za-z0-9][\w.-]{0,62}$/),
    z.strictObject({ path: absolutePath, readOnly: flag.default(true) }, INPUT_PRESETS),
    INPUT_PRESETS,
  )
  .transform((mapping) => {
    const rows = Object.entries(mapping)
    return new Map(rows.map(([name, { path, readOnly }]) => [name, { path, isReadOnly: readOnly }]))
  })

const RUNTIMES = must('a mapping of OCI runtimes to their settings, such as {kata: {allowUnenforced: true}}')

/** The names of those that are allowed to. */
export const unenforcedRuntimes: z.ZodType<ReadonlySet<string>> = z
  .record(
    text(RUNTIME, RUNTIME_NAME),
    z.strictObject({ allowUnenforced: flag.optional() }, RUNTIMES).nullable(),
    RUNTIMES,
  )
  .transform((mapping) => {
    const allowed = Object.entries(mapping).filter(([, settings]) => settings?.allowUnenforced === true)
    return new Set(allowed.map(([name]) => name))
  })

const webhookRule: z.ZodType<WebhookRule> = z.string(must(RECEIVER)).transform((raw, context) => {
  const read = parseWebhookRule(raw)
  if (read !== undefined) return read
  context.addIssue({ code: 'custom', message: must(RECEIVER).error({ input: raw }) })
  return z.NEVER
})

export const webhookRules: z.ZodType<WebhookRule[]> = z.array(webhookRule, must('a list of hosts'))

const ADDRESS = must('an IP address, or a network such as 10.1.0.0/16')

export const addresses: z.ZodType<string[]> = z.array(
  z.string(ADDRESS).refine(isNetwork, ADDRESS),
  must('a list of addresses'),
)
