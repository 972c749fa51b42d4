// What is used of prom-client. Its main module also loads its push gateway, its cluster and the API of OpenTelemetry, of which
// nothing is needed here and which hold megabytes.
import type * as prom from 'prom-client'
import counter from 'prom-client/lib/counter.js'
import gauge from 'prom-client/lib/gauge.js'
import histogram from 'prom-client/lib/histogram.js'
import registry from 'prom-client/lib/registry.js'

export type Counter<Label extends string = string> = prom.Counter<Label>
export type Gauge<Label extends string = string> = prom.Gauge<Label>
export type Histogram<Label extends string = string> = prom.Histogram<Label>
export type Registry = prom.Registry

export const Counter: typeof prom.Counter = counter
export const Gauge: typeof prom.Gauge = gauge
export const Histogram: typeof prom.Histogram = histogram
export const Registry: typeof prom.Registry = registry
