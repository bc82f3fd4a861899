/** 华为云语音通话 语音回呼 (VoiceCall click2Call): told by push alone. Facts: support.huaweicloud.com/api-VoiceCall. */
import {
  type CallOrder,
  type Channel,
  type ChannelDefinition,
  ChannelError,
  type ChannelTools,
  type PhoneNumber,
  type RawDelivery,
  type RawRequest,
} from "../contract.ts";
import { clockRefused } from "./codes.ts";
import { type HwvoiceConfig, hwvoiceConfig } from "./config.ts";
import { openNormalize, writeUserData } from "./map.ts";
import { type Clock, verifyPush } from "./sign.ts";
import { type ClickToCall, callAnswer, openWire, stopAnswer } from "./wire.ts";

/** Of the form of a session's id, and nobody's. */
const nobodysSession = "0_0_0_20000101000000@nobody";
const feesMax = 50;
const maxMinutesMax = 1_440;
const addressLengthMax = 128;
/** Nothing can be asked of this provider: the definition wants a figure all the same. */
const minuteMs = 60_000;

export const hwvoice: ChannelDefinition<HwvoiceConfig> = {
  provider: "hwvoice",
  title: { zh: "华为云语音通话 语音回呼", en: "Huawei VoiceCall two-way call" },
  config: hwvoiceConfig,
  secretFields: ["appSecret"],
  addressFields: ["baseUrl"],
  accountKey: ({ appKey, baseUrl }) => `${appKey}@${new URL(baseUrl).host}`,
  simulated: false,
  agentKind: "phone",
  honours: () => ["privacy", "record", "displayNumber"],
  controls: () => [],
  canHangUp: () => true,
  // A status is pushed once and never again; the fee record comes up to six more times, an hour apart.
  live: () => "lossy",
  hasFeed: () => false,
  polled: () => false,
  quota: () => ({ followPerMinute: 60, followBatchMax: 1, followEveryMs: minuteMs, pollEveryMs: minuteMs }),
  // There is no `find`: neither running nor ended calls can be asked for.
  lookup: () => ({ settleAfterMs: 0, absentProvesForMs: 0 }),
  // A disconnect does not say which of the legs it stopped, and A's may have rung.
  neverDialed: [],
  precisionMs: 1_000,
  legacyPaths: [],
  create,
};

function create(config: HwvoiceConfig, tools: ChannelTools): Channel {
  const wire = openWire(config, tools);
  let clock: Clock = config.createdClock;
  const stop = (sessionid: string, stopClock: Clock, signal: AbortSignal) => {
    const body = { sessionid, signal: "call_stop" };
    return wire.ask({ operation: "callStop", body, form: stopAnswer, clock: stopClock }, signal);
  };
  return {
    provider: hwvoice.provider,
    normalize: openNormalize(config),
    async close() {},
    async place(order, signal) {
      const ask = { operation: "click2Call", body: clickToCall(order, config), form: callAnswer, clock } as const;
      return { providerCallId: (await wire.ask(ask, signal)).sessionId, providerJobId: null };
    },
    /** Stops a call that nobody has: that it is not there is said only to whoever is let in. */
    async probe(signal) {
      const probed = async (tried: Clock) => {
        try {
          await stop(nobodysSession, tried, signal);
        } catch (error) {
          if (!(error instanceof ChannelError) || error.cause !== "not-found") throw error;
        }
      };
      try {
        await probed(clock);
      } catch (error) {
        if (!(error instanceof ChannelError) || error.code !== clockRefused) throw error;
        // The vendor's pages name both clocks; the one that is let in stays in use.
        const other = clock === "utc" ? "utc+8" : "utc";
        await probed(other);
        clock = other;
      }
    },
    async hangup(call, signal) {
      await stop(call.providerCallId, clock, signal);
    },
    async webhook(request) {
      authenticate(request, config, tools.now());
      const body = JSON.stringify({ resultcode: "0", resultdesc: "Success" });
      return {
        deliveries: split(request.body),
        reply: { status: 200, contentType: "application/json", body },
      };
    },
    openRecording: (ref, signal) => wire.openRecording(ref, clock, signal),
  };
}

function clickToCall(order: CallOrder, config: HwvoiceConfig): ClickToCall {
  const { agent, customer, displayNumber, notifyUrl } = order;
  if (agent.phone === null) throw refused("agent");
  const shown = displayNumber === null ? config.displayNumber : shownAs(displayNumber);
  if (shown === undefined) throw refused("shown-number");
  const address = Buffer.from(notifyUrl).toString("base64");
  // A longer one would be refused: then those entered on the application have to be ours.
  const addressed = address.length > addressLengthMax ? {} : { statusUrl: address, feeUrl: address };
  const maxDuration = Math.min(maxMinutesMax, Math.max(1, Math.ceil(order.maxDurationSeconds / 60)));
  return {
    // A is always shown a number of ours, so that a private call needs nothing more.
    displayNbr: shown,
    callerNbr: domestic(agent.phone, "agent"),
    displayCalleeNbr: shown,
    calleeNbr: domestic(customer, "region"),
    maxDuration,
    ...addressed,
    recordFlag: order.record ? "true" : "false",
    userData: writeUserData(order, agent.phone, maxDuration),
  };
}

/** As the console lists it: with the country's code, but for 95xxx. */
function shownAs(number: PhoneNumber): string {
  if (/^\+(?!86)/.test(number.reveal())) throw refused("shown-number");
  return number.reveal();
}

/** Mainland numbers alone can be called, with their country's code: 95xxx and short numbers cannot. */
function domestic(number: PhoneNumber, cause: "agent" | "region"): string {
  if (!/^\+86\d{5,12}$/.test(number.reveal())) throw refused(cause);
  return number.reveal();
}

function refused(cause: "agent" | "region" | "shown-number"): ChannelError {
  return new ChannelError({ kind: "refused", effect: "none", cause });
}

/** The signature covers the address and a time, not the body: the address's token is what it adds to. */
function authenticate({ headers, notifyUrl, kind }: RawRequest, config: HwvoiceConfig, now: Date): void {
  const { callbackAuth: version, appKey, appSecret } = config;
  if (version === "none") return;
  const header = headers["x-aksk"] ?? "";
  const signedFor = notifyUrl === undefined || kind === "" ? (notifyUrl ?? "") : `${notifyUrl}/${kind}`;
  if (verifyPush({ appKey, appSecret, version, header, address: signedFor, now })) return;
  throw new ChannelError({ kind: "unauthorized", effect: "none", cause: "credentials", code: "signature" });
}

/** A fee push holds up to 50 records, each of its own call. What cannot be split stays whole. */
function split(body: Uint8Array): RawDelivery[] {
  const message = parsed(body);
  const isFee = typeof message === "object" && message !== null && "feeLst" in message;
  if (!isFee) return [{ kind: "status", body }];
  const { feeLst: records } = message;
  if (!Array.isArray(records) || records.length === 0 || records.length > feesMax) return [{ kind: "fee", body }];
  return records.map((record) => ({
    kind: "fee",
    body: new TextEncoder().encode(JSON.stringify({ eventType: "fee", feeLst: [record] })),
  }));
}

function parsed(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch {
    return null;
  }
}
