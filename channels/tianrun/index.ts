/** 天润融通 (Ti-Net): Clink and CTI-Cloud. An agent (cno) is rung first, then the customer. */
import {
  type CallOrder,
  type Channel,
  type ChannelDefinition,
  ChannelError,
  type ChannelTools,
  type Followed,
  type OrderField,
  type PhoneNumber,
  type PlacedCall,
  type RawDelivery,
  type RawRequest,
} from "../contract.ts";
import { openClink } from "./clink.ts";
import { notFound } from "./codes.ts";
import { baseOf, type TianrunConfig, tianrunConfig } from "./config.ts";
import { openCticloud } from "./cticloud.ts";
import { factsOf, fieldsOf } from "./facts.ts";
import { openNormalize, pushKind, readRequest, recordKind, requestIdOf, requestOf } from "./map.ts";
import { type Api, type Callout, openSound } from "./wire.ts";

const minuteMs = 60_000;
/** How many records are asked for at the same time. */
const followsAtOnce = 5;
const ringSecondsMin = 5;
const ringSecondsMax = 60;
/** Of the form of our requests, and nobody's. */
const nobodysRequest = "call_20000101_0000000000000000_1";

export const tianrun: ChannelDefinition<TianrunConfig> = {
  provider: "tianrun",
  title: { zh: "天润融通", en: "Ti-Net (Clink, CTI-Cloud)" },
  config: tianrunConfig,
  secretFields: ["accessKeySecret", "token"],
  addressFields: ["baseUrl"],
  accountKey: (config) => {
    const id = config.flavor === "clink" ? config.accessKeyId : config.enterpriseId;
    return `${id}@${new URL(baseOf(config)).host}`;
  },
  simulated: false,
  agentKind: "seat",
  honours: ({ recorded, hidesCustomer }): OrderField[] => [
    "displayNumber",
    ...(recorded ? (["record"] as const) : []),
    ...(hidesCustomer ? (["privacy"] as const) : []),
  ],
  controls: ({ flavor }) => (flavor === "clink" ? ["hold", "resume", "transfer"] : []),
  canHangUp: () => true,
  // Pushes are repeated up to three times; without them nothing is heard before the record.
  live: ({ pushed }) => (pushed ? "reliable" : "none"),
  hasFeed: () => false,
  polled: ({ pushed }) => !pushed,
  quota: ({ followPerMinute, followEverySeconds }) => ({
    followPerMinute,
    followBatchMax: 1,
    followEveryMs: followEverySeconds * 1_000,
    pollEveryMs: minuteMs,
  }),
  // Only ended calls are listed: nothing is ever proved absent.
  lookup: () => ({ settleAfterMs: 2_000, absentProvesForMs: 0 }),
  // No status says that A's phone did not ring.
  neverDialed: [],
  // When B begins to be called nothing tells; that A's phone rings only pushes do.
  cannotKnow: ({ pushed }) => (pushed ? ["bCallTime"] : ["bCallTime", "aRingTime"]),
  // That B's phone rings, or that the two talk, shows that A has answered.
  infers: ({ flavor }) => (flavor === "clink" ? ["aOffhookTime"] : []),
  precisionMs: 1_000,
  legacyPaths: [],
  create,
};

function create(config: TianrunConfig, tools: ChannelTools): Channel {
  const api = config.flavor === "clink" ? openClink(config, tools) : openCticloud(config, tools);
  const channel: Channel = {
    provider: tianrun.provider,
    normalize: openNormalize(config),
    async close() {},
    async place(order, signal) {
      const call = calloutOf(order, config);
      await api.callout(call, signal);
      // What the provider calls the call it tells later; the request's id is ours, and the agent is needed to act.
      return { providerCallId: call.requestId, providerJobId: call.cno };
    },
    async probe(signal) {
      await api.records(nobodysRequest, tools.now(), signal);
    },
    async find(order, since, signal) {
      const requestId = requestIdOf(order);
      const records = await api.records(requestId, since, signal);
      const isOurs = records.some((record) => requestIn(record) === requestId);
      return isOurs ? { providerCallId: requestId, providerJobId: order.agent.seat } : "cannot-tell";
    },
    async hangup(call, signal) {
      const cno = await runningAgent(api, call, signal);
      try {
        // Possible until A answers; from then on the two are parted.
        await api.agent(cno, { act: "cancel" }, signal);
      } catch (error) {
        if (!(error instanceof ChannelError) || error.kind !== "refused" || error.effect !== "none") throw error;
        await api.agent(cno, { act: "unlink" }, signal);
      }
    },
    async follow(calls, signal) {
      const followed: Followed[] = [];
      for (let from = 0; from < calls.length; from += followsAtOnce) {
        const batch = calls.slice(from, from + followsAtOnce);
        followed.push(...(await Promise.all(batch.map((call) => followOne(api, call, signal)))));
      }
      return followed;
    },
    openRecording: async (ref, signal) => openSound(await api.recordingUrl(ref, signal), tools.fetch, signal),
  };
  if (config.pushed) {
    channel.webhook = async (request) => ({
      deliveries: [pushOf(request, config)],
      reply: { status: 200, contentType: "text/plain", body: "success" },
    });
  }
  if (config.flavor === "clink") {
    channel.control = async (call, control, signal) => {
      const cno = await runningAgent(api, call, signal);
      if (control.action === "hold") return api.agent(cno, { act: "hold" }, signal);
      if (control.action === "resume") return api.agent(cno, { act: "unhold" }, signal);
      if (control.action !== "transfer") throw refused("unsupported");
      const { to } = control;
      const target = "seat" in to ? to.seat : dialable(to, "number");
      return api.agent(cno, { act: "transfer", to: target, isSeat: "seat" in to }, signal);
    };
  }
  return channel;
}

/** Acts name an agent, not a call: one whose record is there is over, and the agent may be in another. */
async function runningAgent(api: Api, call: PlacedCall, signal: AbortSignal): Promise<string> {
  if (readRequest(call.providerCallId) === null || call.providerJobId === null) throw notFound("request");
  if ((await api.records(call.providerCallId, call.sentAt, signal)).length > 0) throw refused("ended");
  return call.providerJobId;
}

async function followOne(api: Api, call: PlacedCall, signal: AbortSignal): Promise<Followed> {
  const { callId, attempt, providerCallId: request } = call;
  try {
    const records = await api.records(request, call.sentAt, signal);
    const ours = records.filter((record) => requestIn(record) === request);
    const [only] = records;
    // Clink's record repeats no request id: where it has no user field either, that it alone was found has to do.
    const record = ours[0] ?? (records.length === 1 && requestIn(only) === null ? only : undefined);
    if (record === undefined) throw notFound("no-record");
    const body = new TextEncoder().encode(JSON.stringify(record));
    return { callId, attempt, delivery: { kind: recordKind, body, about: { request } } };
  } catch (error) {
    if (error instanceof ChannelError) return { callId, attempt, error };
    throw error;
  }
}

function requestIn(record: unknown): string | null {
  const request = requestOf(factsOf(record, {}) ?? {});
  return request === null ? null : requestIdOf(request);
}

/** Nothing is signed: the address's token proves where this comes from. The enterprise, where named, has to be ours. */
function pushOf(request: RawRequest, config: TianrunConfig): RawDelivery {
  const body = request.method === "GET" ? new TextEncoder().encode(JSON.stringify(request.query)) : request.body;
  const enterprise = factsOf(fieldsOf(body), config.pushFields)?.enterprise;
  const ours = config.validateType === "enterprise" ? config.enterpriseId : undefined;
  if (enterprise !== undefined && ours !== undefined && enterprise !== ours) {
    throw new ChannelError({ kind: "unauthorized", effect: "none", cause: "credentials", code: "enterprise" });
  }
  return { kind: pushKind(request.kind), body };
}

function calloutOf(order: CallOrder, config: TianrunConfig): Callout {
  const { seat, phone } = order.agent;
  if (seat === null || !/^\d{3,10}$/.test(seat)) throw refused("agent");
  const ringSeconds = Math.min(ringSecondsMax, Math.max(ringSecondsMin, Math.ceil(order.ringTimeoutSeconds)));
  const mobile = phone !== null && /^\+861\d{10}$/.test(phone.reveal()) ? phone.national() : null;
  return {
    cno: seat,
    customer: dialable(order.customer, "region"),
    bindTel: config.ringAgentPhone ? mobile : null,
    shown: order.displayNumber === null ? null : dialable(order.displayNumber, "shown-number"),
    agentSeconds: ringSeconds,
    customerSeconds: ringSeconds,
    requestId: requestIdOf(order),
    userField: requestIdOf(order),
  };
}

/** Another country's number without its code would be read as a Chinese one, and ring a stranger. */
function dialable(number: PhoneNumber, cause: "region" | "shown-number" | "number"): string {
  if (/^\+(?!86)/.test(number.reveal())) throw refused(cause);
  return number.national();
}

function refused(cause: "agent" | "ended" | "number" | "region" | "shown-number" | "unsupported"): ChannelError {
  return new ChannelError({ kind: "refused", effect: "none", cause });
}
