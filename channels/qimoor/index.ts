/** 容联七陌 (7moor), v2: an agent's extension or phone, then the customer; told by events, with records to ask for. */
import {
  type CallOrder,
  type Channel,
  type ChannelDefinition,
  ChannelError,
  type ChannelTools,
  type ErrorCause,
  type Followed,
  type OrderField,
  type PhoneNumber,
  type RawRequest,
} from "../contract.ts";
import { type QimoorConfig, qimoorConfig } from "./config.ts";
import { agentOf, jobOf, writeActionId } from "./identity.ts";
import { type Fields, openReader, readFields } from "./map.ts";
import { findRecord, followOne, isOurs } from "./records.ts";
import { openWire, type Wire } from "./wire.ts";

const minuteMs = 60_000;

export const qimoor: ChannelDefinition<QimoorConfig> = {
  provider: "qimoor",
  title: { zh: "容联七陌", en: "7moor" },
  config: qimoorConfig,
  secretFields: ["apiSecret"],
  addressFields: ["baseUrl"],
  accountKey: ({ accountId }) => accountId,
  simulated: false,
  agentKind: "seat",
  honours: ({ recorded, hidesNumbers }): OrderField[] => [
    ...(recorded ? (["record"] as const) : []),
    ...(hidesNumbers ? (["privacy"] as const) : []),
  ],
  controls: () => [],
  // By the agent: of a web call none is known.
  canHangUp: ({ mode }) => mode === "dialout",
  // No second try of an event is documented; a record is asked for where nothing is heard. Of a web call nothing is
  // told while its first phone rings: silence says nothing about the line.
  live: ({ mode }) => (mode === "dialout" ? "lossy" : "none"),
  hasFeed: () => false,
  polled: () => false,
  quota: ({ followPerMinute }) => ({
    followPerMinute,
    followBatchMax: 1,
    followEveryMs: minuteMs,
    pollEveryMs: minuteMs,
  }),
  // Only ended calls are listed: nothing is ever proved absent.
  lookup: () => ({ settleAfterMs: 2_000, absentProvesForMs: 0 }),
  neverDialed: [],
  cannotKnow: () => ["aRingTime", "bCallTime"],
  // That B's phone rings shows that A has answered.
  infers: () => ["aOffhookTime"],
  precisionMs: 1_000,
  legacyPaths: [],
  create,
};

function create(config: QimoorConfig, tools: ChannelTools): Channel {
  const wire = openWire(config, tools);
  const hangup: Channel["hangup"] = async (call, signal) => {
    const agent = isOurs(call) ? agentOf(call.providerJobId) : null;
    if (agent === null) throw refused("not-found");
    await wire.hangup({ Agent: agent, ActionID: call.providerCallId }, signal);
  };
  return {
    provider: qimoor.provider,
    normalize: openReader(config),
    async close() {},
    place: (order, signal) => (config.mode === "dialout" ? dialout : webcall)(wire, config, order, signal),
    /** Asks for the records of the last minute: a wrong secret is told so. */
    async probe(signal) {
      const now = tools.now();
      await wire.records(new Date(now.getTime() - minuteMs), now, signal);
    },
    async find(order, since, signal) {
      const placement = placementOf(order, config);
      const wanted = { actionId: placement.providerCallId, job: placement.providerJobId, sentAt: since };
      return (await findRecord(wire, config, wanted, signal)) === null ? "cannot-tell" : placement;
    },
    ...(config.mode === "dialout" && { hangup }),
    async follow(calls, signal) {
      const followed: Followed[] = [];
      for (const call of calls) followed.push(await followOne(wire, config, call, signal));
      return followed;
    },
    async webhook(request) {
      const body = bodyOf(request);
      const fields = readFields(body);
      const account = fields?.get("accountid");
      // Nothing is signed: the address's token proves where this comes from. The account, where named, has to be ours.
      if (account !== undefined && account !== config.accountId) {
        throw new ChannelError({ kind: "unauthorized", effect: "none", cause: "credentials", code: "accountId" });
      }
      const reply = { status: 200, contentType: "application/json", body: '{"code":200,"success":true}' };
      return { deliveries: [{ kind: kindOf(fields), body }], reply };
    },
    openRecording: wire.openRecording,
  };
}

type Place = (wire: Wire, config: QimoorConfig, order: CallOrder, signal: AbortSignal) => Promise<PlacementHere>;
type PlacementHere = ReturnType<typeof placementOf>;

const dialout: Place = async (wire, config, order, signal) => {
  const { seat } = order.agent;
  const placement = placementOf(order, config);
  if (seat === null || placement.providerJobId === null) throw refused("agent");
  const Exten = customerOf(order, config);
  const { extenType: ExtenType } = config;
  await wire.dialout({ FromExten: seat, Exten, ExtenType, ActionID: placement.providerCallId }, signal);
  return placement;
};

const webcall: Place = async (wire, config, order, signal) => {
  const { phone } = order.agent;
  if (phone === null) throw refused("agent");
  const placement = placementOf(order, config);
  const Variable = `${config.webcallVariable}:${customerOf(order, config)}`;
  const called = { ServiceNo: config.serviceNo ?? "", Exten: nationalOf(phone, "agent"), Variable };
  const shared = { Action: "Webcall", WebCallType: "asynchronous", CallBackUrl: order.notifyUrl } as const;
  await wire.webcall({ ...shared, ...called, ActionID: placement.providerCallId }, signal);
  return placement;
};

/** The provider names no call: our id is the call's, and the agent with the customer's hash its job's. */
function placementOf(order: CallOrder, config: QimoorConfig) {
  const seat = config.mode === "dialout" ? order.agent.seat : null;
  const job = seat === null ? null : jobOf(seat, order.customer.national(), config.apiSecret);
  // What is no extension is not written into a plain column.
  return { providerCallId: writeActionId(order), providerJobId: agentOf(job) === null ? null : job };
}

function customerOf(order: CallOrder, config: QimoorConfig): string {
  if (order.privacy && !config.hidesNumbers) throw refused("unsupported");
  return nationalOf(order.customer, "region");
}

/** Another country's number without its code would be read as a Chinese one, and ring a stranger. */
function nationalOf(number: PhoneNumber, cause: "agent" | "region"): string {
  if (/^\+(?!86)/.test(number.reveal())) throw refused(cause);
  return number.national();
}

function refused(cause: ErrorCause): ChannelError {
  return new ChannelError({ kind: "refused", effect: "none", cause });
}

/** Events come as a query, or as a form or JSON. */
function bodyOf({ query, body }: RawRequest): Uint8Array {
  return body.byteLength > 0 ? body : new TextEncoder().encode(new URLSearchParams(query).toString());
}

/** The provider's name of the event; what cannot be read is kept as it came. */
function kindOf(fields: Fields | null): string {
  const state = fields?.get("callstate") ?? (fields?.has("message") ? "webcall" : "event");
  return /^[A-Za-z]{1,32}$/.test(state) && state !== "record" ? state : "event";
}
