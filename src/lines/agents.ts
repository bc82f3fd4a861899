import { and, asc, count, eq, gt, sql } from "drizzle-orm";
import { z } from "zod";
import type { PhoneNumber } from "../../channels/contract.ts";
import { type Batch, createBatch } from "../../db/batch.ts";
import { agents, bindings } from "../../db/schema/index.ts";
import { isDataError, rows, textArray, violated } from "../../db/sql.ts";
import type { Context } from "../context.ts";
import { randomLetters } from "../domain/id.ts";
import { storedPhone } from "../domain/phone.ts";
import { Refusal } from "../domain/refusal.ts";
import { createFresh, type Fresh } from "../fresh.ts";

export const agentIdPattern = /^[A-Za-z0-9_.@-]{1,64}$/;
export const seatsMax = 20;

/** A 坐席 as routing needs it. */
export interface Agent {
  id: string;
  name: string;
  phone: PhoneNumber | null;
  /** Ids at providers, by channel. */
  seats: Record<string, string>;
}

export interface AgentView {
  id: string;
  name: string;
  phone: string | null;
  seats: Record<string, string>;
  created: string;
  updated: string;
}

type SeatsChange = Record<string, string | null>;
export interface NewAgent {
  id?: string | undefined;
  name: string;
  phone?: PhoneNumber | null | undefined;
  seats?: SeatsChange | null | undefined;
}
/** Absent fields stay as they are, null clears; of the seats, only the channels that are named change. */
export type AgentChange = { [Field in Exclude<keyof NewAgent, "id">]?: NewAgent[Field] | undefined };

type Row = typeof agents.$inferSelect;
const storedSeats = z.record(z.string(), z.string());

export async function createAgent(ctx: Context, tenant: string, agent: NewAgent): Promise<AgentView> {
  const now = ctx.clock.now();
  const row = {
    id: agent.id ?? `agent_${randomLetters(12, ctx.randomBytes)}`,
    tenant,
    name: agent.name,
    ...phoneColumns(ctx, tenant, agent.phone ?? null),
    seatsSealed: sealSeats(ctx, tenant, mergeSeats({}, agent.seats ?? {})),
    created: now,
    updated: now,
  };
  try {
    await ctx.db.run((q) => q.insert(agents).values(row));
    readerOf(ctx).namesByNumber.forget(tenant);
  } catch (error) {
    if (violated(error, "agents_tenant_id_pk")) throw new Refusal("conflict", "There is an agent of this id already.");
    throw error;
  }
  return show(ctx, row);
}

interface Asked {
  tenant: string;
  id: string;
}

interface Reader {
  read: Batch<Asked, Agent | null>;
  /** Whether a tenant has agents whose ids could be numbers that are dialed. */
  namesByNumber: Fresh<boolean>;
}

const readAtOnceMax = 200;
const waitingMax = 20_000;
/** As long as a mobile number without its country. */
const numberLengthMin = 11;
const readers = new WeakMap<Context["db"], Reader>();

function readerOf(ctx: Context): Reader {
  const known = readers.get(ctx.db);
  if (known !== undefined) return known;
  const reader: Reader = {
    read: createBatch<Asked, Agent | null>({
      sizeMax: readAtOnceMax,
      waitingMax,
      atOnce: 2,
      run: (asked) => readAgents(ctx, asked),
      divides: isDataError,
      full: () => new Refusal("overloaded", "呼叫过多 · too many dials at once", { retryAfterSeconds: 1 }),
    }),
    namesByNumber: createFresh(ctx.clock, (tenant) => hasNumbersAsIds(ctx, tenant)),
  };
  readers.set(ctx.db, reader);
  return reader;
}

/** Null where the tenant has no such agent. Every dial asks: those that ask at the same time share a statement. */
export function agentById(ctx: Context, tenant: string, id: string): Promise<Agent | null> {
  return readerOf(ctx).read({ tenant, id });
}

/** Whether a dialed number may as well be an agent's id. Few tenants name agents so: the others need not be asked. */
export async function mayBeId(ctx: Context, tenant: string, number: string): Promise<boolean> {
  return number.length < numberLengthMin || readerOf(ctx).namesByNumber.of(tenant);
}

async function hasNumbersAsIds(ctx: Context, tenant: string): Promise<boolean> {
  const found = await ctx.db.run((q) =>
    q.execute(sql`
      select 1 from agents
      where tenant = ${tenant} and length(id) >= ${numberLengthMin}::int and id !~ '[A-Za-z_@]' limit 1`),
  );
  return rows(found).length > 0;
}

async function readAgents(ctx: Context, asked: readonly Asked[]): Promise<(Agent | null)[]> {
  const found = await ctx.db.run((q) =>
    q.execute(sql`
      select agent.tenant, agent.id, name, phone_sealed as "phoneSealed", seats_sealed as "seatsSealed"
      from unnest(${textArray(asked.map(({ tenant }) => tenant))}, ${textArray(asked.map(({ id }) => id))})
        as asked(tenant, id)
      join agents agent on agent.tenant = asked.tenant and agent.id = asked.id`),
  );
  const keyOf = ({ tenant, id }: Asked): string => `${tenant}/${id}`;
  const known = new Map(rows<Stored>(found).map((row) => [keyOf(row), row]));
  return asked.map((one) => {
    const row = known.get(keyOf(one));
    return row === undefined ? null : open(ctx, row);
  });
}

export async function getAgent(ctx: Context, tenant: string, id: string): Promise<AgentView> {
  const row = await rowOf(ctx, tenant, id);
  if (row === null) throw noAgent();
  return show(ctx, row);
}

async function rowOf(ctx: Context, tenant: string, id: string): Promise<Row | null> {
  const [row] = await ctx.db.run((q) =>
    q
      .select()
      .from(agents)
      .where(and(eq(agents.tenant, tenant), eq(agents.id, id))),
  );
  return row ?? null;
}

export async function listAgents(
  ctx: Context,
  tenant: string,
  page: { limit: number; after: string },
): Promise<AgentView[]> {
  const found = await ctx.db.run((q) =>
    q
      .select()
      .from(agents)
      .where(and(eq(agents.tenant, tenant), gt(agents.id, page.after)))
      .orderBy(asc(agents.id))
      .limit(page.limit),
  );
  return found.map((row) => show(ctx, row));
}

export async function updateAgent(ctx: Context, tenant: string, id: string, change: AgentChange): Promise<AgentView> {
  const now = ctx.clock.now();
  const mine = and(eq(agents.tenant, tenant), eq(agents.id, id));
  const row = await ctx.db.tx(async (q) => {
    const [kept] = await q.select().from(agents).where(mine).for("update");
    if (kept === undefined) throw noAgent();
    const changed: Row = { ...kept, updated: now };
    if (change.name !== undefined) changed.name = change.name;
    if (change.phone !== undefined) Object.assign(changed, phoneColumns(ctx, tenant, change.phone));
    if (change.seats !== undefined) {
      const seats = change.seats === null ? {} : mergeSeats(open(ctx, kept).seats, change.seats);
      changed.seatsSealed = sealSeats(ctx, tenant, seats);
    }
    await q.update(agents).set(changed).where(mine);
    return changed;
  });
  return show(ctx, row);
}

/** Refused while a binding names the agent: who deletes bindings shall have meant to. */
export async function deleteAgent(ctx: Context, tenant: string, id: string): Promise<void> {
  const mine = and(eq(agents.tenant, tenant), eq(agents.id, id));
  await ctx.db.tx(async (q) => {
    const [kept] = await q.select({ id: agents.id }).from(agents).where(mine).for("update");
    if (kept === undefined) throw noAgent();
    const [bound] = await q
      .select({ times: count() })
      .from(bindings)
      .where(and(eq(bindings.tenant, tenant), eq(bindings.agentId, id)));
    const times = bound?.times ?? 0;
    if (times > 0) throw new Refusal("conflict", `The agent is still named by ${times} binding(s): delete them first.`);
    await q.delete(agents).where(mine);
  });
}

const noAgent = (): Refusal => new Refusal("not_found", "There is no such agent.");

function phoneColumns(ctx: Context, tenant: string, phone: PhoneNumber | null) {
  if (phone === null) return { phone: null, phoneSealed: null, phoneIndex: null };
  const full = phone.reveal();
  return {
    phone: phone.masked,
    phoneSealed: ctx.seal.text(tenant, full),
    phoneIndex: ctx.seal.index(tenant, "phone", full),
  };
}

function mergeSeats(stored: Record<string, string>, change: SeatsChange): Record<string, string> {
  const merged: Record<string, string> = {};
  for (const [channel, seat] of Object.entries({ ...stored, ...change })) if (seat !== null) merged[channel] = seat;
  if (Object.keys(merged).length <= seatsMax) return merged;
  const message = `最多 ${seatsMax} 个 · at most ${seatsMax}`;
  throw new Refusal("invalid", "Too many seats.", { fields: [{ field: "seats", message }] });
}

function sealSeats(ctx: Context, tenant: string, seats: Record<string, string>): string | null {
  return Object.keys(seats).length === 0 ? null : ctx.seal.text(tenant, JSON.stringify(seats));
}

type Stored = Pick<Row, "tenant" | "id" | "name" | "phoneSealed" | "seatsSealed">;

function open(ctx: Context, row: Stored): Agent {
  const { id, tenant, name, phoneSealed, seatsSealed } = row;
  return {
    id,
    name,
    phone: phoneSealed === null ? null : storedPhone(ctx.seal.open(tenant, phoneSealed)),
    seats: seatsSealed === null ? {} : storedSeats.parse(JSON.parse(ctx.seal.open(tenant, seatsSealed))),
  };
}

function show(ctx: Context, row: Row): AgentView {
  const { seats } = open(ctx, row);
  return {
    id: row.id,
    name: row.name,
    phone: row.phone,
    seats: Object.fromEntries(Object.entries(seats).map(([channel, seat]) => [channel, maskSeat(seat)])),
    created: row.created.toISOString(),
    updated: row.updated.toISOString(),
  };
}

/** A seat may be a phone number or an account: its last two characters tell people which one it is. */
function maskSeat(seat: string): string {
  return seat.length > 2 ? "*".repeat(seat.length - 2) + seat.slice(-2) : "**";
}
