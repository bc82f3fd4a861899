import type { OrderField, PhoneNumber } from "../../channels/contract.ts";
import type { Context } from "../context.ts";
import { parsePhone } from "../domain/phone.ts";
import { Refusal } from "../domain/refusal.ts";
import { agentById, mayBeId } from "../lines/agents.ts";
import { bindingsOf } from "../lines/bindings.ts";
import type { Directory } from "../lines/directory.ts";
import { type Book, bookOf } from "./book.ts";
import { type Choice, choose } from "./choose.ts";
import { lastShownTo } from "./last-shown.ts";
import type { LastShown } from "./rank.ts";
import type { Wish } from "./refuse.ts";
import { nothingKnown, type StateOf } from "./state.ts";

/** About as long as a line is kept out at first. */
const retryAfterSeconds = 10;

/** What a dial says that routing depends on. */
export interface RouteRequest {
  userId?: string | undefined;
  agent?: string | undefined;
  callMethod: Wish["callMethod"];
  channel?: string | undefined;
  lineId?: number | undefined;
  /** Fields that this call uses and that its line must honour, given the binding's wish for privacy. */
  fields(boundPrivacy: boolean | null): readonly OrderField[];
  /** Whose last shown number is kept where possible; null where nobody is called yet. */
  customer: PhoneNumber | null;
  /** The call's id: the same call gets the same answer. */
  seed: string;
  /** Health and counts of lines as they are now. */
  stateOf?: StateOf;
  /** Every line with its reason, however many there are. */
  everyLine?: boolean;
}

/** Who is rung first. `id` is null for a bare number; nothing at all is known of an agent that a demo line makes up. */
export interface Agent {
  id: string | null;
  phone: PhoneNumber | null;
  seats: Record<string, string>;
}

export interface Route extends Choice {
  agent: Agent | null;
  /** The binding's wish for number privacy, where it has one. */
  privacy: boolean | null;
}

/** Leg A is the named agent; else the binding's; else nobody, whom only a demo line can make up. */
export async function route(ctx: Context, directory: Directory, tenant: string, request: RouteRequest): Promise<Route> {
  const { stateOf = nothingKnown } = request;
  const book = bookOf(await directory.linesOf(tenant), stateOf);
  refuseMissing(book, request);
  const [bindings, named, lastShown] = await Promise.all([
    request.userId === undefined ? [] : bindingsOf(ctx, tenant, request.userId),
    request.agent === undefined ? null : namedAgent(ctx, tenant, request.agent),
    knownNumber(ctx, book, tenant, request),
  ]);
  const boundAgentId = bindings.find((binding) => binding.agentId !== null)?.agentId ?? null;
  const agent = named ?? (boundAgentId === null ? null : await agentById(ctx, tenant, boundAgentId));
  const mine = bindings.filter((binding) => binding.agentId === null || agent === null || binding.agentId === agent.id);
  const privacy = mine.find((binding) => binding.privacy !== null)?.privacy ?? null;
  const wish: Wish = {
    lineId: request.lineId ?? null,
    channel: request.channel ?? null,
    callMethod: request.callMethod,
    fields: request.fields(privacy),
    agent: agent === null ? null : { hasPhone: agent.phone !== null, seatOn: (channel) => channel in agent.seats },
    bound: mine,
    lastShown,
    seed: request.seed,
  };
  return { ...choose(book, wish, stateOf, request.everyLine), agent, privacy };
}

/** A line or a channel that is named but not there is the request's mistake. */
function refuseMissing(book: Book, { lineId, channel }: RouteRequest): void {
  if (lineId !== undefined && book.byId.get(lineId)?.line.archived !== false) {
    throw new Refusal("invalid", "线路不存在 · no such line", {
      fields: [{ field: "lineId", message: "no such line" }],
    });
  }
  if (channel !== undefined && !book.channels.has(channel)) {
    throw new Refusal("invalid", "没有该渠道的线路 · no line of this channel", {
      fields: [{ field: "channel", message: "no line of this channel" }],
    });
  }
}

/** Asked for only where there is a choice that it could change. */
function knownNumber(
  ctx: Context,
  book: Book,
  tenant: string,
  request: RouteRequest,
): Promise<LastShown | null> | null {
  const { customer, lineId } = request;
  // Whichever line it is, it shows what the request says.
  if (request.fields(null).includes("displayNumber")) return null;
  const usable = book.entries.length - book.archived - book.inactive;
  return customer === null || lineId !== undefined || usable < 2 ? null : lastShownTo(ctx, tenant, customer);
}

async function namedAgent(ctx: Context, tenant: string, name: string): Promise<Agent> {
  const phone = parsePhone(name);
  const known = phone === null || (await mayBeId(ctx, tenant, name)) ? await agentById(ctx, tenant, name) : null;
  if (known !== null) return known;
  if (phone !== null) return { id: null, phone, seats: {} };
  throw new Refusal("invalid", "既不是坐席编号也不是电话号码 · neither an agent's id nor a phone number", {
    fields: [{ field: "agent", message: "neither the id of an agent nor a phone number" }],
  });
}

/** Why nothing could be chosen, as the person who asked can act on it. */
export function refusalOf({ considered, others }: Choice, agentKnown: boolean): Refusal {
  const all = [...considered, ...others];
  const reasons = new Set(all.map((one) => one.reason));
  const fields = [...new Set(all.flatMap((one) => (one.field === undefined ? [] : [one.field])))];
  const why = [...reasons].filter((reason) => reason !== null).join(", ");
  // There are lines that could take just this call, only not now.
  if (reasons.has("held") || reasons.has("uncertain")) {
    return new Refusal(
      "unavailable",
      `线路暂不可用（${why}）· the lines for this call are out of service now (${why})`,
      {
        retryAfterSeconds,
      },
    );
  }
  if (fields.length > 0) {
    return new Refusal(
      "field_not_honoured",
      `没有可用线路支持 ${fields.join(", ")} · no usable line honours ${fields.join(", ")}`,
      {
        fields: fields.map((field) => ({ field, message: "no usable line honours this field" })),
      },
    );
  }
  if (reasons.has("agent_cannot_be_rung") && !agentKnown) {
    return new Refusal("no_agent", "请给出 agent，或为该用户建立绑定 · name an agent, or bind one to this user");
  }
  return new Refusal(
    "no_line",
    `没有可用线路（${why || "尚未配置"}）· no line can take this call (${why || "none is set up"})`,
  );
}
