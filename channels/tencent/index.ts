/** 腾讯云联络中心 (cloud.tencent.com/document/product/679), API 2020-02-10: 双呼 to an agent's mobile, asked for and pushed. */
import {
  type CallOrder,
  type Channel,
  type ChannelDefinition,
  ChannelError,
  type ChannelTools,
  type OrderField,
} from "../contract.ts";
import { notFound } from "./codes.ts";
import { type TencentConfig, tencentConfig } from "./config.ts";
import { openFeed } from "./feed.ts";
import { findSession } from "./find.ts";
import { followAll, spelledId } from "./follow.ts";
import { normalize, placementOf, readRecordingRef, writeUserData } from "./map.ts";
import { dialable } from "./number.ts";
import { appIdIn, receive, tokenKind } from "./push.ts";
import { anyAnswer, createAnswer, openWire } from "./wire.ts";

const minuteMs = 60_000;

export const tencent: ChannelDefinition<TencentConfig> = {
  provider: "tencent",
  title: { zh: "腾讯云联络中心", en: "Tencent Cloud Contact Center" },
  config: tencentConfig,
  secretFields: ["secretKey", "pushSecret"],
  addressFields: ["baseUrl"],
  accountKey: ({ sdkAppId, baseUrl }) => `${sdkAppId}@${new URL(baseUrl).host}`,
  simulated: false,
  // The agent's account, an e-mail address: the platform rings the mobile that is bound to it.
  agentKind: "seat",
  // Agents are called by the platform's number and never shown the customer's.
  honours: ({ recorded }): OrderField[] => ["privacy", "displayNumber", ...(recorded ? (["record"] as const) : [])],
  controls: () => [],
  canHangUp: () => true,
  live: () => "reliable",
  hasFeed: () => true,
  polled: () => true,
  quota: ({ followPerMinute, followEverySeconds, feedPerMinute }) => ({
    followPerMinute,
    // A query names one call.
    followBatchMax: 1,
    followEveryMs: followEverySeconds * 1_000,
    pollEveryMs: minuteMs / feedPerMinute,
  }),
  // The list of calls in progress is documented for such as talk already: nothing is ever proved absent by it.
  lookup: () => ({ settleAfterMs: 1_000, absentProvesForMs: 0 }),
  // A rule that stops the customer's leg is told after the agent's phone has rung.
  neverDialed: [],
  cannotKnow: () => ["bCallTime"],
  precisionMs: 1_000,
  legacyPaths: ["", tokenKind],
  // Who asks for a token names its client, not its application.
  pushNames: {
    accountIn: ({ kind, body }) => (kind === tokenKind ? undefined : (appIdIn(body) ?? null)),
    accountOf: ({ sdkAppId }) => String(sdkAppId),
  },
  signsPushes: ({ pushAuth }) => pushAuth !== "none",
  create,
};

function create(config: TencentConfig, tools: ChannelTools): Channel {
  const wire = openWire(config, tools);
  return {
    provider: tencent.provider,
    normalize: (delivery) => normalize(delivery, config),
    async close() {},
    async place(order, signal) {
      const { SessionId } = await wire.ask("CreateCallOutSession", callOut(order), createAnswer, signal);
      return placementOf(SessionId);
    },
    async probe(signal) {
      await wire.ask("DescribeNumbers", { PageNumber: 0, PageSize: 1 }, anyAnswer, signal);
    },
    find: (order, since, signal) => findSession(wire, order, { since, now: tools.now() }, signal),
    async hangup(call, signal) {
      await wire.ask("HangUpCall", { SessionId: spelledId(call) }, anyAnswer, signal);
    },
    follow: (calls, signal) => followAll(wire, tools.now, calls, signal),
    poll: openFeed(config, tools.now, wire.ask),
    webhook: async (request) => receive(config, tools.now(), request),
    async openRecording(ref, signal) {
      const found = readRecordingRef(ref);
      if (found === null) throw notFound("ref");
      return wire.openRecording(found.session, found.at, signal);
    },
  };
}

function callOut(order: CallOrder) {
  if (order.agent.seat === null) throw new ChannelError({ kind: "refused", effect: "none", cause: "agent" });
  const shown = order.displayNumber === null ? null : dialable(order.displayNumber, "shown-number");
  return {
    UserId: order.agent.seat,
    Callee: dialable(order.customer, "region"),
    // Never more than one: the platform itself would call again from the next.
    ...(shown !== null && { Callers: [shown] }),
    IsForceUseMobile: true,
    UUI: writeUserData(order.callId, order.attempt),
  };
}
