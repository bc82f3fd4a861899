/** Any provider that speaks HTTP, described in the settings of a line instead of in code. */
import {
  type CallOrder,
  type Channel,
  type ChannelDefinition,
  ChannelError,
  type ChannelTools,
  type Followed,
  type OrderField,
  orderFields,
  type PlacedCall,
  type Placement,
  type RawRequest,
} from "../contract.ts";
import { type CustomConfig, customConfig } from "./config.ts";
import { listAt, parseDocument, textAt } from "./document.ts";
import { createNormalize, pushKind, stateKind } from "./map.ts";
import { provePush } from "./sign.ts";
import { namesIn, textsIn } from "./template.ts";
import { openTokens } from "./token.ts";
import { callValues, orderValues, readUserData, refuseLacking, userDataOf } from "./values.ts";
import { openWire, type Said } from "./wire.ts";

const settleAfterMs = 2_000;
const minuteMs = 60_000;
/** How many are asked about at the same time; a request names one call. */
const followsAtOnce = 10;

export const custom: ChannelDefinition<CustomConfig> = {
  provider: "custom",
  title: { zh: "自定义 HTTP 渠道", en: "Custom HTTP channel" },
  config: customConfig,
  secretFields: ["secret", "pushSecret"],
  // Tokens and recordings may come from hosts of their own, which are handed secrets too.
  addressFields: ["baseUrl", "token", "recording"],
  accountKey: ({ account, baseUrl }) => `${account}@${new URL(baseUrl).host}`,
  simulated: false,
  agentKind: "phone",
  honours: honoured,
  controls: () => [],
  canHangUp: ({ hangup }) => hangup !== undefined,
  live({ push, follow }) {
    if (follow?.live || push?.retried) return "reliable";
    return push === undefined ? "none" : "lossy";
  },
  hasFeed: () => false,
  polled: ({ follow }) => follow?.live ?? false,
  quota: ({ follow }) => ({
    followPerMinute: follow?.perMinute ?? 1,
    followBatchMax: 1,
    followEveryMs: (follow?.everySeconds ?? 60) * 1_000,
    pollEveryMs: minuteMs,
  }),
  // What a description calls a list is not known to hold every running call: nothing is ever proved absent.
  lookup: () => ({ settleAfterMs, absentProvesForMs: 0 }),
  signsPushes: ({ push }) => push !== undefined && push.auth !== "address-token",
  neverDialed: [],
  precisionMs: 1_000,
  legacyPaths: [],
  create: (config, tools) => createCustom("custom", config, tools),
};

/** What the request that places a call has a place for. */
function honoured({ place }: CustomConfig): OrderField[] {
  const used = namesUsed(place.request);
  const shows = { privacy: ["privacy", "shownToAgent"] };
  return orderFields.filter((field) => (field === "privacy" ? shows.privacy : [field]).some((name) => used.has(name)));
}

/** Asked for of every line that might place a call. */
const usedBy = new WeakMap<object, ReadonlySet<string>>();

function namesUsed(request: CustomConfig["place"]["request"]): ReadonlySet<string> {
  const used = usedBy.get(request) ?? new Set(textsIn(request).flatMap(namesIn));
  usedBy.set(request, used);
  return used;
}

export function createCustom(provider: string, config: CustomConfig, tools: ChannelTools): Channel {
  const tokens = openTokens(config, tools);
  const wire = openWire(config, tools, tokens);
  const { place, find, hangup, follow, probe, push } = config;
  const used = namesUsed(place.request);

  async function followOne(call: PlacedCall, signal: AbortSignal): Promise<Followed> {
    const { callId, attempt, providerCallId } = call;
    try {
      if (follow === undefined) throw new ChannelError({ kind: "refused", effect: "none", cause: "unsupported" });
      const { body } = await wire.ask(follow, callValues(call), signal);
      // The answer itself may not repeat whose state it is.
      const about = { userData: userDataOf(call), providerCallId };
      return { callId, attempt, delivery: { kind: stateKind, body, about } };
    } catch (error) {
      if (error instanceof ChannelError) return { callId, attempt, error };
      throw error;
    }
  }

  return {
    provider,
    normalize: createNormalize(config),
    async close() {
      tokens?.close();
    },
    async place(order, signal) {
      refuseLacking(order, used);
      return placementOf(config, order, await wire.ask(place, orderValues(config, order), signal));
    },
    async probe(signal) {
      if (probe !== undefined) await wire.ask(probe, {}, signal);
      else {
        // Whoever hands out tokens proves the credentials; that the API answers, be it a no, proves its reach.
        await tokens?.current(signal);
        await wire.reach(signal);
      }
    },
    ...(find &&
      ({
        async find(order, _since, signal) {
          const { document } = await wire.ask(find, orderValues(config, order), signal);
          for (const node of listAt(document, find.root)) {
            const ours = readUserData(textAt(node, find.userData));
            const providerCallId = idOf(textAt(node, find.callId));
            const same = ours?.callId === order.callId && ours.attempt === order.attempt;
            if (same && providerCallId !== null) return { providerCallId, providerJobId: null };
          }
          return "cannot-tell";
        },
      } satisfies Pick<Channel, "find">)),
    ...(hangup && {
      async hangup(call: PlacedCall, signal: AbortSignal) {
        await wire.ask(hangup, callValues(call), signal);
      },
    }),
    ...(follow && {
      async follow(calls: PlacedCall[], signal: AbortSignal) {
        const followed: Followed[] = [];
        for (let from = 0; from < calls.length; from += followsAtOnce) {
          const batch = calls.slice(from, from + followsAtOnce);
          followed.push(...(await Promise.all(batch.map((call) => followOne(call, signal)))));
        }
        return followed;
      },
    }),
    ...(push && { webhook: async (request: RawRequest) => readPush(config, push, request, tools.now()) }),
    ...([config.message, push?.message, follow?.message].some((message) => message?.recording) && {
      openRecording: wire.openRecording,
    }),
  };
}

function placementOf({ place }: CustomConfig, order: CallOrder, { document }: Said): Placement {
  // Without an id of theirs, ours names the call wherever theirs is asked for.
  const providerCallId = place.callId === undefined ? userDataOf(order) : idOf(textAt(document, place.callId));
  if (providerCallId === null)
    throw new ChannelError({ kind: "garbled", effect: "unknown", cause: "server", code: "form" });
  return { providerCallId, providerJobId: idOf(textAt(document, place.jobId)) };
}

function idOf(text: string | null): string | null {
  return text !== null && /^(?!\.+$)[\w.:@+/=-]{1,64}$/.test(text) ? text : null;
}

function readPush(config: CustomConfig, push: NonNullable<CustomConfig["push"]>, request: RawRequest, now: Date) {
  const body = push.format === "form" ? wholeForm(request) : request.body;
  provePush(config, request, parseDocument(push.format, body), now);
  return { deliveries: [{ kind: pushKind, body }], reply: { status: 200, ...push.reply } };
}

/** Fields come in the address, in the body, or in both; what is stored holds them all. */
function wholeForm({ query, body }: RawRequest): Uint8Array {
  if (Object.keys(query).length === 0) return body;
  const rest = body.byteLength === 0 ? [] : [Buffer.from("&"), body];
  return Buffer.concat([Buffer.from(new URLSearchParams(query).toString()), ...rest]);
}
