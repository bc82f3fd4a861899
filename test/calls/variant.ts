/** Kinds of channels of the tests' own: the simulated provider with one thing about it changed. */
import { randomBytes, randomUUID } from "node:crypto";
import type { Channel, ChannelDefinition } from "../../channels/contract.ts";
import type { FakeConfig } from "../../channels/fake/config.ts";
import { stamped } from "../../channels/fake/far/door.ts";
import { fake } from "../../channels/fake/index.ts";
import { loadChannel } from "../../channels/registry.ts";
import type { Answer, Json, TestService } from "../service.ts";

export interface Variant {
  definition?: Partial<ChannelDefinition<FakeConfig>>;
  /** From the fake's adapter to one that does something else. */
  channel?: (channel: Channel, config: FakeConfig) => Channel;
}

/** For `StartOptions.loadChannel`: the registry's channels and these, by name. */
export function variants(all: Record<string, Variant>): (name: string) => Promise<ChannelDefinition | null> {
  const made = new Map(Object.entries(all).map(([name, variant]) => [name, definitionOf(name, variant)]));
  return async (name) => made.get(name) ?? loadChannel(name);
}

function definitionOf(provider: string, { definition = {}, channel = (one) => one }: Variant): ChannelDefinition {
  return {
    ...fake,
    ...definition,
    provider,
    create: (config, tools) => channel({ ...fake.create(config, tools), provider }, config),
  } as ChannelDefinition<FakeConfig> as ChannelDefinition;
}

export interface TestLine {
  id: number;
  accountId: string;
  secret: string;
  webhookUrl: string;
}

/** A line of any kind, with an account of its own at the far side. */
export async function lineOf(
  on: TestService,
  given: { provider?: string; key?: string; config?: Record<string, unknown>; line?: Record<string, unknown> } = {},
): Promise<TestLine> {
  const accountId = `acc-${randomBytes(4).toString("hex")}`;
  const secret = randomBytes(16).toString("hex");
  on.secrets.push(secret);
  on.far.addAccount(accountId, secret);
  const provider = given.provider ?? "fake";
  const providerConfig = { baseUrl: on.far.url, accountId, secret, speed: 100, ...given.config };
  const body = { name: `${provider} ${accountId}`, providerType: provider, providerConfig, ...given.line };
  const key = given.key ?? on.key;
  const made = await on.ask("POST", "/api/v1/calls/lines", { key, body });
  if (made.status !== 201) throw new Error(`line not made: ${made.text}`);
  const { body: line } = await on.ask("GET", `/api/v1/calls/lines/${made.body.id}`, { key });
  return { id: line.id, accountId, secret, webhookUrl: line.webhookUrl };
}

/** A push of the provider's, rightly signed, with whatever body. */
export async function push(on: TestService, line: TestLine, body: string): Promise<Response> {
  const headers = stamped(line.secret, randomUUID(), on.clock.now().getTime(), body);
  return fetch(line.webhookUrl, { method: "POST", headers, body });
}

/** A call's record once its CDR has come: nothing better will, and nothing more of its own accord. */
export async function withCdr(on: TestService, callId: string): Promise<Json> {
  let record = await on.ended(callId);
  while (!record.hasCdr) record = await on.until(callId, (status) => status.version > record.version);
  return record;
}

/** The callback log's health once it has handled so many deliveries and none waits. */
export async function handled(on: TestService, count: number): Promise<Json> {
  for (;;) {
    const { body } = await on.ask("GET", "/api/v1/health/callback-log");
    if (body.backlog === 0 && body.handled.deliveries >= count) return body;
  }
}

export async function attemptsOf(on: TestService, callId: string): Promise<Json[]> {
  return (await on.ask("GET", `/api/v1/calls/${callId}/route`)).body.attempts;
}

export const outcomesOf = async (on: TestService, callId: string): Promise<string[]> =>
  (await attemptsOf(on, callId)).map((one) => one.outcome);

/** The line and its status, close type and cause: what the product's table speaks of. */
export const endOf = (record: Json): Json[] => [record.status, record.closeType, record.hangupCause];

export const codeOf = ({ status, body }: Answer): [number, string | undefined] => [status, body?.code];
