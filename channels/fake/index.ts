/** A provider that rings no phone, for demonstrations and tests. Its far side is `fake.ts`. */
import { z } from "zod";
import {
  type CallOrder,
  type Channel,
  type ChannelDefinition,
  ChannelError,
  type ChannelTools,
  controlActions,
  type Followed,
  type PlacedCall,
  type RawDelivery,
  type RawRequest,
} from "../contract.ts";
import { type FakeConfig, fakeConfig } from "./config.ts";
import { neverDialed, normalize } from "./map.ts";
import { verify } from "./sign.ts";
import { feedAnswer, listAnswer, openWire, type PlaceRequest, placeAnswer, statesAnswer } from "./wire.ts";

const pushedEventsMax = 50;
const followBatchMax = 100;

export const fake: ChannelDefinition<FakeConfig> = {
  provider: "fake",
  title: { zh: "模拟线路（不响任何电话）", en: "Simulation (rings no phone)" },
  config: fakeConfig,
  secretFields: ["secret"],
  addressFields: ["baseUrl"],
  accountKey: (config) => config.accountId,
  simulated: true,
  exempt: (config) => !config.protect,
  agentKind: "phone",
  honours: () => ["privacy", "record", "displayNumber"],
  controls: (config) => (config.controls ? controlActions : []),
  canHangUp: () => true,
  live: () => "reliable",
  hasFeed: (config) => config.flavour === "poll",
  polled: (config) => config.flavour === "poll",
  quota: ({ speed }) => ({
    followPerMinute: 6_000,
    followBatchMax,
    followEveryMs: Math.max(50, 1_000 / speed),
    pollEveryMs: Math.max(100, 2_000 / speed),
  }),
  lookup: ({ speed }) => ({ settleAfterMs: Math.max(50, 2_000 / speed), absentProvesForMs: 60_000 }),
  neverDialed,
  cdrShowsDialing: true,
  precisionMs: 1,
  legacyPaths: [],
  create,
};

type Wire = ReturnType<typeof openWire>;

function create(config: FakeConfig, tools: ChannelTools): Channel {
  const wire = openWire(config, tools);
  const nothing = z.object({});

  const channel: Channel = {
    provider: fake.provider,
    normalize,
    async close() {},
    async place(order, signal) {
      const body = placeRequest(order, config);
      const { callId } = await wire.ask({ method: "POST", path: "/v1/calls", body }, placeAnswer, signal);
      return { providerCallId: callId, providerJobId: null };
    },
    async probe(signal) {
      await wire.ask({ method: "GET", path: "/v1/account" }, nothing, signal);
    },
    async find(order, _since, signal) {
      if (config.lookup === "none") return "cannot-tell";
      const query = `callRef=${encodeURIComponent(order.callId)}&attempt=${order.attempt}`;
      const path = `/v1/calls/${config.lookup}?${query}`;
      const { calls, complete } = await wire.ask({ method: "GET", path }, listAnswer, signal);
      const call = calls.find((one) => one.callRef === order.callId && one.attempt === order.attempt);
      if (call) return { providerCallId: call.callId, providerJobId: null };
      // A list of ended calls says nothing about two people who are still talking.
      return config.lookup === "running" && complete ? "absent" : "cannot-tell";
    },
    async hangup(call, signal) {
      const body = { callId: call.providerCallId };
      await wire.ask({ method: "POST", path: "/v1/calls/hangup", body }, nothing, signal);
    },
    async follow(calls, signal) {
      const followed: Followed[] = [];
      for (let from = 0; from < calls.length; from += followBatchMax) {
        followed.push(...(await followBatch(wire, calls.slice(from, from + followBatchMax), signal)));
      }
      return followed;
    },
    async openRecording(ref, signal) {
      return wire.openRecording(ref, signal);
    },
  };

  if (config.controls) {
    channel.control = async (call, control, signal) => {
      const to = control.action === "transfer" ? transferTarget(control.to) : null;
      const body = { callId: call.providerCallId, action: control.action, to };
      await wire.ask({ method: "POST", path: "/v1/calls/control", body }, nothing, signal);
    };
  }
  if (config.flavour === "push") {
    channel.webhook = async (request) => {
      authenticate(request, config.secret, tools.now());
      return {
        deliveries: split(request.body),
        reply: { status: 200, contentType: "application/json", body: '{"ok":true}' },
      };
    };
  } else {
    channel.poll = async (cursor, signal) => {
      const path = `/v1/cdrs${cursor === null ? "" : `?after=${encodeURIComponent(cursor)}`}`;
      const feed = await wire.ask({ method: "GET", path }, feedAnswer, signal);
      return { deliveries: feed.cdrs.map((cdr) => ({ kind: "cdr", body: bytes(cdr) })), cursor: feed.cursor };
    };
  }
  return channel;
}

async function followBatch(wire: Wire, calls: PlacedCall[], signal: AbortSignal): Promise<Followed[]> {
  const body = { callIds: calls.map((call) => call.providerCallId) };
  const answer = await wire.ask({ method: "POST", path: "/v1/calls/states", body }, statesAnswer, signal);
  const states = new Map(answer.states.map((state) => [state.callId, state]));
  return calls.map(({ callId, attempt, providerCallId }) => {
    const state = states.get(providerCallId);
    if (state) return { callId, attempt, delivery: { kind: state.type.slice(0, 32), body: bytes(state) } };
    const error = new ChannelError({ kind: "refused", effect: "none", cause: "not-found", code: "E_NOT_FOUND" });
    return { callId, attempt, error };
  });
}

function placeRequest(order: CallOrder, config: FakeConfig): PlaceRequest {
  const agent = order.agent.phone;
  if (agent === null) throw new ChannelError({ kind: "refused", effect: "none", cause: "agent" });
  return {
    callRef: order.callId,
    attempt: order.attempt,
    agent: agent.reveal(),
    customer: order.customer.reveal(),
    displayNumber: order.displayNumber?.reveal() ?? null,
    privacy: order.privacy,
    record: order.record,
    ringTimeoutSeconds: order.ringTimeoutSeconds,
    maxDurationSeconds: order.maxDurationSeconds,
    notifyUrl: config.flavour === "push" ? order.notifyUrl : null,
    answersAll: config.answersAll,
    speed: config.speed,
  };
}

function transferTarget(to: { reveal(): string } | { seat: string }): string {
  return "seat" in to ? to.seat : to.reveal();
}

function authenticate(request: RawRequest, secret: string, now: Date): void {
  const { method, body, headers } = request;
  const signed = { time: headers["x-fake-time"] ?? "", nonce: headers["x-fake-nonce"] ?? "", method, path: "", body };
  if (verify(secret, signed, headers["x-fake-signature"] ?? "", now)) return;
  throw new ChannelError({ kind: "unauthorized", effect: "none", cause: "credentials", code: "signature" });
}

/**
 * One message, or an array of them; what each says is `normalize`'s business. What is neither stays whole: it proved
 * where it comes from, so it is kept, and `normalize` will say that it cannot be read.
 */
function split(body: Uint8Array): RawDelivery[] {
  const messages = parsed(body);
  if (messages === null || messages.length > pushedEventsMax) return [{ kind: "event", body }];
  try {
    return messages.map((message) => ({ kind: isCdr(message) ? "cdr" : "event", body: bytes(message) }));
  } catch {
    // Nested so deep that it cannot be written again.
    return [{ kind: "event", body }];
  }
}

function isCdr(message: unknown): boolean {
  return typeof message === "object" && message !== null && "type" in message && message.type === "cdr";
}

function parsed(body: Uint8Array): unknown[] | null {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
    return Array.isArray(value) ? value : [value];
  } catch {
    return null;
  }
}

function bytes(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}
