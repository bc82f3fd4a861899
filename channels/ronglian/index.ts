/** 容联云通讯 (cloopen), 双向回呼: callback calls, told by a record at their end and, if set up, by server callbacks. */
import {
  type CallOrder,
  type Channel,
  type ChannelDefinition,
  ChannelError,
  type ChannelTools,
  type PhoneNumber,
  type Reply,
} from "../contract.ts";
import { type RonglianConfig, ronglianConfig } from "./config.ts";
import { callbackOf, callbacks, namingFields, neverDialed, normalize, readUserData, writeUserData } from "./map.ts";
import { type Push, readPush } from "./push.ts";
import { type CallbackRequest, openWire, type Wire } from "./wire.ts";

/** Of the form of a call id, and nobody's. */
const nobodysCallSid = "0".repeat(32);
/** Nothing is ever asked; the definition has to name some quota. */
const minuteMs = 60_000;

export const ronglian: ChannelDefinition<RonglianConfig> = {
  provider: "ronglian",
  title: { zh: "容联云通讯 双向回呼", en: "Ronglian Yuntongxun callback" },
  config: ronglianConfig,
  secretFields: ["authToken", "mainAuthToken"],
  addressFields: ["baseUrl"],
  accountKey: ({ accountSid, appId }) => `${accountSid}/${appId}`,
  simulated: false,
  agentKind: "phone",
  honours: () => ["privacy", "record", "displayNumber"],
  controls: () => [],
  canHangUp: () => true,
  // No second try of any push is documented, and without the server callbacks nothing is told before the end.
  live: ({ serverCallbacks }) => (serverCallbacks ? "lossy" : "none"),
  hasFeed: () => false,
  polled: () => false,
  quota: () => ({ followPerMinute: 1, followBatchMax: 1, followEveryMs: minuteMs, pollEveryMs: minuteMs }),
  // There is neither `find` nor `follow`: no query is known to cover callback calls.
  lookup: () => ({ settleAfterMs: 0, absentProvesForMs: 0 }),
  neverDialed,
  precisionMs: 1_000,
  legacyPaths: ["", ...callbacks],
  pushNames: { accountIn: ({ body }) => appIdIn(readPush(body)) || null, accountOf: ({ appId }) => appId },
  create,
};

function create(config: RonglianConfig, tools: ChannelTools): Channel {
  const wire = openWire(config, tools);
  return {
    provider: ronglian.provider,
    normalize,
    async close() {},
    async place(order, signal) {
      const providerCallId = await wire.callback(callbackRequest(order, config), signal);
      return { providerCallId, providerJobId: null };
    },
    probe: (signal) => probe(wire, config, signal),
    hangup: (call, signal) => wire.cancel(call.providerCallId, signal),
    async webhook({ kind: path, body }) {
      const push = readPush(body);
      const appId = appIdIn(push);
      // Nothing is signed: the address's token proves where this comes from. The app, where named, has to be ours.
      if (appId && appId !== config.appId) throw unauthorized();
      const callback = push === null ? callbacks.find((name) => name === path) : callbackOf(push, path);
      const kind = callbacks.find((name) => name === callback) ?? (push === null || callback ? "event" : "cdr");
      const isXml = !new TextDecoder().decode(body.subarray(0, 64)).trimStart().startsWith("{");
      const fields =
        callback == null ? { statuscode: "000000" } : callbackReply(config, kind === "CallAuth" ? push : null);
      return { deliveries: [{ kind, body }], reply: replyOf(fields, isXml) };
    },
    openRecording: wire.openRecording,
  };
}

const appIdIn = (push: Push | null): string | undefined =>
  push === null ? undefined : namingFields(push).get("appid");

/** Asks for the account; where only a sub-account is known, to cancel a call that is nobody's. */
async function probe(wire: Wire, config: RonglianConfig, signal: AbortSignal): Promise<void> {
  const balance = await wire.balance(signal);
  if (balance !== null && config.minimumBalance !== undefined && balance < config.minimumBalance) {
    throw new ChannelError({ kind: "refused", effect: "none", cause: "balance", code: "minimum-balance" });
  }
  // The balance proves neither the app nor, where another account calls, that one's token.
  await wire.cancel(nobodysCallSid, signal).catch((error) => {
    // That the call is unknown, in whichever words, is said only to whoever is let in.
    const isRefusal = error instanceof ChannelError && error.kind === "refused";
    if (!isRefusal || !["not-found", "parameter", "other"].includes(error.cause)) throw error;
  });
}

/** The wish for a recording goes along with the answer to CallAuth, which decides of it. */
function callbackReply({ authReply }: RonglianConfig, auth: Push | null): Record<string, string> {
  const ours = auth && readUserData(namingFields(auth).get("userdata"));
  return { statuscode: authReply, statusmsg: "", ...(ours && { record: ours.record ? "1" : "0" }) };
}

/** In the form of the push; `statuscode` is in lower case, unlike in answers. */
function replyOf(fields: Record<string, string>, isXml: boolean): Reply {
  if (!isXml) return { status: 200, contentType: "application/json", body: JSON.stringify(fields) };
  const inner = Object.entries(fields).map(([name, value]) => `<${name}>${value}</${name}>`);
  const body = `<?xml version="1.0" encoding="UTF-8"?><Response>${inner.join("")}</Response>`;
  return { status: 200, contentType: "application/xml", body };
}

function callbackRequest(order: CallOrder, config: RonglianConfig): CallbackRequest {
  if (order.agent.phone === null) throw refused("agent");
  const to = nationalOf(order.customer, "region");
  const shown = order.displayNumber === null ? null : nationalOf(order.displayNumber, "shown-number");
  // What A sees without a number of ours is the platform's choice, and may be the customer's.
  if (order.privacy && shown === null) throw refused("shown-number");
  const shownToAgent = order.privacy ? shown : config.passThrough ? to : null;
  return {
    ...(config.accountLevel === "Accounts" && { appId: config.appId }),
    from: nationalOf(order.agent.phone, "agent"),
    to,
    ...(shown !== null && { customerSerNum: shown }),
    ...(shownToAgent !== null && { fromSerNum: shownToAgent }),
    userData: writeUserData(order),
    maxCallTime: String(Math.ceil(order.maxDurationSeconds)),
    hangupCdrUrl: order.notifyUrl,
    needBothCdr: config.needBothCdr ? "1" : "0",
    needRecord: order.record ? "1" : "0",
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

function unauthorized(): ChannelError {
  return new ChannelError({ kind: "unauthorized", effect: "none", cause: "credentials", code: "appId" });
}
