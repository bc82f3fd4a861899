/** prom-client file by file: its own entry loads OpenTelemetry and default metrics too, 30 ms of every start. */
import { createRequire } from "node:module";
import type prom from "prom-client";

const load = createRequire(import.meta.url);

export const Counter: typeof prom.Counter = load("prom-client/lib/counter.js");
export const Gauge: typeof prom.Gauge = load("prom-client/lib/gauge.js");
export const Histogram: typeof prom.Histogram = load("prom-client/lib/histogram.js");
export const Registry: typeof prom.Registry = load("prom-client/lib/registry.js");
export type Registry = prom.Registry;
