/** 玖云 (33e9cloud.com), 专线语音: callback calls, told by push, with a record to ask for afterwards. */
import {
  type CallOrder,
  type Channel,
  type ChannelDefinition,
  ChannelError,
  type ChannelTools,
  type Followed,
  type PhoneNumber,
  type PlacedCall,
  type RawDelivery,
} from "../contract.ts";
import { type E9Config, e9Config } from "./config.ts";
import { normalize, recordKind, userDataOf } from "./map.ts";
import { anyAnswer, type CallbackRequest, callIdUnknown, openWire, placeAnswer, recordAnswer } from "./wire.ts";
import { readRequest } from "./xml.ts";

/** Fewer than ten queries a minute are allowed; three are left for whoever else asks with this account. */
const followPerMinute = 6;
/** A record appears seconds to minutes after the end. */
const followEveryMs = 60_000;
const callSecondsMax = 8 * 3_600;
/** Of the form of a call id, and nobody's. */
const nobodysCallId = "0".repeat(32);
/** Word for word as documented; the platform is said not to read it. */
const gotIt = [
  "<?xml version='1.0' encoding='utf-8'?>",
  "<Response><statusCode>0000</statusCode><statusMsg>Success</statusMsg></Response>",
].join("");

export const e9: ChannelDefinition<E9Config> = {
  provider: "e9",
  title: { zh: "玖云", en: "Jiuyun (33e9cloud)" },
  config: e9Config,
  secretFields: ["authToken"],
  // Recordings are asked for with a credential of the account.
  addressFields: ["baseUrl", "recordingHost"],
  accountKey: ({ accountSid, appId }) => `${accountSid}/${appId}`,
  simulated: false,
  agentKind: "phone",
  honours: () => ["privacy", "record", "displayNumber"],
  controls: () => [],
  canHangUp: () => true,
  // No retry is documented, but that the end is always sent is, and a call that has ended can be asked for. What this
  // costs: with its one CallEstablish lost, a long call closes too early, until its end corrects the record.
  live: () => "reliable",
  hasFeed: () => false,
  polled: () => false,
  quota: () => ({ followPerMinute, followBatchMax: 1, followEveryMs, pollEveryMs: followEveryMs }),
  // There is no `find`: records are of ended calls and asked for by the provider's id, which a lost answer took along.
  lookup: () => ({ settleAfterMs: 0, absentProvesForMs: 0 }),
  // An end tells who answered, not who rang: even a fault of the provider's may have come after A's phone rang.
  neverDialed: [],
  // It tells of calling and of answering, never of ringing.
  cannotKnow: () => ["aRingTime", "bRingTime", "ringDuration"],
  precisionMs: 1_000,
  legacyPaths: [],
  create,
};

type Wire = ReturnType<typeof openWire>;

function create(config: E9Config, tools: ChannelTools): Channel {
  const wire = openWire(config, tools);
  async function cancel(callId: string, signal: AbortSignal): Promise<void> {
    await wire.ask("Calls/CancelCallback", { req: { appId: config.appId, callId } }, anyAnswer, signal);
  }
  return {
    provider: e9.provider,
    normalize,
    async close() {},
    async place(order, signal) {
      const body = { callback: callbackRequest(order, config.appId) };
      const { callId } = await wire.ask(`Calls/${config.callbackPath}`, body, placeAnswer, signal);
      return { providerCallId: callId, providerJobId: null };
    },
    /**
     * Cancels a call that nobody has: that it is unknown is said only to whoever is let in. A query for its record
     * would not name the app, so that a wrong one would show only when calls fail.
     */
    async probe(signal) {
      try {
        await cancel(nobodysCallId, signal);
      } catch (error) {
        if (!(error instanceof ChannelError) || error.code !== callIdUnknown) throw error;
      }
    },
    hangup: (call, signal) => cancel(call.providerCallId, signal),
    async follow(calls, signal) {
      const followed: Followed[] = [];
      // One after the other: the provider counts, and answers about one call at a time.
      for (const call of calls) followed.push(await followOne(wire, call, signal));
      return followed;
    },
    async webhook(request) {
      const fields = readRequest(request.body);
      const appId = fields?.get("appId");
      // Nothing is signed: the address's token proves where this comes from. The app, where named, has to be ours.
      if (appId !== undefined && appId !== config.appId) {
        throw new ChannelError({ kind: "unauthorized", effect: "none", cause: "credentials", code: "appId" });
      }
      const delivery = { kind: kindOf(fields?.get("action")), body: request.body };
      return { deliveries: [delivery], reply: { status: 200, contentType: "application/xml", body: gotIt } };
    },
    openRecording: wire.openRecording,
  };
}

function askRecord(wire: Wire, callId: string, signal: AbortSignal) {
  return wire.ask("Records/query", { req: { callId, type: 1 } }, recordAnswer, signal);
}

async function followOne(wire: Wire, call: PlacedCall, signal: AbortSignal): Promise<Followed> {
  const { callId, attempt } = call;
  try {
    const { callNotify } = await askRecord(wire, call.providerCallId, signal);
    if (callNotify == null || Object.keys(callNotify).length === 0) {
      throw new ChannelError({ kind: "refused", effect: "none", cause: "not-found", code: "no-record" });
    }
    const body = new TextEncoder().encode(JSON.stringify({ callNotify }));
    return { callId, attempt, delivery: { kind: recordKind, body } satisfies RawDelivery };
  } catch (error) {
    if (error instanceof ChannelError) return { callId, attempt, error };
    throw error;
  }
}

function callbackRequest(order: CallOrder, appId: string): CallbackRequest {
  if (order.agent.phone === null) throw refused("agent");
  const shown = order.displayNumber === null ? null : nationalOf(order.displayNumber, "shown-number");
  // What A sees without a number of ours is the provider's choice, and may be the customer's.
  if (order.privacy && shown === null) throw refused("shown-number");
  return {
    appId,
    from: nationalOf(order.agent.phone, "agent"),
    to: nationalOf(order.customer, "region"),
    ...(order.privacy && shown !== null && { fromSerNum: [shown] }),
    ...(shown !== null && { toSerNum: [shown] }),
    needRecord: order.record ? 1 : 0,
    userData: userDataOf(order.callId, order.attempt),
    maxCallTime: Math.min(Math.ceil(order.maxDurationSeconds), callSecondsMax),
  };
}

/** Another country's number without its code would be read as a Chinese one, and ring a stranger. */
function nationalOf(number: PhoneNumber, cause: "agent" | "region" | "shown-number"): string {
  if (/^\+(?!86)/.test(number.reveal())) throw refused(cause);
  return number.national();
}

function refused(cause: "agent" | "region" | "shown-number"): ChannelError {
  return new ChannelError({ kind: "refused", effect: "none", cause });
}

/** The provider's name of the notification; what cannot be read is kept as it came. */
function kindOf(action: string | undefined): string {
  return action !== undefined && /^[A-Za-z]{1,32}$/.test(action) && action !== recordKind ? action : "event";
}
