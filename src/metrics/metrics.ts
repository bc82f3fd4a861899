/** What Prometheus is told. Labels are of closed lists: no number, no id, no tenant, no name that a person gave. */
import type { Clock } from "../clock.ts";
import { version } from "./build.ts";
import type { Asked } from "./channel.ts";
import { classLabel, databaseLabel, methodLabel, reasonLabel, routeLabel, statusLabel } from "./labels.ts";
import type { Look } from "./look.ts";
import { Counter, Gauge, Histogram, Registry } from "./prometheus.ts";

export interface Metrics {
  asked(one: Asked): void;
  /** A call is over; one that is corrected later is not told again. */
  ended(channel: string | null, status: string): void;
  accepted(channel: string, source: "push" | "follow" | "poll", count: number): void;
  refused(channel: string, reason: string): void;
  answered(request: { method: string; route: string; status: number; seconds: number }): void;
  databaseFailed(code: string): void;
  loopDelayed(seconds: number): void;
  /** Lines whose health has changed. */
  linesTurned(transitions: readonly { channel: string; to: string; cause: string }[]): void;
  /** The text of the exposition format. Asks the sources. */
  text(): Promise<string>;
  readonly contentType: string;
}

/** Where the values come from that others keep already. */
export interface Sources {
  database: string;
  /** Names that may stand in a label. */
  channels: readonly string[];
  ready(): boolean;
  drained(): Record<"deliveries" | "events" | "unmatched" | "malformed" | "unrecognized", number> & {
    lastRun: Date | null;
  };
  streams(): {
    open: Record<string, number>;
    ended: Record<string, number>;
    resets: number;
    messages: number;
  };
  look(): Promise<Look>;
  /** The lines in use, as this process sees them. */
  lines(): { channel: string; state: string }[];
}

const requestBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];
const placementBuckets = [0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 12];
const delayBuckets = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1];

export function createMetrics(clock: Clock, sources: Sources): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const known = new Set(sources.channels);
  const channelLabel = (name: string): string => (known.has(name) ? name : "other");
  const counter = <Label extends string>(name: string, help: string, labelNames: Label[]) =>
    new Counter({ name, help, labelNames, registers });
  const histogram = <Label extends string>(name: string, help: string, labelNames: Label[], buckets: number[]) =>
    new Histogram({ name, help, labelNames, buckets, registers });

  const placements = counter("hualu_placements_total", "Calls given to a provider, by what came of it.", [
    "channel",
    "outcome",
  ]);
  const placing = histogram(
    "hualu_placement_seconds",
    "From giving a call to a provider to its answer.",
    ["channel"],
    placementBuckets,
  );
  const ended = counter("hualu_calls_ended_total", "Calls that are over, by what they were when they ended.", [
    "channel",
    "status",
  ]);
  const requests = counter("hualu_provider_requests_total", "Requests to providers, by how they went.", [
    "channel",
    "operation",
    "outcome",
  ]);
  const accepted = counter("hualu_deliveries_accepted_total", "Deliveries taken in; of a feed: read from it.", [
    "channel",
    "source",
  ]);
  const refusals = counter("hualu_webhook_refusals_total", "Pushes that could not prove where they came from.", [
    "channel",
    "reason",
  ]);
  const http = histogram(
    "hualu_http_request_seconds",
    "From a request to the begin of its answer.",
    ["method", "route", "class"],
    requestBuckets,
  );
  const databaseErrors = counter("hualu_database_errors_total", "Failed statements and transactions.", ["reason"]);
  const delays = histogram("hualu_event_loop_delay_seconds", "How late a timer of 100 ms came.", [], delayBuckets);
  const turns = counter("hualu_line_transitions_total", "Changes of lines' health, by what they became and why.", [
    "channel",
    "state",
    "reason",
  ]);
  watchSources(registry, clock, sources);
  const look = watchQueues(registry, sources);

  return {
    asked({ channel, operation, outcome, effect, seconds }) {
      requests.inc({ channel, operation, outcome });
      if (operation !== "place") return;
      placing.observe({ channel }, seconds);
      const placed = outcome === "ok" ? "placed" : effect === "none" ? "refused" : "unknown";
      placements.inc({ channel, outcome: placed });
    },
    ended: (channel, status) => ended.inc({ channel: channelLabel(channel ?? ""), status: statusLabel(status) }),
    accepted: (channel, source, count) => accepted.inc({ channel, source }, count),
    refused: (channel, reason) => refusals.inc({ channel: channelLabel(channel), reason: reasonLabel(reason) }),
    answered({ method, route, status, seconds }) {
      const labels = { method: methodLabel(method), route: routeLabel(route), class: classLabel(status) };
      http.observe(labels, Math.max(0, seconds));
    },
    databaseFailed: (code) => databaseErrors.inc({ reason: databaseLabel(code) }),
    loopDelayed: (seconds) => delays.observe(seconds),
    linesTurned(transitions) {
      for (const { channel, to: state, cause: reason } of transitions)
        turns.inc({ channel: channelLabel(channel), state, reason });
    },
    async text() {
      await look();
      return registry.metrics();
    },
    contentType: registry.contentType,
  };
}

/** What is read when Prometheus asks, rather than counted here. */
function watchSources(registry: Registry, clock: Clock, sources: Sources): void {
  const registers = [registry];
  const gauge = (name: string, help: string, value: () => number): void => {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(value());
      },
    });
  };
  const total = (name: string, help: string, value: () => number): void => {
    new Counter({
      name,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(value());
      },
    });
  };
  const ageSeconds = (at: Date | null): number =>
    at === null ? 0 : Math.max(0, (clock.now().getTime() - at.getTime()) / 1000);

  const build = new Gauge({
    name: "hualu_build_info",
    help: "What runs; always 1.",
    labelNames: ["version", "bun", "database"],
    registers,
  });
  build.set({ version, bun: Bun.version, database: sources.database }, 1);
  gauge("hualu_ready", "1 while requests are welcome.", () => Number(sources.ready()));

  total("hualu_deliveries_drained_total", "Deliveries handled.", () => sources.drained().deliveries);
  total("hualu_events_matched_total", "Events that reached their call.", () => sources.drained().events);
  total(
    "hualu_deliveries_unmatched_total",
    "Deliveries set aside: no call fits yet.",
    () => sources.drained().unmatched,
  );
  total("hualu_deliveries_malformed_total", "Deliveries set aside: unreadable.", () => sources.drained().malformed);
  total("hualu_events_unrecognized_total", "Events of a kind unknown here.", () => sources.drained().unrecognized);
  gauge("hualu_drain_idle_seconds", "Since the inbox was last emptied or a batch handled.", () =>
    ageSeconds(sources.drained().lastRun),
  );

  total("hualu_stream_messages_total", "Messages told to listeners.", () => sources.streams().messages);
  total("hualu_stream_resets_total", "Listeners that had to begin anew.", () => sources.streams().resets);
  new Gauge({
    name: "hualu_streams",
    help: "Open streams.",
    labelNames: ["kind"],
    registers,
    collect() {
      for (const [kind, count] of Object.entries(sources.streams().open)) this.set({ kind }, count);
    },
  });
  new Counter({
    name: "hualu_streams_ended_total",
    help: "Streams that ended, by why.",
    labelNames: ["reason"],
    registers,
    collect() {
      this.reset();
      for (const [reason, count] of Object.entries(sources.streams().ended)) this.inc({ reason }, count);
    },
  });
  new Gauge({
    name: "hualu_lines",
    help: "Lines in use, by their health as this process sees it.",
    labelNames: ["channel", "state"],
    registers,
    collect() {
      this.reset();
      for (const { channel, state } of sources.lines())
        this.inc({ channel: sources.channels.includes(channel) ? channel : "other", state });
    },
  });
  gauge("process_resident_memory_bytes", "Memory that is resident.", () => process.memoryUsage.rss());
  total("process_cpu_seconds_total", "CPU time of user and system.", () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
}

/**
 * One look at the database for all of its gauges, to be made before they are written out. While it is away they are
 * not there, and `hualu_database_up` says why.
 */
function watchQueues(registry: Registry, sources: Sources): () => Promise<void> {
  const registers = [registry];
  const make = <Label extends string>(name: string, help: string, labelNames: Label[]) =>
    new Gauge({ name, help, labelNames, registers });
  const up = make("hualu_database_up", "1 where the database answered this scrape.", []);
  const backlog = make("hualu_inbox_backlog", "Deliveries that wait, of all instances, counted up to 10000.", []);
  const oldest = make("hualu_inbox_oldest_seconds", "Age of the delivery that has waited longest.", []);
  const lag = make("hualu_poll_lag_seconds", "How late the latest feed, or ask about a live call, is.", ["kind"]);
  const parked = make("hualu_deliveries_parked", "Deliveries that are set aside now, up to 10000.", ["reason"]);
  return async () => {
    const look = await sources.look().catch(() => null);
    up.set(Number(look !== null));
    for (const gauge of [backlog, oldest]) gauge.remove();
    for (const gauge of [lag, parked]) gauge.reset();
    if (look === null) return;
    backlog.set(look.backlog);
    oldest.set(look.oldestSeconds);
    lag.set({ kind: "feed" }, look.feedLagSeconds);
    lag.set({ kind: "follow" }, look.followLagSeconds);
    parked.set({ reason: "unmatched" }, look.unmatchedParked);
    parked.set({ reason: "malformed" }, look.malformedParked);
  };
}
