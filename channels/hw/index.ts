/** 华为 AICC/CEC 双呼: asked for states and records. Facts: support.huaweicloud.com/api-ccfs-cec (cec_07_0051). */
import {
  type CallOrder,
  type Channel,
  type ChannelDefinition,
  ChannelError,
  type ChannelTools,
  type Followed,
  type OrderField,
  type PlacedCall,
} from "../contract.ts";
import { addressesOf, type HwConfig, hwConfig } from "./config.ts";
import { openFeed, pageMax } from "./feed.ts";
import { normalize, readCallData, writeCallData } from "./map.ts";
import { openTokens } from "./token.ts";
import { type CreateCall, openWire, type Wire } from "./wire.ts";

const minuteMs = 60_000;
/** How many states are asked for at the same time where more than one is wanted at once. */
const followsAtOnce = 10;

export const hw: ChannelDefinition<HwConfig> = {
  provider: "hw",
  title: { zh: "华为云客服 双呼", en: "Huawei AICC/CEC two-way call" },
  config: hwConfig,
  secretFields: ["appSecret"],
  addressFields: ["domain", "apiBaseUrl", "tokenBaseUrl"],
  accountKey: (config) => `${config.appKey}@${addressesOf(config).api}`,
  simulated: false,
  // V1 rings `caller`, a phone number; the seat goes along as `agentWorkNo` where it is known.
  agentKind: "phone",
  honours: ({ recorded }): OrderField[] => ["privacy", "displayNumber", ...(recorded ? (["record"] as const) : [])],
  controls: () => [],
  canHangUp: () => false,
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
  // Only ended calls are known to be listed: nothing is ever proved absent.
  lookup: () => ({ settleAfterMs: 2_000, absentProvesForMs: 0 }),
  neverDialed: [],
  // When B begins to be called is in no record, only when it rings.
  cannotKnow: () => ["bCallTime"],
  precisionMs: 1_000,
  legacyPaths: [],
  create,
};

function create(config: HwConfig, tools: ChannelTools): Channel {
  const tokens = openTokens(config, tools);
  const wire = openWire(config, tools, tokens);
  return {
    provider: hw.provider,
    normalize,
    async close() {
      tokens.close();
    },
    async place(order, signal) {
      return { providerCallId: await wire.createCall(createRequest(order, config), signal), providerJobId: null };
    },
    async probe(signal) {
      const now = tools.now().getTime();
      await wire.list({ ...windowOf(now - minuteMs, now), limit: "1" }, signal);
    },
    async find(order, since, signal) {
      const caller = order.agent.phone?.national();
      if (caller === undefined) return "cannot-tell";
      const now = tools.now().getTime();
      // Whichever of its times the list is cut by, the call's lie in here.
      const latest = since.getTime() + order.maxDurationSeconds * 1_000 + 15 * minuteMs;
      const window = windowOf(since.getTime() - minuteMs, Math.min(now, latest));
      const { calls } = await wire.list({ ...window, caller }, signal);
      const found = calls.find((call) => {
        const ours = readCallData(call.callData);
        return ours?.callId === order.callId && ours.attempt === order.attempt;
      });
      return found ? { providerCallId: found.callSerialNo, providerJobId: null } : "cannot-tell";
    },
    async follow(calls, signal) {
      const followed: Followed[] = [];
      for (let from = 0; from < calls.length; from += followsAtOnce) {
        const batch = calls.slice(from, from + followsAtOnce);
        followed.push(...(await Promise.all(batch.map((call) => followOne(wire, call, signal)))));
      }
      return followed;
    },
    poll: openFeed(config, tools.now, wire.list),
    // The callbacks are not signed: whoever knows the account's secret address is taken for the provider.
    async webhook({ body }) {
      const reply = JSON.stringify({ retCode: "0", retMsg: "success" });
      return {
        deliveries: [{ kind: "push", body }],
        reply: { status: 200, contentType: "application/json", body: reply },
      };
    },
    openRecording: (ref, signal) => wire.openRecording(ref, signal),
  };
}

async function followOne(wire: Wire, call: PlacedCall, signal: AbortSignal): Promise<Followed> {
  const { callId, attempt, providerCallId } = call;
  try {
    const body = await wire.state(providerCallId, signal);
    // The answer itself does not repeat whose state it is.
    return { callId, attempt, delivery: { kind: "state", body, about: { callSerialNo: providerCallId } } };
  } catch (error) {
    if (error instanceof ChannelError) return { callId, attempt, error };
    throw error;
  }
}

function createRequest(order: CallOrder, config: HwConfig): CreateCall {
  const { agent, customer, privacy, notifyUrl } = order;
  if (agent.phone === null) throw new ChannelError({ kind: "refused", effect: "none", cause: "agent" });
  const shown = order.displayNumber?.national();
  // The vendor refuses any number but the tenant's own here, unless it has opened the choice.
  const shownToAgent = !privacy && config.passThrough ? customer.national() : shown;
  return {
    caller: agent.phone.national(),
    called: customer.national(),
    ...(agent.seat !== null && { agentWorkNo: workNumber(agent.seat) }),
    callData: writeCallData(order),
    ...(shown !== undefined && { callerPresent: shown }),
    ...(shownToAgent !== undefined && { agentPresent: shownToAgent }),
    ...(config.releaseCallback && { callBackUrl: Buffer.from(notifyUrl).toString("base64") }),
  };
}

/** decimal(5), says the vendor. A seat that is none would be refused there, with a less clear reason. */
function workNumber(seat: string): number {
  if (/^\d{1,5}$/.test(seat)) return Number(seat);
  throw new ChannelError({ kind: "refused", effect: "none", cause: "agent", code: "work-number" });
}

function windowOf(from: number, to: number) {
  return { startTime: String(from), endTime: String(to), offset: "0", limit: String(pageMax), taskType: "1" } as const;
}
