/**
 * 阿里云云呼叫中心 (CCC 2020-07-01), 双呼: events pushed or asked for, records listed.
 * Facts: help.aliyun.com/product/90012.html, github.com/AlibabaCloudDocs/ccc.
 */
import {
  type CallOrder,
  type Channel,
  type ChannelDefinition,
  ChannelError,
  type ChannelTools,
  type OrderField,
  type PhoneNumber,
} from "../contract.ts";
import { refused } from "./codes.ts";
import { type AliyunConfig, aliyunConfig } from "./config.ts";
import { openFeed } from "./feed.ts";
import { openFind } from "./find.ts";
import { eventsBatchMax, followEvents, followRecords } from "./follow.ts";
import { instanceOf, normalize, split } from "./map.ts";
import { writeTags } from "./ref.ts";
import { anyAnswer, instanceAnswer, openWire, type StartCall, startAnswer } from "./wire.ts";

const minuteMs = 60_000;
/** Documented for redialing; for calls like ours no limit is. */
const timeoutSecondsMax = 300;

export const aliyun: ChannelDefinition<AliyunConfig> = {
  provider: "aliyun",
  title: { zh: "阿里云云呼叫中心", en: "Alibaba Cloud Call Center" },
  config: aliyunConfig,
  secretFields: ["accessKeySecret"],
  addressFields: ["baseUrl"],
  accountKey: ({ instanceId, baseUrl }) => `${instanceId}@${new URL(baseUrl).host}`,
  simulated: false,
  // Both legs of a two-way call are phone numbers: no agent of the instance has to be logged in.
  agentKind: "phone",
  // Both are called from the instance's number: the agent never sees the customer's.
  honours: ({ recorded }): OrderField[] => ["privacy", "displayNumber", ...(recorded ? (["record"] as const) : [])],
  controls: () => [],
  canHangUp: () => true,
  // Whether a push is tried again is not documented; what is asked for does not get lost.
  live: ({ news }) => (news === "asked" ? "reliable" : "lossy"),
  hasFeed: () => true,
  polled: ({ news }) => news === "asked",
  quota: ({ followPerMinute, followEverySeconds, feedPerMinute, news }) => ({
    followPerMinute,
    followBatchMax: news === "asked" ? eventsBatchMax : 1,
    followEveryMs: followEverySeconds * 1_000,
    pollEveryMs: minuteMs / feedPerMinute,
  }),
  // Records are of ended calls: nothing is ever proved absent.
  lookup: () => ({ settleAfterMs: 2_000, absentProvesForMs: 0 }),
  neverDialed: [],
  // Events have milliseconds; a record's length of the talk, from which an answer may be reckoned, has seconds.
  cannotKnow: () => ["bCallTime"],
  precisionMs: 1_000,
  legacyPaths: ["status", "recording"],
  pushNames: { accountIn: ({ body }) => instanceOf(body), accountOf: ({ instanceId }) => instanceId },
  create,
};

function create(config: AliyunConfig, tools: ChannelTools): Channel {
  const wire = openWire(config, tools);
  const feed = openFeed(config, tools.now, wire.ask);
  return {
    provider: aliyun.provider,
    normalize: (delivery) => normalize(delivery, config),
    async close() {},
    async place(order, signal) {
      const { CallContext } = await wire.ask("StartBack2BackCall", startCall(order, config), startAnswer, signal);
      return { providerCallId: CallContext.JobId, providerJobId: CallContext.JobId };
    },
    async probe(signal) {
      const { Status } = await wire.ask("GetInstance", {}, instanceAnswer, signal);
      if (Status !== "RUNNING") throw refused("instance", "not-running");
    },
    find: openFind(wire.ask, tools.now),
    async hangup(call, signal) {
      const device = config.releaseDeviceId === undefined ? {} : { DeviceId: config.releaseDeviceId };
      await wire.ask("ReleaseCall", { JobId: call.providerCallId, ...device }, anyAnswer, signal);
    },
    follow: (calls, signal) =>
      config.news === "asked" ? followEvents(wire.ask, calls, signal) : followRecords(wire.ask, calls, signal),
    poll: feed,
    // The vendor signs no push: the secret address, or what stands before it, proves where this comes from.
    async webhook({ body }) {
      const named = instanceOf(body);
      if (named !== null && named !== config.instanceId) {
        throw new ChannelError({ kind: "unauthorized", effect: "none", cause: "instance", code: "instanceId" });
      }
      return {
        deliveries: split(body),
        reply: { status: 200, contentType: "application/json", body: '{"success":true}' },
      };
    },
    openRecording: (ref, signal) => wire.openRecording(ref, signal),
  };
}

function startCall(order: CallOrder, { timeoutCovers }: AliyunConfig): StartCall {
  if (order.agent.phone === null) throw refused("agent");
  if (order.displayNumber === null) throw refused("shown-number");
  const seconds = Math.ceil(order.ringTimeoutSeconds) * (timeoutCovers === "both" ? 2 : 1);
  return {
    Caller: nationalOf(order.agent.phone, "agent"),
    Callee: nationalOf(order.customer, "region"),
    Broker: nationalOf(order.displayNumber, "shown-number"),
    TimeoutSeconds: String(Math.min(seconds, timeoutSecondsMax)),
    Tags: writeTags(order),
  };
}

/** Another country's number without its code would be read as a Chinese one, and ring a stranger. */
function nationalOf(number: PhoneNumber, cause: "agent" | "region" | "shown-number"): string {
  if (/^\+(?!86)/.test(number.reveal())) throw refused(cause);
  return number.national();
}
