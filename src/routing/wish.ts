import type { OrderField, PhoneNumber } from "../../channels/contract.ts";
import type { Context } from "../context.ts";
import { parsePhone } from "../domain/phone.ts";
import { Refusal } from "../domain/refusal.ts";
import { agentById } from "../lines/agents.ts";
import { bindingsOf } from "../lines/bindings.ts";
import type { Directory } from "../lines/directory.ts";
import { type Choice, type Considered, choose, type Wish } from "./choose.ts";

/** What a dial says that routing depends on. */
export interface RouteRequest {
  userId?: string | undefined;
  agent?: string | undefined;
  callMethod: Wish["callMethod"];
  channel?: string | undefined;
  lineId?: number | undefined;
  /** Fields that this call uses and that its line must honour, given the binding's wish for privacy. */
  fields(boundPrivacy: boolean | null): readonly OrderField[];
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
  const lines = await directory.linesOf(tenant);
  if (request.lineId !== undefined && !lines.some((line) => line.id === request.lineId && !line.archived)) {
    throw new Refusal("invalid", "线路不存在 · no such line", {
      fields: [{ field: "lineId", message: "no such line" }],
    });
  }
  if (request.channel !== undefined && !lines.some((line) => line.channel === request.channel && !line.archived)) {
    throw new Refusal("invalid", "没有该渠道的线路 · no line of this channel", {
      fields: [{ field: "channel", message: "no line of this channel" }],
    });
  }
  const bindings = request.userId === undefined ? [] : await bindingsOf(ctx, tenant, request.userId);
  const named = request.agent === undefined ? null : await namedAgent(ctx, tenant, request.agent);
  const boundAgentId = bindings.find((binding) => binding.agentId !== null)?.agentId ?? null;
  const agent = named ?? (boundAgentId === null ? null : await agentById(ctx, tenant, boundAgentId));
  const mine = bindings.filter((binding) => binding.agentId === null || agent === null || binding.agentId === agent.id);
  const privacy = mine.find((binding) => binding.privacy !== null)?.privacy ?? null;
  const choice = choose(lines, {
    lineId: request.lineId ?? null,
    channel: request.channel ?? null,
    callMethod: request.callMethod,
    fields: request.fields(privacy),
    agent: agent === null ? null : { hasPhone: agent.phone !== null, seatOn: (channel) => channel in agent.seats },
    bound: mine,
  });
  return { ...choice, agent, privacy };
}

async function namedAgent(ctx: Context, tenant: string, name: string): Promise<Agent> {
  const known = await agentById(ctx, tenant, name);
  if (known !== null) return known;
  const phone = parsePhone(name);
  if (phone !== null) return { id: null, phone, seats: {} };
  throw new Refusal("invalid", "既不是坐席编号也不是电话号码 · neither an agent's id nor a phone number", {
    fields: [{ field: "agent", message: "neither the id of an agent nor a phone number" }],
  });
}

/** Why nothing could be chosen, as the person who asked can act on it. */
export function refusalOf(considered: readonly Considered[], agentKnown: boolean): Refusal {
  const reasons = new Set(considered.map((one) => one.reason));
  const fields = [...new Set(considered.flatMap((one) => (one.field === undefined ? [] : [one.field])))];
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
  const why = [...reasons].filter((reason) => reason !== null).join(", ");
  return new Refusal(
    "no_line",
    `没有可用线路（${why || "尚未配置"}）· no line can take this call (${why || "none is set up"})`,
  );
}
