import type { FakeConfig } from "../channels/fake/config.ts";
import type { FakeProvider } from "../channels/fake/fake.ts";
import type { Context } from "./context.ts";
import { randomLetters } from "./domain/id.ts";
import { createLine, type LineTools, updateLine } from "./lines/lines.ts";

/** Beside `service.ts` the only file in `src/` that names a provider: the simulated one, for a first start. */
const demoLines = [
  { name: "演示线路（推送）· Demo, pushed", accountId: "demo-push", config: { flavour: "push" } },
  { name: "演示线路（轮询）· Demo, polled", accountId: "demo-poll", config: { flavour: "poll", controls: false } },
  {
    name: "演示线路（全部接通）· Demo, always answered",
    accountId: "demo-yes",
    config: { flavour: "push", answersAll: true },
  },
] as const;

/** Where their far side listens: no line of anybody's makes us ask another host in its place. */
const host = "127.0.0.1";

interface DemoTools extends LineTools {
  /** The one address of this machine's that lines may lead to. */
  reach(origin: string): void;
}

/**
 * Gives a tenant without lines three demo lines, which ring no phone, and runs their far side on loopback for as long
 * as some of them stand. Null where there is nothing to run.
 */
export async function runDemo(ctx: Context, tools: DemoTools, tenant: string): Promise<FakeProvider | null> {
  const { startFakeProvider } = await import("../channels/fake/fake.ts");
  const lines = await tools.directory.linesOf(tenant);
  const demo = lines.filter((line) => !line.archived && isDemo(line.config));
  if (lines.length > 0 && demo.length === 0) return null;
  const first = demo[0]?.config as FakeConfig | undefined;
  const secrets = new Map(demo.map(({ config }) => [(config as FakeConfig).accountId, (config as FakeConfig).secret]));
  for (const { accountId } of demoLines) {
    if (!secrets.has(accountId)) secrets.set(accountId, randomLetters(32, ctx.randomBytes));
  }
  const start = (port: number): Promise<FakeProvider> =>
    startFakeProvider({ host, port, accounts: Object.fromEntries(secrets), seed: randomLetters(6, ctx.randomBytes) });
  const kept = first === undefined ? null : new URL(first.baseUrl);
  if (kept?.hostname === host) tools.reach(kept.origin);
  const far = await start(Number(kept?.port ?? 0)).catch(() => null);
  if (far !== null && far.url === first?.baseUrl) return far;
  // The port is taken: by another instance's far side, which serves these lines as well, or by a stranger.
  if (far === null && demo[0] !== undefined && (await answers(tools, demo[0]))) return null;
  const moved = far ?? (await start(0));
  tools.reach(moved.url);
  for (const { id, config } of demo) {
    const { secret } = config as FakeConfig;
    await updateLine(ctx, tools, tenant, id, { providerConfig: { baseUrl: moved.url, secret } });
  }
  if (demo.length > 0) return moved;
  for (const { name, accountId, config } of demoLines) {
    const providerConfig = { ...config, baseUrl: moved.url, accountId, secret: secrets.get(accountId) };
    await createLine(ctx, tools, tenant, { name, providerType: "fake", providerConfig });
  }
  return moved;
}

function isDemo(config: unknown): boolean {
  const accountId = (config as Partial<FakeConfig>).accountId;
  return demoLines.some((line) => line.accountId === accountId);
}

async function answers(tools: DemoTools, line: Parameters<DemoTools["directory"]["channelOf"]>[0]): Promise<boolean> {
  try {
    await tools.directory.channelOf(line).probe(AbortSignal.timeout(1_000));
    return true;
  } catch {
    return false;
  }
}
