import { type Channel, ChannelError } from "../../channels/contract.ts";
import type { Context } from "../context.ts";
import { type RefusedFor, refusalTexts } from "../guard/url.ts";
import { errorFields } from "../log.ts";
import { checkConfig, mergeConfig, type ProviderConfig, unknownChannel } from "./config.ts";
import { getLine, type LineTools } from "./lines.ts";

export const probeDeadlineMs = 5_000;

export interface ProbeResult {
  success: boolean;
  /** Whole milliseconds. */
  latency: number;
  message: string;
}

/** What a person can do about it; where the cause says more than the kind, by the cause. */
const causeSaid: Partial<Record<ChannelError["cause"], string>> = {
  instance:
    "没有此应用或实例，或已停用，请核对编号与状态 · no such app or instance, or it is off: check its id and state",
  balance: "余额不足，请充值 · the balance is used up: top it up",
};

const kindSaid: Record<ChannelError["kind"], string> = {
  refused: "服务商拒绝了请求，请按代码询问服务商 · the provider refused: ask it about the code",
  limited: "服务商限流，请稍后再试 · the provider limits requests: try again later",
  unauthorized: "凭证被拒绝，请核对账户与密钥 · the provider does not accept the credentials: check account and secret",
  unreachable: "无法连接服务商，请检查地址与网络 · the provider cannot be reached: check address and network",
  timeout: "服务商未在限时内应答，请检查网络与防火墙 · the provider did not answer in time: check network and firewall",
  garbled: "服务商的应答无法识别，请核对地址 · the provider's answer is not understood: check the address",
  compliance: "因合规规则被拒绝，请联系服务商 · refused by a compliance rule: ask the provider",
};

/** Tests a saved line. Nobody's phone rings. */
export async function probeLine(ctx: Context, tools: LineTools, tenant: string, id: number): Promise<ProbeResult> {
  await getLine(ctx, tools, tenant, id);
  const line = await tools.directory.line(tenant, id);
  if (line === null) {
    const message = "线路的渠道或配置不适用于当前版本 · this version cannot use the line's channel or config";
    return { success: false, latency: 0, message };
  }
  return probe(ctx, tools.directory.channelOf(line));
}

/** Tests a config that is not saved. */
export async function probeConfig(
  ctx: Context,
  tools: LineTools,
  wanted: { providerType: string; providerConfig: ProviderConfig },
): Promise<ProbeResult> {
  const definition = await tools.loadChannel(wanted.providerType);
  if (definition === null) throw unknownChannel("providerType");
  const config = checkConfig(definition, mergeConfig({}, wanted.providerConfig));
  const channel = tools.directory.trial(definition, config);
  try {
    return await probe(ctx, channel);
  } finally {
    channel.close().catch((error) => ctx.log.warn(errorFields(error), "channel did not close"));
  }
}

async function probe(ctx: Context, channel: Channel): Promise<ProbeResult> {
  const { error, latencyMs } = await askProbe(ctx, channel);
  return { success: error === null, latency: latencyMs, message: probeMessage(error) };
}

export const probeMessage = (error: ChannelError | null): string =>
  error === null ? "连接正常 · connected" : said(error);

/** The cheapest request that proves reach and credentials, within its deadline: what was wrong, or null. */
export async function askProbe(
  ctx: Context,
  channel: Channel,
): Promise<{ error: ChannelError | null; latencyMs: number }> {
  const answered = new AbortController();
  const late = new AbortController();
  const began = ctx.clock.now().getTime();
  // The race ends also where an adapter does not heed its signal.
  const deadline = ctx.clock.sleep(probeDeadlineMs, answered.signal).then(() => {
    late.abort();
    if (!answered.signal.aborted) throw new ChannelError({ kind: "timeout", effect: "none", cause: "network" });
  });
  const latencyMs = (): number => Math.round(ctx.clock.now().getTime() - began);
  try {
    await Promise.race([channel.probe(late.signal), deadline]);
    return { error: null, latencyMs: latencyMs() };
  } catch (error) {
    if (!(error instanceof ChannelError)) throw error;
    return { error, latencyMs: latencyMs() };
  } finally {
    answered.abort();
  }
}

/** Refused by our own guard, which tells one fault from another. */
function addressSaid(code: string | null): string | undefined {
  return code !== null && Object.hasOwn(refusalTexts, code) ? refusalTexts[code as RefusedFor] : undefined;
}

/** Our own words and the provider's code, where it looks like one; never the provider's text. */
function said(error: ChannelError): string {
  const code = error.code !== null && /^[\w.:-]+$/.test(error.code) ? ` (${error.cause}, ${error.code})` : "";
  const refused = error.cause === "address" ? addressSaid(error.code) : undefined;
  return (refused ?? causeSaid[error.cause] ?? kindSaid[error.kind]) + (code === "" ? ` (${error.cause})` : code);
}
